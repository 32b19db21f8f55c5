"""The schema of the PostgreSQL store: bringing it up to date, and who may do what with it."""

from __future__ import annotations

from contextlib import closing
from importlib import resources

from psycopg.sql import SQL, Identifier

from flagtrail.model.errors import StorageCorrupt, StorageFailed
from flagtrail.storage import Examined
from flagtrail.storage._postgres.database import Connection, Location, connect, refusals

APP_ROLE = "flagtrail_app"
"""A group: who is a member may add to the ledger and read it, and can alter nothing of it."""
_TRIGGERS = 10
"""Those that refuse; a test counts them."""
_LOCK = 0x666C61677472
"""Of those who would migrate one database, one at a time."""
_MADE = """
CREATE TABLE flagtrail_schema (
  id      integer PRIMARY KEY CHECK (id = 0),
  version integer NOT NULL
);
INSERT INTO flagtrail_schema VALUES (0, 0)
"""
_GRANTS = (
    "GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {role}",
    "GRANT INSERT ON ledger_entry, ledger_private, actor, entry_index, block, block_term TO {role}",
    "GRANT INSERT, UPDATE ON document TO {role}",
    "GRANT UPDATE ON ledger_head TO {role}",
    "GRANT INSERT, UPDATE, DELETE ON cell, usage_hour, usage_summary, usage_client, usage_reporter TO {role}",
    "GRANT INSERT, UPDATE, DELETE ON usage_report, usage_context, usage_context_ring TO {role}",
    "GRANT INSERT, UPDATE, DELETE ON metric_series, metric_sample TO {role}",
    "GRANT INSERT, UPDATE, DELETE ON code_scan, code_flag, commit_mark TO {role}",
    "GRANT USAGE ON SCHEMA {schema} TO {role}",
)
# From the table itself: `to_regclass` may answer from a cache that does not know what others made meanwhile.
_OURS = "SELECT EXISTS (SELECT FROM pg_tables WHERE schemaname = current_schema() AND tablename = 'flagtrail_schema')"
_PLACE = "SELECT current_schema(), current_setting('server_encoding'), current_setting('server_version_num')::integer"
_SERVER = "SELECT current_setting('server_version')"
_OLDEST_SERVER = 14_00_00


def migrations() -> dict[int, str]:
    """The SQL of each schema version, by number."""
    folder = resources.files(__package__) / "migrations"
    return {
        int(file.name.partition("_")[0]): file.read_text("utf-8")
        for file in sorted(folder.iterdir(), key=lambda file: file.name)
        if file.name.endswith(".sql")
    }


def prepare(location: Location) -> None:
    """See that the database is ours and sound, and bring its schema up to date.

    Raises StorageCorrupt or StorageFailed; a database that is newer than this code is left as it was.
    """
    with refusals(location), closing(connect(location)) as connection:
        if _due(connection, location):
            migrate(connection, location)
        _sound(connection, location)


def migrate(connection: Connection, location: Location) -> range:
    """Apply what is due, all or none; the numbers of what was applied.

    Of several that start at once, one migrates and the others find it done. The group `flagtrail_app` is given its
    rights, and made first where this user may make roles.
    """
    _refuse_other_servers(connection, location)
    with connection.transaction():
        connection.execute("SET LOCAL statement_timeout = 0")
        connection.execute("SET LOCAL lock_timeout = '10min'")
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        due = _due(connection, location)  # looked at again under the lock, as another process may have come first
        scripts = migrations()
        if due and due.start == 1:
            connection.execute(_MADE.encode())
        for number in due:
            connection.execute(scripts[number].encode())
            connection.execute("UPDATE flagtrail_schema SET version = %s", (number,))
        _grant(connection)
    return due


def _due(connection: Connection, location: Location) -> range:
    """The numbers of the migrations that are due; raises StorageFailed where the database is ahead of this code."""
    known = max(migrations())
    present = version(connection)
    if present > known:
        raise StorageFailed(
            f"the database {location.name} was written by a newer Flagtrail (schema {present}, this one knows {known});"
            " install that version or a later one",
            database=location.name,
            schema=present,
            known=known,
        )
    return range(present + 1, known + 1)


def version(connection: Connection) -> int:
    """The schema's number; 0 where there is none yet."""
    if not _value(connection, _OURS):
        return 0
    return int(str(_value(connection, "SELECT version FROM flagtrail_schema")))


def _value(connection: Connection, question: str) -> object:
    found = connection.execute(question.encode()).fetchone()
    return None if found is None else found[0]


