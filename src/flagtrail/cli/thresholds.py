"""After how many days what makes a flag stale: stale thresholds, stale lifespan."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click
import msgspec

from flagtrail.cli.entries import tell_change
from flagtrail.cli.options import asks, says_why
from flagtrail.cli.output import say, table
from flagtrail.cli.session import Session
from flagtrail.cli.views import Document
from flagtrail.model.flag import EXPECTED_LIFETIME_DAYS, Json
from flagtrail.model.thresholds import PERMANENTLY, Days, Lifespan, Thresholds, limits

RULES = [name for name in Days.__struct_fields__ if name != "permanent"]
KINDS = list(EXPECTED_LIFETIME_DAYS)
TOO_LONG = 10
"""No number of days has so many digits."""
_YES = {"yes": True, "no": False, "true": True, "false": False}


class Setting(click.ParamType[tuple[str, Any]]):
    """`one_variant=60`, or `release.lifetime=90`; `default` takes a setting away."""

    name = "setting"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, Any]:  # noqa: ANN401 - click's
        """The rule, and its days."""
        rule, equals, said = str(value).partition("=")
        days: bool | int | None = _YES.get(said)
        if not rule.endswith("permanent"):
            days = int(said) if said.isascii() and said.isdecimal() and len(said) < TOO_LONG else None
        if not equals or (days is None and said != "default"):
            told = "write one_variant=60, release.lifetime=90, release.permanent=yes or one_variant=default"
            self.fail(f"{value!r} is no setting: {told}.", param, ctx)
        kind, _, name = rule.rpartition(".")
        if name not in {*RULES, "permanent"} or (kind and kind not in KINDS):
            known = ", ".join([*RULES, "permanent"])
            self.fail(f"{rule!r} is none of {known}, nor one of them after a kind ({', '.join(KINDS)}).", param, ctx)
        return rule, days


_SET = click.option(
    "settings", "--set", type=Setting(), multiple=True, metavar="RULE=DAYS", help="Days of a rule, or default; several."
)


@click.command
@_SET
@says_why
@asks
def thresholds(session: Session, settings: tuple[tuple[str, Any], ...], **said: object) -> None:
    """After how many days what makes a flag stale, by lifecycle kind; with --set, change that.

    Example:
      flagtrail stale thresholds
      flagtrail stale thresholds --set one_variant=60 --set release.lifetime=90 --why "we ship monthly"
    """
    address = session.of_project("thresholds")
    answer = session.get(address)
    if not settings:
        session.show(answer, Document, _tell_thresholds)
        return
    held = answer.read(Document)
    document = {"days": dict(held.document["days"]), "kinds": {**held.document["kinds"]}}
    for rule, days in settings:
        kind, _, name = rule.rpartition(".")
        if kind:
            document["kinds"][kind] = _with(document["kinds"].get(kind, {}), name, days)
        else:
            document["days"] = _with(document["days"], name, days)
    body = {"thresholds": document, "version": held.version, **said}
    tell_change(session, session.send("PUT", address, body))


def _tell_thresholds(held: Document) -> None:
    document = msgspec.convert(held.document, Thresholds)
    found = {kind: msgspec.structs.asdict(limits(kind, document)) for kind in KINDS}
    rows = [[rule, *(_days(found[kind], rule) for kind in KINDS)] for rule in [*RULES, "permanent"]]
    table(("days until", *KINDS), rows, empty="")
    say("As Flagtrail comes." if held.version == 0 else f"Version {held.version}.", "dim")


def _days(found: dict[str, Any], rule: str) -> str:
    if rule == "permanent":
        return "yes" if found[rule] else "no"
    return "never" if found["permanent"] and rule in PERMANENTLY else str(found[rule])


@click.command
@click.argument("flag")
@_SET
@click.option(
    "--permanent/--no-permanent", default=None, help="Meant to stay: never stale by age, or by what it serves."
)
@click.option("--reset", is_flag=True, help="Judge it as its kind is.")
@says_why
@asks
def lifespan(
    session: Session,
    flag: str,
    settings: tuple[tuple[str, Any], ...],
    *,
    permanent: bool | None,
    reset: bool,
    **said: object,
) -> None:
    """One flag's own days, where they are not its kind's; and whether it is permanent.

    Example:
      flagtrail stale lifespan checkout_kill --permanent --why "we keep it for incidents"
      flagtrail stale lifespan new_pricing --set one_variant=90 --why "the tax year decides"
    """
    address = session.of_project("flags", flag, "lifespan")
    if any("." in rule for rule, _ in settings):
        raise click.UsageError("A flag has one kind: write --set one_variant=90.")
    if reset:
        tell_change(session, session.send("DELETE", address, said))
        return
    answer = session.get(address)
    given = [*settings, *([] if permanent is None else [("permanent", permanent)])]
    if not given:
        session.show(answer, Document, lambda held: _tell_lifespan(flag, held))
        return
    held = answer.read(Document)
    document: dict[str, Json] = dict(held.document)
    for rule, days in given:
        document = _with(document, rule, days)
    tell_change(session, session.send("PUT", address, {"lifespan": document, "version": held.version, **said}))


def _tell_lifespan(flag: str, held: Document) -> None:
    lines = list(_lines(msgspec.convert(held.document, Lifespan)))
    table(("rule", "days"), lines, empty=f"{flag} has no days of its own: its kind's hold.")


def _lines(own: Lifespan) -> Iterator[tuple[str, str]]:
    for rule, days in msgspec.structs.asdict(own).items():
        if days is not None:
            yield rule, str(days) if not isinstance(days, bool) else "yes" if days else "no"


def _with(document: dict[str, Json], name: str, days: Json) -> dict[str, Json]:
    """The document with a rule set, or taken away."""
    kept = {key: value for key, value in document.items() if key != name}
    return kept if days is None else {**kept, name: days}


COMMANDS = (thresholds, lifespan)
