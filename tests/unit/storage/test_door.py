from __future__ import annotations

import pytest

from flagtrail.model.errors import SettingInvalid
from flagtrail.storage import load
from flagtrail.storage.memory import MemoryStorage


def test_load__a_scheme_that_a_store_serves__opens_it() -> None:
    assert isinstance(load("memory:"), MemoryStorage)


@pytest.mark.parametrize("url", ["", "flagtrail.db", "oracle://host/db", "/var/lib/flagtrail.db"])
def test_load__a_scheme_that_no_store_serves__names_those_that_are(url: str) -> None:
    with pytest.raises(SettingInvalid, match="known are memory, postgres, postgresql, sqlite"):
        load(url)


def test_load__twice_in_memory__are_two_stores() -> None:
    assert load("memory:") is not load("memory:")
