"""Who asks: tokens, sessions, login links and passwords; and what becomes of failed attempts."""

from __future__ import annotations

import hashlib
import secrets
import threading
from datetime import timedelta
from functools import cached_property
from typing import cast

import msgspec
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from flagtrail.app.change import Changes, Receipt
from flagtrail.app.clock import Clock, read_time, stamp
from flagtrail.app.identity import SYSTEM_IDENTITY, Identity
from flagtrail.model.access import Member, SigninFailures, Token
from flagtrail.model.actor import Actor, Via
from flagtrail.model.change import Change, Operation
from flagtrail.model.document import encode
from flagtrail.model.errors import Defect, Forbidden, InvalidDocument, InvalidQuery, NotFound, Unauthenticated
from flagtrail.model.state import State
from flagtrail.model.subject import member_subject, signin_subject, token_subject
from flagtrail.storage import Cell, Storage, Transaction

LOGIN_LINK_HOURS = 24
MIN_PASSWORD = 12
MAX_PASSWORD = 1_024
_WRONG = "the credential is missing, wrong, expired or revoked"


class Issued(msgspec.Struct, frozen=True):
    """A new token: its document's receipt and its secret, which is shown once and stored only as a hash."""

    receipt: Receipt
    secret: str


class Session(msgspec.Struct, frozen=True):
    """One signed-in browser. `csrf` must come back with every form."""

    member: str
    csrf: str


