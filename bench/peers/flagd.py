"""flagd's in-process resolver: JSON logic interpreted in Python."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.peers import Engine, openfeature_context
from bench.peers.workloads import Spec, Test
from openfeature.contrib.provider.flagd import FlagdProvider
from openfeature.contrib.provider.flagd.config import ResolverType
from openfeature.contrib.tools.flagd.core import FlagdCore
from openfeature.evaluation_context import EvaluationContext
from openfeature.provider import AbstractProvider

PACKAGES = ("openfeature-flagd-core", "openfeature-provider-flagd")
RECORDS = "nothing"


def document(specs: Sequence[Spec]) -> bytes:
    return json.dumps({"flags": {spec.key: _flag(spec) for spec in specs}}).encode()


def _flag(spec: Spec) -> dict[str, object]:
    flag: dict[str, object] = {
        "state": "ENABLED" if spec.on else "DISABLED",
        "variants": {"on": True, "off": False},
        "defaultVariant": "on" if spec.percent == 100 else "off",
    }
    if spec.rules:
        steps: list[object] = []
        for rule in spec.rules:
            tests = [_condition(test) for test in rule]
            steps += [{"and": tests} if tests[1:] else tests[0], "on"]
        rest = {"fractional": [["on", spec.percent], ["off", 100 - spec.percent]]}
        flag["targeting"] = {"if": [*steps, rest if spec.percent else "off"]}
    return flag


def _condition(test: Test) -> dict[str, object]:
    value = {"var": "targetingKey" if test.attribute == "user_id" else test.attribute}
    if test.operator == "version_gte":
        return {"sem_ver": [value, ">=", test.values[0]]}
    return {"in": [value, list(test.values)]} if test.values[1:] else {"==": [value, test.values[0]]}


def load(document: bytes) -> Engine:
    core = FlagdCore()
    core.set_flags(document.decode())
    keys = sorted(json.loads(document)["flags"])
    written: list[Path] = []
    resolve = core.resolve_boolean_value

    def booleans(key: str, contexts: Sequence[EvaluationContext]) -> list[bool]:
        return [resolve(key, False, context).value for context in contexts]

    def every(context: EvaluationContext) -> dict[str, bool]:
        return {key: resolve(key, False, context).value for key in keys}

    def provider() -> AbstractProvider:
        with tempfile.NamedTemporaryFile(suffix=".json", delete=False) as file:
            file.write(document)
        written.append(Path(file.name))
        made: AbstractProvider = FlagdProvider(
            resolver_type=ResolverType.FILE, offline_flag_source_path=file.name, deadline_ms=3_600_000
        )
        return made

    def context(attributes: Mapping[str, str]) -> EvaluationContext:
        return openfeature_context(attributes)

    def close() -> None:
        for path in written:
            path.unlink(missing_ok=True)

    return Engine(context, booleans, every, provider=provider, close=close)
