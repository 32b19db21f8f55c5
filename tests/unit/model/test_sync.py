"""What the server tells an SDK of the documents."""

from __future__ import annotations

from flagtrail.model.flag import boolean_flag
from flagtrail.model.sync import SyncedFlag


def test_synced_flag__as_the_engine_takes_it__is_the_flag_without_what_decides_nothing() -> None:
    flag = boolean_flag("checkout")
    assert SyncedFlag(flag.type, flag.variants).flag("checkout") == flag
