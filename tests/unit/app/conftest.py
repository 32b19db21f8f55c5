"""What tests of alerts share: somebody who takes them, and retries that follow at once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.support.receiver import Receiver, receiving

from flagtrail import notify


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Takes what is sent to it."""
    with receiving() as one:
        yield one


@pytest.fixture
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries follow at once: the schedule itself is tested where it is made."""
    monkeypatch.setattr(notify, "back_off", lambda _attempts, _dice: 0.0)