class Access:
    """Turns credentials into identities; denies by default."""

    def __init__(self, storage: Storage, changes: Changes, clock: Clock, *, session_hours: float) -> None:
        self._storage = storage
        self._changes = changes
        self._clock = clock
        self._session_hours = session_hours
        self._hasher = PasswordHasher()
        self._tokens: tuple[object, dict[str, Token]] = (None, {})
        self._local = secrets.token_hex(32)
        self._local_identity: Identity | None = None
        self._failures: dict[tuple[str, str], int] = {}
        self._counting = threading.Lock()

    # Tokens

    def issue_token(self, identity: Identity, token: Token, *, why: str = "", request: str = "") -> Issued:
        """Create a token; its secret (prefix and 256 random bits) is returned here and nowhere else."""
        if token.kind in {"server", "client"} and (token.project is None or token.environment is None):
            raise InvalidDocument([Defect("/environment", f"a {token.kind} token needs a project and an environment")])
        self._refuse_unknown_scope(token)
        token = msgspec.structs.replace(token, expires_at=_expiry(token))
        secret = f"ft_{token.kind}_{secrets.token_urlsafe(32)}"
        operation = Operation(action="create", subject=token_subject(token.key), value=encode(token))
        cell = ("token", Cell(_hash(secret), token.key.encode()))
        receipt = self._changes.apply(identity, Change(operations=(operation,), why=why), request=request, cells=[cell])
        return Issued(receipt, secret)

    def _refuse_unknown_scope(self, token: Token) -> None:
        state = self._changes.state
        if token.project is not None and token.project not in state.projects():
            raise NotFound(f"there is no project {token.project!r}", kind="project", key=token.project)
        if token.environment is not None and state.environment(token.project or "", token.environment) is None:
            raise NotFound(f"there is no environment {token.environment!r}", kind="environment", key=token.environment)

    def by_token(self, secret: str, *, via: Via = "api", look_up: bool = True) -> Identity:
        """The identity behind a token; raises Unauthenticated, and counts it, where it is not good.

        Without `look_up` the database is not asked for one that this process does not know.
        """
        if self._local_identity is not None and secrets.compare_digest(secret.encode(), self._local.encode()):
            return self._local_identity
        token = self._token(_hash(secret), look_up=look_up)
        if token is None or not self._is_good(token):
            self.count_failure("token")
            raise Unauthenticated(_WRONG)
        return _token_identity(token, via)

    def again(self, identity: Identity) -> Identity:
        """The identity as its token stands now; raises Unauthenticated where that is not good any more.

        For what lasts longer than a request. It reads memory alone: nobody waits for it.
        """
        if identity.token is None:
            return identity
        token = cast("Token | None", self._changes.state.get(token_subject(identity.token)))
        if token is None or not self._is_good(token):
            raise Unauthenticated(_WRONG)
        return _token_identity(token, identity.actor.via)

    def _is_good(self, token: Token) -> bool:
        return not token.revoked and (token.expires_at is None or token.expires_at > self._now())

    def _token(self, hashed: str, *, look_up: bool) -> Token | None:
        """The token; one that is not known may have been made by another process a moment ago."""
        token = self._known_tokens().get(hashed)
        if token is None and look_up and self._storage.cell("token", hashed) is not None:
            self._changes.catch_up()
            token = self._known_tokens().get(hashed)
        return token

    def _known_tokens(self) -> dict[str, Token]:
        """Tokens by hash, in memory: read anew only after a token's document changed."""
        table = self._changes.state.tables.get(("token", ""))
        seen, known = self._tokens
        if table is None or table is seen:
            return known
        keys = {cell.key: cell.value.decode() for cell in self._storage.cells("token")}
        known = {
            hashed: cast("Token", held.document)
            for hashed, key in keys.items()
            if (held := table.get(key)) is not None and held.document is not None
        }
        self._tokens = (table, known)
        return known

    def local_credential(self, name: str) -> str:
        """A credential of this process alone for the user of the operating system: the command line in process."""
        actor = Actor(kind="person", id=f"act_os_{_hash(name)[:12]}", name=name, auth="os", via="cli")
        self._local_identity = Identity(actor, role="admin")
        return self._local

    # People

    def member_identity(self, key: str, *, via: Via = "web") -> Identity:
        """The identity of an active member; raises Unauthenticated for anyone else."""
        member = self._member(self._changes.state, key)
        if member is None or not member.active:
            raise Unauthenticated(_WRONG)
        actor = Actor(
            kind="person",
            id=f"act_{_hash(member.key)[:16]}",
            name=member.name,
            email=member.email,
            auth="session",
            via=via,
        )
        return Identity(actor, role=member.role, grants=member.grants)

    def _member(self, state: State, key: str) -> Member | None:
        return cast("Member | None", state.get(member_subject(key)))

    def login_link_secret(self, member: str) -> str:
        """A secret that signs the member in once, within a day."""
        if self._member(self._changes.state, member) is None:
            raise NotFound(f"there is no member {member!r}", kind="member", key=member)
        secret = secrets.token_urlsafe(32)
        expires = (self._clock() + timedelta(hours=LOGIN_LINK_HOURS)).timestamp()
        self._storage.put_cell("login", Cell(_hash(secret), member.encode(), expires))
        return secret

    def redeem_login_link(self, secret: str) -> str:
        """Start a session from a login link, which is then used up; returns the session's secret."""
        hashed = _hash(secret)

        def work(tx: Transaction) -> bytes | None:
            value = tx.cell("login", hashed)
            tx.delete_cell("login", hashed)
            return value

        alive = {cell.key for cell in self._storage.cells("login") if not _expired(cell, self._clock)}
        member = self._storage.write(work) if hashed in alive else None
        if member is None:
            self.count_failure("login_link")
            raise Unauthenticated("this login link was used, is older than a day, or never was")
        return self.start_session(member.decode())

    def set_password(self, member: str, password: str) -> None:
        """Store the password's argon2id hash and end the member's sessions.

        Raises InvalidDocument for one that is too short or too long.
        """
        if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
            raise InvalidDocument([Defect("/password", f"must have {MIN_PASSWORD} to {MAX_PASSWORD} characters")])
        hashed = Cell(member, self._hasher.hash(password).encode())
        others = [cell.key for cell in self._storage.cells("session") if _session(cell.value)[0].member == member]

        def work(tx: Transaction) -> None:
            tx.put_cell("password", hashed)
            for session in others:
                tx.delete_cell("session", session)

        self._storage.write(work)

    @cached_property
    def _nobodys_password(self) -> bytes:
        """What is verified where there is no account; made when somebody first signs in, for it takes a while."""
        return self._hasher.hash(secrets.token_hex(16)).encode()

    def sign_in(self, email: str, password: str) -> str:
        """Start a session by e-mail and password; takes equally long whether the account exists or not."""
        members = [cast("Member", held.document) for held in self._changes.state.of_kind("member")]
        member = next((m for m in members if m.email.casefold() == email.strip().casefold() and m.active), None)
        nobodys = self._nobodys_password
        stored = None if member is None else self._storage.cell("password", member.key)
        try:
            self._hasher.verify((stored or nobodys).decode(), password[:MAX_PASSWORD])
        except (VerificationError, InvalidHashError):
            stored = None
        if member is None or stored is None:
            self.count_failure("password")
            raise Unauthenticated("the e-mail address or the password is wrong")
        return self.start_session(member.key)

    # Sessions

    def start_session(self, member: str) -> str:
        """A new session's secret: what the cookie holds."""
        secret = secrets.token_urlsafe(32)
        session = Session(member, secrets.token_urlsafe(24))
        expires = (self._clock() + timedelta(hours=self._session_hours)).timestamp()
        self._storage.put_cell("session", Cell(_hash(secret), msgspec.json.encode([session, expires]), expires))
        return secret

    def session(self, secret: str) -> Session | None:
        """The living session behind a cookie, or None."""
        raw = self._storage.cell("session", _hash(secret))
        if raw is None:
            return None
        session, expires = _session(raw)
        return session if expires > self._clock().timestamp() else None

    def end_session(self, secret: str) -> None:
        """Forget a session."""
        self._storage.delete_cell("session", _hash(secret))

    # Failures

    def count_failure(self, credential: str) -> None:
        """Remember a failed attempt; `record_failures` writes them down, added up per minute."""
        minute = stamp(self._clock().replace(second=0, microsecond=0))
        with self._counting:
            self._failures[credential, minute] = self._failures.get((credential, minute), 0) + 1

    def record_failures(self, *, all_of_them: bool = False) -> int:
        """Append one entry per kind of credential and finished minute (with `all_of_them`: the present one too)."""
        present = stamp(self._clock().replace(second=0, microsecond=0))
        with self._counting:
            due = {key: count for key, count in self._failures.items() if all_of_them or key[1] < present}
        for (credential, minute), attempts in sorted(due.items()):
            self._record(SigninFailures(credential, minute, attempts))
            with self._counting:
                self._failures[credential, minute] -= attempts
                if self._failures[credential, minute] == 0:
                    del self._failures[credential, minute]
        return len(due)

    def _record(self, failures: SigninFailures) -> None:
        subject = signin_subject(failures.credential)
        held = cast("SigninFailures | None", self._changes.state.get(subject))
        if held is not None and held.minute == failures.minute:  # a restart, or another process, in that minute
            failures = msgspec.structs.replace(failures, attempts=held.attempts + failures.attempts)
        operation = Operation(action="put", subject=subject, value=encode(failures))
        self._changes.apply(
            SYSTEM_IDENTITY, Change(operations=(operation,), why="failed attempts, added up per minute")
        )

    def _now(self) -> str:
        return stamp(self._clock())


