"""The names of `flagtrail.sdk`: loaded when they are first used, and none but these."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import pytest

import flagtrail.sdk


@pytest.mark.parametrize("name", flagtrail.sdk.__all__)
def test_name__of_the_package__is_its_modules_own(name: str) -> None:
    value = getattr(flagtrail.sdk, name)

    assert value is getattr(import_module(value.__module__), name)


def test_names__are_listed_once() -> None:
    assert sorted(flagtrail.sdk.__all__) == sorted(flagtrail.sdk._WHERE)


def test_names__are_shown_before_they_are_loaded() -> None:
    assert set(flagtrail.sdk.__all__) <= set(dir(flagtrail.sdk))


def test_name__that_is_none__is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Clinet'"):
        getattr(flagtrail.sdk, "Clinet")  # noqa: B009 - a type checker would refuse it


def test_package__imported__loads_no_module_of_its_own() -> None:
    script = "import sys, flagtrail.sdk; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True).stdout.decode().split()

    assert [name for name in loaded if name.startswith("flagtrail")] == ["flagtrail", "flagtrail.sdk"]
