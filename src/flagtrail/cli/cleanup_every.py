"""Removing many flags, each on a branch of its own, with a limit on how many wait to be merged."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import click
import msgspec

from flagtrail.cli.cleanup_choice import Choice
from flagtrail.cli.cleanup_report import Outcome, outcome, report
from flagtrail.cli.output import print_json
from flagtrail.cli.refusals import EXIT_DONE, EXIT_REFUSED
from flagtrail.codebase import deliver
from flagtrail.codebase.checkout import repository
from flagtrail.codebase.remove import Asked, Removed, remove
from flagtrail.model.errors import CleanupRefused, SourceUnreadable


class Outcomes(msgspec.Struct, frozen=True):
    """What `--at --json` prints. `waiting` are branches of clean-ups that were not merged yet."""

    items: list[Outcome]
    waiting: tuple[str, ...]


def every(
    choices: Iterable[Choice],
    asked: Callable[[Choice], Asked],
    limit: int,
    *,
    as_json: bool,
    progress: Callable[[str], None],
) -> int:
    """Remove flags until `limit` branches wait; a flag that cannot be removed does not keep the others from it."""
    waiting: tuple[str, ...] | None = None
    made: list[tuple[Removed, Asked]] = []
    failed: list[str] = []
    for choice in choices:
        one = asked(choice)
        if waiting is None:
            waiting = _waiting(one)
        if len(waiting) + sum(bool(removed.branch) for removed, _ in made) >= limit:
            break
        if deliver.branch_of(choice.flag) in waiting:
            continue
        try:
            made.append((remove(one, progress), one))
        except (CleanupRefused, SourceUnreadable) as error:
            failed.append(f"{choice.flag}: {error.detail}")
    _tell(made, waiting or (), failed, as_json=as_json)
    delivered = any(removed.branch and not removed.refused for removed, _ in made)
    refused = failed or any(removed.refused for removed, _ in made)
    return EXIT_REFUSED if refused and not delivered else EXIT_DONE


def _waiting(asked: Asked) -> tuple[str, ...]:
    found = repository(asked.path)
    return deliver.waiting(found, deliver.remote_of(found) if asked.delivery == "pr" else None)


def _tell(made: list[tuple[Removed, Asked]], waiting: tuple[str, ...], failed: list[str], *, as_json: bool) -> None:
    if as_json:
        items = [outcome(removed, one.reason, None) for removed, one in made]
        print_json(msgspec.json.encode(Outcomes(items, waiting)))
    else:
        for name in waiting:
            click.echo(f"waits to be merged: {name}")
        for removed, one in made:
            if removed.plan.changes or removed.plan.refusals:
                for line in report(removed, one.reason, None):
                    click.echo(line)
        if not any(removed.branch for removed, _ in made):
            click.echo("no branch was made")
    for line in failed:
        click.echo(line, err=True)
