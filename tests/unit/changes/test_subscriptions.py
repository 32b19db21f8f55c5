"""Which subscriptions a change is for: every part that is given must match, by the state of that moment."""

from __future__ import annotations

import msgspec
import pytest
from tests.support.installation import CHECKOUT, LIVE, Shop, patch, put

from flagtrail.changes.diff import words
from flagtrail.changes.subscription_words import filter_words, subscription_words
from flagtrail.changes.subscriptions import Matched, matched
from flagtrail.changes.touches import touches
from flagtrail.model.actor import Actor, Author
from flagtrail.model.change import Operation
from flagtrail.model.condition import Condition
from flagtrail.model.document import encode
from flagtrail.model.entry import Entry
from flagtrail.model.errors import InvalidDocument
from flagtrail.model.flag import boolean_flag
from flagtrail.model.segment import Segment
from flagtrail.model.state import State
from flagtrail.model.subject import (
    environment_subject,
    flag_subject,
    guard_subject,
    member_subject,
    policy_subject,
    segment_subject,
    stage_subject,
    subscription_subject,
    targeting_subject,
)
from flagtrail.model.subscription import (
    CRITICAL_SUBSCRIPTION,
    Digest,
    Filter,
    QuietHours,
    Subscription,
)

PAYMENTS = flag_subject("shop", "payments")
STAGING = targeting_subject("shop", "payments", "staging")
PRODUCTION = targeting_subject("shop", "payments", "production")
BETA = segment_subject("shop", "beta")
AT_NIGHT = "quiet every day from 22:00 to 07:00 (UTC), unless critical"
RULE = {"id": "r", "when": {"segment": "beta"}, "serve": {"variant": "on"}}


@pytest.fixture
def shop() -> Shop:
    made = Shop().set_up()
    made.apply(put(BETA, Segment("beta", Condition(attribute="beta", operator="exists"))))
    made.apply(put(PAYMENTS, boolean_flag("payments", tags=("critical", "money"))))
    made.apply(patch(PRODUCTION, {"rules": [RULE]}), patch(STAGING, {"enabled": False}))
    return made


def told(shop: Shop, filter_: Filter, *operations: Operation, **parts: object) -> list[Matched]:
    """What the subscription `s` is told of a change, made while it stands."""
    subscription = msgspec.structs.replace(Subscription("s", filter=filter_), **parts)
    shop.apply(put(subscription_subject("shop", "s"), subscription))
    return [each for each in made(shop, *operations) if each.subscription == "s"]


def made(shop: Shop, *operations: Operation) -> list[Matched]:
    """What all subscriptions are told of a change."""
    before: State = shop.changes.state
    entries: tuple[Entry, ...] = shop.apply(*operations).entries
    after = shop.changes.state
    return [
        each
        for entry in entries
        for each in matched(before, after, entry, {*touches(before, entry.subject), *touches(after, entry.subject)})
    ]


ON_STAGING = patch(STAGING, {"enabled": True})
ON_LIVE = patch(PRODUCTION, {"enabled": True})
SEGMENT = patch(BETA, {"when": {"attribute": "plan", "operator": "exists"}})
DESCRIBED = patch(PAYMENTS, {"description": "money"})
POLICY = patch(policy_subject("shop"), {"why_min_length": 2})
DEMOTED = patch(environment_subject("shop", "production"), {"production": False})


