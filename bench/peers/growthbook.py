"""GrowthBook: one instance whose attributes are set for each context."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from bench.peers import Engine
from bench.peers.workloads import Spec, Test
from growthbook import GrowthBook

PACKAGES = ("growthbook",)
RECORDS = "nothing (no usage callback is set; tracking is for experiments only)"


def document(specs: Sequence[Spec]) -> bytes:
    return json.dumps({spec.key: _feature(spec) for spec in specs}).encode()


def _feature(spec: Spec) -> dict[str, object]:
    if not spec.on:
        return {"defaultValue": False}
    rules: list[dict[str, object]] = [
        {"id": f"rule-{number}", "condition": dict(map(_condition, rule)), "force": True}
        for number, rule in enumerate(spec.rules)
    ]
    if 0 < spec.percent < 100:
        rules.append({"id": "rest", "force": True, "coverage": spec.percent / 100, "hashAttribute": "user_id"})
    return {"defaultValue": spec.percent == 100, "rules": rules}


def _condition(test: Test) -> tuple[str, dict[str, object]]:
    if test.operator == "in":
        return test.attribute, {"$in": list(test.values)}
    return test.attribute, {"$vgte": test.values[0]}


def load(document: bytes) -> Engine:
    growthbook = GrowthBook(features=json.loads(document))
    keys = sorted(growthbook.get_features())
    set_attributes, is_on = growthbook.set_attributes, growthbook.is_on

    def booleans(key: str, contexts: Sequence[Mapping[str, str]]) -> list[bool]:
        answers = []
        for context in contexts:
            set_attributes(context)
            answers.append(is_on(key))
        return answers

    def every(context: Mapping[str, str]) -> dict[str, bool]:
        set_attributes(context)
        return {key: is_on(key) for key in keys}

    return Engine(dict, booleans, every, close=growthbook.destroy)
