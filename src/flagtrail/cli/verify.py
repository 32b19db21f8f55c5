"""Checking an export or a report, offline: verify."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import asdict
from pathlib import Path

import click
import msgspec

from flagtrail.cli.output import print_json, progress
from flagtrail.ledger.checkpoint import NoteError, parse_vkey
from flagtrail.ledger.period import PeriodRefuted, Verified, verify_report
from flagtrail.ledger.verify import verify_bundle


@click.command
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@click.option("--key", "keys", multiple=True, metavar="KEY", help="A verifier key that you trust; repeatable.")
@click.option(
    "--held",
    multiple=True,
    type=click.Path(exists=True, path_type=Path),
    help="A checkpoint, receipt or entry that you kept; repeatable.",
)
@click.option("--deep", is_flag=True, help="Read every entry and every value as well.")
@click.option("as_json", "--json", is_flag=True, help="Print JSON, for machines.")
def verify(path: Path, *, keys: tuple[str, ...], held: tuple[Path, ...], deep: bool, as_json: bool) -> int:
    """Check an export or a report, offline.

    PATH is the folder that `flagtrail export` wrote, or a tar of it; or a report
    as JSON Lines (a file that ends in .jsonl). The key comes from whoever runs
    the ledger, never from the export. Exit code: 0 verified, 1 tampered with,
    2 cannot be decided.

    Example:
      flagtrail verify audit-2026 --key 'flags.example.com+1a2b3c4d+AZ...'
    """
    if not keys:
        raise click.UsageError(
            "Whose ledger is it? Name the key that its owner gave you: --key KEY ('flagtrail export' prints it)."
        )
    if path.suffix == ".jsonl":
        if held or deep or len(keys) > 1:
            raise click.UsageError("A report is checked with one --key, without --held and --deep.")
        return _verify_report(path, keys[0], as_json=as_json)
    with progress("Verifying") as tick:
        report = verify_bundle(path, keys, held, deep=deep, progress=tick)
    if as_json:
        print_json(msgspec.json.encode({**asdict(report), "exit_code": report.exit_code}))
    else:
        click.echo(report.text(), nl=False)
    return report.exit_code


def _verify_report(path: Path, key: str, *, as_json: bool) -> int:
    """Check a report as JSON Lines; the exit code."""
    problem = found = None
    try:
        vkey = parse_vkey(key)
    except NoteError as error:
        return _tell(2, f"CANNOT BE DECIDED: the verifier key cannot be used: {error}\n", None, as_json=as_json)
    try:
        with path.open("rb") as lines:
            found = verify_report(lines, vkey)
    except (PeriodRefuted, NoteError) as error:
        problem = str(error)
    if found is None:
        return _tell(1, f"TAMPERED WITH: {problem}\n", None, as_json=as_json)
    return _tell(0, f"VERIFIED: {found.text()}", found, as_json=as_json)


def _tell(code: int, text: str, found: Verified | None, *, as_json: bool) -> int:
    if as_json:
        facts = {} if found is None else {**asdict(found), "root": b64encode(found.root).decode()}
        print_json(msgspec.json.encode({**facts, "text": text.strip(), "exit_code": code}))
    else:
        click.echo(text, nl=False)
    return code


COMMANDS = {"verify": verify}
