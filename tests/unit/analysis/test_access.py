"""Who can change production, and which entry let them or stopped them."""

from __future__ import annotations

import pytest
from tests.unit.analysis.histories import ENV, History, P, at

from flagtrail.analysis.access import alters_access, holders
from flagtrail.model.access import Grant, Member, Token
from flagtrail.model.document import Document
from flagtrail.model.environment import Environment
from flagtrail.model.state import State, fold
from flagtrail.model.subject import Subject, environment_subject, member_subject, token_subject

NOON = "2026-01-10T12:00:00.000000Z"


def member(role: str = "viewer", *grants: Grant, active: bool = True) -> Member:
    return Member("ana", "Ana", "ana@example.org", role=role, grants=grants, active=active)  # type: ignore[arg-type]


def token(**fields: object) -> Token:
    return Token(**{"key": "ci", "kind": "admin", "name": "CI", "role": "editor", **fields})  # type: ignore[arg-type]


def subject_of(document: Document) -> Subject:
    return member_subject("ana") if isinstance(document, Member) else token_subject("ci")


def world(*documents: Document) -> State:
    history = History()
    history.put(environment_subject(P, "staging"), Environment("staging"), at(1))
    history.put(environment_subject(P, ENV), Environment(ENV, production=True), at(1))
    history.put(environment_subject(P, "shop"), Environment("shop", production=True, position=1), at(1))
    for document in documents:
        history.put(subject_of(document), document, at(2))
    return fold(history.entries)


@pytest.mark.parametrize(
    ("document", "environments", "roles"),
    [
        pytest.param(member("viewer"), (), (), id="a viewer"),
        pytest.param(member("auditor"), (), (), id="an auditor"),
        pytest.param(member("editor"), (ENV, "shop"), ("editor everywhere",), id="an editor"),
        pytest.param(member("admin", active=False), (), (), id="a member who left"),
        pytest.param(
            member("viewer", Grant(P, "approver", ENV)), (ENV,), (f"approver in {P}/{ENV}",), id="one environment"
        ),
        pytest.param(
            member("editor", Grant(P, "admin"), Grant("other", "admin")),
            (ENV, "shop"),
            ("editor everywhere", f"admin in {P}"),
            id="a role and a grant",
        ),
        pytest.param(member("viewer", Grant(P, "viewer", ENV)), (), (), id="a grant to look"),
        pytest.param(member("viewer", Grant("other", "admin")), (), (), id="a grant elsewhere"),
        pytest.param(member("viewer", Grant(P, "editor", "staging")), (), (), id="a grant in staging"),
        pytest.param(token(), (ENV, "shop"), ("editor everywhere",), id="a token"),
        pytest.param(token(project=P, environment="shop"), ("shop",), (f"editor in {P}/shop",), id="a scoped token"),
        pytest.param(token(project="other"), (), (), id="another project's token"),
        pytest.param(token(kind="server"), (), (), id="an SDK's token"),
        pytest.param(token(role="viewer"), (), (), id="a token that reads"),
        pytest.param(token(revoked=True), (), (), id="a revoked token"),
        pytest.param(token(expires_at=NOON), (), (), id="a token that is over just then"),
        pytest.param(token(expires_at=at(11)), (ENV, "shop"), ("editor everywhere",), id="a token that goes on"),
    ],
)
def test_holders__of_a_member_or_token__its_reach_and_its_roles(
    document: Document, environments: tuple[str, ...], roles: tuple[str, ...]
) -> None:
    found = holders(world(document), P, NOON)
    assert [(each.environments, each.roles) for each in found] == ([(environments, roles)] if environments else [])


def test_holders__people_and_tokens__in_order_with_their_entries() -> None:
    found = holders(world(token(), member("editor")), P, NOON)
    assert [(each.kind, each.key, each.email, each.seq) for each in found] == [
        ("person", "ana", "ana@example.org", 4),
        ("token", "ci", "", 3),
    ]


@pytest.mark.parametrize(
    ("before", "after", "reached"),
    [
        pytest.param(member("viewer"), member("editor"), ENV, id="promoted"),
        pytest.param(member("editor"), member("admin"), None, id="promoted further"),
        pytest.param(member("editor"), member("editor", active=False), ENV, id="left"),
        pytest.param(member("viewer"), member("viewer", Grant(P, "editor", "shop")), "shop", id="granted"),
        pytest.param(token(), token(revoked=True), ENV, id="revoked"),
        pytest.param(token(), token(name="other"), None, id="renamed"),
    ],
)
def test_alters_access__a_change__names_the_environment_it_opens_or_closes(
    before: Document, after: Document, reached: str | None
) -> None:
    history = History()
    history.put(environment_subject(P, ENV), Environment(ENV, production=True), at(1))
    history.put(environment_subject(P, "shop"), Environment("shop", production=True, position=1), at(1))
    history.put(subject_of(before), before, at(2))
    then = fold(history.entries)
    entry = history.put(subject_of(after), after, at(3))
    assert alters_access(then, fold(history.entries), entry, P) == reached


@pytest.mark.parametrize(
    ("production", "reached"), [pytest.param(True, "shop", id="made"), pytest.param(False, None, id="not made")]
)
def test_alters_access__an_environment__is_reached_itself_where_it_becomes_production(
    *, production: bool, reached: str | None
) -> None:
    history = History()
    history.put(environment_subject(P, "shop"), Environment("shop"), at(1))
    then = fold(history.entries)
    entry = history.put(environment_subject(P, "shop"), Environment("shop", "Shop", production=production), at(3))
    assert alters_access(then, fold(history.entries), entry, P) == reached
