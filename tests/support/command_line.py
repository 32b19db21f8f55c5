"""Running the command line within the test's own process, and walking through its commands."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import click
import msgspec
import structlog

import flagtrail.server.asgi
from flagtrail.cli.main import cli, run

REPOSITORY = Path(__file__).parents[2]


class Outcome(NamedTuple):
    """What one command line did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> object:
        return msgspec.json.decode(self.out)


class _Stream(io.TextIOWrapper):
    """A standard stream that is no terminal."""


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Logging that prints nothing, without a logger being cached for the tests to come."""
    configure = flagtrail.server.asgi.configure_logging
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger("critical"), cache_logger_on_first_use=False
    )
    flagtrail.server.asgi.configure_logging = lambda level: None  # noqa: ARG005 - put back
    try:
        yield
    finally:
        flagtrail.server.asgi.configure_logging = configure
        structlog.reset_defaults()


def flagtrail_in(folder: Path, *arguments: str, stdin: str = "", **environ: str) -> Outcome:
    """Run `flagtrail ARGUMENTS` in the folder, with these FLAGTRAIL_ variables and no others."""
    before = dict(os.environ), Path.cwd(), (sys.stdin, sys.stdout, sys.stderr)
    out, err = _Stream(io.BytesIO(), "utf-8"), _Stream(io.BytesIO(), "utf-8")
    for name in [name for name in os.environ if name.startswith("FLAGTRAIL_")]:
        del os.environ[name]
    os.environ.update(environ)
    os.chdir(folder)
    sys.stdin, sys.stdout, sys.stderr = _Stream(io.BytesIO(stdin.encode()), "utf-8"), out, err
    try:
        with _quiet():
            code = run(arguments)
    finally:
        os.environ.clear()
        os.environ.update(before[0])
        os.chdir(before[1])
        sys.stdin, sys.stdout, sys.stderr = before[2]
    out.flush()
    err.flush()
    return Outcome(code, _text(out), _text(err))


def _text(stream: io.TextIOWrapper) -> str:
    buffer = stream.buffer
    assert isinstance(buffer, io.BytesIO)
    return buffer.getvalue().decode()


def leaves(command: click.Command = cli, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command that does something, with the words that call it."""
    if not isinstance(command, click.Group):
        yield path, command
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        inner = command.get_command(context, name)
        assert inner is not None
        yield from leaves(inner, (*path, name))
