from __future__ import annotations

import msgspec
import pytest
from tests.unit.analysis.histories import BETA, ENTERPRISE, ENV, GERMAN, OFF, ON, History, P, at, rule, targeting

from flagtrail.analysis.blame import Asked, Band, FlagBlame, blame
from flagtrail.model.condition import Condition
from flagtrail.model.entry import Entry
from flagtrail.model.flag import Flag, Json
from flagtrail.model.segment import Segment
from flagtrail.model.subject import segment_subject
from flagtrail.model.targeting import Prerequisite, Targeting

USER: dict[str, Json] = {"targetingKey": "u1", "country": "DE", "plan": "pro"}


def asked(flag: str | None = "f", **more: Json) -> Asked:
    return msgspec.structs.replace(Asked(project=P, environment=ENV, flag=flag, context=USER), **more)


def bands(entries: list[Entry], question: Asked, record: str | None = None) -> list[tuple[str, str | None, object]]:
    """(start, end, what it got) of the only flag."""
    (found,) = blame(entries, question, record).flags
    return [(band.start, band.end, got(band)) for band in found.bands]


def got(band: Band) -> object:
    return "unknown" if band.got is None else band.got.error or band.got.variant


def causes(found: FlagBlame) -> list[tuple[int, tuple[int, ...], tuple[str, ...]]]:
    """(entry, entries of the same instant, trace) of each edge."""
    return [(edge.cause.seq, edge.also, edge.trace) for edge in found.edges]


def launched() -> History:
    """A flag that is created on the first day and served to everybody from the second on."""
    history = History()
    history.flag("f", at(1))
    history.target("f", targeting(), at(2), why="go live", approval="act_2")
    return history


def test_blame__own_changes__are_bands_with_who_and_why() -> None:
    history = launched()
    history.target("f", targeting(OFF), at(5), why="back")
    (found,) = blame(history.entries, asked()).flags
    assert [(band.start, band.end, got(band)) for band in found.bands] == [
        (at(1), at(2), "off"),
        (at(2), at(5), "on"),
        (at(5), None, "off"),
    ]
    edge = found.edges[1]
    assert edge.before is not None
    assert (edge.before.variant, edge.after.variant, edge.time) == ("off", "on", at(2))
    assert (edge.cause.seq, edge.cause.why, edge.cause.approval, edge.cause.actor.name) == (
        1,
        "go live",
        "act_2",
        "Alice",
    )
    assert found.edges[2].cause.words == ("serves off instead of on",)


@pytest.mark.parametrize(
    ("since", "until", "expected"),
    [
        pytest.param(at(2), at(5), [(at(2), at(5), "on")], id="the change at its start belongs to it"),
        pytest.param(at(3), None, [(at(3), at(5), "on"), (at(5), None, "off")], id="open"),
        pytest.param(at(3), at(5), [(at(3), at(5), "on")], id="the change at its end does not belong to it"),
        pytest.param(at(6), None, [(at(6), None, "off")], id="after the last change"),
    ],
)
def test_blame__window__is_half_open(
    since: str, until: str | None, expected: list[tuple[str, str | None, str]]
) -> None:
    history = launched()
    history.target("f", targeting(OFF), at(5))
    assert bands(history.entries, asked(since=since, until=until)) == expected


def test_blame__change_at_the_very_start__has_its_entry() -> None:
    (found,) = blame(launched().entries, asked(since=at(2))).flags
    assert causes(found) == [(1, (), ())]


def test_blame__nested_segment__is_traced_to_the_flag() -> None:
    history = launched()
    history.segment("beta", Condition(segment="inner"), at(3))
    history.target("f", targeting(OFF, rule(BETA)), at(4))
    history.segment("inner", GERMAN, at(6), why="for another flag")
    (found,) = blame(history.entries, asked(since=at(5))).flags
    assert causes(found) == [(4, (), ("segment inner", "segment beta", "flag f"))]


def test_blame__prerequisite__is_traced_by_the_document_that_answered_otherwise() -> None:
    history = launched()
    for key in ("a", "b"):
        history.flag(key, at(1))
        history.target(key, targeting(OFF if key == "b" else ON, rule(BETA)), at(2))
    history.target("f", targeting(needs=["a", "b"]), at(3))
    history.segment("beta", GERMAN, at(4))  # a was on before, too
    (found,) = blame(history.entries, asked(since=at(4))).flags
    assert causes(found) == [(history.entries[-1].seq, (), ("segment beta", "flag b", "flag f"))]


