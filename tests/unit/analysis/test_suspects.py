from __future__ import annotations

import msgspec
import pytest
from tests.unit.analysis.histories import BETA, ENTERPRISE, ENV, GERMAN, OFF, History, P, at, rule, split, targeting

from flagtrail.analysis import suspects as question
from flagtrail.analysis.suspects import Incident, Suspects, suspects
from flagtrail.model.condition import Condition
from flagtrail.model.context import Context
from flagtrail.model.entry import Entry, Group
from flagtrail.model.flag import Flag
from flagtrail.model.targeting import Serve, Targeting

PEOPLE: list[Context] = [
    {"targetingKey": f"u{number}", "country": "DE" if number % 4 == 0 else "AT", "plan": "pro"} for number in range(40)
]


def asked(entries: list[Entry], contexts: list[Context], *, since: str = at(5), until: str = at(15)) -> Suspects:
    return suspects(entries, Incident(project=P, environment=ENV, at=until, since=since), contexts)


def served() -> History:
    """Three flags: one for all, one for a segment of Germans, one that nothing is done to."""
    history = History()
    history.segment("beta", ENTERPRISE, at(1))
    for key, document in (("f", targeting()), ("g", targeting(OFF, rule(BETA))), ("h", targeting())):
        history.flag(key, at(1))
        history.target(key, document, at(2))
    return history


def ranked(found: Suspects) -> list[tuple[int, float | None]]:
    return [(each.cause.seq, each.share) for each in found.suspects]


def test_suspects__sampled_contexts__are_ranked_by_whom_a_change_altered() -> None:
    history = served()
    widened = history.segment("beta", GERMAN, at(14), why="for another flag")
    off = history.target("f", targeting(OFF), at(14))
    found = asked(history.entries, PEOPLE)
    assert ranked(found) == [(off.seq, 1.0), (widened.seq, 0.25)]
    assert (found.source, found.sampled, found.harmless, found.seqs) == ("sampled", 40, 0, (widened.seq, off.seq))
    second = found.suspects[1]
    assert [(shift.flag, shift.share, shift.words) for shift in second.flags] == [
        ("g", 0.25, "25 % got on instead of off")
    ]
    assert second.words == (
        "altered something for 25 % of 40 sampled contexts (14 % to 40 %), 1 d before; "
        "score 23.8: the share, times 0.95 for being so close"
    )


def test_suspects__of_two_that_altered_as_many__the_closer_one_comes_first() -> None:
    history = served()
    early = history.target("f", targeting(OFF), at(6))
    late = history.target("h", targeting(OFF), at(14))
    found = asked(history.entries, PEOPLE)
    assert [each.cause.seq for each in found.suspects] == [late.seq, early.seq]
    assert [each.score for each in found.suspects] == [95.0, 55.0]


@pytest.mark.parametrize(
    ("time", "counts"),
    [
        pytest.param(at(5), True, id="at the start of the window"),
        pytest.param(at(15), True, id="at the incident"),
        pytest.param(at(4), False, id="before the window"),
        pytest.param(at(16), False, id="after the incident: it cannot have caused it"),
    ],
)
def test_suspects__window__holds_both_its_ends(time: str, counts: bool) -> None:
    history = served()
    history.target("f", targeting(OFF), time)
    assert bool(asked(history.entries, PEOPLE).suspects) == counts


def test_suspects__change_that_altered_nobody__is_counted_as_harmless() -> None:
    history = served()
    history.flag("f", at(6), description="new")
    history.segment("beta", Condition(attribute="plan", operator="in", values=("team",)), at(7))
    history.target("f", targeting(OFF), at(8), env="staging")
    history.flag("new", at(9))
    history.target("new", targeting(enabled=False), at(9))
    found = asked(history.entries, PEOPLE)
    assert (found.suspects, found.harmless) == ((), 4)


def test_suspects__one_request__is_one_change() -> None:
    history = served()
    together = [history.segment("beta", GERMAN, at(8)), history.target("f", targeting(OFF), at(8))]
    history.entries[-2:] = [msgspec.structs.replace(each, group=Group("one")) for each in together]
    (found,) = asked(history.entries, PEOPLE).suspects
    assert (found.cause.seq, found.also, found.share) == (together[1].seq, (together[0].seq,), 1.0)
    assert [shift.flag for shift in found.flags] == ["f", "g"]


def test_suspects__flag_that_is_made_and_switched_on__altered_whoever_asks() -> None:
    history = served()
    history.flag("new", at(8))
    history.target("new", targeting(), at(9))
    history.define(None, "new", at(10))
    found = asked(history.entries, PEOPLE)
    assert [each.flags[0].words for each in found.suspects] == [
        "100 % got the caller's own default instead of on",
        "100 % got on instead of off",
    ]
    assert found.harmless == 1


def test_suspects__no_contexts__are_told_from_the_rules_alone() -> None:
    history = served()
    widened = history.segment("beta", GERMAN, at(6))
    half = history.target("h", targeting(split("h", on=60_000, off=40_000)), at(10))
    off = history.target("f", targeting(OFF), at(10))
    same = history.target("f", targeting(OFF, rule(GERMAN, OFF)), at(11))
    found = asked(history.entries, [])
    assert (found.source, found.sampled, found.harmless) == ("rules", 0, 1)
    assert ranked(found) == [(off.seq, 1.0), (half.seq, pytest.approx(0.4)), (widened.seq, None)]
    assert same.seq not in found.seqs
    last = found.suspects[-1]
    assert last.contexts is None
    assert last.words.startswith(
        "altered something for some, the rules leave open how many (ranked as half), 9 d before"
    )
    assert "if country equals DE: 100 % get on instead of off" in last.flags[0].words
    assert found.suspects[0].words.startswith("altered something for 100 % by the rules")


def test_suspects__rules_too_many_to_tell_in_cases__say_before_and_after() -> None:
    history = served()
    history.define(Flag("f", "integer", {f"v{number}": number for number in range(9)}), "f", at(3))
    history.target("f", Targeting("v0", Serve("v1"), enabled=True), at(4))
    history.target("f", Targeting("v0", Serve("v2"), enabled=True), at(8))
    (found,) = asked(history.entries, []).suspects
    assert found.flags[0].share is None
    assert "became" in found.flags[0].words


def test_suspects__rules_that_alter_most_of_one_flag__are_ranked_by_that() -> None:
    history = served()
    together = [history.segment("beta", GERMAN, at(8)), history.target("f", targeting(OFF), at(8))]
    history.entries[-2:] = [msgspec.structs.replace(each, group=Group("one")) for each in together]
    (found,) = asked(history.entries, []).suspects
    assert found.share == 1.0


def test_suspects__incident_at_the_start_of_its_window__is_as_close_as_can_be() -> None:
    history = served()
    history.target("f", targeting(OFF), at(5))
    (found,) = asked(history.entries, PEOPLE, since=at(5), until=at(5)).suspects
    assert found.score == 100.0


def test_suspects__many_flags_and_contexts__looks_at_fewer_contexts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(question, "MAX_EVALUATIONS", 10)
    history = served()
    history.target("f", targeting(OFF), at(8))
    (found,) = asked(history.entries, PEOPLE).suspects
    assert found.contexts is not None
    assert (found.contexts.count, found.share) == (10, 1.0)
