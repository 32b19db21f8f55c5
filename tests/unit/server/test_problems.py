"""What a problem tells outside of what is for the log alone."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import psycopg
import pytest

from flagtrail.model.errors import FlagtrailError, OutcomeUnknown
from flagtrail.server.problems import problem
from flagtrail.storage._postgres.database import Location
from flagtrail.storage._postgres.database import refusal as of_postgresql
from flagtrail.storage._sqlite.database import refusal as of_sqlite

PLACE = Location.from_url("postgresql://app@db.internal:6432/flags")


@pytest.mark.parametrize(
    ("error", "detail"),
    [
        (
            of_postgresql(psycopg.errors.DiskFull('could not extend file "base/1/2"'), PLACE),
            "the database has no space left on its disk; free some, then repeat",
        ),
        (
            of_postgresql(psycopg.OperationalError('connection to server at "db.internal" failed'), PLACE),
            "the database cannot be reached; check that it runs and can be reached from here",
        ),
        (
            of_sqlite(sqlite3.DatabaseError("database disk image is malformed"), Path("/srv/flags.db")),
            "the database failed",
        ),
        (OutcomeUnknown(f"the database {PLACE.name} was lost", database=PLACE.name), "the database was lost"),
    ],
    ids=["full", "away", "malformed", "unknown"],
)
def test_problem__of_a_database__says_what_to_do_and_not_where_it_lies(error: FlagtrailError, detail: str) -> None:
    told = problem(error, "r_1")

    assert told.members["detail"] == detail
    assert not any(word in told.body for word in (b"db.internal", b"base/1", b"/srv", b"malformed"))
