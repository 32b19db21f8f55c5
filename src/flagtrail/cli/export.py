"""Writing the ledger to a folder, for an auditor: export."""

from __future__ import annotations

import shutil
import tarfile
import tempfile
from pathlib import Path
from typing import IO

import click

from flagtrail.cli.called import command_name
from flagtrail.cli.options import asks
from flagtrail.cli.output import facts, print_json, progress, say
from flagtrail.cli.session import Session
from flagtrail.model.errors import AlreadyExists, ServerUnreachable


@click.command
@click.option(
    "--out", required=True, metavar="DIR", type=click.Path(path_type=Path), help="The folder; it must be new or empty."
)
@asks
def export(session: Session, out: Path) -> None:
    """Write the ledger to a folder, for an auditor.

    Entries, values, checkpoint, proof, and the verifier itself. The auditor
    gets the key by another way than the folder: it is printed here.

    Example:
      flagtrail export --out audit-2026
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise AlreadyExists(f"{out} exists and is not an empty folder")
    key = session.get(session.of("ledger", "key")).body.decode().strip()
    out.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    try:
        size = _fetch(session, draft)
        draft.chmod(0o755)
        draft.replace(out)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    if session.as_json:
        import msgspec

        print_json(msgspec.json.encode({"folder": str(out), "bytes": size, "key": key}))
        return
    facts([("folder", str(out)), ("bytes", f"{size:,}"), ("key", key)])
    say("\nCheck it anywhere, without a server:")
    click.echo(f"  {command_name()} verify {out} --key '{key}'")  # on one line, however long, so that it can be copied


def _fetch(session: Session, folder: Path) -> int:
    """Unpack the export into the folder; the bytes that came. One that broke off is refused."""
    with tempfile.TemporaryFile(dir=folder.parent) as spool:
        with progress("Exporting") as tick:

            def take(chunk: bytes) -> None:
                spool.write(chunk)
                tick(spool.tell())

            session.stream(session.of("ledger", "export"), take)
        size = spool.tell()
        spool.seek(0)
        _unpack(spool, folder)
    return size


def _unpack(spool: IO[bytes], folder: Path) -> None:
    try:
        with tarfile.open(fileobj=spool, mode="r:") as bundle:
            bundle.extractall(folder, filter="data")
    except tarfile.TarError as error:
        raise ServerUnreachable(f"the export broke off: {error}") from error
    if not (folder / "MANIFEST").exists() and not any(folder.rglob("MANIFEST*")):
        raise ServerUnreachable("the export broke off before its manifest; repeat it")


COMMANDS = {"export": export}