def test_blame__prerequisite_that_is_met_all_the_same__is_not_on_the_way() -> None:
    history = launched()
    for key, serve in (("a", OFF), ("b", ON)):
        history.flag(key, at(1))
        history.target(key, targeting(ON if key == "a" else OFF, rule(BETA, serve)), at(2))
    needs = (Prerequisite("a", ("on", "off")), Prerequisite("b", ("on",)))
    history.target("f", Targeting("off", ON, enabled=True, prerequisites=needs), at(3))
    changed = history.segment("beta", GERMAN, at(4))  # a and b answer otherwise, and only b must not
    (found,) = blame(history.entries, asked(since=at(4))).flags
    assert causes(found) == [(changed.seq, (), ("segment beta", "flag b", "flag f"))]


def test_blame__flag_condition_within_a_segment__is_traced_through_it() -> None:
    history = launched()
    history.flag("a", at(1))
    history.segment("beta", Condition(all=(GERMAN, Condition(flag="a", variants=("on",)))), at(2))
    history.target("f", targeting(OFF, rule(BETA)), at(3))
    switched = history.target("a", targeting(), at(4))
    (found,) = blame(history.entries, asked(since=at(4))).flags
    assert causes(found) == [(switched.seq, (), ("flag a", "segment beta", "flag f"))]


def test_blame__documents_that_begin_to_depend_on_themselves__are_traced_all_the_same() -> None:
    history = launched()
    history.segment("inner", ENTERPRISE, at(2))
    history.segment("beta", Condition(segment="inner"), at(2))
    history.target("f", targeting(ON, rule(BETA, OFF)), at(3))
    history.segment("inner", Condition(flag="f", variants=("on",)), at(4))  # which no change flow lets through
    (found,) = blame(history.entries, asked(since=at(4))).flags
    assert [band.got.error for band in found.bands if band.got] == ["GENERAL"]
    assert causes(found) == [(5, (), ("segment inner", "segment beta", "flag f"))]


def test_blame__several_entries_of_one_instant__the_last_that_altered_it_is_the_cause() -> None:
    history = History()
    history.segment("beta", GERMAN, at(1))
    history.flag("f", at(2))
    history.target("f", targeting(OFF), at(2))
    history.target("f", targeting(ON), at(2))
    (found,) = blame(history.entries, asked(since=at(1))).flags
    assert [got(band) for band in found.bands] == ["FLAG_NOT_FOUND", "on"]
    assert causes(found) == [(3, (1,), ())]


def test_blame__altered_and_taken_back_at_one_instant__was_never_got() -> None:
    history = launched()
    history.target("f", targeting(OFF), at(3))
    history.target("f", targeting(ON), at(3))
    history.target("f", targeting(OFF), at(4))
    history.target("f", targeting(ON), at(4))
    history.target("f", targeting(OFF), at(4))
    (found,) = blame(history.entries, asked(since=at(3))).flags
    assert [(band.start, got(band)) for band in found.bands] == [(at(3), "on"), (at(4), "off")]
    assert causes(found) == [(6, (), ())]


def test_blame__description_or_another_environment__alters_nothing() -> None:
    history = launched()
    history.flag("f", at(3), description="new", owner="growth")
    history.target("f", targeting(OFF), at(4), env="staging")
    history.segment("beta", GERMAN, at(5))
    history.target("f", targeting(), at(6))
    assert bands(history.entries, asked(since=at(3))) == [(at(3), None, "on")]


@pytest.mark.parametrize(("reasons", "expected"), [(False, []), (True, [(2, (), ())])])
def test_blame__only_the_rule_changed__counts_with_reasons(
    reasons: bool, expected: list[tuple[int, tuple[int, ...], tuple[str, ...]]]
) -> None:
    history = launched()
    history.target("f", targeting(ON, rule(GERMAN)), at(3))
    (found,) = blame(history.entries, asked(since=at(3), reasons=reasons)).flags
    assert causes(found) == expected


