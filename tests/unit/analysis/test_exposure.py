"""When a flag was on for some contexts."""

from __future__ import annotations

import doctest

import pytest
from tests.unit.analysis.histories import (
    BETA,
    ENTERPRISE,
    ENV,
    GERMAN,
    OFF,
    ON,
    History,
    P,
    at,
    rule,
    split,
    targeting,
)

from flagtrail.analysis import exposure as module
from flagtrail.analysis.exposure import Exposure, exposure
from flagtrail.analysis.rollout import rollout
from flagtrail.model.environment import Policy
from flagtrail.model.flag import Flag, Json, boolean_flag
from flagtrail.model.subject import flag_subject, policy_subject

QUARTER = split("new_pricing", on=25_000, off=75_000)


def incident() -> History:
    """The story of `new_pricing`: turned on for enterprise by mistake, then mended, and a segment edited behind it."""
    history = History()
    history.flag("new_pricing", at(1))
    history.target("new_pricing", targeting(ON, enabled=False), at(2))
    history.target("new_pricing", targeting(QUARTER), at(5), why="start")
    history.target("new_pricing", targeting(QUARTER, rule(ENTERPRISE)), at(10), why="pilot", approval="req-1")
    history.target("new_pricing", targeting(QUARTER, rule(ENTERPRISE, OFF)), at(12), why="BILL-42: wrong prices")
    history.segment("beta", ENTERPRISE, at(13))
    history.target("new_pricing", targeting(QUARTER, rule(BETA)), at(20))
    return history


def told(found: Exposure) -> list[str]:
    return [f"{each.start[5:10]} {(each.end or 'now')[5:10]} {each.answer.words}" for each in found.intervals]


def asked(history: History, where: dict[str, Json], since: str | None = None, until: str | None = None) -> Exposure:
    return exposure(reversed(history.entries), P, ENV, "new_pricing", where, since, until)


@pytest.mark.parametrize(
    ("where", "since", "until", "lines"),
    [
        pytest.param(
            {"plan": "enterprise"},
            None,
            None,
            [
                "01-01 01-05 off 100 %",
                "01-05 01-10 on 25 %, off 75 %",
                "01-10 01-12 on 100 %",
                "01-12 01-20 off 100 %",
                "01-20  on 100 %",
            ],
            id="a segment",
        ),
        pytest.param({"plan": "free"}, at(3), None, ["01-03 01-05 off 100 %", "01-05  on 25 %, off 75 %"], id="others"),
        pytest.param(
            {"plan": "enterprise"},
            at(10),
            at(12),
            ["01-10 01-12 on 100 %"],
            id="exactly one interval",
        ),
        pytest.param(
            {},
            at(11),
            at(13),
            [
                "01-11 01-12 if plan in [enterprise]: on 100 %; else on 25 %, off 75 %",
                "01-12 01-13 if plan in [enterprise]: off 100 %; else on 25 %, off 75 %",
            ],
            id="everybody",
        ),
        pytest.param(
            {"plan": "free"},
            "2025-12-01T00:00:00.000000Z",
            at(2),
            ["12-01 01-01 none (no such flag)", "01-01 01-02 off 100 %"],
            id="before the flag existed",
        ),
        pytest.param({"plan": "free"}, at(25), None, ["01-25  on 25 %, off 75 %"], id="after the last entry"),
        pytest.param({"plan": "free"}, at(25), at(25), [], id="no time at all"),
    ],
)
def test_exposure__of_a_segment__half_open_intervals(
    where: dict[str, Json], since: str | None, until: str | None, lines: list[str]
) -> None:
    assert told(asked(incident(), where, since, until)) == lines


def test_exposure__each_interval__names_who_began_it_and_why() -> None:
    found = asked(incident(), {"plan": "enterprise"}).intervals[2]
    assert found.cause is not None
    assert (found.cause.seq, found.cause.actor.name, found.cause.why) == (3, "Alice", "pilot")
    assert (found.cause.ticket, found.cause.approval) == ("BILL-42", "req-1")
    assert found.cause.words == ("rule 'r1' added: on where plan in [enterprise]",)
    assert found.seqs == (0, 3)


def test_exposure__segment_edited_behind_a_flag__stands_as_the_cause() -> None:
    history = incident()
    edit = history.segment("beta", GERMAN, at(22), why="wider")
    found = asked(history, {"plan": "enterprise", "country": "AT"}).intervals[-1]
    assert (found.cause.seq if found.cause else None, found.start) == (edit.seq, at(22))


def test_exposure__entries_that_cannot_matter__are_passed_over() -> None:
    history = History()
    history.flag("new_pricing", at(1))
    history.target("new_pricing", targeting(ON), at(2), env="staging")
    history.put(flag_subject("other", "new_pricing"), None, at(3))
    history.put(policy_subject(P), Policy(), at(4))
    assert told(asked(history, {})) == ["01-01  off 100 %"]


def test_exposure__no_entries__only_the_time_asked_about() -> None:
    assert told(asked(History(), {}, at(1))) == ["01-01  none (no such flag)"]


def test_exposure__no_entries_and_no_time__nothing() -> None:
    assert asked(History(), {}).intervals == ()


