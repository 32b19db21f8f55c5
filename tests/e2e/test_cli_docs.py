"""The documentation of the command line is the command line's own help."""

from __future__ import annotations

import click
import pytest
from tests.support.cli_reference import PAGE, reference
from tests.support.command_line import leaves

from flagtrail.cli.main import COMMANDS, cli

LEAVES = [pytest.param(path, command, id=" ".join(path)) for path, command in leaves()]


def test_reference_page__is_what_help_says() -> None:
    assert PAGE.read_text("utf-8") == reference(), "write it anew: python -m tests.support.cli_reference"


@pytest.mark.parametrize(("name", "summary"), [(n, s) for each in COMMANDS.values() for n, (_, s) in each.items()])
def test_summary__in_the_list_of_commands__is_the_commands_own(name: str, summary: str) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    assert (command.help or "").splitlines()[0] == summary


@pytest.mark.parametrize(("path", "command"), LEAVES)
def test_help__each_command__has_an_example_of_itself(path: tuple[str, ...], command: click.Command) -> None:
    assert f"Example:\n  flagtrail {' '.join(path)}" in (command.help or "")


@pytest.mark.parametrize(("path", "command"), LEAVES)
def test_options__each_command__takes_json(path: tuple[str, ...], command: click.Command) -> None:
    names = {name for parameter in command.params for name in parameter.opts}
    assert ("--json" in names) == (path not in {("up",), ("demo",)})
