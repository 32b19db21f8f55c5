"""The ledger: log, show, revert."""

from __future__ import annotations

import click

from flagtrail.cli.entries import label, tell_change, tell_entry, who
from flagtrail.cli.options import asks, says_why
from flagtrail.cli.output import facts, indented, say
from flagtrail.cli.session import Session
from flagtrail.cli.views import EntryDetail, EntryView, LogPage
from flagtrail.model.entry import ACTIONS

_MOST = 500


@click.command
@click.argument("flag", required=False)
@click.option("--env", "environment", metavar="KEY", help="Only what concerns this environment.")
@click.option("--segment", metavar="KEY", help="Only this segment.")
@click.option("--actor", metavar="WHO", help="A whole name, e-mail address or id.")
@click.option("--action", type=click.Choice(ACTIONS), metavar="ACTION", help="Enabled, rollout_changed, deleted ...")
@click.option("--since", metavar="TIME", help="From this time on.")
@click.option("--until", metavar="TIME", help="Before this time.")
@click.option("--grep", "text", metavar="TEXT", help="In the reason, ticket, actor or key.")
@click.option("--field", metavar="POINTER", help="Where this changed, e.g. fallthrough.")
@click.option("--limit", type=click.IntRange(1, _MOST), default=20, show_default=True, help="At most so many entries.")
@click.option("--before", type=click.IntRange(0), metavar="SEQ", help="Go on before this entry.")
@click.option("--everything", is_flag=True, help="All projects, members, tokens, failed sign-ins.")
@asks
def log(
    session: Session,
    flag: str | None,
    *,
    everything: bool,
    before: int | None,
    field: str | None,
    **filters: str | None,
) -> None:
    """Who changed what, when and why.

    Newest first. With FLAG: that flag's history, with whatever else altered
    what it gives (a segment, a prerequisite).

    Example:
      flagtrail log new_pricing --env production --action enabled
      flagtrail log --actor "Jonas Albrecht" --since 2026-11-01
    """
    if everything and (flag or filters["environment"] or filters["segment"]):
        raise click.UsageError("--everything goes with no flag, --env or --segment.")
    address = session.of("changes") if everything else session.of_project("changes")
    pointer = f"/{field.removeprefix('/')}" if field else None
    answer = session.get(address, flag=flag, cursor=before, field=pointer, **filters)

    def render(page: LogPage) -> None:
        for entry in page.items:
            tell_entry(entry, project=everything)
        if not page.items:
            say("No entry matches.")
        if page.next is not None:
            say(f"More: add --before {page.next}", "dim")

    session.show(answer, LogPage, render)


@click.command
@click.argument("seq", type=click.IntRange(0))
@asks
def show(session: Session, seq: int) -> None:
    """One entry of the ledger, in full.

    Example:
      flagtrail show 2388
    """
    session.show(session.get(session.of("changes", str(seq))), EntryDetail, _full)


def _full(entry: EntryDetail) -> None:
    facts(
        [
            ("entry", f"{entry.seq} ({entry.id})"),
            ("document", f"{label(entry.subject)}, version {entry.version}"),
            ("address", entry.subject.path),
            ("time", entry.time),
            ("occurred at", entry.occurred_at or ""),
            ("who", f"{who(entry)} {_mail(entry)}".strip()),
            ("imported by", _importer(entry)),
            ("credential", f"{entry.actor.kind}, {entry.actor.auth}, via {entry.source.via}"),
            ("actions", ", ".join(entry.actions)),
            ("why", entry.why),
            ("ticket", entry.ticket),
            ("together with", _others(entry)),
            ("reverts", "" if entry.reverts is None else f"entry {entry.reverts}"),
            ("erased", ", ".join(entry.erased)),
        ]
    )
    say("")
    for line in entry.words:
        indented(line, 2)
    if entry.preview is not None and entry.preview.words:
        say("\npredicted")
        for line in entry.preview.words:
            indented(line, 2)


def _importer(entry: EntryView) -> str:
    return "" if entry.actor.for_ is None else entry.actor.name or entry.actor.id


def _mail(entry: EntryView) -> str:
    mail = entry.actor.for_.email if entry.actor.for_ is not None else entry.actor.email
    return f"<{mail}>" if mail else ""


def _others(entry: EntryView) -> str:
    first, count = entry.seq - entry.group.index, entry.group.count
    return f"entries {first} to {first + count - 1}, one change" if count > 1 else ""


@click.command
@click.argument("seq", type=click.IntRange(0))
@says_why
@asks
def revert(session: Session, seq: int, why: str, ticket: str) -> None:
    """Take a change back.

    With all that was changed together with it, as a new change: history only
    grows. Refused where somebody has built on it since.

    Example:
      flagtrail revert 2386 --why "BILL-431 widened by mistake"
    """
    address = session.of_project("changes", str(seq), "revert")
    tell_change(session, session.send("POST", address, {"why": why, "ticket": ticket}))


COMMANDS = {"log": log, "show": show, "revert": revert}
