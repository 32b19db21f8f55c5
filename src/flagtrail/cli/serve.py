"""Serving: up, demo."""

from __future__ import annotations

import contextlib
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from flagtrail.app.settings import Settings, read_settings
from flagtrail.cli.called import command_name
from flagtrail.cli.output import facts, progress, say
from flagtrail.cli.session import DATABASE, DEMO_DATABASE

if TYPE_CHECKING:
    from flagtrail.app.bootstrap import App

THINGS_TO_TRY = {
    "log new_pricing --env production": "Who turned it on, and why?",
    "blame new_pricing --context plan=pro,targetingKey=acct_2": "Which changes altered what the account acct_2 got?",
    "exposure new_pricing --where plan=pro": "When was it on for customers on the plan pro?",
    "stale --owner billing": "Which flags could go?",
}
_HOST = click.option("--host", metavar="ADDRESS", help="Listen here.  [env: FLAGTRAIL_HOST; default: 127.0.0.1]")
_PORT = click.option(
    "--port", type=click.IntRange(1, 65_535), help="On this port.  [env: FLAGTRAIL_PORT; default: 8080]"
)


@click.command
@_HOST
@_PORT
def up(host: str | None, port: int | None) -> None:
    """Serve on this machine; the first start makes everything.

    The data is one SQLite file, ./flagtrail.db, unless FLAGTRAIL_DATABASE says
    otherwise. The first start prints a link that signs the owner in, once.

    Example:
      flagtrail up --port 9000
    """
    settings = _settings(host, port)
    app = _opened(settings)
    secret = _guarded(app)
    say(f"Flagtrail serves on {settings.base_url}", "bold")
    _tell_files(app)
    if secret is not None:
        say(f"\nSign in as the owner, once, within a day:\n  {settings.base_url}/login/{secret}")
    else:
        say(f"\nA new link to sign in: {command_name()} members login-link owner")
    say("Stop with Ctrl-C.", "dim")
    _serve(app, demo=False)


@click.command
@_HOST
@_PORT
def demo(host: str | None, port: int | None) -> None:
    """Serve the story of a company: two years, 200 flags.

    Made at the first start, kept in ./flagtrail-demo.db. Whoever opens it on
    this machine is its owner, without signing in.

    Example:
      flagtrail demo
    """
    from flagtrail.app.demo.make import ensure_demo

    settings = _settings(host, port)
    if "FLAGTRAIL_DATABASE" not in os.environ:
        settings = msgspec.structs.replace(settings, database=f"sqlite:///{DEMO_DATABASE}")
    _refuse_taken(settings)
    with progress("Two years of Northwind Ledger") as tick:
        made = ensure_demo(settings, now=datetime.now(UTC), progress=tick)
    app = _opened(settings)
    _guarded(app)
    say(f"The demo serves on {settings.base_url}", "bold")
    _tell_files(app)
    say("The story was made just now." if made else "The story is the one of its first start.", "dim")
    say("\nLast night new_pricing billed customers it was not meant for. In a second terminal:\n")
    if Path(DATABASE).exists() or "FLAGTRAIL_DATABASE" in os.environ:  # which a command would ask before the demo's
        say(f"  export FLAGTRAIL_URL={settings.base_url}")
    for command, what in THINGS_TO_TRY.items():
        say(f"  {command_name()} {command}")
        say(f"    {what}", "dim")
    say("\nStop with Ctrl-C.", "dim")
    _serve(app, demo=True)


def _settings(host: str | None, port: int | None) -> Settings:
    """The settings with these two; at a terminal with a quiet log, unless a level was named."""
    settings = read_settings(os.environ)
    if "FLAGTRAIL_LOG_LEVEL" not in os.environ and sys.stderr.isatty():
        settings = msgspec.structs.replace(settings, log_level="warning")
    return msgspec.structs.replace(settings, host=host or settings.host, port=port or settings.port)


def _opened(settings: Settings) -> App:
    from flagtrail.app import trace
    from flagtrail.app.bootstrap import App
    from flagtrail.server.asgi import configure_logging

    configure_logging(settings.log_level)
    _refuse_taken(settings)
    trace.start(os.environ)
    return App(settings)


def _refuse_taken(settings: Settings) -> None:
    """Raise SettingInvalid for an address that cannot be had, before anything is made or a link is spent."""
    from flagtrail.server.asgi import bind

    bind(settings.host, settings.port).close()


def _guarded(app: App) -> str | None:
    """The first start, with the storage closed again where it fails."""
    try:
        return app.first_start()
    except BaseException:
        app.storage.close()
        raise


def _tell_files(app: App) -> None:
    path = app.settings.key_path
    facts([("database", app.settings.shown_database), ("signing key", "" if path is None else str(Path(path)))])


def _serve(app: App, *, demo: bool) -> None:
    from flagtrail.server.asgi import serve

    with contextlib.suppress(KeyboardInterrupt):  # uvicorn raises the signal again once all is closed
        serve(app, app.settings.host, app.settings.port, demo=demo)
    say("Stopped.")


COMMANDS = {"up": up, "demo": demo}
