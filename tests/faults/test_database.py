"""PostgreSQL killed, restarted, cut off and full, with sixteen writers at work."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from tests.support.postgres import postgres_server
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
        told = company.logged("health.changed")

        assert (gone, refused, up, [line["status"] for line in told][:1]) == (True, True, 0.0, ["failing"])
        assert company.defects() == []
