"""Deciding: what a change makes of documents, or a refusal with everything that is wrong."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Literal

import msgspec
import pytest

from flagtrail.changes.decide import Decided, decide
from flagtrail.engine.check import check
from flagtrail.model.access import Member, Token
from flagtrail.model.change import Change, Operation
from flagtrail.model.condition import Condition
from flagtrail.model.document import Document, encode
from flagtrail.model.entry import Touch
from flagtrail.model.environment import Environment, Policy, Project
from flagtrail.model.errors import (
    AlreadyExists,
    Defect,
    FlagtrailError,
    HistoryOrder,
    InUse,
    InvalidDocument,
    NotFound,
    VersionConflict,
    WhyRequired,
)
from flagtrail.model.flag import Flag, boolean_flag
from flagtrail.model.segment import Segment
from flagtrail.model.state import State, Versioned, mentions
from flagtrail.model.subject import (
    Subject,
    environment_subject,
    flag_subject,
    member_subject,
    policy_subject,
    project_subject,
    segment_subject,
    targeting_subject,
    token_subject,
)
from flagtrail.model.targeting import Prerequisite, Rule, Serve, Targeting

SHOP = project_subject("shop")
PRODUCTION = environment_subject("shop", "production")
STAGING = environment_subject("shop", "staging")
CHECKOUT = flag_subject("shop", "checkout")
BANNER = flag_subject("shop", "banner")
LIVE = targeting_subject("shop", "checkout", "production")
EU = segment_subject("shop", "eu")
EUROPE = segment_subject("shop", "europe")
GERMAN = Condition(attribute="country", operator="in", values=("DE",))

CHECKOUT_LIVE = Targeting(
    "off", Serve(variant="off"), enabled=True, rules=(Rule("r1", Condition(segment="europe"), Serve(variant="on")),)
)
BANNER_LIVE = Targeting("off", Serve(variant="on"), enabled=True, prerequisites=(Prerequisite("checkout", ("on",)),))
DOCUMENTS: dict[Subject, Document] = {
    SHOP: Project("shop"),
    PRODUCTION: Environment("production", production=True),
    STAGING: Environment("staging"),
    EU: Segment("eu", GERMAN),
    EUROPE: Segment("europe", Condition(any=(Condition(segment="eu"),))),
    CHECKOUT: boolean_flag("checkout"),
    BANNER: boolean_flag("banner"),
    LIVE: CHECKOUT_LIVE,
    targeting_subject("shop", "banner", "production"): BANNER_LIVE,
}
EARLIER = "2026-01-01T00:00:00.000000Z"


def state_of(documents: Mapping[Subject, Document | None]) -> State:
    held = [
        Versioned(subject, document, 3, index, EARLIER, mentions(document))
        for index, (subject, document) in enumerate(documents.items())
    ]
    return State().having(held, size=len(held))


STATE = state_of(DOCUMENTS)


def change(*operations: Operation, why: str = "because") -> Change:
    return Change(operations=operations, why=why)


def put(subject: Subject, document: Document, version: int | None = None) -> Operation:
    return Operation(action="put", subject=subject, value=encode(document), version=version)


def patch(subject: Subject, value: object, version: int | None = None) -> Operation:
    return Operation(action="patch", subject=subject, value=value, version=version)


def delete(subject: Subject) -> Operation:
    return Operation(action="delete", subject=subject)


def create(subject: Subject, document: Document) -> Operation:
    return Operation(action="create", subject=subject, value=encode(document))


def decided(*operations: Operation, state: State = STATE, why: str = "because") -> tuple[Decided, ...]:
    return decide(state, change(*operations, why=why), check=check)


def test_decide__of_an_edit__tells_before_after_version_actions_and_paths() -> None:
    (part,) = decided(patch(LIVE, {"enabled": False}))

    assert (part.subject, part.version, part.previous, part.actions, part.paths, part.before, part.after) == (
        LIVE,
        4,
        7,
        ("disabled",),
        ("/enabled",),
        encode(CHECKOUT_LIVE),
        {**encode(CHECKOUT_LIVE), "enabled": False},
    )


def test_decide__of_a_new_document__starts_at_version_one_after_nothing() -> None:
    (part,) = decided(create(flag_subject("shop", "new"), boolean_flag("new")))

    assert (part.version, part.previous, part.before, part.actions) == (1, -1, None, ("created",))


def test_decide__of_a_change_that_alters_nothing__decides_nothing() -> None:
    assert decided(put(LIVE, CHECKOUT_LIVE), patch(CHECKOUT, {})) == ()


def test_decide__of_operations_that_undo_each_other__decides_nothing() -> None:
    assert decided(patch(LIVE, {"enabled": False}), patch(LIVE, {"enabled": True})) == ()


def test_decide__of_one_and_true__sees_that_they_differ() -> None:
    state = state_of({**DOCUMENTS, BANNER: Flag("banner", "object", {"on": {"x": True}, "off": {}})})

    (part,) = decided(patch(BANNER, {"variants": {"on": {"x": 1}}}), state=state)

    assert part.paths == ("/variants/on/x",)


def test_decide__of_the_first_targeting__tells_who_enabled_it() -> None:
    (part,) = decided(patch(targeting_subject("shop", "banner", "staging"), {"enabled": True}))

    assert (part.before, part.actions) == (None, ("created", "enabled"))


def test_decide__of_a_first_targeting_that_is_the_default__is_only_created() -> None:
    (part,) = decided(patch(targeting_subject("shop", "banner", "staging"), {}))

    assert part.actions == ("created",)


def test_decide__of_a_split__names_what_it_hashes_its_salt_and_its_strategy() -> None:
    split: dict[str, object] = {"split": [{"variant": "on", "weight": 100_000}]}
    rule: dict[str, object] = {"id": "r", "when": {"segment": "eu"}, "serve": {**split, "by": "company", "salt": "s"}}

    (part,) = decided(patch(LIVE, {"fallthrough": split | {"variant": None}, "rules": [rule]}, version=3))

    assert (part.after["fallthrough"], part.after["rules"][0]["serve"]) == (
        {**split, "by": "targetingKey", "salt": "checkout", "bucketing": "murmur3"},
        {**split, "by": "company", "salt": "s", "bucketing": "murmur3"},
    )


@pytest.mark.parametrize(
    ("operation", "touched"),
    [
        pytest.param(
            patch(LIVE, {"enabled": False}),
            [Touch("shop", "banner", "production"), Touch("shop", "checkout", "production")],
            id="a targeting touches itself and its dependents",
        ),
        pytest.param(
            patch(CHECKOUT, {"description": "x"}),
            [Touch("shop", "banner", "production"), Touch("shop", "checkout", "")],
            id="a flag touches itself everywhere and its dependents where they are",
        ),
        pytest.param(
            patch(EU, {"description": "x"}),
            [Touch("shop", "banner", "production"), Touch("shop", "checkout", "production")],
            id="a segment touches through other segments and prerequisites",
        ),
        pytest.param(patch(STAGING, {"name": "Stage"}), [], id="an environment touches no flag"),
    ],
)
def test_decide__of_each_kind__tells_in_whose_history_it_stands(operation: Operation, touched: list[Touch]) -> None:
    (part,) = decided(operation)

    assert list(part.touches) == touched


@pytest.mark.parametrize(
    ("operation", "refusal"),
    [
        pytest.param(create(CHECKOUT, boolean_flag("checkout")), AlreadyExists, id="a flag that exists"),
        pytest.param(patch(flag_subject("shop", "no"), {}), NotFound, id="an unknown flag"),
        pytest.param(delete(flag_subject("shop", "no")), NotFound, id="a flag to delete that never was"),
        pytest.param(patch(targeting_subject("shop", "no", "production"), {}), NotFound, id="targeting of no flag"),
        pytest.param(
            put(targeting_subject("shop", "no", "production"), CHECKOUT_LIVE), NotFound, id="put targeting of no flag"
        ),
        pytest.param(
            Operation(action="rollout", subject=targeting_subject("shop", "no", "production"), value={"percent": 1}),
            NotFound,
            id="a rollout of no flag",
        ),
        pytest.param(patch(targeting_subject("shop", "banner", "mars"), {}), NotFound, id="an unknown environment"),
        pytest.param(create(flag_subject("no", "f"), boolean_flag("f")), NotFound, id="an unknown project"),
        pytest.param(put(LIVE, BANNER_LIVE, version=2), VersionConflict, id="a version that moved"),
        pytest.param(
            patch(flag_subject("shop", "no"), {}, version=1), VersionConflict, id="a version of what never was"
        ),
        pytest.param(delete(EUROPE), InUse, id="a segment that a flag uses"),
        pytest.param(delete(EU), InUse, id="a segment that a segment uses"),
        pytest.param(delete(CHECKOUT), InUse, id="a flag that is a prerequisite"),
    ],
)
def test_decide__of_what_cannot_be__refuses(operation: Operation, refusal: type[FlagtrailError]) -> None:
    with pytest.raises(refusal):
        decided(operation)


def test_decide__of_several_defective_documents__names_all_defects_with_their_documents() -> None:
    with pytest.raises(InvalidDocument) as caught:
        decided(
            patch(LIVE, {"off_variant": "nope", "typo": 1}),
            patch(targeting_subject("shop", "banner", "staging"), {"off_variant": "neither"}),
            patch(project_subject("shop"), {"name": 1}),
        )

    assert [defect.path for defect in caught.value.defects] == [
        "flags/checkout/environments/production#/typo",
        "projects/shop#/name",
        "flags/banner/environments/staging#/off_variant",
    ]


def test_decide__of_a_deleted_flag__deletes_its_targetings_first() -> None:
    parts = decided(delete(BANNER))

    assert [(part.subject.path, part.after, part.actions) for part in parts] == [
        ("projects/shop/flags/banner/environments/production", None, ("deleted", "disabled")),
        ("projects/shop/flags/banner", None, ("deleted",)),
    ]


@pytest.mark.parametrize(
    ("subject", "count"),
    [
        pytest.param(PRODUCTION, 3, id="an environment with its targetings"),
        pytest.param(SHOP, 9, id="a project with all that is in it"),
    ],
)
def test_decide__of_a_deletion__takes_what_lives_inside(subject: Subject, count: int) -> None:
    assert len(decided(delete(subject))) == count


def test_decide__of_a_document_outside_any_project__needs_no_project() -> None:
    member = {"key": "ada", "name": "Ada", "email": "ada@example.com"}

    (part,) = decided(Operation(action="create", subject=member_subject("ada"), value=member), why="")

    assert part.touches == ()


def test_decide__of_a_deleted_document_made_anew__goes_on_counting_versions() -> None:
    state = state_of({**DOCUMENTS, flag_subject("shop", "old"): None})

    (part,) = decided(create(flag_subject("shop", "old"), boolean_flag("old")), state=state)

    assert (part.version, part.before) == (4, None)


def policy(why_required: Literal["production", "always", "never"], least: int = 1) -> State:
    return state_of({**DOCUMENTS, policy_subject("shop"): Policy(why_required, least)})


@pytest.mark.parametrize(
    ("operation", "state", "why"),
    [
        pytest.param(patch(LIVE, {"enabled": False}), STATE, "", id="a production targeting"),
        pytest.param(patch(LIVE, {"enabled": False}), STATE, "  \n ", id="white space is no reason"),
        pytest.param(patch(PRODUCTION, {"name": "x"}), STATE, "", id="a production environment"),
        pytest.param(patch(EU, {"when": {"values": ["FR"]}}), STATE, "", id="a segment that production resolves by"),
        pytest.param(patch(CHECKOUT, {"variants": {"more": False}}), STATE, "", id="what a flag can serve"),
        pytest.param(patch(STAGING, {"name": "x"}), policy("always"), "", id="anything under `always`"),
        pytest.param(patch(LIVE, {"enabled": False}), policy("production", 10), "short", id="a reason too short"),
        pytest.param(
            patch(policy_subject("shop"), {"why_required": "never"}),
            policy("always"),
            "",
            id="the policy itself",
        ),
    ],
)
def test_decide__without_a_reason_where_one_is_due__is_refused(operation: Operation, state: State, why: str) -> None:
    with pytest.raises(WhyRequired):
        decided(operation, state=state, why=why)


@pytest.mark.parametrize(
    ("operation", "state"),
    [
        pytest.param(patch(targeting_subject("shop", "banner", "staging"), {}), STATE, id="staging"),
        pytest.param(create(flag_subject("shop", "new"), boolean_flag("new")), STATE, id="a new flag"),
        pytest.param(patch(STAGING, {"name": "x"}), STATE, id="another environment"),
        pytest.param(patch(CHECKOUT, {"description": "x"}), STATE, id="how a flag is described"),
        pytest.param(patch(EU, {"description": "x"}), STATE, id="how a segment is described"),
        pytest.param(
            patch(EU, {"when": {"values": ["FR"]}}),
            state_of(
                {
                    **DOCUMENTS,
                    LIVE: msgspec.structs.replace(CHECKOUT_LIVE, enabled=False),
                    targeting_subject("shop", "banner", "production"): None,
                }
            ),
            id="a segment that only a disabled flag uses",
        ),
        pytest.param(
            patch(BANNER, {"description": "x"}),
            state_of({**DOCUMENTS, targeting_subject("shop", "banner", "production"): Targeting("off", Serve("on"))}),
            id="a flag that is off in production",
        ),
        pytest.param(patch(LIVE, {"enabled": False}), policy("never"), id="anything under `never`"),
    ],
)
def test_decide__without_a_reason_where_none_is_due__is_accepted(operation: Operation, state: State) -> None:
    assert len(decided(operation, state=state, why="")) == 1


def test_decide__of_a_policy_nobody_set__patches_the_default_one() -> None:
    (part,) = decided(patch(policy_subject("shop"), {"why_min_length": 5}))

    assert part.after == {"why_required": "production", "why_min_length": 5}


@pytest.mark.parametrize(
    ("occurred_at", "accepted"),
    [
        pytest.param("2025-12-31T23:59:59.999999Z", False, id="before the document's last entry"),
        pytest.param(EARLIER, True, id="at the same instant"),
    ],
)
def test_decide__of_imported_history__never_rewrites_the_past(occurred_at: str, *, accepted: bool) -> None:
    request = Change(operations=(patch(LIVE, {"enabled": False}),), why="w", occurred_at=occurred_at)
    try:
        found = len(decide(STATE, request, check=check))
    except HistoryOrder:
        found = 0

    assert found == accepted


ALIAS = segment_subject("shop", "checkout_users")
TOP_LIVE = targeting_subject("shop", "top", "production")
THROUGH_A_SEGMENT: dict[Subject, Document | None] = {
    **DOCUMENTS,
    ALIAS: Segment("checkout_users", Condition(flag="checkout", variants=("on",))),
    flag_subject("shop", "top"): boolean_flag("top"),
    TOP_LIVE: Targeting(
        "off",
        Serve(variant="off"),
        enabled=True,
        rules=(Rule("r", Condition(segment="checkout_users"), Serve(variant="on")),),
    ),
}


def test_decide__of_a_flag_that_a_segment_names__touches_the_flags_that_name_the_segment() -> None:
    (part,) = decided(patch(LIVE, {"enabled": False}), state=state_of(THROUGH_A_SEGMENT))

    assert Touch("shop", "top", "production") in part.touches


OFF_EVERYWHERE = state_of({**DOCUMENTS, LIVE: None, targeting_subject("shop", "banner", "production"): None})
MARS = environment_subject("shop", "mars")
BANNER_ON_MARS = targeting_subject("shop", "banner", "mars")


@pytest.mark.parametrize(
    "operations",
    [
        pytest.param([patch(BANNER, {"variants": {"off": True}})], id="the value of an off variant"),
        pytest.param([patch(BANNER, {"archived": True})], id="archiving"),
        pytest.param([delete(BANNER)], id="deleting"),
        pytest.param([patch(STAGING, {"production": True})], id="an environment that becomes production"),
        pytest.param(
            [
                create(MARS, Environment("mars", production=True)),
                patch(targeting_subject("shop", "banner", "mars"), {}),
            ],
            id="a new production environment",
        ),
        pytest.param([patch(policy_subject("shop"), {"why_required": "never"})], id="the policy"),
    ],
)
def test_decide__of_what_reaches_customers_indirectly__needs_a_reason(operations: list[Operation]) -> None:
    with pytest.raises(WhyRequired):
        decided(*operations, state=OFF_EVERYWHERE, why="")


def test_decide__of_a_new_project__needs_no_reason() -> None:
    new = project_subject("new")
    live = environment_subject("new", "production")

    parts = decided(create(new, Project("new")), create(live, Environment("production", production=True)), why="")

    assert len(parts) == 2


ROBOT = token_subject("robot")
REVOKED = Token("robot", "client", project="shop", environment="staging", revoked=True)


@pytest.mark.parametrize(
    ("held", "operation", "refusal"),
    [
        pytest.param(REVOKED, patch(ROBOT, {"revoked": False}), InvalidDocument, id="revoked"),
        pytest.param(None, create(ROBOT, Token("robot", "admin")), AlreadyExists, id="deleted"),
    ],
)
def test_decide__of_a_token_that_is_gone__never_brings_it_back(
    held: Document | None, operation: Operation, refusal: type[FlagtrailError]
) -> None:
    with pytest.raises(refusal):
        decided(operation, state=state_of({**DOCUMENTS, ROBOT: held}))


def test_decide__of_a_living_token__edits_it() -> None:
    held = msgspec.structs.replace(REVOKED, revoked=False)

    (part,) = decided(patch(ROBOT, {"revoked": True}), state=state_of({**DOCUMENTS, ROBOT: held}))

    assert part.actions == ("revoked",)


def test_decide__of_a_new_token__creates_it() -> None:
    (part,) = decided(create(ROBOT, Token("robot", "admin")))

    assert part.version == 1


def test_decide__of_a_deleted_environment__deletes_the_tokens_that_were_good_there_only() -> None:
    other = token_subject("other")
    documents: dict[Subject, Document | None] = {
        **DOCUMENTS,
        ROBOT: Token("robot", "client", project="shop", environment="staging"),
        other: Token("other", "client", project="shop", environment="production"),
    }

    parts = decided(delete(STAGING), state=state_of(documents))

    assert [part.subject for part in parts] == [ROBOT, STAGING]


def test_decide__of_two_members_with_one_address__is_refused() -> None:
    ada, bob = (Member(key, key, email) for key, email in (("ada", "a@example.com"), ("bob", "A@example.com")))
    state = state_of({member_subject("ada"): ada})

    with pytest.raises(InvalidDocument, match="address of member"):
        decided(create(member_subject("bob"), bob), state=state)


ADMIN = Member("ada", "Ada", "a@example.com", role="admin")


@pytest.mark.parametrize(
    "operation",
    [
        pytest.param(patch(member_subject("ada"), {"role": "editor"}), id="demoted"),
        pytest.param(patch(member_subject("ada"), {"active": False}), id="locked"),
        pytest.param(delete(member_subject("ada")), id="deleted"),
    ],
)
def test_decide__of_the_last_administrator__keeps_one(operation: Operation) -> None:
    idle = msgspec.structs.replace(ADMIN, key="eve", email="e@example.com", active=False)
    state = state_of({member_subject("ada"): ADMIN, member_subject("eve"): idle})

    with pytest.raises(InvalidDocument, match="nobody would be left"):
        decided(operation, state=state)


def test_decide__of_one_of_two_administrators__lets_go() -> None:
    other = msgspec.structs.replace(ADMIN, key="eve", email="e@example.com")
    state = state_of({member_subject("ada"): ADMIN, member_subject("eve"): other})

    assert len(decided(delete(member_subject("ada")), state=state)) == 1


def test_decide__of_deletions_that_overlap__deletes_each_once() -> None:
    parts = decided(delete(PRODUCTION), delete(SHOP))

    assert len(parts) == len({part.subject for part in parts}) == 9


def test_decide__hands_the_check_what_the_change_touches() -> None:
    seen: list[Collection[str]] = []

    def watching(
        _flags: Mapping[str, Flag],
        _targetings: Mapping[tuple[str, str], Targeting],
        _segments: Mapping[str, Segment],
        touched: Collection[str],
    ) -> list[Defect]:
        seen.append(touched)
        return []

    decide(STATE, change(patch(LIVE, {"enabled": False}), patch(STAGING, {"name": "x"})), check=watching)

    assert seen == [["flags/checkout/environments/production"]]


def test_rollout__in_a_change__becomes_a_split() -> None:
    (part,) = decided(Operation(action="rollout", subject=LIVE, value={"percent": 25}))

    assert part.after["fallthrough"]["split"] == [
        {"variant": "on", "weight": 25_000},
        {"variant": "off", "weight": 75_000},
    ]
