"""Removing a flag from source code: cleanup."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click
import msgspec

from flagtrail.analysis.staleness import FlagStaleness, StaleReport
from flagtrail.cli.inputs import json_file
from flagtrail.cli.options import asks
from flagtrail.cli.output import print_json
from flagtrail.cli.refusals import EXIT_DONE, EXIT_REFUSED
from flagtrail.cli.session import Session
from flagtrail.cli.views import Document
from flagtrail.model.errors import CleanupRefused, InvalidQuery

if TYPE_CHECKING:
    from flagtrail.codebase.cleanup import Winner
    from flagtrail.codebase.deliver import Reason
    from flagtrail.codebase.remove import Delivery, Removed

MOST_REFUSALS = 200


@click.command
@click.argument("flag")
@click.option(
    "--repo",
    metavar="PATH",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=".",
    show_default=True,
    help="A folder in the repository.",
)
@click.option("--variant", metavar="NAME", help="What everybody gets from now on.  [default: the server's verdict]")
@click.option("--flag-file", metavar="FILE", help="The flag's document (JSON), instead of asking a server.")
@click.option("--verify", "command", metavar="COMMAND", help="Runs before and after.  [default: .flagtrail.toml's]")
@click.option("--seconds", type=click.FloatRange(1, 86_400), default=1_800, show_default=True, help="It may take.")
@click.option("--branch", is_flag=True, help="Make a branch with one commit.")
@click.option("--patch", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path), help="Write a patch.")
@click.option("--pr", is_flag=True, help="Make the branch, push it, open a pull request (gh or glab).")
@click.option("--strict", is_flag=True, help="Deliver nothing where any place is left alone.")
@click.option("--dry-run", is_flag=True, help="Only plan: verify and deliver nothing.")
@click.option("--why", default="", help="The reason, for the commit's message.")
@asks
def cleanup(  # noqa: PLR0913 - each is an option
    session: Session,
    flag: str,
    *,
    repo: Path,
    variant: str | None,
    flag_file: str | None,
    command: str | None,
    seconds: float,
    branch: bool,
    patch: Path | None,
    pr: bool,
    strict: bool,
    dry_run: bool,
    why: str,
) -> int:
    """Remove a flag from source code, and prove that nothing else changed.

    The clean-up is made and tried in a temporary worktree at HEAD. Without
    --branch, --patch or --pr it is printed as a patch.

    Example:
      flagtrail cleanup new_pricing --repo ~/src/shop --verify "make test" --branch
    """
    if sum((branch, patch is not None, pr)) > 1:
        raise click.UsageError("Choose one of --branch, --patch and --pr.")
    from flagtrail.codebase.remove import Asked, remove

    winner, reason = _winner(session, flag, variant, flag_file, why)
    delivery: Delivery = "pr" if pr else "branch" if branch else "patch"
    removed = remove(
        Asked(
            path=repo,
            flag=flag,
            winner=winner,
            reason=reason,
            delivery=delivery,
            verify=command,
            seconds=seconds,
            strict=strict,
            dry=dry_run,
            text=Path.cwd() / f"flagtrail-remove-{flag}.md",
        ),
        _progress,
    )
    printed = _hand_over(removed, patch, as_json=session.as_json)
    if session.as_json:
        print_json(msgspec.json.encode(_as_json(removed, reason, patch)))
    else:
        for line in _report(removed, reason, patch):
            click.echo(line, err=printed)
    return EXIT_REFUSED if removed.refused else EXIT_DONE


# ---------------------------------------------------------------- which variant stays
def _winner(session: Session, flag: str, variant: str | None, flag_file: str | None, why: str) -> tuple[Winner, Reason]:
    """What the flag answers from now on, and why; raises CleanupRefused where nobody says it."""
    from flagtrail.codebase.cleanup import Winner
    from flagtrail.codebase.deliver import Reason

    if flag_file is not None:
        document = json_file(flag_file)
        if not isinstance(document, dict) or document.get("key") != flag:
            raise CleanupRefused(f"{flag_file} is not the document of the flag {flag!r}", flag=flag)
        verdict = None
    else:
        document = session.get(session.of_project("flags", flag)).read(Document).document
        report = session.get(session.of_project("stale")).read(StaleReport)
        verdict = next((each for each in report.flags if each.flag == flag), None)
    chosen = variant or _decided(flag, verdict)
    variants: dict[str, Any] = document.get("variants") or {}
    if chosen not in variants:
        known = ", ".join(variants) or "none"
        raise InvalidQuery(f"{flag} has no variant {chosen!r}; it has {known}", parameter="variant")
    evidence = tuple(f"{each.code}: {each.evidence}" for each in verdict.reasons) if verdict is not None else ()
    if variant is not None and (verdict is None or verdict.winning_variant != variant):
        evidence = (*evidence, f"the variant {variant} was chosen by hand")
    minds = tuple(f"{each.code}: {each.evidence}" for each in verdict.blockers) if verdict is not None else ()
    return Winner(chosen, variants[chosen]), Reason(why, evidence, minds)


def _decided(flag: str, verdict: FlagStaleness | None) -> str:
    if verdict is None:
        told = f"nobody says which variant of {flag} stays: name it with --variant"
        raise CleanupRefused(told, flag=flag)
    if verdict.winning_variant is None:
        reasons = [f"{each.code}: {each.evidence}" for each in verdict.reasons]
        blockers = [f"{each.code}: {each.evidence}" for each in verdict.blockers]
        why = "; ".join((*reasons, *blockers)) or "nothing speaks for its removal"
        raise CleanupRefused(
            f"the server does not say that everybody gets one variant of {flag} ({verdict.stage}: {why});"
            " if you know better, name the one that stays with --variant",
            flag=flag,
            stage=verdict.stage,
        )
    return verdict.winning_variant


# ---------------------------------------------------------------- what is told
def _progress(text: str) -> None:
    if sys.stderr.isatty():
        click.echo(click.style(f"  {text} ...", dim=True), err=True)


def _hand_over(removed: Removed, patch: Path | None, *, as_json: bool) -> bool:
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


def _report(removed: Removed, reason: Reason, patch: Path | None) -> Iterator[str]:
    from flagtrail.codebase.deliver import told, told_refusal

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
        yield from (f"  {told_refusal(each)}" for each in plan.refusals[:MOST_REFUSALS])
        yield from (f"  {each}" for each in plan.notes)
        if len(plan.refusals) > MOST_REFUSALS:
            yield f"  and {len(plan.refusals) - MOST_REFUSALS} more"
    if removed.verified is not None:
        yield "checked before and after:"
        for check in removed.verified.checks:
            yield f"  {told(check)}"
            yield from (f"    {finding}" for finding in check.findings)
    yield from _delivered(removed, patch)


def _changed(removed: Removed) -> Iterator[str]:
    from flagtrail.codebase.files import shown

    changes = removed.plan.changes
    if not changes:
        yield "no code was changed" if removed.plan.refusals else "no code names the flag: nothing to remove"
    for change in changes:
        if change.after is None:
            yield f"  removed  {shown(change.path)}"
        else:
            lines = change.after.count(b"\n") - change.before.count(b"\n")
            yield f"  changed  {shown(change.path)}  {lines:+d} lines" if lines else f"  changed  {shown(change.path)}"


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


class _Outcome(msgspec.Struct, frozen=True):
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


def _as_json(removed: Removed, reason: Reason, patch: Path | None) -> _Outcome:
    from flagtrail.codebase.files import shown

    plan = removed.plan
    text: str | None = None
    if removed.patch and not removed.branch and patch is None:
        try:
            text = removed.patch.decode()
        except UnicodeDecodeError:
            text = None
    return _Outcome(
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
    from dataclasses import asdict

    return asdict(each)  # type: ignore[call-overload,no-any-return]  # a dataclass


COMMANDS = {"cleanup": cleanup}
