"""LaunchDarkly's server SDK, polling a source that hands it the document.

Its own file source reads JSON as YAML wherever a YAML library is installed, which takes seconds.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from bench.peers import Engine
from bench.peers.workloads import Spec, Test
from ld_openfeature import LaunchDarklyProvider
from ldclient import Config, Context, LDClient
from ldclient.versioned_data_kind import FEATURES, SEGMENTS
from openfeature.provider import AbstractProvider

PACKAGES = ("launchdarkly-server-sdk", "launchdarkly-openfeature-server")
RECORDS = "nothing is kept (send_events=False), though each call makes its event for a processor that drops it"


def document(specs: Sequence[Spec]) -> bytes:
    return json.dumps({"flags": {spec.key: _flag(spec) for spec in specs}, "segments": {}}).encode()


def _flag(spec: Spec) -> dict[str, object]:
    weights = [
        {"variation": 0, "weight": spec.percent * 1000},
        {"variation": 1, "weight": 100_000 - spec.percent * 1000},
    ]
    rollout = {"rollout": {"kind": "rollout", "contextKind": "user", "variations": weights}}
    return {
        "key": spec.key,
        "version": 1,
        "on": spec.on,
        "variations": [True, False],
        "offVariation": 1,
        "fallthrough": rollout if 0 < spec.percent < 100 else {"variation": 0 if spec.percent else 1},
        "rules": [
            {"id": f"rule-{number}", "variation": 0, "trackEvents": False, "clauses": [_clause(test) for test in rule]}
            for number, rule in enumerate(spec.rules)
        ],
        "targets": [],
        "prerequisites": [],
        "salt": spec.key,
        "deleted": False,
        "trackEvents": False,
        "trackEventsFallthrough": False,
        "clientSide": False,
    }


def _clause(test: Test) -> dict[str, object]:
    least = test.operator == "version_gte"
    return {
        "contextKind": "user",
        "attribute": "key" if test.attribute == "user_id" else test.attribute,
        "op": "semVerLessThan" if least else "in",
        "values": list(test.values),
        "negate": least,
    }


def _config(document: bytes) -> Config:
    class Source:
        """What stands for the HTTP request."""

        def __init__(self, _config: Config) -> None:
            pass

        def get_all_data(self) -> dict[Any, Any]:
            """The document, parsed anew as with each poll."""
            data = json.loads(document)
            return {FEATURES: data["flags"], SEGMENTS: data["segments"]}

    return Config(
        "sdk-offline",
        stream=False,
        poll_interval=3600,
        send_events=False,
        diagnostic_opt_out=True,
        feature_requester_class=Source,
    )


def load(document: bytes) -> Engine:
    client = LDClient(_config(document), start_wait=10)
    variation = client.variation

    def context(attributes: Mapping[str, str]) -> Context:
        builder = Context.builder(attributes["user_id"])
        for name, value in attributes.items():
            if name != "user_id":
                builder.set(name, value)
        return builder.build()

    def booleans(key: str, contexts: Sequence[Context]) -> list[bool]:
        return [variation(key, context, False) for context in contexts]

    def provider() -> AbstractProvider:
        made: AbstractProvider = LaunchDarklyProvider(_config(document), 10)
        return made

    return Engine(
        context,
        booleans,
        client.all_flags_state,
        values=lambda state: dict(state.to_values_map()),
        provider=provider,
        close=client.close,
    )
