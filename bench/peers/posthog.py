"""PostHog, evaluating locally over definitions that its cache hands it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from bench.peers import Engine
from bench.peers.workloads import Spec, Test
from posthog import Posthog

PACKAGES = ("posthog",)
RECORDS = "nothing (send_feature_flag_events=False)"
_Person: TypeAlias = tuple[str, dict[str, str]]


def document(specs: Sequence[Spec]) -> bytes:
    flags = [_flag(number, spec) for number, spec in enumerate(specs, 1)]
    return json.dumps({"flags": flags, "group_type_mapping": {}, "cohorts": {}}).encode()


def _flag(number: int, spec: Spec) -> dict[str, object]:
    groups: list[dict[str, object]] = [
        {"properties": [_property(test) for test in rule], "rollout_percentage": 100} for rule in spec.rules
    ]
    if spec.percent:
        groups.append({"properties": [], "rollout_percentage": spec.percent})
    return {"id": number, "key": spec.key, "active": spec.on, "filters": {"groups": groups}}


def _property(test: Test) -> dict[str, object]:
    name = "distinct_id" if test.attribute == "user_id" else test.attribute
    if test.operator == "in":
        return {"key": name, "type": "person", "operator": "exact", "value": list(test.values)}
    return {"key": name, "type": "person", "operator": "semver_gte", "value": test.values[0]}


class Definitions:
    """What stands for a cache that workers share: it has the document, so nothing is fetched."""

    def __init__(self, document: bytes) -> None:
        self._document = document

    def should_fetch_flag_definitions(self) -> bool:
        """Never."""
        return False

    def get_flag_definitions(self) -> Any:  # noqa: ANN401 - the product's own
        """The document, parsed."""
        return json.loads(self._document)

    def on_flag_definitions_received(self, data: object) -> None:
        """Never called."""

    def shutdown(self) -> None:
        """Nothing to release."""


def load(document: bytes) -> Engine:
    client = Posthog(
        "phc_offline",
        host="http://127.0.0.1:9",
        secret_key="phs_offline",
        flag_definition_cache_provider=Definitions(document),
        poll_interval=3600,
        send=False,
        disable_geoip=True,
    )
    client.load_feature_flags()
    evaluate = client.evaluate_flags

    def context(attributes: Mapping[str, str]) -> _Person:
        return attributes["user_id"], {name: value for name, value in attributes.items() if name != "user_id"}

    def booleans(key: str, contexts: Sequence[_Person]) -> list[bool]:
        keys = [key]
        return [
            evaluate(person, person_properties=properties, flag_keys=keys, only_evaluate_locally=True).is_enabled(
                key, send_feature_flag_events=False
            )
            for person, properties in contexts
        ]

    def every(context: _Person) -> object:
        person, properties = context
        return evaluate(person, person_properties=properties, only_evaluate_locally=True)

    def values(flags: Any) -> dict[str, bool]:  # noqa: ANN401 - the product's own
        return {key: flags.is_enabled(key, send_feature_flag_events=False) for key in flags.keys}

    return Engine(context, booleans, every, values=values, close=client.shutdown)
