"""Scans of source code in the PostgreSQL store: the statements, and nothing about who may run them."""

from __future__ import annotations

from collections.abc import Sequence

from flagtrail.model.reference import ScanHead, ScannedFlag, ScannedQuery
from flagtrail.storage import _scans as rows
from flagtrail.storage._postgres.database import Connection

_OF = "project = %s AND repository = %s AND branch = %s"
_HEAD = "project, repository, branch, revision, at, received, is_default, url, files, skipped"
"""The fields of `ScanHead`, in their order."""
_PLACES = {True: "places", False: "'[]'"}
# The row is taken before what hangs on it is looked at: of two scans of one branch the second waits for the first.
_TAKE = (
    f"INSERT INTO code_scan AS held ({_HEAD}) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"  # noqa: S608 - our own text
    " ON CONFLICT (project, repository, branch) DO UPDATE SET revision = excluded.revision, at = excluded.at,"
    " received = excluded.received, is_default = excluded.is_default, url = excluded.url, files = excluded.files,"
    " skipped = excluded.skipped WHERE held.at <= excluded.at"
)
_ADD = (
    "INSERT INTO code_flag SELECT %s, flag, %s, %s, about, places"
    " FROM unnest(%s::text[], %s::text[], %s::text[]) AS added (flag, about, places)"
)


def put(connection: Connection, head: ScanHead, flags: Sequence[ScannedFlag]) -> bool:
    """See `Storage.put_scan`."""
    place = (head.project, head.repository, head.branch)
    values = [getattr(head, name) for name in head.__struct_fields__]
    if not connection.execute(_TAKE.encode(), values).rowcount:
        return False
    held = connection.execute(f"SELECT flag, about FROM code_flag WHERE {_OF}".encode(), place).fetchall()  # noqa: S608 - our own text
    added = rows.merged({flag: rows.history(about) for flag, about in held}, head, flags)
    connection.execute(f"DELETE FROM code_flag WHERE {_OF}".encode(), place)  # noqa: S608 - our own text
    columns = (
        [flag.flag for flag in added],
        [rows.told(flag) for flag in added],
        [rows.places(flag) for flag in added],
    )
    connection.execute(_ADD, (*place, *columns))
    return True


def heads(connection: Connection, project: str | None) -> list[ScanHead]:
    """See `Storage.scans`."""
    question = (
        f"SELECT {_HEAD} FROM code_scan WHERE %(project)s::text IS NULL OR project = %(project)s"  # noqa: S608 - our own text
        " ORDER BY project, repository, branch"
    )
    found = connection.execute(question.encode(), {"project": project})
    return [ScanHead(*row) for row in found]


def flags(connection: Connection, query: ScannedQuery) -> list[ScannedFlag]:
    """See `Storage.scanned_flags`."""
    repository, branch = query.place or (None, None)
    question = (
        f"SELECT repository, branch, flag, about, {_PLACES[query.references]} FROM code_flag"  # noqa: S608 - our own text
        f" WHERE project = %(project)s{'' if query.flag is None else ' AND flag = %(flag)s'}"
        f"{'' if query.place is None else ' AND repository = %(repository)s AND branch = %(branch)s'}"
        " ORDER BY flag, repository, branch"
    )
    given = {"project": query.project, "flag": query.flag, "repository": repository, "branch": branch}
    return [rows.scanned(row) for row in connection.execute(question.encode(), given)]


def delete(connection: Connection, project: str, repository: str) -> int:
    """See `Storage.delete_scans`."""
    gone = connection.execute("DELETE FROM code_scan WHERE project = %s AND repository = %s", (project, repository))
    return gone.rowcount


def delete_old(connection: Connection, before: str) -> int:
    """See `Storage.delete_old_scans`."""
    return connection.execute("DELETE FROM code_scan WHERE NOT is_default AND received < %s", (before,)).rowcount
