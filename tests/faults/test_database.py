"""PostgreSQL killed, restarted, cut off and full, with sixteen writers at work."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from tests.support.postgres import postgres_server, shared_server
from tests.support.proxy import proxy
from tests.support.world import until, world

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT], ids=["killed", "restarted fast"])
def test_postgresql__gone_among_writers__loses_nothing_and_is_found_again(how: signal.Signals, tmp_path: Path) -> None:
    with postgres_server() as postgres, world(tmp_path, postgres.new_database()) as company:
        with company.working():
            postgres.stop(how)
            gone = until(lambda: company.readiness(0)[0] == 503)
            refused = until(lambda: company.refused() >= 8)
            up = company.metric(0, "flagtrail_database_up")
            postgres.start()
        told = {line["status"] for line in company.logged("health.changed")}

        assert (gone, refused, up, "failing" in told) == (True, True, 0.0, True)
        assert company.defects() == []


def test_postgresql__cut_off_from_one_replica__is_found_again_and_the_other_replica_goes_on(tmp_path: Path) -> None:
    postgres = shared_server()
    database = postgres.new_database()
    with (
        proxy(postgres.port) as network,
        world(
            tmp_path, database, {"database": database.replace(f":{postgres.port}/", f":{network.port}/")}, {}
        ) as company,
    ):
        with company.working():
            network.cut()
            gone = until(lambda: company.readiness(0)[0] == 503)
            taken = company.taken_over()
            company.worked(writers=company.writers[1::2])
            other = company.ready(1)
            network.heal(forget=True)
        lost = {line["lease"] for line in company.logged("lease.lost")}

        assert (gone, taken, other, lost) == (True, True, True, set(company.takings()))
        # What the first replica had sent when it was cut off it could not write down: the second sends that once more.
        assert company.defects(repeats=1) == []