def _token_identity(token: Token, via: Via) -> Identity:
    actor = Actor(kind="token", id=f"act_token_{token.key}", name=token.name or token.key, auth="token", via=via)
    scope = (token.project, token.environment)
    if token.kind == "admin":
        return Identity(actor, role=token.role, scope=scope, token=token.key)
    return Identity(actor, scope=scope, evaluates_only=True, reads_ruleset=token.kind == "server", token=token.key)


def require_other(identity: Identity, member: str) -> None:
    """Refuse members who would take away their own access."""
    if identity.actor.id == f"act_{_hash(member)[:16]}":
        raise Forbidden("nobody can remove or demote themselves")


def _expired(cell: Cell, clock: Clock) -> bool:
    return cell.expires is not None and cell.expires <= clock().timestamp()


def _session(raw: bytes) -> tuple[Session, float]:
    return msgspec.json.decode(raw, type=tuple[Session, float])


def _expiry(token: Token) -> str | None:
    """The expiry as the ledger writes times; raises InvalidDocument for what is no time."""
    if token.expires_at is None:
        return None
    try:
        return read_time(token.expires_at)
    except InvalidQuery:
        defect = Defect("/expires_at", f"{token.expires_at!r} is not a time; 2026-12-31T00:00:00Z is one")
        raise InvalidDocument([defect]) from None


def _hash(secret: str) -> str:
    """Secrets have 256 random bits, so one plain hash hides them (no dictionary reaches them)."""
    return hashlib.sha256(secret.encode()).hexdigest()
