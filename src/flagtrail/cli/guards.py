"""Guards: what watches over changes; the options that set one."""

from __future__ import annotations

import re
from typing import Any, TypeAlias

import click
import msgspec

from flagtrail.analysis.guarding import Reading
from flagtrail.app.guards import GuardView
from flagtrail.cli.entries import tell_change
from flagtrail.cli.options import Command, asks, environment_option, says_why
from flagtrail.cli.output import indented, say, time
from flagtrail.cli.session import Session
from flagtrail.model.errors import InvalidQuery
from flagtrail.model.guard import plain, read_limit

_MINUTES = {"m": 1, "min": 1, "h": 60, "d": 24 * 60}
_DURATION = re.compile(r"(?P<number>[0-9]{1,6})(?P<unit>m|min|h|d)?")
Body: TypeAlias = dict[str, object]


class _Guards(msgspec.Struct, frozen=True):
    items: list[GuardView]


class Duration(click.ParamType[int]):
    """Minutes, as `30m`, `2h`, `1d` or a number of minutes."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:  # noqa: ANN401 - click's
        """The minutes."""
        found = _DURATION.fullmatch(str(value))
        if found is None:
            self.fail(f"{value!r} is no duration: write 30m, 2h or 1d.", param, ctx)
        return int(found["number"]) * _MINUTES[found["unit"] or "m"]


_OPTIONS = (
    click.option(
        "guard_limits", "--guard", metavar="LIMIT", multiple=True, help="Guard it: take it back if errors>2%; several."
    ),
    click.option(
        "guard_for", "--guard-for", type=Duration(), metavar="TIME", default="30m", help="For how long.  [default: 30m]"
    ),
    click.option(
        "guard_over",
        "--guard-over",
        type=Duration(),
        metavar="TIME",
        default="5m",
        help="The mean over this time counts.  [default: 5m]",
    ),
    click.option(
        "guard_action",
        "--guard-action",
        type=click.Choice(["revert", "alert"]),
        default="revert",
        show_default=True,
        help="Take the change back, or only tell.",
    ),
)


def guardable(command: Command) -> Command:
    """A command whose change can be guarded."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def guarded(said: Body) -> Body:
    """The part of a change's body that guards it, out of the options; empty where none was given."""
    limits = said.get("guard_limits")
    if not isinstance(limits, tuple) or not limits:
        return {}
    try:
        read = [msgspec.to_builtins(read_limit(limit)) for limit in limits]
    except InvalidQuery as error:
        raise click.UsageError(f"--guard: {error.detail}.") from error
    minutes, over, action = (said[f"guard_{name}"] for name in ("for", "over", "action"))
    return {"guard": {"limits": read, "minutes": minutes, "over": over, "action": action}}


@click.group
def guards() -> None:
    """What watches over changes, and calling it off.

    A guard is set by the change itself: rollout, enable, disable and target take --guard.

    Example:
      flagtrail rollout new_pricing 50 --guard "billing_errors>2%" --why "BILL-418 half"
    """


@guards.command("list")
@click.argument("flag", required=False)
@asks
def list_guards(session: Session, flag: str | None) -> None:
    """The guards, what their metrics read now, and what came of those that ended.

    Example:
      flagtrail guards list
    """

    def render(found: _Guards) -> None:
        if not found.items:
            say("No change was guarded.")
        for view in found.items:
            say(f"{view.flag} in {view.environment}: {view.guard.state}", "bold")
            _tell(view)

    session.show(session.get(session.of_project("guards"), flag=flag), _Guards, render)


def _tell(view: GuardView) -> None:
    indented(f"set by entry {view.seq}, {time(view.since)} to {time(view.until)}", 2)
    for line in view.guard.words:
        indented(line, 2)
    for reading in view.readings:
        indented(f"{reading.limit.words}: {_read(reading)}", 2)
    if view.lacking:
        indented(f"not judged: {view.lacking}", 2, "yellow")


def _read(reading: Reading) -> str:
    return "no samples yet" if reading.mean is None else f"now {plain(reading.mean)}"


@guards.command("stop")
@click.argument("flag")
@environment_option
@says_why
@asks
def stop(session: Session, flag: str, environment: str, **said: object) -> None:
    """Call a guard off: the change stays, and is watched no longer.

    Example:
      flagtrail guards stop new_pricing --why "the metric is broken, we watch by hand"
    """
    address = session.of_project("flags", flag, "environments", environment, "guard")
    tell_change(session, session.send("DELETE", address, {"why": said["why"], "ticket": said["ticket"]}))


COMMANDS = {"guards": guards}
