"""What an SDK is sent: whole rulesets, and deltas that lead to the very same."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Mapping
from typing import TypeVar

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.installation import ADA, CHECKOUT, LIVE, Shop, make, patch, put

from flagtrail.app import sync as module
from flagtrail.app.evaluate import Evaluation
from flagtrail.app.projects import project_operations
from flagtrail.app.sync import Message, Sync
from flagtrail.app.usage import UsageCounter
from flagtrail.engine.ruleset import Ruleset
from flagtrail.model.change import Operation
from flagtrail.model.condition import Condition
from flagtrail.model.environment import Environment, Project
from flagtrail.model.errors import FlagtrailError, NotFound
from flagtrail.model.flag import Flag, boolean_flag
from flagtrail.model.segment import Segment
from flagtrail.model.subject import Subject, environment_subject, flag_subject, segment_subject, targeting_subject
from flagtrail.model.sync import RulesetData, RulesetDelta, SyncedFlag
from flagtrail.model.targeting import Prerequisite, Rule, Serve, Share, Targeting

PLACE = ("shop", "production")
T = TypeVar("T")
PRO = Condition(attribute="plan", operator="in", values=("pro",))
ON = Targeting(off_variant="off", fallthrough=Serve(variant="on"), enabled=True)


class Synced:
    """A shop and its sync, and the flow behind it."""

    def __init__(self) -> None:
        self.shop = Shop().set_up()
        self.evaluation = Evaluation(lambda: self.shop.changes.state, UsageCounter(self.shop.storage, self.shop.clock))
        self.sync = Sync(self.evaluation)

    def ruleset(self) -> RulesetData:
        return ruleset_of(self.sync.ruleset(*PLACE))

    def since(self, base: RulesetData) -> Message | None:
        return self.sync.since(*PLACE, base.id)


def ruleset_of(message: Message) -> RulesetData:
    assert message.kind == "ruleset"
    return msgspec.json.decode(message.make(event=False, packed=False), type=RulesetData)


def delta_of(message: Message | None) -> RulesetDelta:
    assert message is not None
    assert message.kind == "delta"
    return msgspec.json.decode(message.make(event=False, packed=False), type=RulesetDelta)


def without(old: Mapping[str, T], new: Mapping[str, T | None]) -> dict[str, T]:
    """The old documents with the new ones; null is none."""
    return {key: value for key, value in {**old, **new}.items() if value is not None}


def after(base: RulesetData, message: Message | None) -> RulesetData:
    """What a client holds once it was sent a message, or nothing."""
    if message is None:
        return base
    if message.kind == "ruleset":
        return ruleset_of(message)
    delta = delta_of(message)
    assert delta.base == base.id
    return RulesetData(
        delta.id,
        base.project,
        base.environment,
        without(base.flags, delta.flags),
        without(base.targetings, delta.targetings),
        without(base.segments, delta.segments),
    )


# What is sent


def test_a_ruleset__holds_what_decides_in_the_environment() -> None:
    synced = Synced()
    synced.shop.apply(
        put(LIVE, ON),
        put(targeting_subject("shop", "checkout", "staging"), ON),
        put(segment_subject("shop", "pros"), Segment("pros", PRO)),
    )
    served = synced.evaluation.served(*PLACE)
    assert synced.ruleset() == RulesetData(
        f"{served.size}-{served.digest.hex()[:16]}",
        "shop",
        "production",
        {"checkout": SyncedFlag("boolean", {"on": True, "off": False})},
        {"checkout": ON},
        {"pros": Segment("pros", PRO)},
    )


def test_a_ruleset__leaves_out_what_decides_nothing() -> None:
    synced = Synced()
    told = Rule("r1", PRO, Serve(variant="on"), description="said of a rule")
    synced.shop.apply(
        patch(CHECKOUT, {"description": "said of a flag", "owner": "billing"}),
        put(LIVE, msgspec.structs.replace(ON, rules=(told,))),
        put(segment_subject("shop", "pros"), Segment("pros", PRO, description="said of a segment")),
    )
    sent = synced.sync.ruleset(*PLACE).make(event=False, packed=False)
    assert [word for word in (b"said of", b"billing") if word in sent] == []


def test_a_ruleset__leaves_out_archived_flags_and_their_targetings() -> None:
    synced = Synced()
    synced.shop.apply(put(LIVE, ON))
    synced.shop.patch(CHECKOUT, {"archived": True})
    assert (synced.ruleset().flags, synced.ruleset().targetings) == ({}, {})


def test_a_ruleset__of_no_environment__is_not_found() -> None:
    with pytest.raises(NotFound):
        Synced().sync.ruleset("shop", "nowhere")


def test_a_ruleset__while_nothing_of_it_changes__is_the_same_object() -> None:
    synced = Synced()
    before = synced.sync.ruleset(*PLACE)
    synced.shop.apply(put(targeting_subject("shop", "checkout", "staging"), ON))
    assert synced.sync.ruleset(*PLACE) is before


def test_two_processes_of_one_installation__name_a_ruleset_alike() -> None:
    synced = Synced()
    other = Sync(Evaluation(lambda: synced.shop.changes.state, UsageCounter(synced.shop.storage, synced.shop.clock)))
    assert other.ruleset(*PLACE).id == synced.sync.ruleset(*PLACE).id


# Deltas


def test_since__the_present_ruleset__is_nothing() -> None:
    synced = Synced()
    assert synced.since(synced.ruleset()) is None


def furnished() -> Synced:
    """A shop of ten flags, all on: large enough for deltas to be smaller."""
    synced = Synced()
    for number in range(10):
        key = f"f{number}"
        synced.shop.apply(
            put(flag_subject("shop", key), boolean_flag(key)), put(targeting_subject("shop", key, "production"), ON)
        )
    synced.shop.apply(put(segment_subject("shop", "pros"), Segment("pros", PRO)))
    return synced


F1, F1_LIVE = flag_subject("shop", "f1"), targeting_subject("shop", "f1", "production")
PROS = segment_subject("shop", "pros")
OFF = msgspec.structs.replace(ON, enabled=False)
WIDER = Segment("pros", Condition(attribute="plan", operator="exists"))


def delete(subject: Subject) -> Operation:
    return Operation(action="delete", subject=subject)


@pytest.mark.parametrize(
    ("steps", "flags", "targetings", "segments"),
    [
        pytest.param([[put(F1_LIVE, OFF)]], {}, {"f1": OFF}, {}, id="a targeting"),
        pytest.param(
            [[patch(F1, {"variants": {"maybe": True}})]],
            {"f1": SyncedFlag("boolean", {"on": True, "off": False, "maybe": True})},
            {"f1": ON},
            {},
            id="a flag",
        ),
        pytest.param([[put(PROS, WIDER)]], {}, {}, {"pros": WIDER}, id="a segment"),
        pytest.param([[delete(PROS)]], {}, {}, {"pros": None}, id="a segment deleted"),
        pytest.param([[delete(F1_LIVE), delete(F1)]], {"f1": None}, {"f1": None}, {}, id="a flag deleted"),
        pytest.param([[patch(F1, {"archived": True})]], {"f1": None}, {"f1": None}, {}, id="a flag archived"),
        pytest.param(
            [[patch(F1, {"archived": True})], [patch(F1, {"archived": False})]],
            {"f1": SyncedFlag("boolean", {"on": True, "off": False})},
            {"f1": ON},
            {},
            id="a flag archived and restored",
        ),
        pytest.param(
            [[put(F1_LIVE, OFF), put(targeting_subject("shop", "f2", "production"), OFF), put(PROS, WIDER)]],
            {},
            {"f1": OFF, "f2": OFF},
            {"pros": WIDER},
            id="several in one group",
        ),
        pytest.param(
            [[put(F1_LIVE, OFF)], [put(PROS, WIDER)], [put(F1_LIVE, ON)]],
            {},
            {"f1": ON},
            {"pros": WIDER},
            id="one after the other",
        ),
        pytest.param(
            [[patch(environment_subject("shop", "production"), {"name": "Live"})]], {}, {}, {}, id="the environment"
        ),
    ],
)
def test_since__an_earlier_ruleset__is_what_changed(
    steps: list[list[Operation]],
    flags: dict[str, SyncedFlag | None],
    targetings: dict[str, Targeting | None],
    segments: dict[str, Segment | None],
) -> None:
    synced = furnished()
    base = synced.ruleset()
    for operations in steps:
        synced.shop.apply(*operations)
    delta = delta_of(synced.since(base))
    assert delta == RulesetDelta(base.id, synced.ruleset().id, flags, targetings, segments)


def test_since__a_ruleset_with_a_flag_archived__brings_back_its_older_targeting_when_it_is_restored() -> None:
    synced = furnished()
    synced.shop.patch(F1, {"archived": True})
    base = synced.ruleset()
    synced.shop.patch(F1, {"archived": False})
    assert delta_of(synced.since(base)).targetings == {"f1": ON}


@pytest.mark.parametrize(
    "base",
    [
        pytest.param("", id="nothing"),
        pytest.param("5-0123456789abcdef", id="another installation's"),
        pytest.param("x" * 5_000, id="nonsense"),
    ],
)
def test_since__an_unknown_base__is_the_whole_ruleset(base: str) -> None:
    synced = furnished()
    message = synced.sync.since(*PLACE, base)
    assert message is synced.sync.ruleset(*PLACE)


def test_since__a_base_served_before_a_restart__is_the_whole_ruleset() -> None:
    synced = furnished()
    base = synced.ruleset()
    synced.shop.apply(put(F1_LIVE, OFF))
    restarted = Sync(synced.evaluation)
    assert restarted.since(*PLACE, base.id) is restarted.ruleset(*PLACE)


def test_since__where_a_delta_would_be_no_smaller__is_the_whole_ruleset() -> None:
    synced = furnished()
    base = synced.ruleset()
    for number in range(10):
        synced.shop.apply(*everything_of(f"f{number}")[::2])
    assert synced.since(base) is synced.sync.ruleset(*PLACE)


def test_since__the_same_base_twice__is_made_once() -> None:
    synced = furnished()
    base = synced.ruleset()
    synced.shop.apply(put(F1_LIVE, OFF))
    assert synced.since(base) is synced.since(base)


def test_since__an_environment_that_ended__is_not_found() -> None:
    synced = furnished()
    base = synced.ruleset()
    synced.shop.apply(
        *(delete(targeting_subject("shop", f"f{number}", "production")) for number in range(10)),
        delete(environment_subject("shop", "production")),
    )
    with pytest.raises(NotFound):
        synced.since(base)


def test_since__an_environment_that_ended_and_came_again__leads_to_what_is_there_now() -> None:
    synced = furnished()
    base = synced.ruleset()
    production = environment_subject("shop", "production")
    synced.shop.apply(
        *(delete(targeting_subject("shop", f"f{number}", "production")) for number in range(10)), delete(production)
    )
    synced.shop.apply(put(production, Environment("production")))
    synced.shop.apply(put(F1_LIVE, OFF))
    assert after(base, synced.since(base)) == synced.ruleset()


def test_bases__are_remembered_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_BASES", 3)
    synced = furnished()
    bases = []
    for _ in range(3):
        bases.append(synced.ruleset())
        for targeting in (OFF, ON):
            synced.shop.apply(put(F1_LIVE, targeting))
    synced.ruleset()
    kinds = [message.kind for base in bases if (message := synced.since(base)) is not None]
    assert kinds == ["ruleset", "delta", "delta"]


def test_deltas__are_kept_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_DELTAS", 2)
    synced = furnished()
    bases = []
    for _ in range(3):
        bases.append(synced.ruleset())
        for targeting in (OFF, ON):
            synced.shop.apply(put(F1_LIVE, targeting))
    first = [synced.since(base) for base in bases]
    again = [synced.since(base) for base in reversed(bases)][::-1]
    assert [one is other for one, other in zip(first, again, strict=True)] == [False, False, True]


# Forms


def test_an_event__names_itself_and_holds_the_json_on_one_line() -> None:
    message = Message("delta", "7-00ff", b'{"a":1}')
    assert message.make(event=True, packed=False) == b'id: 7-00ff\nevent: delta\ndata: {"a":1}\n\n'


@pytest.mark.parametrize("event", [False, True], ids=["the JSON", "the event"])
def test_a_packed_form__is_one_gzip_member_of_the_plain_one(event: bool) -> None:
    message = Message("delta", "7-00ff", b'{"a":1}')
    assert gzip.decompress(message.make(event=event, packed=True)) == message.make(event=event, packed=False)


def test_a_form__is_made_once() -> None:
    message = Message("delta", "7-00ff", b'{"a":1}')
    assert message.known(event=True, packed=True) is None
    made = message.make(event=True, packed=True)
    assert message.known(event=True, packed=True) is made
    assert message.make(event=True, packed=True) is made


def test_values__with_line_ends__stay_on_one_line_of_an_event() -> None:
    synced = Synced()
    flag = Flag("text", "string", {"on": "a\nb\r\nc\u2028d", "off": ""})
    synced.shop.apply(put(flag_subject("shop", "text"), flag))
    event = synced.sync.ruleset(*PLACE).make(event=True, packed=False)
    data = event.decode().split("\n")[2]
    assert json.loads(data.removeprefix("data: "))["flags"]["text"]["variants"] == flag.variants


# The law: whatever happened since, a delta leads to the present ruleset, and that answers as the server does.

KEYS = ("checkout", "a", "b")
SEGMENTS = ("s", "t")
CONDITIONS = st.sampled_from(
    [
        PRO,
        Condition(segment="s"),
        Condition(segment="t"),
        Condition(flag="a", variants=("on",)),
        Condition(flag="checkout", variants=("off",)),
        Condition(not_=Condition(flag="b", variants=("on",))),
    ]
)
SERVES = st.sampled_from(
    [
        Serve(variant="on"),
        Serve(variant="off"),
        Serve(split=(Share("on", 50_000), Share("off", 50_000))),
    ]
)
TARGETINGS = st.builds(
    Targeting,
    off_variant=st.just("off"),
    fallthrough=SERVES,
    enabled=st.booleans(),
    prerequisites=st.lists(st.builds(Prerequisite, st.sampled_from(KEYS), st.just(("on",))), max_size=1).map(tuple),
    rules=st.lists(st.builds(Rule, st.just("r"), CONDITIONS, SERVES, st.sampled_from(["", "told"])), max_size=1).map(
        tuple
    ),
)
FLAGS = st.sampled_from(KEYS).map(lambda key: flag_subject("shop", key))
LIVES = st.builds(
    targeting_subject, st.just("shop"), st.sampled_from(KEYS), st.sampled_from(["production", "production", "staging"])
)
SEGMENT_SUBJECTS = st.sampled_from(SEGMENTS).map(lambda key: segment_subject("shop", key))


def flag_put(subject: Subject, owner: str, extra: bool) -> Operation:
    variants: dict[str, object] = {"on": True, "off": False, **({"more": True} if extra else {})}
    return put(subject, Flag(subject.name, "boolean", variants, owner=owner))


def everything_of(key: str) -> list[Operation]:
    lives = [targeting_subject("shop", key, environment) for environment in ("production", "staging")]
    return [delete(subject) for subject in (*lives, flag_subject("shop", key))]


SINGLES: st.SearchStrategy[Operation] = st.one_of(
    st.builds(flag_put, FLAGS, st.sampled_from(["", "billing"]), st.booleans()),
    st.builds(put, LIVES, TARGETINGS),
    st.builds(put, LIVES, TARGETINGS),
    st.builds(
        lambda subject, when: put(subject, Segment(subject.name, when, description="told")),
        SEGMENT_SUBJECTS,
        CONDITIONS,
    ),
    st.builds(lambda subject, archived: patch(subject, {"archived": archived}), FLAGS, st.booleans()),
    st.builds(delete, st.one_of(LIVES, SEGMENT_SUBJECTS)),
    st.just(patch(environment_subject("shop", "staging"), {"name": "Stage"})),
)
GROUPS = st.one_of(
    SINGLES.map(lambda one: [one]),
    SINGLES.map(lambda one: [one]),
    st.lists(SINGLES, min_size=2, max_size=3),
    st.sampled_from(KEYS).map(everything_of),
)
CONTEXTS: tuple[Mapping[str, str], ...] = (
    {},
    {"targetingKey": "u1"},
    {"targetingKey": "u2", "plan": "pro"},
    {"targetingKey": "u3", "plan": "free"},
)


def attempt(change: Callable[[], object]) -> None:
    """Make a change, or be refused: what is sent is of documents that stand."""
    try:
        change()
    except FlagtrailError:
        return


@settings(max_examples=150, deadline=None)
@given(steps=st.lists(st.tuples(GROUPS, st.booleans()), min_size=1, max_size=12))
def test_since__any_earlier_ruleset__leads_to_the_present_one_and_answers_like_the_server(
    steps: list[tuple[list[Operation], bool]],
) -> None:
    synced = Synced()
    large = Flag("large", "string", {"on": "x" * 5_000, "off": ""})  # so that every delta is smaller than the whole
    synced.shop.apply(
        put(flag_subject("shop", "large"), large),
        *(put(targeting_subject("shop", "checkout", environment), ON) for environment in ("production", "staging")),
    )
    earlier = [synced.ruleset()]
    for operations, looked in steps:
        attempt(lambda group=operations: synced.shop.apply(*group))  # type: ignore[misc] # bound at once
        if looked:
            earlier.append(synced.ruleset())
    present = synced.ruleset()
    sent = [synced.since(base) for base in earlier]
    assert {message.kind for message in sent if message is not None} <= {"delta"}
    assert [after(*pair) for pair in zip(earlier, sent, strict=True)] == [present] * len(earlier)

    flags = {key: flag.flag(key) for key, flag in present.flags.items()}
    held, served = Ruleset(flags, present.targetings, present.segments), synced.evaluation.served(*PLACE).ruleset
    assert [held.evaluate_all(context) for context in CONTEXTS] == [
        served.evaluate_all(context) for context in CONTEXTS
    ]


def test_another_project__changed__moves_nothing_here() -> None:
    synced = furnished()
    before = synced.ruleset()
    synced.shop.changes.apply(
        ADA, make(*project_operations(Project("other")), put(flag_subject("other", "x"), boolean_flag("x")))
    )
    assert synced.since(before) is None
