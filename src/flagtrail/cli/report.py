"""Reports for auditors: report."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from flagtrail.analysis.compliance import Access, Summary
from flagtrail.analysis.findings import MAX_SAMPLE, Check
from flagtrail.cli.called import command_name
from flagtrail.cli.options import asks
from flagtrail.cli.output import facts, indented, progress, say, table, time
from flagtrail.cli.session import Session

KINDS = ("soc2", "iso27001", "pci", "flag", "access")
FORMATS = ("jsonl", "csv", "html", "pdf")
SEQS = 5
"""Entries that a line names."""


@click.command
@click.argument("kind", type=click.Choice(KINDS))
@click.option("--since", metavar="TIME", help="Recorded from this time on.  [default: the whole record]")
@click.option("--until", metavar="TIME", help="Recorded before this time.  [default: up to the last entry]")
@click.option("--flag", metavar="KEY", help="Which flag (for the kind flag).")
@click.option("--env", "environment", metavar="KEY", help="Only this environment (for the kind flag).")
@click.option("--where", metavar="k=v,...", help="When it was on for these contexts (for the kind flag).")
@click.option("--sample", type=click.IntRange(0, MAX_SAMPLE), help="So many changes to look at.  [default: 25]")
@click.option("format_", "--format", type=click.Choice(FORMATS), help="Of the file.  [default: by the file's name]")
@click.option("--out", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path), help="Write it to this file.")
@asks
def report(session: Session, kind: str, *, format_: str | None, out: Path | None, **asked: object) -> None:
    """Reports for auditors: what was changed, by whom, why, and what is missing.

    KIND is soc2, iso27001 or pci (what a period shows for their controls), flag
    (one flag, and whom it was on for) or access (who can change production).
    Without --out and --format the summary is told here. The file of a period
    that is over is the same whenever it is made; 'flagtrail verify' checks one
    in the format jsonl.

    Example:
      flagtrail report soc2 --since 2026-07-01 --until 2026-10-01 --out q3.pdf
    """
    address = session.of_project("reports", kind)
    wanted = format_ or (_named(out) if out is not None else None)
    if session.as_json and wanted is not None:
        raise click.UsageError("--json prints the summary; with --out or --format leave it out.")
    if wanted is None:
        session.show(session.get(address, **asked), Summary, _tell)
        return
    if out is not None:
        say(f"Wrote {out} ({_write(session, address, out, format=wanted, **asked):,} bytes).")
    elif wanted == "pdf":
        raise click.UsageError("A PDF needs --out FILE.")
    else:
        session.stream(address, sys.stdout.buffer.write, format=wanted, **asked)
        sys.stdout.buffer.flush()


def _named(out: Path) -> str:
    """The format that the file's name says."""
    suffix = out.suffix.removeprefix(".").lower()
    if suffix not in FORMATS:
        raise click.UsageError(f"{out.name} names no format: say --format, or end it in .{', .'.join(FORMATS)}.")
    return suffix


def _write(session: Session, address: str, out: Path, **asked: object) -> int:
    """Fetch the report into the file, which is there whole or not at all; its bytes."""
    draft = out.with_name(f".{out.name}.part")
    try:
        with draft.open("wb") as file, progress("Reporting") as tick:

            def take(piece: bytes) -> None:
                file.write(piece)
                tick(file.tell())

            session.stream(address, take, **asked)
        draft.replace(out)
    finally:
        draft.unlink(missing_ok=True)
    return out.stat().st_size


def _tell(summary: Summary) -> None:
    """A report in short, for a terminal."""
    scope, found = summary.scope, summary.found
    say(f"{scope.kind} of {scope.project}, recorded from {time(scope.since)} to {time(scope.until)}", "bold")
    say("")
    facts(
        [
            ("changes", f"{found.changes:,} of {found.entries:,} entries"),
            ("altered access" if scope.kind == "access" else "reached production", f"{found.reached:,}"),
            ("by", ", ".join(f"{each.name} ({each.count:,})" for each in found.people[:5])),
            ("sample", ", ".join(map(str, summary.sample.seqs))),
            ("entries", f"{summary.proof.begin.size} to {summary.proof.end.size} (exclusive)"),
        ]
    )
    if summary.controls:
        say("")
        verdicts = [(each.control, each.verdict.replace("_", " "), each.about) for each in summary.controls]
        table(("control", "verdict", "about"), verdicts, empty="")
    if summary.access is not None:
        say("")
        _tell_access(summary.access)
    for exposure in summary.exposures:
        say("")
        say(f"In {exposure.environment}", "bold")
        for each in exposure.intervals:
            indented(f"{time(each.start)} to {time(each.end)}  {each.answer.words}", 2)
    say("")
    for check in found.checks:
        say(f"{check.name.replace('_', ' ')}: {_checked(check)}")
    say("")
    say(f"All of it: {command_name()} report {scope.kind} ... --out report.pdf (or .html, .csv, .jsonl)")


def _tell_access(access: Access) -> None:
    rows = [(each.key, each.kind, ", ".join(each.environments), "; ".join(each.roles)) for each in access.after]
    table(("who", "what", "can change", "by"), rows, empty="Nobody can change production.")


def _checked(check: Check) -> str:
    if not check.applied:
        return f"not checked: {check.told}"
    if not check.count:
        return "none"
    more = ", ..." if check.count > SEQS else ""
    return f"{check.count:,} (entries {', '.join(map(str, check.seqs[:SEQS]))}{more})"


COMMANDS = {"report": report}
