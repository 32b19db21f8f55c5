"""Reports for auditors: report compliance."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from flagtrail.cli.options import asks
from flagtrail.cli.output import say
from flagtrail.cli.session import Session


@click.group
def report() -> None:
    """Reports for auditors: compliance.

    Example:
      flagtrail report compliance --since 2026-10-01 --format html --out report.html
    """


@report.command
@click.option("--flag", metavar="KEY", help="Only this flag.")
@click.option("--env", "environment", metavar="KEY", help="Only this environment.")
@click.option("--where", metavar="k=v,...", help="For these contexts: when each flag was on for them.")
@click.option("--since", metavar="TIME", help="From this time on.  [default: the whole record]")
@click.option("--until", metavar="TIME", help="Before this time.  [default: now]")
@click.option("format_", "--format", type=click.Choice(("json", "html", "csv")), help="Of the report.  [default: json]")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write to this file.")
@asks
def compliance(session: Session, *, format_: str | None, out: Path | None, **scope: object) -> None:
    """Who changed what with whose authority, and what stood before and after.

    The timeline of a period, the state at both of its ends, and what lacks a
    reason; each row with its entry in the ledger.

    Example:
      flagtrail report compliance --flag new_pricing --where plan=pro --format csv
    """
    if session.as_json and format_ not in {None, "json"}:
        raise click.UsageError("--json and --format say different things.")
    answer = session.get(session.of_project("reports", "compliance"), format=format_ or "json", **scope)
    if out is None:
        sys.stdout.buffer.write(answer.body)
        sys.stdout.buffer.flush()
        return
    out.write_bytes(answer.body)
    say(f"Wrote {out} ({len(answer.body):,} bytes).")


COMMANDS = {"report": report}
