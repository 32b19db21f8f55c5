"""Doors: a plug-in is a file, found by itself; the contracts in pyproject.toml know every one."""

from __future__ import annotations

import importlib
import pkgutil
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
DOORS = ("storage", "bus", "importers", "metrics", "notify", "reports", "codebase.languages")
CONTRACTS = {
    contract["id"]: contract
    for contract in tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
}


def plug_ins() -> set[str]:
    found: set[str] = set()
    for door in DOORS:
        package: Any = importlib.import_module(f"flagtrail.{door}")
        names = (info.name for info in pkgutil.iter_modules(package.__path__))
        found |= {f"flagtrail.{door}.{name}" for name in names if not name.startswith("_")}
    return found


@pytest.mark.parametrize(("contract", "field"), [("plug-ins", "modules"), ("discovered", "protected_modules")])
def test_contract__names_every_plug_in_that_there_is(contract: str, field: str) -> None:
    assert set(CONTRACTS[contract][field]) == plug_ins()


def test_floors__name_every_folder_that_there_is() -> None:
    folders = {path.name for path in (ROOT / "src/flagtrail").iterdir() if path.is_dir() and path.name[0] not in "_."}
    named = {part.strip() for layer in CONTRACTS["floors"]["layers"] for part in layer.split("|")}

    assert named == folders