@pytest.mark.parametrize(("now", "counts"), [(False, True), (0, True), (1, False), (1.0, False)])
def test_blame__value_of_the_variant__counts_where_json_tells_it_apart(now: Json, counts: bool) -> None:
    history = launched()
    history.define(Flag("f", "integer", {"on": 1, "off": 2}), "f", at(3))
    history.define(Flag("f", "integer", {"on": now, "off": 2}), "f", at(4))
    (found,) = blame(history.entries, asked(since=at(4))).flags
    assert bool(found.edges) == counts


def test_blame__imported_history__counts_from_when_it_happened() -> None:
    history = launched()
    history.target("f", targeting(OFF, rule(BETA)), at(5))
    history.put(segment_subject(P, "beta"), Segment("beta", GERMAN), at(10), occurred_at=at(7))
    (found,) = blame(history.entries, asked(since=at(4))).flags
    assert [(band.start, got(band)) for band in found.bands] == [(at(4), "on"), (at(5), "off"), (at(7), "on")]
    assert causes(found) == [(2, (), ()), (3, (), ("segment beta", "flag f"))]


def test_blame__before_the_record__is_unknown() -> None:
    history = launched()
    assert bands(history.entries, asked(since=at(1, 1).replace("2026", "2025")), at(1)) == [
        (at(1).replace("2026", "2025"), at(1), "unknown"),
        (at(1), at(2), "off"),
        (at(2), None, "on"),
    ]
    (found,) = blame(history.entries, asked(since=at(1).replace("2026", "2025")), at(1)).flags
    assert found.edges[0].before is None


def test_blame__record_that_begins_with_another_document__knows_that_there_was_no_flag() -> None:
    history = History()
    history.segment("beta", GERMAN, at(2))
    history.flag("f", at(3))
    assert bands(history.entries, asked(since=at(1)), at(2)) == [
        (at(1), at(2), "unknown"),
        (at(2), at(3), "FLAG_NOT_FOUND"),
        (at(3), None, "off"),
    ]


def test_blame__all_flags__the_newest_change_comes_first_and_constant_ones_last() -> None:
    history = launched()
    for key in ("c", "b", "a", "gone"):
        history.flag(key, at(1), archived=key == "gone")
    history.target("b", targeting(), at(6))
    history.target("unheard", targeting(), at(7))
    found = blame(history.entries, asked(None, since=at(2)))
    assert [(each.flag, len(each.edges)) for each in found.flags] == [("b", 1), ("f", 1), ("a", 0), ("c", 0)]
    assert found.seqs == (1, 6)


def test_blame__flag_made_and_deleted_within_the_window__is_one_of_all() -> None:
    history = launched()
    history.flag("g", at(3))
    history.define(None, "g", at(4))
    found = blame(history.entries, asked(None, since=at(2).replace("T00", "T12")))
    assert [(each.flag, [got(band) for band in each.bands]) for each in found.flags] == [
        ("g", ["FLAG_NOT_FOUND", "off", "FLAG_NOT_FOUND"]),
        ("f", ["on"]),
    ]


def test_blame__entry_that_altered_many_flags__is_one_cause() -> None:
    history = History()
    for key in ("f", "g"):
        history.flag(key, at(1))
        history.target(key, targeting(OFF, rule(BETA)), at(2))
    history.segment("beta", GERMAN, at(3))
    first, second = (each.edges[-1].cause for each in blame(history.entries, asked(None, since=at(3))).flags)
    assert first is second


def test_blame__segment_that_leaves_a_flag__alters_it_no_more() -> None:
    history = launched()
    history.segment("beta", GERMAN, at(3))
    history.target("f", targeting(OFF, rule(BETA)), at(4))
    history.target("f", targeting(OFF), at(5))
    history.segment("beta", None, at(6))
    (found,) = blame(history.entries, asked(since=at(3))).flags
    assert causes(found) == [(4, (), ())]


@pytest.mark.parametrize("flag", [None, "f"])
def test_blame__nothing_known__tells_of_no_flag(flag: str | None) -> None:
    history = History()
    history.segment("beta", GERMAN, at(1))
    assert blame(history.entries, asked(flag)).flags == ()


def test_blame__record_that_begins_after_changes__knows_nothing_of_them() -> None:
    history = launched()
    history.target("f", targeting(OFF), at(5))
    assert bands(history.entries, asked(since=at(1)), at(4)) == [
        (at(1), at(4), "unknown"),
        (at(4), at(5), "on"),
        (at(5), None, "off"),
    ]
