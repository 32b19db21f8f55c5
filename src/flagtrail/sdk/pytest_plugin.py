"""The pytest plugin: the fixture `flagtrail_flags`, and a marker of the same name.

It is loaded into every test run of an environment that Flagtrail is installed
in. So it imports nothing of the SDK before a test asks for the fixture.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from flagtrail.sdk.testing import InMemoryProvider

NAME = "flagtrail_flags"
STRICT = "flagtrail_strict"


def pytest_addoption(parser: pytest.Parser) -> None:
    """The setting `flagtrail_strict`."""
    parser.addini(STRICT, "fail tests that evaluate flags which they did not pin", type="bool", default=False)


def pytest_configure(config: pytest.Config) -> None:
    """The marker `flagtrail_flags`."""
    config.addinivalue_line("markers", f"{NAME}(flags, **more): pin these flags for the test, for all of its code")


@pytest.fixture(autouse=True)
def _flagtrail_flags_marked(request: pytest.FixtureRequest) -> None:
    """A test with the marker has its flags before other fixtures of its own, and after those of wider scopes."""
    if request.node.get_closest_marker(NAME) is not None:
        request.getfixturevalue(NAME)


@pytest.fixture
def flagtrail_flags(request: pytest.FixtureRequest) -> Iterator[InMemoryProvider]:
    """Flags pinned for one test, for all code of the process; see `flagtrail.sdk.testing.pinned`.

    Afterwards the test fails where a pinned flag was asked for as another type
    and, with the setting `flagtrail_strict`, where one was that is not pinned.
    """
    from flagtrail.sdk.testing import pinned

    flags: dict[str, object] = {}
    for marker in reversed(list(request.node.iter_markers(NAME))):
        if any(not isinstance(given, Mapping) for given in marker.args):
            raise TypeError(f"the marker {NAME} takes keywords or a dict: {NAME}(new_pricing=True)")
        for given in (*marker.args, marker.kwargs):
            flags.update(given)
    with pinned(flags) as pins:
        yield pins
        pins.check(strict=bool(request.config.getini(STRICT)))
