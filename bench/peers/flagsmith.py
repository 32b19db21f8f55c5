"""Flagsmith in offline mode; its rules are segments that override a feature."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any, TypeAlias

from bench.peers import Engine
from bench.peers.workloads import Spec, Test
from flagsmith import Flagsmith
from openfeature.provider import AbstractProvider
from openfeature_flagsmith.provider import FlagsmithProvider

PACKAGES = ("flagsmith", "flagsmith-flag-engine", "openfeature-provider-flagsmith")
RECORDS = "nothing (enable_analytics is off, as it is by default)"
_Identity: TypeAlias = tuple[str, dict[str, str]]


def document(specs: Sequence[Spec]) -> bytes:
    numbers = count(1)
    features = {spec.key: next(numbers) for spec in specs}
    segments = []
    for spec in specs:
        conditions = [[_condition(test) for test in rule] for rule in spec.rules]
        if 0 < spec.percent < 100:
            conditions.append([{"operator": "PERCENTAGE_SPLIT", "property_": "", "value": str(spec.percent)}])
        for priority, tests in enumerate(conditions):
            number = next(numbers)
            state = _state(spec.key, features[spec.key], enabled=True, number=number, priority=priority)
            rules = [{"type": "ALL", "conditions": tests, "rules": []}]
            segments.append(
                {
                    "id": number,
                    "name": f"{spec.key}-{priority}",
                    "rules": [{"type": "ALL", "conditions": [], "rules": rules}],
                    "feature_states": [state],
                }
            )
    states = [
        _state(spec.key, features[spec.key], enabled=spec.on and spec.percent == 100, number=next(numbers))
        for spec in specs
    ]
    return json.dumps(
        {
            "api_key": "bench",
            "name": "bench",
            "updated_at": "2026-01-01T00:00:00+00:00",
            "feature_states": states,
            "identity_overrides": [],
            "project": {"segments": segments},
        }
    ).encode()


def _state(name: str, feature: int, *, enabled: bool, number: int, priority: int | None = None) -> dict[str, object]:
    return {
        "enabled": enabled,
        "feature_segment": None if priority is None else {"priority": priority},
        "feature_state_value": None,
        "feature": {"id": feature, "name": name},
        "featurestate_uuid": f"00000000-0000-4000-8000-{number:012}",
        "multivariate_feature_state_values": [],
    }


def _condition(test: Test) -> dict[str, str]:
    name = "$.identity.identifier" if test.attribute == "user_id" else test.attribute
    if test.operator == "version_gte":
        return {"operator": "GREATER_THAN_INCLUSIVE", "property_": name, "value": f"{test.values[0]}:semver"}
    operator = "IN" if test.values[1:] else "EQUAL"
    return {"operator": operator, "property_": name, "value": ",".join(test.values)}


class Handler:
    """What stands for the HTTP request."""

    def __init__(self, document: bytes) -> None:
        self._document = document

    def get_environment(self) -> Any:  # noqa: ANN401 - the product's own
        """The document, parsed."""
        return json.loads(self._document)


def load(document: bytes) -> Engine:
    client = Flagsmith(offline_mode=True, offline_handler=Handler(document))
    of = client.get_identity_flags

    def context(attributes: Mapping[str, str]) -> _Identity:
        return attributes["user_id"], {name: value for name, value in attributes.items() if name != "user_id"}

    def booleans(key: str, contexts: Sequence[_Identity]) -> list[bool]:
        return [of(identifier, traits).is_feature_enabled(key) for identifier, traits in contexts]

    def every(context: _Identity) -> object:
        identifier, traits = context
        return of(identifier, traits).all_flags()

    def values(flags: Sequence[Any]) -> dict[str, bool]:
        return {flag.feature_name: flag.enabled for flag in flags}

    def provider() -> AbstractProvider:
        made: AbstractProvider = FlagsmithProvider(client)
        return made

    return Engine(context, booleans, every, values=values, provider=provider)
