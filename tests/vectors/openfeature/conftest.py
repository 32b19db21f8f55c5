"""How the specification's tags are read: nothing is left out but what is named here, with its reason."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

LEFT_OUT_TAGS = {
    "reason-codes-cached": "optional: the provider evaluates each time, so that no answer comes from a cache",
    "metadata": "a flag has no metadata of its own; what the provider tells instead is tested in test_provider.py",
    "Metadata": "a flag has no metadata of its own; what the provider tells instead is tested in test_provider.py",
}
LEFT_OUT_EXAMPLES = {
    "object-disabled-flag-": "a disabled flag serves its off variant, never the caller's default: here they differ",
}
EXAMPLE_TAGS = ("booleans", "strings", "numbers", "objects", "hooks", "transaction")


def pytest_configure(config: pytest.Config) -> None:
    for tag in EXAMPLE_TAGS:
        config.addinivalue_line("markers", f"{tag}: a tag of the OpenFeature specification's examples")


def pytest_bdd_apply_tag(tag: str, function: Callable[..., Any]) -> bool:
    if tag in LEFT_OUT_TAGS:
        pytest.mark.skip(reason=LEFT_OUT_TAGS[tag])(function)
    return True


def pytest_itemcollected(item: pytest.Item) -> None:
    for example, reason in LEFT_OUT_EXAMPLES.items():
        if f"[{example}" in item.name:
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture
def until() -> Callable[[Callable[[], bool]], None]:
    """Wait until something holds, for at most a minute."""

    def wait(holds: Callable[[], bool]) -> None:
        ticker = threading.Event()
        for _ in range(6000):
            if holds():
                return
            ticker.wait(0.01)
        raise AssertionError("it never came to hold")

    return wait
