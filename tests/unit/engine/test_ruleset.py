"""A ruleset compiles late, and keeps what did not change from the one before it."""

from __future__ import annotations

import threading
from typing import Any

import msgspec
import pytest

from flagtrail.engine.ruleset import Ruleset
from flagtrail.model.flag import Flag, boolean_flag
from flagtrail.model.segment import Segment
from flagtrail.model.targeting import Targeting

FLAGS = {key: boolean_flag(key) for key in ("alone", "needs", "needed", "segmented")}
SEGMENTS = {
    "outer": msgspec.convert({"key": "outer", "when": {"segment": "inner"}}, Segment),
    "inner": msgspec.convert({"key": "inner", "when": {"attribute": "a", "operator": "exists"}}, Segment),
}


def targeting(**fields: Any) -> Targeting:  # noqa: ANN401 - JSON
    served = {"off_variant": "off", "enabled": True, "fallthrough": {"variant": "on"}}
    return msgspec.convert({**served, **fields}, Targeting)


def rule(when: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"id": "r", "when": when, "serve": {"variant": "off"}}]


TARGETINGS = {
    "alone": targeting(),
    "needs": targeting(prerequisites=[{"flag": "needed", "variants": ["on"]}]),
    "needed": targeting(),
    "segmented": targeting(rules=rule({"segment": "outer"})),
}
CHANGES: list[Any] = [
    pytest.param({}, {}, {}, set(), id="nothing"),
    pytest.param({"alone": boolean_flag("alone", owner="x")}, {}, {}, {"alone"}, id="a flag"),
    pytest.param({}, {"alone": targeting()}, {}, {"alone"}, id="a targeting, though equal"),
    pytest.param({}, {"needed": targeting(enabled=False)}, {}, {"needs", "needed"}, id="a prerequisite"),
    pytest.param({"needed": boolean_flag("needed", owner="x")}, {}, {}, {"needs", "needed"}, id="its definition"),
    pytest.param({}, {}, {"inner": SEGMENTS["outer"]}, {"segmented"}, id="a segment within a segment"),
]


def everything(ruleset: Ruleset) -> dict[str, object]:
    return {key: ruleset.flag_function(key) for key in FLAGS}


@pytest.mark.parametrize(("flags", "targetings", "segments", "compiled"), CHANGES)
def test_ruleset__previous_given__recompiles_only_what_changed(
    flags: dict[str, Flag], targetings: dict[str, Targeting], segments: dict[str, Segment], compiled: set[str]
) -> None:
    previous = Ruleset(FLAGS, TARGETINGS, SEGMENTS)
    before = everything(previous)
    after = everything(Ruleset(FLAGS | flags, TARGETINGS | targetings, SEGMENTS | segments, previous=previous))
    assert {key for key in FLAGS if before[key] is not after[key]} == compiled


def test_ruleset__prerequisite_changed__answers_by_the_new_one() -> None:
    previous = Ruleset(FLAGS, TARGETINGS, SEGMENTS)
    previous.evaluate_all({})
    ruleset = Ruleset(FLAGS, TARGETINGS | {"needed": targeting(enabled=False)}, SEGMENTS, previous=previous)
    assert ruleset.evaluate("needs", {}).variant == "off"


def test_ruleset__segment_that_stays__keeps_its_function() -> None:
    previous = Ruleset(FLAGS, TARGETINGS, SEGMENTS)
    before = previous.segment_function("inner")
    assert Ruleset(FLAGS, {}, SEGMENTS, previous=previous).segment_function("inner") is before


def test_ruleset__flag_archived__is_gone_though_it_was_compiled() -> None:
    previous = Ruleset(FLAGS, TARGETINGS, SEGMENTS)
    previous.evaluate_all({})
    archived = FLAGS | {"alone": boolean_flag("alone", archived=True)}
    assert "alone" not in Ruleset(archived, TARGETINGS, SEGMENTS, previous=previous).evaluate_all({})


def test_ruleset__not_evaluated_yet__answers_from_several_threads() -> None:
    ruleset = Ruleset(FLAGS, TARGETINGS, SEGMENTS)
    expected = Ruleset(FLAGS, TARGETINGS, SEGMENTS).evaluate_all({"a": 1})
    answers: list[object] = []
    threads = [threading.Thread(target=lambda: answers.append(ruleset.evaluate_all({"a": 1}))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [expected] * 8


def test_ruleset__documents__can_be_read_back() -> None:
    ruleset = Ruleset(FLAGS, TARGETINGS, SEGMENTS)
    assert (ruleset.flags, ruleset.targetings, ruleset.segments) == (FLAGS, TARGETINGS, SEGMENTS)
