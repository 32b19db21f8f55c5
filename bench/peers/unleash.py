"""Unleash: its evaluator is written in Rust; each call goes to it twice, with the context as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from bench.peers import Engine
from bench.peers.workloads import Spec, Test
from openfeature.contrib.provider.unleash import UnleashProvider
from openfeature.provider import AbstractProvider
from UnleashClient import UnleashClient
from UnleashClient.constants import FEATURES_URL

PACKAGES = ("UnleashClient", "openfeature-provider-unleash")
RECORDS = "each evaluation is counted by flag and answer, always (disable_metrics stops only the sending)"
_NOWHERE = "http://127.0.0.1:9"


def document(specs: Sequence[Spec]) -> bytes:
    return json.dumps({"version": 2, "features": [_feature(spec) for spec in specs]}).encode()


def _feature(spec: Spec) -> dict[str, object]:
    strategies: list[dict[str, object]] = [
        {"name": "default", "parameters": {}, "constraints": [_constraint(test) for test in rule]}
        for rule in spec.rules
    ]
    if 0 < spec.percent < 100:
        parameters = {"rollout": str(spec.percent), "stickiness": "userId", "groupId": spec.key}
        strategies.append({"name": "flexibleRollout", "parameters": parameters, "constraints": []})
    elif spec.percent:
        strategies.append({"name": "default", "parameters": {}, "constraints": []})
    return {"name": spec.key, "type": "release", "enabled": spec.on, "strategies": strategies, "variants": []}


def _constraint(test: Test) -> dict[str, object]:
    name = "userId" if test.attribute == "user_id" else test.attribute
    if test.operator == "in":
        return {"contextName": name, "operator": "IN", "values": list(test.values), "inverted": False}
    return {"contextName": name, "operator": "SEMVER_LT", "value": test.values[0], "inverted": True}


class Cache:
    """The document as the SDK's cache hands it out; in memory, so that no disk is measured."""

    bootstrapped = True

    def __init__(self, document: bytes) -> None:
        self._held: dict[str, Any] = {FEATURES_URL: document.decode()}

    def set(self, key: str, value: object) -> None:
        """As the SDK's base class has it."""
        self._held[key] = value

    def mset(self, data: Mapping[str, object]) -> None:
        """As the SDK's base class has it."""
        self._held.update(data)

    def get(self, key: str, default: object = None) -> object:
        """As the SDK's base class has it."""
        return self._held.get(key, default)

    def exists(self, key: str) -> bool:
        """As the SDK's base class has it."""
        return key in self._held

    def destroy(self) -> None:
        """As the SDK's base class has it."""


def load(document: bytes) -> Engine:
    client = UnleashClient(
        _NOWHERE,
        "bench",
        cache=Cache(document),
        refresh_interval=3600,
        disable_metrics=True,
        disable_registration=True,
    )
    client.initialize_client(fetch_toggles=False)
    keys = sorted(client.feature_definitions())
    is_enabled = client.is_enabled

    def context(attributes: Mapping[str, str]) -> dict[str, Any]:
        properties = {name: value for name, value in attributes.items() if name != "user_id"}
        return {"userId": attributes["user_id"], "properties": properties}

    def booleans(key: str, contexts: Sequence[dict[str, Any]]) -> list[bool]:
        return [is_enabled(key, context) for context in contexts]

    def every(context: dict[str, Any]) -> dict[str, bool]:
        return {key: is_enabled(key, context) for key in keys}

    def provider() -> AbstractProvider:
        made = UnleashProvider(_NOWHERE, "bench-openfeature", "none", fetch_toggles=False, cache=Cache(document))
        made.client.unleash_disable_registration = made.client.unleash_disable_metrics = True
        kept: AbstractProvider = made
        return kept

    return Engine(context, booleans, every, provider=provider, close=client.destroy)
