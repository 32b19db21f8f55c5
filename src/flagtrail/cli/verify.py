"""Checking an export or a report, offline: verify."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click
import msgspec

from flagtrail.cli.output import print_json, progress
from flagtrail.ledger.period import check_report
from flagtrail.ledger.verify import REPORT_SUFFIX, verify_bundle


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
    if path.suffix == REPORT_SUFFIX:
        if held or deep:
            raise click.UsageError("A report is checked without --held and --deep: it is always read in full.")
        outcome = check_report(path, keys)
        if as_json:
            print_json(msgspec.json.encode(outcome.facts()))
        else:
            click.echo(outcome.text(), nl=False)
        return outcome.exit_code
    with progress("Verifying") as tick:
        report = verify_bundle(path, keys, held, deep=deep, progress=tick)
    if as_json:
        print_json(msgspec.json.encode({**asdict(report), "exit_code": report.exit_code}))
    else:
        click.echo(report.text(), nl=False)
    return report.exit_code


COMMANDS = {"verify": verify}
