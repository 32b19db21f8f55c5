"""What is held is swapped whole, refused whole, and known to be fresh or old."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.rulesets import BOOLEAN, plain, ruleset, targeting

from flagtrail.model.segment import Segment
from flagtrail.model.sync import RulesetData, RulesetDelta, SyncedFlag
from flagtrail.sdk.evaluator import Evaluator
from flagtrail.sdk.events import Event, EventKind
from flagtrail.sdk.served import RulesetRefused, Served

READY = Event(EventKind.READY)
ENTERPRISE = {"attribute": "plan", "operator": "equals", "values": ["enterprise"]}
PRO = {"attribute": "plan", "operator": "equals", "values": ["pro"]}
BY_SEGMENT = targeting(rules=[{"id": "r", "when": {"segment": "paying"}, "serve": {"variant": "off"}}])
NEEDS = targeting(prerequisites=[{"flag": "a", "variants": ["on"]}])


class Listener:
    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - forwarded to Served
        self.now = 0.0
        self.events: list[Event] = []
        self.installed: list[Evaluator] = []
        self.served = Served(self.events.append, self.installed.append, clock=lambda: self.now, **options)


def shop(*, id: str = "1-a", when: Any = ENTERPRISE, on: bool = True) -> RulesetData:  # noqa: A002, ANN401
    flags = {
        "a": (BOOLEAN, targeting(enabled=on)),
        "needs": (BOOLEAN, NEEDS),
        "segmented": (BOOLEAN, BY_SEGMENT),
        "alone": (BOOLEAN, targeting()),
    }
    return ruleset(flags, id=id, segments={"paying": when})


CHANGES: list[Any] = [
    pytest.param(shop(id="2-b"), (), id="nothing"),
    pytest.param(shop(id="2-b", on=False), ("a", "needs"), id="a prerequisite"),
    pytest.param(shop(id="2-b", when=PRO), ("segmented",), id="a segment"),
    pytest.param(
        ruleset({"a": (BOOLEAN, targeting()), "new": plain(1)}, id="2-b"),
        ("alone", "needs", "new", "segmented"),
        id="flags new and gone",
    ),
]


@pytest.mark.parametrize(("after", "changed"), CHANGES)
def test_replace__some_documents_changed__names_the_flags_that_may_answer_otherwise(
    after: RulesetData, changed: tuple[str, ...]
) -> None:
    listener = Listener()
    listener.served.replace(shop())
    listener.served.replace(after)

    told = [Event(EventKind.CONFIGURATION_CHANGED, changed=changed)] if changed else []
    assert listener.events == [READY, *told]


def test_replace__equal_documents__keeps_what_was_compiled() -> None:
    listener = Listener()
    listener.served.replace(shop())
    ruleset_before = listener.installed[0].ruleset
    functions = {key: ruleset_before.flag_function(key) for key in ruleset_before.flags}
    listener.served.replace(msgspec.convert(msgspec.to_builtins(shop(id="2-b", on=False)), RulesetData))
    after = listener.installed[1].ruleset

    assert {key for key in functions if after.flag_function(key) is functions[key]} == {"alone", "segmented"}


@pytest.mark.parametrize("name", ["", "1-\u20ac", "1-a\r\nX: y", '1-"a', "1 a", "1" * 201])
def test_replace__id_that_no_header_can_hold__is_refused(name: str) -> None:
    listener = Listener()
    with pytest.raises(RulesetRefused):
        listener.served.replace(shop(id=name))

    assert listener.served.id is None


EQUAL_TO_PYTHON: list[Any] = [(1, True), (False, 0), (1, 1.0), (0.0, -0.0), ([{"a": 1}], [{"a": True}])]


@pytest.mark.parametrize(("old", "new"), EQUAL_TO_PYTHON)
def test_replace__value_that_python_calls_equal__serves_the_new_one(old: object, new: object) -> None:
    listener = Listener()
    for value in (old, new):
        listener.served.replace(ruleset({"o": plain({"held": value})}))

    assert repr(listener.installed[-1].evaluate_all({})) == repr({"o": {"held": new}})


@pytest.mark.parametrize("last", [True, 1])
def test_replace__condition_that_python_calls_equal__is_judged_by_the_new_one(last: object) -> None:
    listener = Listener()
    for value in (1, True, last):
        when = {"attribute": "n", "operator": "equals", "values": [value]}
        rule = {"id": "r", "when": when, "serve": {"variant": "off"}}
        listener.served.replace(ruleset({"c": (BOOLEAN, targeting(rules=[rule]))}))
    evaluate = listener.installed[-1].evaluate_all

    assert [evaluate({"n": 1}), evaluate({"n": True})] == [{"c": last is True}, {"c": last is not True}]


def test_apply__a_delta_of_what_is_held__is_as_if_sent_whole() -> None:
    listener = Listener()
    listener.served.replace(shop())
    paying = msgspec.convert({"key": "paying", "when": PRO}, Segment)
    added, added_targeting = plain("hello")
    delta = RulesetDelta(
        "1-a", "3-c", {"alone": None, "new": added}, {"alone": None, "new": added_targeting}, {"paying": paying}
    )
    listener.served.apply(delta)
    whole = ruleset(
        {
            "a": (BOOLEAN, targeting()),
            "needs": (BOOLEAN, NEEDS),
            "segmented": (BOOLEAN, BY_SEGMENT),
            "new": plain("hello"),
        },
        id="3-c",
        segments={"paying": PRO},
    )

    assert listener.served.document() == whole
    assert listener.events[-1].changed == ("alone", "new", "segmented")


DEFECTS: list[Any] = [
    pytest.param({"a": (BOOLEAN, targeting(off_variant="gone"))}, id="an unknown variant"),
    pytest.param({"a": (BOOLEAN, NEEDS)}, id="a flag that depends on itself"),
    pytest.param({"b": (BOOLEAN, NEEDS)}, id="an unknown prerequisite"),
    pytest.param({"a": (BOOLEAN, BY_SEGMENT)}, id="an unknown segment"),
    pytest.param({"a": (SyncedFlag("float", {"on": "1.5", "off": 1}), targeting())}, id="a value of another type"),
    pytest.param({"a": (BOOLEAN, targeting(fallthrough={"split": [{"variant": "on", "weight": 7}]}))}, id="weights"),
]


@pytest.mark.parametrize("flags", DEFECTS)
def test_replace__a_defective_ruleset__is_refused_whole(flags: Any) -> None:  # noqa: ANN401 - see DEFECTS
    listener = Listener()
    listener.served.replace(shop())
    with pytest.raises(RulesetRefused):
        listener.served.replace(ruleset({**flags, "new": plain(1)}, id="2-b"))

    assert (listener.served.document(), len(listener.installed), listener.events) == (shop(), 1, [READY])


def test_replace__a_targeting_without_its_flag__is_refused() -> None:
    data = msgspec.structs.replace(shop(), flags={})
    with pytest.raises(RulesetRefused, match="no flag"):
        Listener().served.replace(data)


@pytest.mark.parametrize("held", [None, "1-b"])
def test_apply__a_delta_of_another_base__is_refused(held: str | None) -> None:
    listener = Listener()
    if held is not None:
        listener.served.replace(shop(id=held))
    with pytest.raises(RulesetRefused, match="1-a"):
        listener.served.apply(RulesetDelta("1-a", "2-b", {}, {}, {}))


def test_restore__until_the_server_is_heard__is_stale() -> None:
    listener = Listener()
    listener.served.restore(shop(), "kept from an earlier run")
    stale = listener.served.stale
    listener.served.confirmed()

    assert (stale, listener.served.stale) == (True, False)
    assert listener.events == [Event(EventKind.STALE, "kept from an earlier run"), READY]


def test_unreachable__nothing_held__is_an_error_told_once() -> None:
    listener = Listener()
    for _ in range(3):
        listener.served.unreachable("refused")

    assert (listener.events, listener.served.failing) == ([Event(EventKind.ERROR, "refused")], True)


def test_unreachable__for_longer_than_allowed__is_stale_told_once() -> None:
    listener = Listener(stale_after=60.0)
    listener.served.replace(shop())
    for listener.now in (30.0, 59.0, 60.0, 90.0):
        listener.served.unreachable("no answer")

    assert listener.events == [READY, Event(EventKind.STALE, "no answer")]


def test_unreachable__heard_in_between__waits_anew() -> None:
    listener = Listener(stale_after=60.0)
    listener.served.replace(shop())
    listener.now = 50.0
    listener.served.confirmed()
    listener.now = 100.0
    listener.served.unreachable("no answer")

    assert (listener.events, listener.served.stale) == ([READY], False)


@pytest.mark.parametrize(("held", "fatal"), [(False, True), (True, False)])
def test_refused__credential__is_fatal_only_where_nothing_is_held(held: bool, fatal: bool) -> None:
    listener = Listener()
    if held:
        listener.served.replace(shop())
    listener.served.refused("the token is unknown", fatal=True)

    assert listener.events[-1] == Event(EventKind.ERROR, "the token is unknown", fatal=fatal)


def test_refused__again_and_again_until_stale__stays_stale() -> None:
    listener = Listener(stale_after=60.0)
    listener.served.replace(shop())
    for listener.now in (30.0, 90.0, 120.0, 150.0):
        listener.served.refused("the token is unknown", fatal=True)
    error = Event(EventKind.ERROR, "the token is unknown")

    assert listener.events == [READY, error, Event(EventKind.STALE, "the token is unknown")]


def test_refused__for_another_reason_while_stale__is_told_and_stays_stale() -> None:
    listener = Listener(stale_after=0.0)
    listener.served.replace(shop())
    listener.served.unreachable("no answer")
    listener.served.refused("no JSON")

    assert listener.events[2:] == [Event(EventKind.ERROR, "no JSON"), Event(EventKind.STALE, "no JSON")]


VARIANTS = st.dictionaries(st.sampled_from("abcd"), st.booleans(), max_size=4)


@given(st.lists(VARIANTS, min_size=1, max_size=6))
def test_apply__any_chain_of_deltas__serves_what_the_whole_would(states: list[dict[str, bool]]) -> None:
    def whole(index: int) -> RulesetData:
        flags = {key: (BOOLEAN, targeting(enabled=on)) for key, on in states[index].items()}
        return ruleset(flags, id=f"{index}-x")

    chained = Listener()
    chained.served.replace(whole(0))
    for index in range(1, len(states)):
        before, after = whole(index - 1), whole(index)
        keys = before.flags.keys() | after.flags.keys()
        flags = {key: after.flags.get(key) for key in keys}
        targetings = {key: after.targetings.get(key) for key in keys}
        chained.served.apply(RulesetDelta(before.id, after.id, flags, targetings, {}))

    assert chained.served.document() == whole(len(states) - 1)
    assert chained.installed[-1].evaluate_all({}) == states[-1]
