"""Flagtrail itself: an offline client that is given a ruleset as the server would send it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
from bench.peers import Engine
from bench.peers.workloads import Spec, Test
from openfeature.provider import AbstractProvider

from flagtrail.engine.ruleset import Ruleset
from flagtrail.model.condition import Condition
from flagtrail.model.sync import RulesetData, SyncedFlag
from flagtrail.model.targeting import WHOLE, Rule, Serve, Share, Targeting
from flagtrail.sdk.client import Client
from flagtrail.sdk.options import Options

PACKAGES = ("flagtrail",)
RECORDS = "each evaluation is counted by flag, variant and rule (usage=True, the default)"


def document(specs: Sequence[Spec]) -> bytes:
    return msgspec.json.encode(
        RulesetData(
            id="1-0123456789abcdef",
            project="bench",
            environment="production",
            flags={spec.key: SyncedFlag("boolean", {"on": True, "off": False}) for spec in specs},
            targetings={spec.key: _targeting(spec) for spec in specs},
            segments={},
        )
    )


def _targeting(spec: Spec) -> Targeting:
    on = spec.percent * WHOLE // 100
    rollout = Serve(
        split=(Share("on", on), Share("off", WHOLE - on)), by="targetingKey", salt=spec.key, bucketing="murmur3"
    )
    rest = Serve("on" if spec.percent else "off")
    rules = [
        Rule(
            f"r{number}", Condition(all=tuple(map(_condition, rule))) if rule[1:] else _condition(rule[0]), Serve("on")
        )
        for number, rule in enumerate(spec.rules, 1)
    ]
    return Targeting("off", rollout if 0 < spec.percent < 100 else rest, enabled=spec.on, rules=tuple(rules))


def _condition(test: Test) -> Condition:
    attribute = "targetingKey" if test.attribute == "user_id" else test.attribute
    operator = "in" if test.operator == "in" else "semver_gte"
    return Condition(attribute=attribute, operator=operator, values=test.values)  # type: ignore[arg-type] # a literal


def context(attributes: Mapping[str, str]) -> dict[str, str]:
    return {"targetingKey" if name == "user_id" else name: value for name, value in attributes.items()}


def load(document: bytes) -> Engine:
    return of_client(client(document))


def client(document: bytes, *, usage: bool = True) -> Client:
    made = Client(Options(usage=usage))
    made.served.replace(msgspec.json.decode(document, type=RulesetData))
    return made


def of_client(client: Client) -> Engine:
    get = client.get_boolean

    def booleans(key: str, contexts: Sequence[Mapping[str, str]]) -> list[bool]:
        return [get(key, False, context) for context in contexts]

    def provider() -> AbstractProvider:
        from flagtrail.sdk.provider import FlagtrailProvider

        return FlagtrailProvider(client=client)

    return Engine(context, booleans, client.evaluate_all, provider=provider, close=client.close)


def of_details(client: Client) -> Engine:
    """Asked for variant, reason and rule together with the value."""
    details = client.details

    def booleans(key: str, contexts: Sequence[Mapping[str, str]]) -> list[object]:
        return [details(key, context) for context in contexts]

    def every(context: Mapping[str, str]) -> dict[str, object]:
        return {key: details(key, context) for key in keys}

    held = client.served.document()
    keys = [] if held is None else sorted(held.flags)
    return Engine(context, booleans, every)


def of_ruleset(ruleset: Ruleset) -> Engine:
    """The engine below the client: uncounted, and errors are resolutions."""
    evaluate = ruleset.evaluate

    def booleans(key: str, contexts: Sequence[Mapping[str, str]]) -> list[object]:
        return [evaluate(key, context) for context in contexts]

    return Engine(context, booleans, ruleset.answers)
