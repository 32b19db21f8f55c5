"""Whether a commit came to be whose answer was lost: each writer sets a mark of its own in every transaction.

The transaction's number cannot tell (`pg_xact_status`): after a crash PostgreSQL gives the number of one that never
reached its log to another one, which may be committed. Nor can it after a failover, on a server that never saw it.
"""

from __future__ import annotations

from uuid import UUID

from flagtrail.storage._postgres.database import Connection

_SET = (
    "INSERT INTO commit_mark VALUES (%s, %s, now())"
    " ON CONFLICT (writer) DO UPDATE SET number = excluded.number, at = excluded.at"
)


def leave(connection: Connection, writer: UUID, number: int) -> None:
    """Set a writer's mark, within the transaction that it is to tell of."""
    connection.execute(_SET, (writer, number))


def newest(connection: Connection, writer: UUID) -> int | None:
    """The number of a writer's newest commit; None where it has none. Waits until its last transaction is over."""
    with connection.transaction():
        connection.execute("SELECT FROM ledger_head FOR UPDATE")  # which each transaction of a writer holds
        found = connection.execute("SELECT number FROM commit_mark WHERE writer = %s", (writer,)).fetchone()
    return None if found is None else int(found[0])


def delete_old(connection: Connection) -> None:
    """Remove the marks of processes that are gone. One that has only been idle sets its mark anew."""
    connection.execute("DELETE FROM commit_mark WHERE at < now() - interval '1 day'")
