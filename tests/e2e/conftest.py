"""Fixtures that start a real server process; each test gets a project of its own in the shared one."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.support.server import RunningServer, running_server

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """One server for all tests of a session that alter nothing but their own project."""
    with running_server(tmp_path_factory.mktemp("server")) as server:
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
