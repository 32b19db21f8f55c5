"""Copying a database file while others write to it."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from flagtrail.model.errors import StorageFailed
from flagtrail.storage._sqlite.database import Location, connect, refusals


def copy(location: Location, file: Path) -> None:
    """Write what is durable now to a new file, readable by its owner alone. Writers need not wait.

    Raises StorageFailed where either cannot be used; the file is then not complete.
    """
    try:
        os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except OSError as error:
        raise StorageFailed(f"{file} cannot be made: {error.strerror}", path=str(file)) from error
    with refusals(location.path), closing(connect(location)) as source:
        source.execute("BEGIN")
        source.execute("SELECT size FROM ledger_head").fetchone()  # from here on the snapshot stands
        with refusals(file), closing(sqlite3.connect(file, isolation_level=None)) as target:
            target.execute("PRAGMA synchronous = FULL")
            # In one step: copied in several, every change by another process would begin it anew.
            source.backup(target, pages=-1)
