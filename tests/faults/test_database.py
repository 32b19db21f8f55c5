"""PostgreSQL killed, restarted, cut off and full, with sixteen writers at work."""

from __future__ import annotations

import signal
from functools import partial
from pathlib import Path

import pytest
from tests.support.postgres import postgres_server, shared_server
from tests.support.proxy import proxy
from tests.support.world import World, until, world

pytestmark = pytest.mark.slow


def test_postgresql__killed_and_restarted_among_writers__loses_nothing_and_is_found_again(tmp_path: Path) -> None:
    with postgres_server() as postgres, world(tmp_path, postgres.new_database()) as company:
        with company.working():
            for how in (signal.SIGKILL, signal.SIGINT):
                before = company.refused()
                postgres.stop(how)
                assert until(lambda: company.readiness(0)[0] == 503)
                assert until(partial(_refused_at_least, company, before + 8))
                assert company.metric(0, "flagtrail_database_up") == 0.0
                assert company.serves()
                postgres.start()
                company.worked()
        told = {line["status"] for line in company.logged("health.changed")}

        assert "failing" in told
        assert company.defects() == []


def _refused_at_least(company: World, count: int) -> bool:
    return company.refused() >= count


def test_connections__ended_again_and_again_wherever_they_stand__cost_no_change_and_no_count(tmp_path: Path) -> None:
    """Now and then within a COMMIT, of a change or of usage, whose outcome then has to be found out."""
    postgres = shared_server()
    database = postgres.new_database()
    name = database.rpartition("/")[2]
    with world(tmp_path, database) as company:
        with company.working():
            for _ in range(10):
                postgres.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    f" WHERE datname = '{name}' AND application_name LIKE 'flagtrail%'"
                )
                company.worked(1, writers=company.writers[:4])

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
            serves = company.serves()
            network.heal(forget=True)
        lost = {line["lease"] for line in company.logged("lease.lost")}

        assert (gone, taken, other, serves, lost) == (True, True, True, True, set(company.takings()))
        assert company.defects() == []
