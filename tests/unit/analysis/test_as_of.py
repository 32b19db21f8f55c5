"""The state, and what a context got, at a moment of the past."""

from __future__ import annotations

import pytest
from tests.unit.analysis.histories import BETA, ENTERPRISE, ENV, GERMAN, OFF, ON, History, P, at, rule, targeting

from flagtrail.analysis.as_of import At, evaluate_at, made_by, state_at
from flagtrail.model.context import Context
from flagtrail.model.errors import BeforeRecord
from flagtrail.model.flag import Flag, boolean_flag
from flagtrail.model.resolution import ErrorCode
from flagtrail.model.subject import flag_subject

ENTERPRISE_CONTEXT: Context = {"targetingKey": "u1", "plan": "enterprise"}


def story() -> History:
    history = History()
    history.flag("f", at(1))
    history.target("f", targeting(OFF), at(2))
    history.target("f", targeting(OFF, rule(ENTERPRISE)), at(10))
    history.flag("f", at(11), description="told more")
    history.target("f", targeting(OFF, enabled=False), at(20))
    return history


@pytest.mark.parametrize(
    ("moment", "variant", "because"),
    [
        pytest.param(At(time=at(1)), "off", 0, id="at the first entry"),
        pytest.param(At(time=at(9)), "off", 0, id="the same answer from another document"),
        pytest.param(At(time="2026-01-09T23:59:59.999999Z"), "off", 0, id="a microsecond before"),
        pytest.param(At(time=at(10)), "on", 2, id="at the change"),
        pytest.param(At(time=at(15)), "on", 2, id="an edit that altered nothing is not the cause"),
        pytest.param(At(time=at(1, 12)), "off", 4, id="the future is the present"),
        pytest.param(At(), "off", 4, id="now"),
        pytest.param(At(seq=2), "on", 2, id="by seq"),
        pytest.param(At(seq=0), "off", 0, id="by the first seq"),
    ],
)
def test_evaluate_at__moment__variant_and_the_entry_that_made_it_so(moment: At, variant: str, because: int) -> None:
    found = evaluate_at(story().entries, P, ENV, "f", ENTERPRISE_CONTEXT, moment)
    assert (found.resolution.variant, found.because) == (variant, because)


def test_evaluate_at__flag_that_never_was__because_of_the_first_entry() -> None:
    history = History()
    history.segment("beta", ENTERPRISE, at(1))
    found = evaluate_at(history.entries, P, ENV, "f", ENTERPRISE_CONTEXT, At())
    assert (found.resolution.error, found.because, found.seqs) == (ErrorCode.FLAG_NOT_FOUND, 0, ())


def test_evaluate_at__moment__names_the_entries_it_rests_on() -> None:
    assert evaluate_at(story().entries, P, ENV, "f", ENTERPRISE_CONTEXT, At(time=at(15))).seqs == (2, 3)


def test_evaluate_at__flag_changed_its_type__the_past_answers_with_the_type_of_then() -> None:
    history = History()
    history.flag("f", at(1))
    history.target("f", targeting(ON), at(2))
    history.define(Flag("f", "float", {"on": 0.5, "off": 0.0}), "f", at(10))
    then, now = (evaluate_at(history.entries, P, ENV, "f", {}, At(time=at(day))) for day in (5, 12))
    assert (then.resolution.value, then.because, now.resolution.value, now.because) == (True, 1, 0.5, 2)


@pytest.mark.parametrize("moment", [At(time="2025-12-31T23:59:59.999999Z"), At(seq=-1)], ids=["time", "seq"])
def test_as_of__before_the_first_entry__refused(moment: At) -> None:
    with pytest.raises(BeforeRecord):
        state_at(story().entries, moment)
    with pytest.raises(BeforeRecord):
        evaluate_at(story().entries, P, ENV, "f", {}, moment)


def test_state_at__imported_entry__by_time_as_it_happened_and_by_seq_as_it_was_learned() -> None:
    history = History()
    history.flag("f", at(10), description="new")
    history.put(flag_subject(P, "f"), boolean_flag("f", description="old"), at(20), occurred_at=at(5))
    by_time, by_seq = (state_at(history.entries, moment) for moment in (At(time=at(25)), At(seq=1)))
    told = [flag.description if flag else "" for flag in (by_time.flag(P, "f"), by_seq.flag(P, "f"))]
    assert told == ["new", "old"]


def test_made_by__all_flags__is_the_entry_from_which_each_answered_so() -> None:
    history = History()
    history.segment("beta", GERMAN, at(1))
    for key in ("f", "g"):
        history.flag(key, at(1))
    on = history.target("f", targeting(OFF, rule(BETA)), at(2))
    history.flag("f", at(3), description="new")
    off = history.target("g", targeting(), at(4))
    history.target("g", targeting(), at(5), env="staging")
    history.target("g", targeting(ON, rule(GERMAN, ON)), at(6))
    german: dict[str, str] = {"country": "DE"}
    assert made_by(history.entries, P, ENV, german, At()) == {"f": on.seq, "g": off.seq}
    assert made_by(history.entries, P, ENV, german, At(), since=at(3)) == {"g": off.seq}
    assert made_by(history.entries, P, ENV, german, At(seq=on.seq)) == {"f": on.seq, "g": 2}
