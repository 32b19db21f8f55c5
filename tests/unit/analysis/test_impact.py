"""What is told of a change: verdicts in words, what several metrics cost, shares predicted beside shares counted."""

from __future__ import annotations

import pytest
from tests.unit.analysis.histories import ENTERPRISE, ENV, OFF, ON, History, P, rule, split, targeting

from flagtrail.analysis.effect import DAY, Day, Windows, windows
from flagtrail.analysis.impact import (
    FlagImpact,
    Measured,
    MetricImpact,
    ObservedShift,
    figure,
    flag_impact,
    judge,
    observed,
    summary,
)
from flagtrail.model.flag import boolean_flag
from flagtrail.model.metric import Point
from flagtrail.model.preview import PredictedShift
from flagtrail.model.state import State, fold
from flagtrail.model.subject import flag_subject, targeting_subject
from flagtrail.model.targeting import Targeting

MONDAY = 1_772_452_800_000
HOUR = 3_600_000
WIGGLE = (0.0, 0.2, -0.2, 0.1, -0.1, 0.15, -0.15, 0.0, 0.1, -0.1)
"""By how much the metric moves on ten earlier days."""


def measured(metric: str, before: float, after: float, *, moves: tuple[float, ...] = WIGGLE) -> Measured:
    def day(ago: int, low: float, high: float) -> Day:
        own = asked().earlier(ago)
        points = [Point(own.at - step * own.step, low) for step in range(1, 11)]
        return Day(ago, [*points, *(Point(own.at + step * own.step, high) for step in range(10))])

    agos = [ago for ago in range(1, 28) if ago % 7 not in {1, 2}]
    return Measured(
        metric,
        day(0, before, after),
        [day(ago, before, before + move) for ago, move in zip(agos, moves, strict=False)],
    )


def asked() -> Windows:
    return windows(MONDAY, width=HOUR, end=MONDAY + HOUR)


def one(metric: Measured) -> MetricImpact:
    (found,) = judge(asked(), [metric])
    return found


def test_judge__a_metric_that_rose__says_so_with_figures_and_how_rare_that_is() -> None:
    found = one(measured("errors", 10.0, 15.0))

    assert found.verdict == "rose"
    assert found.words == (
        "errors rose: 10 before, 15 after; at these hours it moves by 0 anyway (10 earlier days). That leaves +5"
        " (+50 %), 95 % interval +4.7 to +5.3. Without a change that is seen less than once in 1,000 such days."
    )


def test_judge__a_metric_that_fell__says_so() -> None:
    found = one(measured("errors", 10.0, 9.5))

    assert found.verdict == "fell"
    assert "That leaves -0.5 (-5 %)" in found.words
    assert "about once in " in found.words


def test_judge__a_metric_that_came_from_nothing__tells_no_percentage() -> None:
    assert "That leaves +3, 95 % interval" in one(measured("errors", 0.0, 3.0)).words


def test_judge__a_metric_as_on_other_days__says_what_could_have_been_missed() -> None:
    found = one(measured("errors", 10.0, 10.1))

    assert found.verdict == "no_clear_change"
    assert found.words == (
        "No clear change of errors: 10 before, 10.1 after; at these hours it moves by 0 anyway (10 earlier days)."
        " What the change did lies between -0.2 and +0.4 (95 %)."
    )


def test_judge__one_of_many__needs_to_stand_out_more() -> None:
    alone = one(measured("errors", 10.0, 10.4))
    among = judge(asked(), [measured("errors", 10.0, 10.4), *(measured(f"m{n}", 10.0, 10.0) for n in range(9))])[0]

    assert (alone.verdict, among.verdict) == ("rose", "no_clear_change")
    assert among.adjusted == pytest.approx(10 * (alone.adjusted or 0))
    assert among.words.endswith("By itself it would stand out; of 10 that are looked at together, one does by chance.")


def test_judge__without_enough_days__says_what_is_lacking_and_judges_the_others() -> None:
    young, old = judge(asked(), [measured("young", 10.0, 90.0, moves=WIGGLE[:3]), measured("old", 10.0, 15.0)])

    assert (young.verdict, young.effect, young.adjusted) == ("not_enough_data", None, None)
    assert young.words == ("Not enough data to judge young: 3 earlier days with samples at these hours; 7 are needed.")
    assert old.verdict == "rose"