def test_exposure__segment_older_than_the_flag__nobody_is_its_cause() -> None:
    history = History()
    history.segment("beta", GERMAN, at(1))
    history.flag("new_pricing", at(2))
    assert [each.cause.seq if each.cause else None for each in asked(history, {}).intervals] == [None, 1]


def test_exposure__several_entries_at_one_instant__the_last_counts_and_the_first_to_say_so_is_the_cause() -> None:
    history = History()
    history.flag("new_pricing", at(1))
    history.target("new_pricing", targeting(ON), at(1))
    history.flag("new_pricing", at(1), description="described")
    found = asked(history, {}).intervals
    assert [(each.answer.words, each.cause.seq if each.cause else None) for each in found] == [("on 100 %", 1)]


def test_exposure__imported_history__goes_by_when_it_happened() -> None:
    history = History()
    history.put(flag_subject(P, "new_pricing"), boolean_flag("new_pricing"), at(20), occurred_at=at(3))
    assert told(asked(history, {})) == ["01-03  off 100 %"]


def test_exposure__value_of_a_variant_changed__is_another_answer_but_not_another_exposure() -> None:
    history = History()
    history.flag("new_pricing", at(1))
    history.define(Flag("new_pricing", "integer", {"on": 1, "off": 0}), "new_pricing", at(2))
    found = asked(history, {})
    assert told(found) == ["01-01 01-02 off 100 %", "01-02  off (0) 100 %"]
    assert found.summary("off") == (f"off for all from {at(1)} to now",)


def test_exposure__flag_deleted_and_made_again__none_between() -> None:
    history = History()
    history.flag("new_pricing", at(1))
    history.define(None, "new_pricing", at(2))
    history.flag("new_pricing", at(3))
    assert told(asked(history, {})) == ["01-01 01-02 off 100 %", "01-02 01-03 none (no such flag)", "01-03  off 100 %"]


def test_exposure__interval__says_from_when_to_when() -> None:
    assert asked(incident(), {"plan": "free"}).intervals[-1].words == f"from {at(5)} to now: on 25 %, off 75 %"


@pytest.mark.parametrize(
    ("where", "lines"),
    [
        pytest.param(
            {"plan": "enterprise"},
            (
                f"on for 25 % from {at(5)} to {at(10)}",
                f"on for all from {at(10)} to {at(12)}",
                f"on for all from {at(20)} to now",
            ),
            id="known",
        ),
        pytest.param(
            {"country": "DE"},
            (
                f"on for 25 % from {at(5)} to {at(10)}",
                f"on all if plan in [enterprise], else 25 % from {at(10)} to {at(12)}",
                f"on none if plan in [enterprise], else 25 % from {at(12)} to {at(20)}",
                f"on all if plan in [enterprise], else 25 % from {at(20)} to now",
            ),
            id="conditional",
        ),
    ],
)
def test_summary__of_a_variant__a_line_for_each_time(where: dict[str, Json], lines: tuple[str, ...]) -> None:
    assert asked(incident(), where).summary("on") == lines


def test_summary__variant_in_no_case__never() -> None:
    history = History()
    history.flag("new_pricing", at(1))
    history.target("new_pricing", targeting(OFF, rule(GERMAN, QUARTER)), at(1))
    assert asked(history, {}).summary("control") == ("control: never",)


def test_intervals__shares__of_every_variant_that_is_served_in_any() -> None:
    found = asked(incident(), {"country": "DE"})
    assert [{each.variant: each.words for each in interval.shares} for interval in found.intervals] == [
        {"off": "all", "on": "none"},
        {"off": "75 %", "on": "25 %"},
        {"off": "none if plan in [enterprise], else 75 %", "on": "all if plan in [enterprise], else 25 %"},
        {"off": "all if plan in [enterprise], else 75 %", "on": "none if plan in [enterprise], else 25 %"},
        {"off": "none if plan in [enterprise], else 75 %", "on": "all if plan in [enterprise], else 25 %"},
    ]


def test_rollout__steps__shares_of_everybody_and_the_rules_beside_them() -> None:
    found = rollout(incident().entries, P, ENV, "new_pricing")
    steps = [(each.start, each.end, [portion.words for portion in each.portions], each.rules) for each in found.steps]
    quarter = ["on 25 %", "off 75 %"]
    assert steps == [
        (at(1), at(5), ["off 100 %"], ()),
        (at(5), at(10), quarter, ()),
        (at(10), at(12), quarter, ("if plan in [enterprise]: on 100 %",)),
        (at(12), at(20), quarter, ("if plan in [enterprise]: off 100 %",)),
        (at(20), None, quarter, ("if plan in [enterprise]: on 100 %",)),
    ]
    assert found.seqs == (0, 1, 2, 3, 4, 5, 6)


def test_rollout__flag_that_is_gone__no_portions() -> None:
    history = incident()
    history.define(None, "new_pricing", at(25))
    last = rollout(history.entries, P, ENV, "new_pricing").steps[-1]
    assert (last.standing, last.portions, last.words) == ("missing", (), "none (no such flag)")


def test_exposure__its_examples__are_true() -> None:
    assert doctest.testmod(module).failed == 0
