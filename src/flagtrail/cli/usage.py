"""How often a flag is evaluated, and who asks for it: usage."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import click
import msgspec

from flagtrail.cli.options import asks
from flagtrail.cli.output import say, table, time
from flagtrail.cli.session import Session
from flagtrail.model.usage import FlagUsage, UsageClient, UsageCount, UsageSummary

DEFAULT = "(caller's default)"
"""What stands for a variant where none was served."""


class _Unknown(msgspec.Struct, frozen=True):
    items: list[UsageSummary]


@click.command
@click.argument("flag", required=False)
@click.option("environment", "--env", metavar="KEY", help="Only this environment.")
@click.option("--since", metavar="TIME", help="Counts from this time on; without it of the last 7 days.")
@click.option("--until", metavar="TIME", help="Counts before this time.")
@click.option(
    "--by",
    type=click.Choice(["hour", "day"]),
    help="One line per hour or day.  [default: day; with --since by the length of time]",
)
@asks
def usage(
    session: Session,
    *,
    flag: str | None,
    environment: str | None,
    since: str | None,
    until: str | None,
    by: str | None,
) -> None:
    """How often a flag is evaluated, and who asks for it.

    Counts by variant, and each SDK and application that asked, the newest
    first. Without FLAG: what is asked for that is no flag (any more).

    Example:
      flagtrail usage new_pricing --env production --since 2026-11-01
    """
    if flag is None:
        if any((environment, since, until, by)):
            raise click.UsageError("Without FLAG there is nothing to choose: all that is asked for is listed.")
        session.show(session.get(session.of_project("unknown-flags")), _Unknown, _tell_unknown)
        return
    if by is None and since is None:
        by = "day"  # a week of hours would push whoever asks out of sight
    answer = session.get(
        session.of_project("flags", flag, "usage"), environment=environment, since=since, until=until, by=by
    )
    session.show(answer, FlagUsage, _tell)


def _tell(found: FlagUsage) -> None:
    if not found.summary:
        say("No evaluations were reported. That is no proof that nobody evaluates it.")
        return
    for number, summary in enumerate(found.summary):
        if number:
            say("")
        say(f"{found.flag} in {summary.environment}", "bold")
        say(f"{summary.count:,} evaluations since {time(summary.first)}, the last at {time(summary.last)}")
        say("")
        _tell_counts(found, [each for each in found.counts if each.environment == summary.environment])
        say("")
        _tell_clients([each for each in found.clients if each.environment == summary.environment])


def _tell_counts(found: FlagUsage, counts: list[UsageCount]) -> None:
    rows: dict[str, Counter[str]] = {}
    for each in counts:
        rows.setdefault(each.time, Counter())[each.variant] += each.count
    variants = sorted({each.variant for each in counts})
    length = len("2026-11-22 09:00") if found.by == "hour" else len("2026-11-22")
    table(
        ("UTC", *(variant or DEFAULT for variant in variants)),
        ([at[:length].replace("T", " "), *(_number(row[variant]) for variant in variants)] for at, row in rows.items()),
        empty=f"None from {time(found.since)} to {time(found.until)}.",
    )


def _tell_clients(clients: Iterable[UsageClient]) -> None:
    newest = sorted(clients, key=lambda each: (each.last, each.count, each.application), reverse=True)
    table(
        ("application", "SDK", "last", "first", "evaluations"),
        (
            (each.application or "not named", each.client, time(each.last), time(each.first), _number(each.count))
            for each in newest
        ),
        empty="Nobody.",
    )


def _number(count: int) -> str:
    return f"{count:,}".rjust(len("evaluations"))


def _tell_unknown(found: _Unknown) -> None:
    table(
        ("key", "environment", "last asked", "evaluations"),
        ((each.flag, each.environment, time(each.last), _number(each.count)) for each in found.items),
        empty="Nothing is asked for that is no flag.",
    )


COMMANDS = {"usage": usage}