@pytest.mark.parametrize(
    ("filter_", "operation", "expected"),
    [
        pytest.param(Filter(), ON_STAGING, True, id="nothing is asked"),
        pytest.param(Filter(tags=("other", "money")), ON_STAGING, True, id="one of the tags"),
        pytest.param(Filter(tags=("other",)), ON_STAGING, False, id="none of the tags"),
        pytest.param(Filter(flags=("payments",)), ON_STAGING, True, id="the flag"),
        pytest.param(Filter(flags=("checkout",)), ON_STAGING, False, id="another flag"),
        pytest.param(Filter(environments=("staging",)), ON_STAGING, True, id="the environment"),
        pytest.param(Filter(environments=("production",)), ON_STAGING, False, id="another environment"),
        pytest.param(Filter(production=True), ON_STAGING, False, id="not production"),
        pytest.param(Filter(production=True), ON_LIVE, True, id="production"),
        pytest.param(Filter(production=True), DESCRIBED, True, id="a definition reaches production"),
        pytest.param(Filter(environments=("staging",)), DESCRIBED, True, id="a definition holds everywhere"),
        pytest.param(Filter(actions=("enabled", "deleted")), ON_STAGING, True, id="one of the actions"),
        pytest.param(Filter(actions=("deleted",)), ON_STAGING, False, id="none of the actions"),
        pytest.param(Filter(actors=("ADA",)), ON_STAGING, True, id="the name of who did it"),
        pytest.param(Filter(actors=("act_ada",)), ON_STAGING, True, id="the id of who did it"),
        pytest.param(Filter(actors=("ada@example.com",)), ON_STAGING, True, id="the address of who did it"),
        pytest.param(Filter(actors=("bob",)), ON_STAGING, False, id="somebody else"),
        pytest.param(Filter(kinds=("targeting",)), ON_STAGING, True, id="the kind"),
        pytest.param(Filter(kinds=("flag", "segment")), ON_STAGING, False, id="other kinds"),
        pytest.param(Filter(tags=("money",), environments=("production",)), ON_STAGING, False, id="one part of two"),
        pytest.param(Filter(tags=("money",)), SEGMENT, True, id="a segment that alters a flag with the tag"),
        pytest.param(Filter(tags=("money",), environments=("production",)), SEGMENT, True, id="a segment there"),
        pytest.param(Filter(tags=("money",), environments=("staging",)), SEGMENT, False, id="a segment elsewhere"),
        pytest.param(Filter(kinds=("policy",)), POLICY, True, id="what touches no flag"),
        pytest.param(Filter(tags=("money",)), POLICY, False, id="no flag has no tags"),
        pytest.param(Filter(flags=("payments",)), POLICY, False, id="no flag is not this one"),
        pytest.param(Filter(production=True), POLICY, True, id="a policy holds in production, too"),
        pytest.param(Filter(production=True), DEMOTED, True, id="what was production just before"),
        pytest.param(Filter(environments=("staging",)), DEMOTED, False, id="a document of an environment"),
    ],
)
def test_matched__by_a_filter__where_every_part_matches(
    shop: Shop, filter_: Filter, operation: Operation, expected: bool
) -> None:
    assert [each.subscription for each in told(shop, filter_, operation)] == ["s"] * expected


def test_matched__tells_the_flags_by_which_and_whether_they_are_critical(shop: Shop) -> None:
    live = targeting_subject("shop", "checkout", "production")
    shop.apply(patch(live, {"rules": [RULE]}))

    assert (told(shop, Filter(), SEGMENT), told(shop, Filter(flags=("checkout",)), patch(LIVE, {"enabled": True}))) == (
        [Matched("shop", "s", (), ("checkout", "payments"), critical=True)],
        [Matched("shop", "s", (), ("checkout",))],
    )


@pytest.mark.parametrize(
    "operation",
    [
        pytest.param(patch(PAYMENTS, {"tags": []}), id="untagged"),
        pytest.param(Operation(action="delete", subject=PAYMENTS), id="deleted"),
    ],
)
def test_matched__of_a_flag_that_loses_its_tag__is_told(shop: Shop, operation: Operation) -> None:
    assert told(shop, Filter(tags=("money",)), operation) != []


def test_matched__of_a_disabled_subscription__is_not_told(shop: Shop) -> None:
    assert told(shop, Filter(), ON_STAGING, enabled=False) == []


def test_matched__by_a_change_that_silences_the_subscription_in_the_same_request__is_told(shop: Shop) -> None:
    subject = subscription_subject("shop", "s")
    found = told(shop, Filter(kinds=("targeting",)), patch(subject, {"enabled": False}), ON_LIVE, channels=("slack",))

    assert found == [Matched("shop", "s", ("slack",)), Matched("shop", "s", ("slack",), ("payments",), critical=True)]


@pytest.mark.parametrize(
    ("operation", "critical"),
    [
        pytest.param(ON_LIVE, True, id="in production"),
        pytest.param(ON_STAGING, False, id="elsewhere"),
        pytest.param(patch(LIVE, {"enabled": True}), False, id="another flag"),
        pytest.param(patch(CHECKOUT, {"tags": ["critical"]}), True, id="tagged just now"),
    ],
)
def test_matched__with_no_subscription__tells_of_critical_flags_in_production(
    shop: Shop, operation: Operation, critical: bool
) -> None:
    assert [each.subscription for each in made(shop, operation)] == ["critical"] * critical


def test_matched__once_critical_is_a_document__is_what_that_says(shop: Shop) -> None:
    shop.apply(
        patch(subscription_subject("shop", "critical"), {"channels": ["oncall"], "filter": {"production": False}})
    )

    assert made(shop, ON_STAGING) == [Matched("shop", "critical", ("oncall",), ("payments",), critical=True)]


def test_matched__by_its_own_change__is_told_on_the_channels_before_and_after(shop: Shop) -> None:
    subject = subscription_subject("shop", "s")
    own = told(shop, Filter(flags=("x",)), patch(subject, {"channels": ["b"]}), channels=("a",))
    everywhere = made(shop, patch(subject, {"channels": []}))
    gone = made(shop, Operation(action="delete", subject=subject))

    assert [each.channels for each in (*own, *everywhere, *gone)] == [("a", "b"), (), ()]


