"""Ranking the changes before an anomaly: suspicion, times what the metric did with each, in words."""

from __future__ import annotations

import pytest
from tests.unit.analysis.histories import ALICE, P
from tests.unit.analysis.test_impact import asked, measured

from flagtrail.analysis.anomaly import STILL, UNKNOWN, Anomaly, anomaly
from flagtrail.analysis.exposure import Cause
from flagtrail.analysis.impact import MetricImpact, judge, judge_each
from flagtrail.analysis.suspects import Suspect, Suspects
from flagtrail.model.subject import flag_subject

AT, SINCE = "2026-03-02T13:00:00.000000Z", "2026-03-02T01:00:00.000000Z"


def suspect(seq: int, score: float, seconds: float = 600) -> Suspect:
    cause = Cause(seq, AT, ALICE, flag_subject(P, "f"), ("rollout_changed",), ("rollout",), "", "", None)
    return Suspect(cause, (), seconds, (), None, 0.5, score, "altered something for 50 %")


def ask(suspects: list[Suspect], *metrics: MetricImpact) -> Anomaly:
    found = Suspects(
        project=P,
        environment="production",
        at=AT,
        since=SINCE,
        source="rules",
        sampled=0,
        suspects=tuple(suspects),
        harmless=3,
        seqs=(),
    )
    return anomaly("errors", found, metrics, ROSE)


def one(after: float, *, days: int = 10) -> MetricImpact:
    moves = (0.0, 0.2, -0.2, 0.1, -0.1, 0.15, -0.15, 0.0, 0.1, -0.1)[:days]
    (found,) = judge(asked(), [measured("errors", 10.0, after, moves=moves)])
    return found


ROSE, ROSE_LESS, STOOD, UNJUDGED = one(20.0), one(15.0), one(10.0), one(20.0, days=3)


def ranking(found: Anomaly) -> list[tuple[int, float]]:
    return [(each.suspect.cause.seq, each.score) for each in found.ranked]


def test_anomaly__of_equal_suspects__is_ranked_by_what_the_metric_did() -> None:
    found = ask([suspect(n, 40.0) for n in range(4)], STOOD, UNJUDGED, ROSE_LESS, ROSE)

    assert ranking(found) == [(3, 40.0), (2, 30.0), (1, 40 * UNKNOWN), (0, 40 * STILL)]
    assert [each.words.partition(";")[0] for each in found.ranked] == [
        "errors rose with it, more than with any other change here",
        "errors rose with it, but less than with another change here",
        "whether errors moved with it cannot be judged: 3 earlier days with samples at these hours",
        "errors shows no clear change with it",
    ]
    assert found.ranked[1].words.endswith("score 30: 40 for whom it altered and how close it was, times 0.75")


def test_anomaly__of_one_change__is_compared_with_no_other() -> None:
    found = ask([suspect(7, 40.0)], ROSE)

    assert found.ranked[0].words.startswith("errors rose with it; score 40: ")
    assert found.words == "Look at entry 7 first: errors rose with it."


@pytest.mark.parametrize(
    ("suspects", "metrics", "words"),
    [
        pytest.param([], [], "No change of that time altered what anybody gets.", id="none"),
        pytest.param(
            [suspect(7, 40.0)],
            [STOOD],
            "errors moved clearly with none of these changes: the cause may lie elsewhere.",
            id="still",
        ),
        pytest.param(
            [suspect(7, 40.0)],
            [UNJUDGED],
            "errors cannot be judged there; entry 7 altered most, and closest to it.",
            id="unjudged",
        ),
    ],
)
def test_anomaly__without_a_move__says_what_that_means(
    suspects: list[Suspect], metrics: list[MetricImpact], words: str
) -> None:
    assert ask(suspects, *metrics).words == words


def test_anomaly__with_more_suspects_than_were_compared__counts_the_others() -> None:
    found = ask([suspect(n, 40.0 - n) for n in range(5)], ROSE, STOOD)

    assert (len(found.ranked), found.left_out, found.harmless) == (2, 3, 3)


def test_judge_each__of_several_moments__costs_certainty_as_several_metrics_do() -> None:
    alone, among = (
        judge_each([(asked(), measured("errors", 10.0, 10.4))] + [(asked(), measured("errors", 10.0, 10.0))] * more)[0]
        for more in (0, 9)
    )

    assert (alone.verdict, among.verdict) == ("rose", "no_clear_change")
