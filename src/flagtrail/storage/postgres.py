"""The store in a PostgreSQL database, for several replicas. It is `_postgres/store.py`, which needs psycopg.

See docs/reference/storage.md and docs/decisions/0011-postgres.md.
"""

from __future__ import annotations

import importlib
from types import ModuleType

from flagtrail.model.errors import ExtraMissing
from flagtrail.storage import Examined, Storage

SCHEMES = ("postgresql", "postgres")
DURABLE = True


def open_storage(url: str) -> Storage:
    """Open the database that the URL names, with its schema brought up to date.

    Raises SettingInvalid, StorageCorrupt (damaged), StorageFailed (cannot be
    reached, is not allowed, or was written by a newer Flagtrail), and
    ExtraMissing where psycopg is not installed.
    """
    opened: Storage = _store().open_database(url)
    return opened


def examine(url: str) -> Examined:
    """See `flagtrail.storage.examine`."""
    examined: Examined = _store().examine(url)
    return examined


def migrate(url: str) -> None:
    """Bring the schema up to date, and give the group `flagtrail_app` its rights."""
    _store().migrate(url)


def _store() -> ModuleType:
    try:
        return importlib.import_module("flagtrail.storage._postgres.store")
    except ModuleNotFoundError as error:
        raise ExtraMissing(f"PostgreSQL needs {error.name}, which comes with the extra [postgres]") from error
