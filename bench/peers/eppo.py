"""Eppo: its evaluator is written in Rust and called from Python."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import eppo_client
import msgspec
from bench.peers import Engine
from bench.peers.workloads import Spec, Test

PACKAGES = ("eppo-server-sdk",)
RECORDS = "nothing (doLog is false in every allocation, so no assignment is logged)"
_SHARDS = 10_000


def document(specs: Sequence[Spec]) -> bytes:
    return msgspec.json.encode(
        {
            "createdAt": "2026-01-01T00:00:00.000Z",
            "format": "SERVER",
            "environment": {"name": "bench"},
            "flags": {spec.key: _flag(spec) for spec in specs},
        }
    )


def _flag(spec: Spec) -> dict[str, object]:
    allocations = [
        {
            "key": f"rule-{number}",
            "rules": [{"conditions": [_condition(test) for test in rule]}],
            "splits": [{"variationKey": "on", "shards": []}],
            "doLog": False,
        }
        for number, rule in enumerate(spec.rules)
    ]
    end = spec.percent * _SHARDS // 100
    allocations.append(
        {
            "key": "rest",
            "rules": [],
            "splits": [_split("on", spec.key, 0, end), _split("off", spec.key, end, _SHARDS)]
            if 0 < spec.percent < 100
            else [{"variationKey": "on" if spec.percent else "off", "shards": []}],
            "doLog": False,
        }
    )
    return {
        "key": spec.key,
        "enabled": spec.on,
        "variationType": "BOOLEAN",
        "variations": {"on": {"key": "on", "value": True}, "off": {"key": "off", "value": False}},
        "allocations": allocations,
        "totalShards": _SHARDS,
    }


def _split(variant: str, salt: str, start: int, end: int) -> dict[str, object]:
    return {"variationKey": variant, "shards": [{"salt": salt, "ranges": [{"start": start, "end": end}]}]}


def _condition(test: Test) -> dict[str, object]:
    attribute = "id" if test.attribute == "user_id" else test.attribute
    if test.operator == "in":
        return {"attribute": attribute, "operator": "ONE_OF", "value": list(test.values)}
    return {"attribute": attribute, "operator": "GTE", "value": test.values[0]}


def load(document: bytes) -> Engine:
    client = eppo_client.init(
        eppo_client.ClientConfig(
            api_key="offline",
            assignment_logger=eppo_client.AssignmentLogger(),
            poll_interval_seconds=None,
            initial_configuration=eppo_client.Configuration(flags_configuration=document),
        )
    )
    keys = sorted(client.get_flag_keys())
    assigned = client.get_boolean_assignment

    def context(attributes: Mapping[str, str]) -> tuple[str, dict[str, str]]:
        return attributes["user_id"], {name: value for name, value in attributes.items() if name != "user_id"}

    def booleans(key: str, contexts: Sequence[tuple[str, dict[str, str]]]) -> list[bool]:
        return [assigned(key, subject, attributes, False) for subject, attributes in contexts]

    def every(context: tuple[str, dict[str, str]]) -> dict[str, bool]:
        subject, attributes = context
        return {key: assigned(key, subject, attributes, False) for key in keys}

    return Engine(context, booleans, every, close=client.shutdown)
