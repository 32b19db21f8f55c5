"""Statsig's core: its evaluator is written in Rust and called from Python."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence

from bench.peers import Engine
from bench.peers.workloads import Spec, Test
from statsig_python_core import FeatureGateEvaluationOptions, Statsig, StatsigOptions, StatsigUser
from statsig_python_core.data_store import DataStore, DataStoreResponse

PACKAGES = ("statsig-python-core",)
RECORDS = "nothing (disable_exposure_logging on each call)"
_EVERYBODY = "everybody"


def document(specs: Sequence[Spec]) -> bytes:
    everybody = {"type": "public", "targetValue": None, "operator": None, "field": None, "idType": "userID"}
    conditions: dict[str, object] = {_EVERYBODY: everybody}
    gates = {spec.key: _gate(spec, conditions) for spec in specs}
    return json.dumps(
        {
            "has_updates": True,
            "time": int(time.time() * 1000),
            "response_format": "dcs-v2",
            "feature_gates": gates,
            "dynamic_configs": {},
            "layer_configs": {},
            "param_stores": {},
            "condition_map": conditions,
            "experiment_to_layer": {},
            "sdk_configs": {},
        }
    ).encode()


def _gate(spec: Spec, conditions: dict[str, object]) -> dict[str, object]:
    rules = []
    for number, rule in enumerate(spec.rules):
        names = [f"{spec.key}-{number}-{place}" for place in range(len(rule))]
        conditions.update(zip(names, map(_condition, rule), strict=True))
        rules.append(_rule(f"{spec.key}-{number}", names, 100))
    # A gate that is not enabled but has a rule for everybody was seen to pass; without rules it does not.
    if spec.percent and spec.on:
        rules.append(_rule(f"{spec.key}-rest", [_EVERYBODY], spec.percent))
    return {
        "type": "feature_gate",
        "salt": spec.key,
        "enabled": spec.on,
        "defaultValue": False,
        "rules": rules,
        "idType": "userID",
        "entity": "feature_gate",
        "version": 1,
    }


def _rule(name: str, conditions: list[str], percent: int) -> dict[str, object]:
    return {
        "name": name,
        "id": name,
        "salt": name,
        "passPercentage": percent,
        "conditions": conditions,
        "returnValue": True,
        "idType": "userID",
    }


def _condition(test: Test) -> dict[str, object]:
    is_id = test.attribute == "user_id"
    return {
        "type": "unit_id" if is_id else "user_field",
        "targetValue": list(test.values) if test.operator == "in" else test.values[0],
        "operator": "any" if test.operator == "in" else "version_gte",
        "field": "userID" if is_id else test.attribute,
        "additionalValues": {},
        "idType": "userID",
    }


class Store(DataStore):  # type: ignore[misc] # the product's own, untyped here
    """The document as the SDK's data store hands it out."""

    def __init__(self, document: bytes) -> None:
        super().__init__()
        self._document = document.decode()

    def get(self, _key: str) -> DataStoreResponse:
        """As the SDK's base class has it."""
        return DataStoreResponse(result=self._document, time=int(time.time() * 1000))


def load(document: bytes) -> Engine:
    options = StatsigOptions(
        data_store=Store(document),
        disable_network=True,
        disable_all_logging=True,
        disable_country_lookup=True,
        disable_disk_access=True,
        output_log_level="none",
    )
    statsig = Statsig("secret-offline", options)
    statsig.initialize().wait()
    silent = FeatureGateEvaluationOptions(disable_exposure_logging=True)
    check = statsig.check_gate

    def context(attributes: Mapping[str, str]) -> StatsigUser:
        rest = {name: value for name, value in attributes.items() if name not in {"user_id", "email"}}
        return StatsigUser(attributes["user_id"], email=attributes["email"], custom=rest)

    def booleans(key: str, contexts: Sequence[StatsigUser]) -> list[bool]:
        return [check(context, key, silent) for context in contexts]

    def every(context: StatsigUser) -> str:
        answered: str = statsig.get_client_initialize_response(context, hash="none")
        return answered

    def values(answered: str) -> dict[str, bool]:
        return {key: gate["value"] for key, gate in json.loads(answered)["feature_gates"].items()}

    return Engine(context, booleans, every, values=values, close=lambda: statsig.shutdown().wait())
