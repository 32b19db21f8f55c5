"""Credentials: what is good is let in, what is not is counted, and secrets stay nowhere."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from tests.support.installation import ADA, Shop, patch, person, put

from flagtrail.app.access import Access
from flagtrail.model.access import Member, Token
from flagtrail.model.errors import Forbidden, InvalidDocument, NotFound, Unauthenticated
from flagtrail.model.subject import member_subject, token_subject
from flagtrail.storage import EntryQuery

PASSWORD = "correct horse battery"


class Door:
    def __init__(self, url: str) -> None:
        self.shop = Shop(url).set_up()
        self.shop.apply(put(member_subject("bob"), Member("bob", "Bob", "bob@example.com", role="editor")))
        self.access = Access(self.shop.storage, self.shop.changes, self.shop.clock, session_hours=1)

    def token(self, **given: object) -> str:
        token = msgspec.convert({"key": "t", "kind": "admin", **given}, Token)
        return self.access.issue_token(ADA, token).secret


@pytest.fixture(params=["memory", "sqlite"])
def door(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Door]:
    made = Door("memory://" if request.param == "memory" else f"sqlite:///{tmp_path}/flagtrail.db")
    yield made
    made.shop.storage.close()


def test_by_token__of_an_admin_token__may_what_its_role_says(door: Door) -> None:
    identity = door.access.by_token(door.token(role="editor"))

    assert (identity.may("editor", "shop"), identity.may("admin", "shop"), identity.actor.kind) == (
        True,
        False,
        "token",
    )


@pytest.mark.parametrize("kind", ["server", "client"])
def test_by_token__of_an_sdk_token__evaluates_in_its_environment_and_nothing_else(door: Door, kind: str) -> None:
    identity = door.access.by_token(door.token(kind=kind, project="shop", environment="production"))
    identity.require_evaluation("shop", "production")

    with pytest.raises(Forbidden):
        identity.require_evaluation("shop", "staging")
    assert identity.may("viewer", "shop", "production") is False
    with pytest.raises(Forbidden, match="server and client tokens only read and evaluate flags; this needs the role"):
        identity.require("editor", "shop", "production")


@pytest.mark.parametrize(
    ("given", "environment"),
    [
        pytest.param({"kind": "server"}, "production", id="a server token of the environment"),
        pytest.param({"kind": "admin", "role": "viewer"}, "production", id="a viewer's token"),
    ],
)
def test_require_ruleset__of_who_may_read_it__is_silent(door: Door, given: dict[str, object], environment: str) -> None:
    identity = door.access.by_token(door.token(project="shop", environment="production", **given))
    identity.require_ruleset("shop", environment)
    assert identity.token == "t"


@pytest.mark.parametrize(
    ("given", "environment"),
    [
        pytest.param({"kind": "client"}, "production", id="a client token"),
        pytest.param({"kind": "server"}, "staging", id="a server token of another environment"),
        pytest.param({"kind": "admin"}, "staging", id="an administrator of another environment"),
    ],
)
def test_require_ruleset__of_who_may_not__is_refused(door: Door, given: dict[str, object], environment: str) -> None:
    identity = door.access.by_token(door.token(project="shop", environment="production", **given))
    with pytest.raises(Forbidden):
        identity.require_ruleset("shop", environment)


@pytest.mark.parametrize("kind", ["server", "admin"])
def test_again__while_the_token_is_good__is_the_same_identity(door: Door, kind: str) -> None:
    identity = door.access.by_token(door.token(kind=kind, project="shop", environment="production"))
    assert door.access.again(identity) == identity


def test_again__of_a_token_revoked_meanwhile__is_refused(door: Door) -> None:
    identity = door.access.by_token(door.token())
    door.shop.apply(patch(token_subject("t"), {"revoked": True}))
    with pytest.raises(Unauthenticated):
        door.access.again(identity)


def test_again__of_a_token_expired_meanwhile__is_refused(door: Door) -> None:
    identity = door.access.by_token(door.token(expires_at="2026-01-02T00:00:00Z"))
    door.shop.clock.move(days=2)
    with pytest.raises(Unauthenticated):
        door.access.again(identity)


def test_again__of_who_has_no_token__is_the_same_identity(door: Door) -> None:
    assert door.access.again(ADA) is ADA


@pytest.mark.parametrize(
    ("given", "refusal"),
    [
        pytest.param({"kind": "client"}, InvalidDocument, id="a client token without an environment"),
        pytest.param({"project": "mars"}, NotFound, id="an unknown project"),
        pytest.param(
            {"kind": "client", "project": "shop", "environment": "mars"}, NotFound, id="an unknown environment"
        ),
    ],
)
def test_issue_token__for_what_cannot_be__is_refused(
    door: Door, given: dict[str, object], refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        door.token(**given)


def test_issue_token__by_an_editor__is_forbidden(door: Door) -> None:
    with pytest.raises(Forbidden):
        door.access.issue_token(person("eve", "editor"), Token("t", "admin"))


def test_by_token__once_revoked__is_refused(door: Door) -> None:
    secret = door.token()
    door.access.by_token(secret)
    door.shop.apply(patch(token_subject("t"), {"revoked": True}))

    with pytest.raises(Unauthenticated):
        door.access.by_token(secret)


def test_by_token__once_expired__is_refused(door: Door) -> None:
    secret = door.token(expires_at="2026-01-01T01:00:00.000000Z")
    door.access.by_token(secret)
    door.shop.clock.move(hours=1)

    with pytest.raises(Unauthenticated):
        door.access.by_token(secret)


@pytest.mark.parametrize("secret", ["", "nonsense", "ft_admin_x", "é"])
def test_by_token__of_nonsense__is_refused(door: Door, secret: str) -> None:
    with pytest.raises(Unauthenticated):
        door.access.by_token(secret)


def test_by_token__that_is_not_to_be_looked_up__asks_the_database_for_none_that_is_unknown(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = door.token()
    door.access.by_token(secret)

    def asked(*_: object) -> None:
        raise AssertionError("the database was asked")

    monkeypatch.setattr(door.shop.storage, "cell", asked)
    with pytest.raises(Unauthenticated):
        door.access.by_token("ft_admin_x", look_up=False)
    assert door.access.by_token(secret, look_up=False).may("viewer", "shop")


def test_issue_token__leaves_its_secret_nowhere(door: Door) -> None:
    secret = door.token().encode()

    stored = b"".join(door.shop.storage.leaves(0, 99)) + b"".join(d.value for d in door.shop.storage.disclosures(0, 99))
    cells = b"".join(cell.key.encode() + cell.value for cell in door.shop.storage.cells("token"))
    assert (secret in stored, secret in cells) == (False, False)


def test_local_credential__is_the_user_of_the_operating_system(door: Door) -> None:
    identity = door.access.by_token(door.access.local_credential("ada"))

    assert (identity.actor.name, identity.actor.auth, identity.role) == ("ada", "os", "admin")


def test_login_link__signs_in_once(door: Door) -> None:
    secret = door.access.login_link_secret("bob")
    session = door.access.session(door.access.redeem_login_link(secret))

    assert session is not None
    assert session.member == "bob"
    with pytest.raises(Unauthenticated):
        door.access.redeem_login_link(secret)


def test_login_link__after_a_day__is_refused(door: Door) -> None:
    secret = door.access.login_link_secret("bob")
    door.shop.clock.move(hours=25)

    with pytest.raises(Unauthenticated):
        door.access.redeem_login_link(secret)


def test_login_link__for_nobody__is_not_found(door: Door) -> None:
    with pytest.raises(NotFound):
        door.access.login_link_secret("nobody")


def test_sign_in__with_the_right_password__starts_a_session(door: Door) -> None:
    door.access.set_password("bob", PASSWORD)

    assert door.access.session(door.access.sign_in(" Bob@example.com", PASSWORD)) is not None


@pytest.mark.parametrize(
    ("email", "password"),
    [
        pytest.param("bob@example.com", "wrong horse battery", id="a wrong password"),
        pytest.param("eve@example.com", PASSWORD, id="an unknown address"),
        pytest.param("", "", id="nothing"),
    ],
)
def test_sign_in__with_anything_else__is_refused_in_the_same_words(door: Door, email: str, password: str) -> None:
    door.access.set_password("bob", PASSWORD)

    with pytest.raises(Unauthenticated, match="address or the password is wrong"):
        door.access.sign_in(email, password)


def test_sign_in__of_a_member_who_left__is_refused(door: Door) -> None:
    door.access.set_password("bob", PASSWORD)
    session = door.access.sign_in("bob@example.com", PASSWORD)
    door.shop.apply(patch(member_subject("bob"), {"active": False}))

    with pytest.raises(Unauthenticated):
        door.access.sign_in("bob@example.com", PASSWORD)
    with pytest.raises(Unauthenticated):
        door.access.member_identity(getattr(door.access.session(session), "member", ""))


@pytest.mark.parametrize("password", ["short", "x" * 1_025])
def test_set_password__too_short_or_too_long__is_refused(door: Door, password: str) -> None:
    with pytest.raises(InvalidDocument):
        door.access.set_password("bob", password)


def test_session__once_ended_or_expired_or_invented__is_none(door: Door) -> None:
    ended, expired = door.access.start_session("bob"), door.access.start_session("bob")
    door.access.end_session(ended)
    door.shop.clock.move(hours=2)

    assert [door.access.session(secret) for secret in (ended, expired, "invented")] == [None, None, None]


def test_record_failures__adds_them_up_per_kind_and_minute(door: Door) -> None:
    for _ in range(3):
        with pytest.raises(Unauthenticated):
            door.access.by_token("bad")
    with pytest.raises(Unauthenticated):
        door.access.sign_in("eve@example.com", "guess")
    early = door.access.record_failures()
    door.shop.clock.move(minutes=1)
    door.access.record_failures()
    door.access.record_failures()

    entries = door.shop.storage.entries(EntryQuery(action="signin_failed"))
    assert (early, sorted((entry.subject.name, entry.after["attempts"]) for entry in entries)) == (
        0,
        [("password", 1), ("token", 3)],
    )


def test_record_failures__at_shut_down__includes_the_present_minute(door: Door) -> None:
    with pytest.raises(Unauthenticated):
        door.access.by_token("bad")

    assert door.access.record_failures(all_of_them=True) == 1


@pytest.mark.parametrize("expires_at", ["never", "31.12.2020", "", "tomorrow"])
def test_issue_token__until_what_is_no_time__is_refused(door: Door, expires_at: str) -> None:
    with pytest.raises(InvalidDocument, match="not a time"):
        door.token(expires_at=expires_at)


@pytest.mark.parametrize(
    ("expires_at", "good"),
    [
        pytest.param("2026-01-01T10:00:00+14:00", False, id="past, though later by its digits"),
        pytest.param("2025-12-31T20:00:00-08:00", True, id="to come, though earlier by its digits"),
        pytest.param("2026-01-02", True, id="a date"),
    ],
)
def test_by_token__compares_instants_and_not_digits(door: Door, expires_at: str, *, good: bool) -> None:
    secret = door.token(expires_at=expires_at)
    try:
        done = door.access.by_token(secret).actor.kind == "token"
    except Unauthenticated:
        done = False

    assert done == good


def test_set_password__ends_the_sessions_of_that_member_only(door: Door) -> None:
    door.shop.apply(put(member_subject("eve"), Member("eve", "Eve", "eve@example.com")))
    bobs, eves = door.access.start_session("bob"), door.access.start_session("eve")
    door.access.set_password("bob", PASSWORD)

    assert (door.access.session(bobs), door.access.session(eves) is None) == (None, False)


def test_record_failures__after_a_restart_in_the_same_minute__adds_to_what_stands(door: Door) -> None:
    for access in (door.access, Access(door.shop.storage, door.shop.changes, door.shop.clock, session_hours=1)):
        for _ in range(3):
            with pytest.raises(Unauthenticated):
                access.by_token("bad")
        access.record_failures(all_of_them=True)

    entries = door.shop.storage.entries(EntryQuery(action="signin_failed"))
    assert [entry.after["attempts"] for entry in entries] == [6, 3]
