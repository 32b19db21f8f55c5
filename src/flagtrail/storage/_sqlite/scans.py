"""Scans of source code in the SQLite store: the statements, and nothing about who may run them."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import msgspec

from flagtrail.model.reference import ScanHead, ScannedFlag, ScannedQuery
from flagtrail.storage import _scans as rows
from flagtrail.storage._sqlite.writer import Statements

_OF = "project = ? AND repository = ? AND branch = ?"
_HEAD = "project, repository, branch, revision, at, received, is_default, url, files, skipped"
"""The fields of `ScanHead`, in their order."""
_PLACES = {True: "places", False: "'[]'"}
_OLD = "SELECT project, repository, branch FROM code_scan WHERE NOT is_default AND received < ?"


def put(statements: Statements, head: ScanHead, flags: Sequence[ScannedFlag]) -> bool:
    """See `Storage.put_scan`."""
    place = (head.project, head.repository, head.branch)
    if statements.fetch(f"SELECT 1 FROM code_scan WHERE {_OF} AND at > ?", (*place, head.at)):  # noqa: S608 - our own text
        return False
    held = statements.fetch(f"SELECT flag, about FROM code_flag WHERE {_OF}", place)  # noqa: S608 - as above
    added = rows.merged({flag: rows.history(about) for flag, about in held}, head, flags)
    _delete(statements, place)
    values = [getattr(head, name) for name in head.__struct_fields__]
    statements.execute(f"INSERT INTO code_scan ({_HEAD}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", values)  # noqa: S608 - as above
    statements.execute_many(
        "INSERT INTO code_flag VALUES (?, ?, ?, ?, ?, ?)",
        [(head.project, flag.flag, *head.place, rows.told(flag), rows.places(flag)) for flag in added],
    )
    return True


def heads(connection: sqlite3.Connection, project: str | None) -> list[ScanHead]:
    """See `Storage.scans`."""
    found = connection.execute(
        f"SELECT {_HEAD} FROM code_scan WHERE :project IS NULL OR project = :project"  # noqa: S608 - our own text
        " ORDER BY project, repository, branch",
        {"project": project},
    )
    return [msgspec.structs.replace(ScanHead(*row), default=bool(row[6])) for row in found]


def flags(connection: sqlite3.Connection, query: ScannedQuery) -> list[ScannedFlag]:
    """See `Storage.scanned_flags`."""
    repository, branch = query.place or (None, None)
    found = connection.execute(
        f"SELECT repository, branch, flag, about, {_PLACES[query.references]} FROM code_flag"  # noqa: S608 - our own text
        f" WHERE project = :project{'' if query.flag is None else ' AND flag = :flag'}"
        f"{'' if query.place is None else ' AND repository = :repository AND branch = :branch'}"
        " ORDER BY flag, repository, branch",
        {"project": query.project, "flag": query.flag, "repository": repository, "branch": branch},
    )
    return [rows.scanned(row) for row in found]


def delete(statements: Statements, project: str, repository: str) -> int:
    """See `Storage.delete_scans`."""
    place = (project, repository)
    statements.execute("DELETE FROM code_flag WHERE project = ? AND repository = ?", place)
    return statements.execute("DELETE FROM code_scan WHERE project = ? AND repository = ?", place)


def delete_old(statements: Statements, before: str) -> int:
    """See `Storage.delete_old_scans`."""
    gone = statements.fetch(_OLD, (before,))
    for place in gone:
        _delete(statements, place)
    return len(gone)


def _delete(statements: Statements, place: Sequence[str]) -> None:
    for table in ("code_flag", "code_scan"):
        statements.execute(f"DELETE FROM {table} WHERE {_OF}", place)  # noqa: S608 - our own text