def test_judge__a_source_that_failed__says_why() -> None:
    found = one(Measured("errors", Day(0, []), [], failed="no answer within 5 s"))

    assert (found.verdict, found.lacking) == ("not_enough_data", "no answer within 5 s")


def test_judge__every_metric__has_the_day_and_the_band_of_earlier_days() -> None:
    spots = one(measured("errors", 10.0, 15.0)).spots

    assert (spots[0].at, spots[-1].at, len(spots)) == (MONDAY - HOUR, MONDAY + HOUR - 60_000, 120)
    assert spots[60].value == 15.0
    assert spots[60].low == pytest.approx(9.85)
    assert spots[60].high == pytest.approx(10.15)


def states(before: Targeting | None, after: Targeting) -> tuple[State, State]:
    history = History()
    history.put(flag_subject(P, "f"), boolean_flag("f"), "2026-01-01T00:00:00.000000Z")
    if before is not None:
        history.put(targeting_subject(P, "f", ENV), before, "2026-01-02T00:00:00.000000Z")
    first = fold(history.entries)
    history.put(targeting_subject(P, "f", ENV), after, "2026-01-03T00:00:00.000000Z")
    return first, fold(history.entries)


def counted(before: dict[str, int], after: dict[str, int], *, counting: bool = True) -> ObservedShift:
    return observed(before, after, since="a", until="b", counting=counting)


def told(
    before: Targeting | None, after: Targeting, shift: ObservedShift, stored: PredictedShift | None = None
) -> FlagImpact:
    return flag_impact(states(before, after), (P, ENV, "f"), stored, shift)


QUARTER, HALF = targeting(split(on=25_000, off=75_000)), targeting(split(on=50_000, off=50_000))


def test_flag_impact__a_rollout__is_predicted_by_the_rules_and_counted_beside_it() -> None:
    found = told(QUARTER, HALF, counted({"on": 250, "off": 750}, {"on": 490, "off": 510}))

    assert (found.predicted.before, found.predicted.after) == ({"on": 0.25, "off": 0.75}, {"on": 0.5, "off": 0.5})
    assert found.predicted.changed == pytest.approx(0.25)
    assert found.words == (
        "Predicted by the rules: 25 % get another variant: off 75 %, on 25 %, then off 50 %, on 50 %.",
        (
            "Counted over 1,000 evaluations before and 1,000 after: off 75 %, on 25 %, then off 51 %, on 49 %."
            " That is as predicted."
        ),
    )


def test_flag_impact__counted_otherwise_than_predicted__says_so() -> None:
    found = told(QUARTER, HALF, counted({"on": 250, "off": 750}, {"on": 900, "": 100}))

    assert "then on 90 %, the caller's default 10 %." in found.words[1]
    assert "That is not as predicted" in found.words[1]


def test_flag_impact__where_it_depends_on_who_asks__gives_the_rules_and_no_total() -> None:
    found = told(QUARTER, targeting(OFF, rule(ENTERPRISE)), counted({"on": 250, "off": 750}, {"on": 90, "off": 910}))

    assert (found.predicted.before, found.predicted.changed) == ({}, None)
    assert found.words[0] == "Predicted by the rules: it depends on who asks; the rules before and after say how."
    assert "predicted" not in found.words[1]
    assert found.rules_after == "if plan in [enterprise]: on 100 %; else off 100 %"


def test_flag_impact__with_a_stored_prediction__goes_by_that() -> None:
    stored = PredictedShift(
        flag="f",
        environment=ENV,
        before={"off": 1.0},
        after={"on": 0.4, "off": 0.6},
        changed=0.4,
        basis="sample",
        sample=2_000,
    )
    found = told(QUARTER, HALF, counted({"off": 100}, {"on": 40, "off": 60}), stored)

    assert found.words == (
        (
            "Predicted by 2,000 sampled contexts before the change: 40 % get another variant: off 100 %, then off 60 %,"
            " on 40 %."
        ),
        "Counted over 100 evaluations before and 100 after: off 100 %, then off 60 %, on 40 %. That is as predicted.",
    )


