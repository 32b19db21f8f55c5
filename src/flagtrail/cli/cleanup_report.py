"""What is told of a clean-up: lines for people, one object for machines, and the patch."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

import msgspec

from flagtrail.codebase.deliver import Reason, left_alone, told
from flagtrail.codebase.files import shown
from flagtrail.codebase.places import printable
from flagtrail.codebase.remove import Removed


def hand_over(removed: Removed, patch: Path | None, *, as_json: bool) -> bool:
    """Write the patch where it was wanted, or where nothing better was delivered; whether it was printed."""
    if not removed.patch or removed.branch:
        return False
    if patch is not None:
        patch.write_bytes(removed.patch)
        return False
    if as_json:
        return False
    sys.stdout.buffer.write(removed.patch)
    sys.stdout.flush()
    return True


def report(removed: Removed, reason: Reason, patch: Path | None) -> Iterator[str]:
    """What came of a clean-up, in lines for people, in which no name of a file does anything to their terminal."""
    return map(printable, _lines(removed, reason, patch))


def _lines(removed: Removed, reason: Reason, patch: Path | None) -> Iterator[str]:
    plan, repository = removed.plan, removed.repository
    yield f"{plan.flag}: everybody gets {plan.winner.variant}"
    yield from (f"  {each}" for each in reason.evidence)
    yield from (f"  mind: {each}" for each in reason.minds)
    where = f"on {repository.branch}" if repository.branch else "with HEAD detached"
    yield f"made of the commit {repository.commit[:10]} {where}"
    if removed.dirty:
        yield "  note: what you changed and did not commit is no part of it, and was not touched"
    yield from _changed(removed)
    if plan.refusals or plan.notes:
        yield "left alone:"
        yield from (f"  {each}" for each in left_alone(plan))
    if removed.verified is not None:
        yield "checked before and after:"
        for check in removed.verified.checks:
            yield f"  {told(check)}"
            yield from (f"    {finding}" for finding in check.findings)
    yield from _delivered(removed, patch)


def _changed(removed: Removed) -> Iterator[str]:
    changes = removed.plan.changes
    if not changes:
        yield "no code was changed" if removed.plan.refusals else "no code names the flag: nothing to remove"
    for change in changes:
        if change.after is None:
            yield f"  removed  {shown(change.path)}"
        else:
            lines = change.after.count(b"\n") - change.before.count(b"\n")
            by = f"  {lines:+d} line{'' if abs(lines) == 1 else 's'}" if lines else ""
            yield f"  changed  {shown(change.path)}{by}"


def _delivered(removed: Removed, patch: Path | None) -> Iterator[str]:
    if removed.branch:
        yield f"branch {removed.branch}: {removed.commit}"
    if removed.opened is not None:
        yield f"pull request: {removed.opened.url}"
    if removed.text is not None:
        yield f"the text of a pull request is in {removed.text}"
    if patch is not None and removed.patch and not removed.branch:
        yield f"patch: {patch}"
    if removed.refused:
        yield f"NOT DELIVERED: {removed.refused}" if not removed.branch else f"NOT FINISHED: {removed.refused}"
    elif removed.branch:
        yield f"once it is merged: flagtrail flags archive {removed.plan.flag} --commit {removed.commit[:12]}"


# ---------------------------------------------------------------- for machines
class _File(msgspec.Struct, frozen=True):
    path: str
    change: Literal["changed", "removed"]


class Outcome(msgspec.Struct, frozen=True):
    """What `--json` prints. `patch` is null where a branch holds it, a file does, or it is no UTF-8."""

    flag: str
    variant: str
    evidence: tuple[str, ...]
    blockers: tuple[str, ...]
    base: str
    dirty: bool
    files: tuple[_File, ...]
    refusals: tuple[Any, ...]
    notes: tuple[str, ...]
    checks: tuple[Any, ...]
    delivered: bool
    refused: str
    branch: str
    commit: str
    pull_request: str
    patch: str | None


def outcome(removed: Removed, reason: Reason, patch: Path | None) -> Outcome:
    """What came of a clean-up, for machines."""
    plan = removed.plan
    text: str | None = None
    if removed.patch and not removed.branch and patch is None:
        try:
            text = removed.patch.decode()
        except UnicodeDecodeError:
            text = None
    return Outcome(
        flag=plan.flag,
        variant=plan.winner.variant,
        evidence=reason.evidence,
        blockers=reason.minds,
        base=removed.repository.commit,
        dirty=removed.dirty,
        files=tuple(_File(shown(each.path), "removed" if each.after is None else "changed") for each in plan.changes),
        refusals=tuple({**_fields(each), "path": shown(each.path)} for each in plan.refusals),
        notes=plan.notes,
        checks=tuple(_fields(each) for each in removed.verified.checks) if removed.verified is not None else (),
        delivered=removed.verified is not None and not removed.refused,
        refused=removed.refused,
        branch=removed.branch,
        commit=removed.commit,
        pull_request=removed.opened.url if removed.opened is not None else "",
        patch=text,
    )


def _fields(each: object) -> dict[str, object]:
    return asdict(each)  # type: ignore[call-overload,no-any-return]  # a dataclass
