"""The store in a PostgreSQL database, for several replicas. It is `_postgres/store.py`, which needs psycopg.

See docs/reference/storage.md and docs/decisions/0011-postgres.md.
"""

from __future__ import annotations

from flagtrail.model.errors import ExtraMissing
from flagtrail.storage import Storage

SCHEMES = ("postgresql", "postgres")
DURABLE = True


def open_storage(url: str) -> Storage:
    """Open the database that the URL names, with its schema brought up to date.

    Raises SettingInvalid, StorageCorrupt (damaged), StorageFailed (cannot be
    reached, is not allowed, or was written by a newer Flagtrail), and
    ExtraMissing where psycopg is not installed.
    """
    try:
        from flagtrail.storage._postgres.store import open_database
    except ModuleNotFoundError as error:
        raise ExtraMissing(f"PostgreSQL needs {error.name}, which comes with the extra [postgres]") from error
    return open_database(url)
