"""What holds for all tests."""

from __future__ import annotations

from collections.abc import Iterator

import coverage
import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("tests", deadline=None, suppress_health_check=[HealthCheck.too_slow])  # load is no defect
settings.load_profile("tests")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Measure fast tests alone: all has to be covered by them, and it would double the time of the others."""
    measuring = coverage.Coverage.current() if item.get_closest_marker("slow") else None
    if measuring is not None:
        measuring.stop()
    try:
        return (yield)
    finally:
        if measuring is not None:
            measuring.start()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Let a worker of pytest-xdist write down what it measured: it is ended before it may do so at its exit."""
    measuring = coverage.Coverage.current()
    if measuring is not None and hasattr(session.config, "workerinput"):
        measuring.stop()
        measuring.save()