def _refuse_other_servers(connection: Connection, location: Location) -> None:
    ((schema, encoding, server),) = connection.execute(_PLACE).fetchall()
    why = None
    if schema is None:
        why = "has no schema to make tables in; create one, or name it by ?options=-csearch_path%3DNAME"
    elif encoding != "UTF8":
        why = f"is encoded in {encoding}; create one with ENCODING 'UTF8'"
    elif server < _OLDEST_SERVER:
        why = f"lies on PostgreSQL {server // 10_000}; 14 or newer is needed"
    if why is not None:
        raise StorageFailed(f"the database {location.name} {why}", database=location.name)


def _grant(connection: Connection) -> None:
    """Give the group what it needs and no more; make it where this user may. Without it the owner alone may serve."""
    ((exists, may),) = connection.execute(
        "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = %s),"
        " (SELECT rolcreaterole OR rolsuper FROM pg_roles WHERE rolname = current_user)",
        (APP_ROLE,),
    ).fetchall()
    if not exists and not may:
        return
    role = Identifier(APP_ROLE)
    if not exists:
        connection.execute(SQL("CREATE ROLE {} NOLOGIN").format(role))
    schema = Identifier(str(_value(connection, "SELECT current_schema()")))
    for grant in _GRANTS:
        connection.execute(SQL(grant).format(role=role, schema=schema))


def _sound(connection: Connection, location: Location) -> None:
    """What can be seen at once; whether every entry is what it was is `flagtrail verify`'s to say."""
    ((head, entries),) = connection.execute(
        "SELECT (SELECT size FROM ledger_head), (SELECT coalesce(max(seq) + 1, 0) FROM ledger_entry)"
    ).fetchall()
    if head != entries:
        raise StorageCorrupt(
            f"the database {location.name} is damaged: its head counts {head} entries, there are {entries}"
        )


_RIGHTS = """
SELECT current_user::text, current_setting('server_version'),
  coalesce((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false), inet_server_addr() IS NULL,
  current_setting('fsync') = 'on' AND current_setting('synchronous_commit') <> 'off',
  (SELECT rolsuper FROM pg_roles WHERE rolname = current_user),
  pg_has_role(c.relowner, 'MEMBER'),
  has_table_privilege(c.oid, 'UPDATE, DELETE, TRUNCATE'),
  (SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal AND tgenabled IN ('O', 'A')
   AND tgrelid IN ('ledger_head'::regclass, 'ledger_entry'::regclass, 'ledger_private'::regclass, 'document'::regclass))
FROM pg_class c WHERE c.oid = 'ledger_entry'::regclass
"""


def examine(connection: Connection, location: Location) -> Examined:
    """What the database itself tells of this connection's user, and of what protects the ledger from it."""
    present, known = version(connection), max(migrations())
    if not present:
        return Examined(
            store=f"PostgreSQL {_value(connection, _SERVER)}",
            place=location.name,
            user=str(_value(connection, "SELECT current_user")),
            schema=0,
            known=known,
            protection="there is no ledger yet: run 'flagtrail migrate'",
        )
    ((user, server, encrypted, local, durable, superuser, owner, alters, triggers),) = connection.execute(
        _RIGHTS
    ).fetchall()
    protection, advice = _protection(triggers, superuser=superuser, owner=owner, alters=alters)
    if not durable:
        advice.append("Turn on fsync and synchronous_commit: a power cut would lose changes that were acknowledged.")
    if not (encrypted or local):
        advice.append("The connection is not encrypted: add ?sslmode=verify-full to the address.")
    return Examined(
        store=f"PostgreSQL {server}",
        place=location.name,
        user=user,
        schema=present,
        known=known,
        protection=protection,
        advice=tuple(advice),
    )


def _protection(triggers: int, *, superuser: bool, owner: bool, alters: bool) -> tuple[str, list[str]]:
    """What keeps a user from altering the ledger, and what would keep it better."""
    if triggers < _TRIGGERS:
        return (
            f"{_TRIGGERS - triggers} of the {_TRIGGERS} triggers that refuse to alter the ledger are missing or off",
            ["Find out who removed them, and verify an export: flagtrail export, then flagtrail verify."],
        )
    if superuser or owner:
        who = "a superuser" if superuser else "the owner of the tables"
        return (
            f"triggers refuse to alter an entry, but this user is {who} and could remove them",
            [f"Serve as a user that is only a member of {APP_ROLE}: GRANT {APP_ROLE} TO that user."],
        )
    if alters:
        return (
            "triggers refuse to alter an entry, but this user holds the right to",
            [f"Take that away: what {APP_ROLE} may do is all that a server needs."],
        )
    return "this user can add to the ledger and read it, and can alter nothing of it", []
