"""Where source code names a flag: references."""

from __future__ import annotations

from itertools import groupby
from urllib.parse import urlencode

import click
from rich.text import Text

from flagtrail.app.references import BranchReferences, FlagCounts, FlagReferences, Forgotten, ReferenceSummary
from flagtrail.cli.options import asks
from flagtrail.cli.output import emit, indented, say, table, time
from flagtrail.cli.session import Session
from flagtrail.model.reference import CodeReference, Removal

UNSCANNED = "That is no proof that no code names it. Find out: flagtrail scan --upload, in a repository."


@click.command
@click.argument("flag", required=False)
@click.option("--forget", metavar="REPOSITORY", help="Forget the scans of a repository that is no more.")
@asks
def references(session: Session, flag: str | None, forget: str | None) -> None:
    """Where source code names a flag, by the newest scan of each branch.

    Without FLAG: how often code names each flag on default branches, and what
    it asks for that is no flag.

    Example:
      flagtrail references new_pricing
    """
    if forget is not None:
        if flag is not None:
            raise click.UsageError("A flag and --forget are two questions.")
        address = f"{session.of_project('references')}?{urlencode({'repository': forget})}"
        session.show(session.send("DELETE", address), Forgotten, _tell_forgotten)
        return
    if flag is None:
        session.show(session.get(session.of_project("references")), ReferenceSummary, _tell_summary)
        return
    session.show(session.get(session.of_project("flags", flag, "references")), FlagReferences, _tell)


def _tell(found: FlagReferences) -> None:
    if not found.branches:
        say(f"No scan looked for {found.flag}. {UNSCANNED}")
    told = [branch for branch in found.branches if branch.found.total or branch.found.removal is not None]
    for number, branch in enumerate(told):
        if number:
            say("")
        _tell_branch(branch)
    without = [branch.scan for branch in found.branches if branch not in told]
    if without:
        if told:
            say("")
        names = ", ".join(f"{scan.repository} ({scan.branch})" for scan in without)
        say(f"not named in {names}; scanned {time(min(scan.at for scan in without))} or later")


def _tell_branch(branch: BranchReferences) -> None:
    scan, found = branch.scan, branch.found
    emit(
        Text.assemble(
            (scan.repository, "bold"),
            f"  {scan.branch}",
            ("" if scan.default else "  not the default branch", "yellow"),
            (f"  {scan.commit[:10]}, scanned {time(scan.at)}", "dim"),
        )
    )
    if scan.skipped:
        indented(f"{scan.skipped:,} of {scan.files + scan.skipped:,} files could not be read", 2, "yellow")
    if not found.total:
        indented(f"no references{_removed(found.removal)}", 2)
    for path, places in groupby(found.references, key=lambda each: each.path):
        indented(path, 2, "cyan")
        for place in places:
            emit(_line(place))


def _removed(by: Removal | None) -> str:
    return "" if by is None else f": {by.commit[:10]} removed the last, {time(by.at)} {_printable(by.subject)}"


def _line(place: CodeReference) -> Text:
    what = place.kind.replace("_", " ") + (f" in {_printable(place.symbol)}" if place.symbol else "")
    return Text.assemble(f"{place.line:>8}  ", _printable(place.snippet), (f"  {what}", "dim"))


def _tell_forgotten(gone: Forgotten) -> None:
    say(f"forgot {gone.repository}: {gone.branches} scanned branch{'' if gone.branches == 1 else 'es'}")


def _tell_summary(found: ReferenceSummary) -> None:
    if not found.scans:
        say(f"No scan of a default branch was uploaded. {UNSCANNED}")
        return
    table(
        ("flag", "references", "of them evaluations", "scanned", "removed by"),
        (
            (
                each.flag,
                f"{each.total:,}",
                f"{each.counts.get('evaluation', 0):,}",
                _repositories(each),
                each.removal.commit[:10] if each.removal else "",
            )
            for each in found.flags
        ),
        empty="No scan looked for any flag.",
    )
    for each in found.unknown:
        say(f"{each.flag} is asked for in {', '.join(each.repositories)}, and is no flag", "yellow")


def _repositories(each: FlagCounts) -> str:
    """Where it was looked for."""
    return each.repositories[0] if len(each.repositories) == 1 else f"{len(each.repositories)} repositories"


def _printable(text: str) -> str:
    """A text without what a terminal would obey."""
    return "".join(letter if letter.isprintable() else " " for letter in text.strip(" \t\r\n"))


COMMANDS = {"references": references}
