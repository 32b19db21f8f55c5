"""Removing flags from source code: cleanup."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click
import msgspec

from flagtrail.cli.options import asks, repository_option
from flagtrail.cli.output import print_json
from flagtrail.cli.refusals import EXIT_DONE, EXIT_REFUSED
from flagtrail.cli.session import Session

if TYPE_CHECKING:
    from flagtrail.cli.cleanup_choice import Choice
    from flagtrail.codebase.remove import Asked, Delivery


@click.command
@click.argument("flag", required=False)
@click.option(
    "--at",
    "stage",
    type=click.Choice(["ready_to_remove", "stale"]),
    help="Every flag at this stage, instead of one; with --branch or --pr.",
)
@click.option(
    "--limit",
    type=click.IntRange(1, 100),
    default=3,
    show_default=True,
    help="With --at: so many branches at once, those that wait to be merged included.",
)
@repository_option
@click.option(
    "--variant",
    metavar="NAME",
    help="What everybody gets from now on; also without a server: on, off, or a text.  [default: the server's verdict]",
)
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
    flag: str | None,
    *,
    stage: Literal["ready_to_remove", "stale"] | None,
    limit: int,
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
      flagtrail cleanup --at ready_to_remove --limit 3 --pr
    """
    if sum((branch, patch is not None, pr)) > 1:
        raise click.UsageError("Choose one of --branch, --patch and --pr.")
    delivery: Delivery = "pr" if pr else "branch" if branch else "patch"

    def asked(choice: Choice) -> Asked:
        from flagtrail.codebase.remove import Asked

        return Asked(
            path=repo,
            flag=choice.flag,
            winner=choice.winner,
            reason=choice.reason,
            delivery=delivery,
            verify=command,
            seconds=seconds,
            strict=strict,
            dry=dry_run,
            text=Path.cwd() / f"flagtrail-remove-{choice.flag}.md",
        )

    from flagtrail.cli import cleanup_choice as choose

    if stage is not None:
        if flag or variant or flag_file or delivery == "patch":
            raise click.UsageError("--at takes every flag of a stage, and needs --branch or --pr.")
        from flagtrail.cli.cleanup_every import every

        found = choose.at_stage(session, stage, why)
        return every(found, asked, limit, as_json=session.as_json, progress=_progress)
    if flag is None:
        raise click.UsageError("Name a flag, or a stage with --at.")
    choice = (
        choose.of_server(session, flag, variant, why)
        if flag_file is None
        else choose.of_file(flag_file, flag, variant, why)
    )
    return _one(session, asked(choice), patch)


def _one(session: Session, asked: Asked, patch: Path | None) -> int:
    from flagtrail.cli.cleanup_report import hand_over, outcome, report
    from flagtrail.codebase.remove import remove

    removed = remove(asked, _progress)
    printed = hand_over(removed, patch, as_json=session.as_json)
    if session.as_json:
        print_json(msgspec.json.encode(outcome(removed, asked.reason, patch)))
    else:
        for line in report(removed, asked.reason, patch):
            click.echo(line, err=printed)
    return EXIT_REFUSED if removed.refused else EXIT_DONE


def _progress(text: str) -> None:
    if sys.stderr.isatty():
        click.echo(click.style(f"  {text} ...", dim=True), err=True)


COMMANDS = {"cleanup": cleanup}