def test_flag_impact__of_a_flag_that_is_new__moves_everybody_from_nothing() -> None:
    history = History()
    history.put(flag_subject(P, "f"), boolean_flag("f"), "2026-01-01T00:00:00.000000Z")
    history.put(targeting_subject(P, "f", ENV), targeting(ON), "2026-01-01T00:00:00.000000Z")
    found = flag_impact((State(), fold(history.entries)), (P, ENV, "f"), None, counted({}, {}))

    assert (found.predicted.before, found.predicted.after) == ({}, {"on": 1.0})
    assert found.words[0] == "Predicted by the rules: 100 % get another variant: nobody, then on 100 %."


def test_flag_impact__of_an_archived_flag__leaves_nobody() -> None:
    before = states(None, targeting(ON))[1]
    found = flag_impact((before, State()), (P, ENV, "f"), None, counted({}, {}))

    assert (found.predicted.after, found.predicted.changed) == ({}, 1.0)


def test_flag_impact__of_a_flag_that_never_was__moves_nobody() -> None:
    assert flag_impact((State(), State()), (P, ENV, "f"), None, counted({}, {})).predicted.changed == 0.0


@pytest.mark.parametrize(
    ("before", "after", "counting", "lacking"),
    [
        pytest.param({}, {}, False, "no evaluations were ever reported", id="never"),
        pytest.param({"on": 19}, {"on": 5_000}, True, "19 evaluations in the hours before and 5,000", id="few before"),
        pytest.param({"on": 50}, {}, True, "50 evaluations in the hours before and 0 in those after", id="none after"),
    ],
)
def test_observed__too_few_evaluations__is_no_shares(
    before: dict[str, int], after: dict[str, int], counting: bool, lacking: str
) -> None:
    found = counted(before, after, counting=counting)

    assert found.lacking.startswith(lacking)
    assert (found.before, found.after) == ({}, {})
    assert told(QUARTER, HALF, found).words[1].startswith(f"Counted: not enough to tell: {lacking}")


FLAG = told(QUARTER, HALF, counted({}, {}))
ROSE, FELL = one(measured("errors", 10.0, 15.0)), one(measured("orders", 10.0, 5.0))
STILL, LACKING = one(measured("latency", 10.0, 10.0)), one(measured("new", 1.0, 1.0, moves=()))


@pytest.mark.parametrize(
    ("flags", "metrics", "meanwhile", "words"),
    [
        pytest.param([FLAG], [ROSE], 0, "After this change errors rose.", id="one"),
        pytest.param(
            [FLAG],
            [ROSE, FELL, STILL],
            1,
            "After this change errors rose and orders fell. It need not be the cause: another change was made within"
            " the same hours.",
            id="two, and another change",
        ),
        pytest.param(
            [FLAG],
            [ROSE, FELL, ROSE],
            3,
            "After this change errors rose, orders fell and errors rose. It need not be the cause: 3 other changes"
            " were made within the same hours.",
            id="three",
        ),
        pytest.param([FLAG], [STILL], 4, "The metric that could be judged shows no clear change.", id="still"),
        pytest.param([FLAG], [STILL, STILL, LACKING], 0, "The 2 metrics judged show no clear change.", id="both still"),
        pytest.param(
            [FLAG], [LACKING], 0, "There is not enough data to tell whether any metric moved.", id="too little"
        ),
        pytest.param(
            [], [], 0, "No metric is watched here. It altered nothing that a flag serves there.", id="nothing"
        ),
    ],
)
def test_summary__in_a_sentence__says_what_moved(
    flags: list[FlagImpact], metrics: list[MetricImpact], meanwhile: int, words: str
) -> None:
    assert summary(flags, metrics, meanwhile) == words


@pytest.mark.parametrize(
    ("value", "shown"), [(0.0, "0"), (1e-9, "0.000000001"), (1e-30, "0"), (123.456, "123"), (1e7, "10,000,000")]
)
def test_figure__of_any_size__has_three_digits_and_no_exponent(value: float, shown: str) -> None:
    assert figure(value) == shown


def test_days__are_told_apart_by_the_length_of_one() -> None:
    assert asked().earlier(2).at == MONDAY - 2 * DAY
