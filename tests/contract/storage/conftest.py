from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.support.ledgers import stores, url_in

from flagtrail.storage import Storage, load

Opener = Callable[[], Storage]


@pytest.fixture(params=[pytest.param(scheme, id=scheme) for scheme, _ in stores()])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Storage]:
    opened = load(url_in(request.param, tmp_path))
    yield opened
    opened.close()


@pytest.fixture(params=[pytest.param(scheme, id=scheme) for scheme, durable in stores() if durable])
def reopen(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opener]:
    """Each call closes the store that the call before opened, and opens it again."""
    opened: list[Storage] = []

    def again() -> Storage:
        for storage in opened:
            storage.close()
        opened.append(load(url_in(request.param, tmp_path)))
        return opened[-1]

    yield again
    for storage in opened:
        storage.close()
