"""What holds for all tests."""

from __future__ import annotations

import coverage
import pytest


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Let a worker of pytest-xdist write down what it measured: it is ended before it may do so at its exit."""
    measuring = coverage.Coverage.current()
    if measuring is not None and hasattr(session.config, "workerinput"):
        measuring.stop()
        measuring.save()
