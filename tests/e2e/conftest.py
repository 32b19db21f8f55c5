"""Fixtures that start a real server process; each test gets a project of its own in the shared one."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.support.installation import settings_of
from tests.support.server import RunningServer, running_server

_numbers = itertools.count(1)


ON_EVERY_STORE = {"test_rest_changes", "test_rest_history", "test_sync_server"}
"""Files whose tests with the shared server run once more on PostgreSQL."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give the tests of some files a server on each store; those that are slow wait for a clock, not for a store."""
    if metafunc.module.__name__.rpartition(".")[2] in ON_EVERY_STORE and "server" in metafunc.fixturenames:
        slow = metafunc.definition.get_closest_marker("slow") is not None
        stores = ["sqlite"] if slow else ["sqlite", "postgresql"]
        metafunc.parametrize("server", stores, indirect=True, scope="session")


@pytest.fixture(scope="session")
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """One server for all tests of a session that alter nothing but their own project; one for each store."""
    folder = tmp_path_factory.mktemp("server")
    settings: dict[str, Any] = settings_of(getattr(request, "param", "sqlite"), folder)
    with running_server(folder, **settings) as server:
        yield server


@pytest.fixture(scope="session")
def _admin(server: RunningServer) -> Iterator[httpx2.Client]:
    with server.client() as client:
        yield client


@pytest.fixture
def admin(_admin: httpx2.Client) -> httpx2.Client:
    """A client with an administrator's token."""
    return _admin


@pytest.fixture
def project(admin: httpx2.Client) -> str:
    """A new project's key."""
    key = f"p{next(_numbers)}"
    assert admin.post("/api/v1/projects", json={"key": key, "why": "a test"}).status_code == 201
    return key
