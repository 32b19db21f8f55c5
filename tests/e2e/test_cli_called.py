"""The hints that the command line prints can be typed as they stand."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from flagtrail.cli.called import command_name


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program in a virtual environment below the present folder, which the shell does not find."""
    made = tmp_path / ".venv" / "bin" / "flagtrail"
    made.parent.mkdir(parents=True)
    made.touch(mode=0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [".venv/bin/flagtrail", "demo"])
    monkeypatch.setattr(sys, "executable", str(made.with_name("python")))
    monkeypatch.setenv("PATH", str(tmp_path))
    return made


@pytest.mark.usefixtures("script")
def test_command_name__not_on_the_path__is_the_way_from_this_folder() -> None:
    assert command_name() == ".venv/bin/flagtrail"


def test_command_name__in_this_very_folder__still_has_a_slash(script: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", [str(script), "demo"])
    monkeypatch.chdir(script.parent)
    assert command_name() == "./flagtrail"


def test_command_name__on_the_path__is_the_bare_name(script: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(script.parent))
    assert command_name() == "flagtrail"


@pytest.mark.usefixtures("script")
def test_command_name__another_one_on_the_path__is_the_path_of_this_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "flagtrail").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert command_name() == ".venv/bin/flagtrail"


def test_command_name__elsewhere_with_a_blank_in_it__is_quoted(
    script: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved = tmp_path / "my tools" / "flagtrail"
    moved.parent.mkdir()
    script.rename(moved)
    monkeypatch.setattr(sys, "argv", [str(moved), "demo"])
    monkeypatch.chdir(script.parent)
    assert command_name() == f"'{moved}'"


@pytest.mark.usefixtures("script")
def test_command_name__of_the_module__is_the_script_beside_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/anywhere/flagtrail/__main__.py", "demo"])
    assert command_name() == ".venv/bin/flagtrail"


def test_command_name__without_a_script__goes_by_way_of_python(script: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script.unlink()
    monkeypatch.setattr(sys, "argv", ["/anywhere/flagtrail/__main__.py", "demo"])
    assert command_name().endswith("python -m flagtrail")