def test_matched__by_the_change_of_a_subscription_that_is_and_was_disabled__is_not_told(shop: Shop) -> None:
    subject = subscription_subject("shop", "s")

    assert told(shop, Filter(), patch(subject, {"description": "x"}), enabled=False) == []


def test_matched__of_what_belongs_to_no_project__is_nobody(shop: Shop) -> None:
    entry = msgspec.structs.replace(shop.apply(ON_LIVE).entries[0], subject=member_subject("ada"))

    assert matched(shop.changes.state, shop.changes.state, entry, ()) == ()


def test_matched__of_a_guard_that_is_breached__is_told_as_its_flag_is(shop: Shop) -> None:
    told(shop, Filter(actions=("guard_breached",)))
    subject, state = guard_subject("shop", "payments", "production"), shop.changes.state
    entry = msgspec.structs.replace(shop.apply(ON_LIVE).entries[0], subject=subject, actions=("guard_breached",))
    found = matched(state, state, entry, touches(state, subject))

    assert [each.subscription for each in found] == ["critical", "s"]


def test_matched__of_a_stage__is_told_to_who_asks_for_stages_alone(shop: Shop) -> None:
    told(shop, Filter(actors=("flagtrail", "ada")))
    subject, state = stage_subject("shop", "payments"), shop.changes.state
    entry = msgspec.structs.replace(shop.apply(ON_LIVE).entries[0], subject=subject, actions=("stage_changed",))

    assert matched(state, state, entry, touches(state, subject)) == ()


def test_matched__of_a_stage__is_not_told_to_who_asks_for_what_reaches_production(shop: Shop) -> None:
    told(shop, Filter(actions=("stage_changed",)))
    subject, state = stage_subject("shop", "payments"), shop.changes.state
    entry = msgspec.structs.replace(shop.apply(ON_LIVE).entries[0], subject=subject, actions=("stage_changed",))
    found = matched(state, state, entry, touches(state, subject))

    assert [each.subscription for each in found] == ["s"]


@pytest.mark.parametrize("name", ["Grace", "grace@example.org"])
def test_matched__by_the_person_on_whose_behalf_it_was_done__is_told(shop: Shop, name: str) -> None:
    importer = Actor(kind="import", id="act_i", for_=Author("Grace", "grace@example.org"))
    told(shop, Filter(actors=(name,)))
    state = shop.changes.state
    entry = msgspec.structs.replace(shop.apply(ON_STAGING).entries[0], actor=importer)

    assert [each.subscription for each in matched(state, state, entry, ())] == ["s"]


def test_decide__of_a_filter_on_an_environment_that_does_not_exist__is_refused(shop: Shop) -> None:
    with pytest.raises(InvalidDocument, match="there is no environment 'prodution'"):
        told(shop, Filter(environments=("production", "prodution")), ON_LIVE)


def test_decide__of_deleting_a_project__takes_its_subscriptions_along(shop: Shop) -> None:
    told(shop, Filter(), ON_LIVE)
    shop.apply(Operation(action="delete", subject=msgspec.structs.replace(PAYMENTS, kind="project", flag=None)))

    assert list(shop.changes.state.of_kind("subscription", "shop")) == []


@pytest.mark.parametrize(
    ("subscription", "expected"),
    [
        (
            CRITICAL_SUBSCRIPTION,
            "enabled; tells of changes of flags tagged critical, that reach production; on every channel, at once",
        ),
        (
            Subscription("s", enabled=False, channels=("a", "b"), digest=Digest("hourly")),
            "disabled; tells of every change; on a, b, together every hour",
        ),
        (
            Subscription("s", digest=Digest("daily", "08:30"), quiet_hours=QuietHours("22:00", "07:00")),
            f"enabled; tells of every change; on every channel, together daily at 08:30 (UTC), {AT_NIGHT}",
        ),
        (
            Subscription("s", quiet_hours=QuietHours("00:00", "00:00", ("sat",), critical_passes=False)),
            "enabled; tells of every change; on every channel, at once, quiet sat from 00:00 to 00:00 (UTC)",
        ),
    ],
)
def test_subscription_words__tell_what_where_and_when(subscription: Subscription, expected: str) -> None:
    assert "; ".join(subscription_words(subscription)) == expected


def test_filter_words__name_every_part() -> None:
    asked = Filter(("t",), ("f",), ("e",), True, ("rollout_changed",), ("ada",), ("flag",))

    told = "of flags tagged t, of the flag f, in e, that reach production, that are rollout changed, by ada, to a flag"

    assert filter_words(asked) == f"changes {told}"


def test_words__of_a_new_subscription__are_its_own() -> None:
    found = words(subscription_subject("shop", "critical"), None, encode(CRITICAL_SUBSCRIPTION))

    assert found == ("created", *subscription_words(CRITICAL_SUBSCRIPTION))
