"""What `pip install flagtrail` brings is all that an application needs: nothing else is ever loaded by the SDK."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES_OF = {"google-re2": {"re2", "_re2"}, "openfeature-sdk": {"openfeature"}}
SCRIPT = """
import sys
before = set(sys.modules)
import {module}
loaded = {{name.partition(".")[0] for name in set(sys.modules) - before}}
print(*sorted(loaded - sys.stdlib_module_names - {{"flagtrail"}}))
"""


def light() -> set[str]:
    """Top-level modules of the package's own dependencies, without any extra."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    names = [dependency.partition(">")[0] for dependency in project["dependencies"]]
    return {module for name in names for module in MODULES_OF.get(name, {name})} | {
        "typing_extensions"
    }  # msgspec's, if there


@pytest.mark.parametrize(
    "module", ["flagtrail.sdk", "flagtrail.sdk.client", "flagtrail.sdk.workers", "flagtrail.sdk.provider"]
)
def test_sdk__imported__loads_only_what_the_light_package_brings(module: str) -> None:
    script = SCRIPT.format(module=module)
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert set(told.stdout.split()) <= light()


def test_client__imported__leaves_network_and_openfeature_until_they_are_used() -> None:
    script = "import sys, flagtrail.sdk.client; print(*sys.modules)"
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert {"ssl", "http.client", "openfeature"}.isdisjoint(told.stdout.split())
