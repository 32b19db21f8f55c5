"""DevCycle: its evaluator is WebAssembly; the document comes from a server of our own on this machine."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from bench.peers import Engine
from bench.peers.workloads import Spec, Test
from devcycle_python_sdk import DevCycleLocalClient, DevCycleLocalOptions
from devcycle_python_sdk.models.user import DevCycleUser

PACKAGES = ("devcycle-python-server-sdk",)
RECORDS = "nothing (disable_automatic_event_logging; by default each call is counted inside WebAssembly)"


def _id(number: int) -> str:
    return f"{number:024x}"


def document(specs: Sequence[Spec]) -> bytes:
    features = [_feature(number * 100, spec) for number, spec in enumerate(specs, 1)]
    return json.dumps(
        {
            "project": {
                "_id": _id(1),
                "key": "bench",
                "a0_organization": "org",
                "settings": {"edgeDB": {"enabled": False}, "optIn": {"enabled": False}},
            },
            "environment": {"_id": _id(2), "key": "production"},
            "features": features,
            "variables": [
                {"_id": _id(number * 100 + 1), "key": spec.key, "type": "Boolean"}
                for number, spec in enumerate(specs, 1)
            ],
            "variableHashes": {spec.key: number for number, spec in enumerate(specs, 1)},
            "audiences": {},
        }
    ).encode()


def _feature(base: int, spec: Spec) -> dict[str, object]:
    on, off = _id(base + 2), _id(base + 3)
    targets = []
    if spec.on:
        for number, rule in enumerate(spec.rules, 10):
            targets.append(_target(_id(base + number), [_filter(test) for test in rule], {on: 1}))
        share = spec.percent / 100
        everybody: dict[str, object] = {"type": "all", "values": [], "filters": []}
        shares = {variation: part for variation, part in ((on, share), (off, 1 - share)) if part}
        targets.append(_target(_id(base + 9), [everybody], shares))
    return {
        "_id": _id(base),
        "key": spec.key,
        "type": "release",
        "variations": [
            {"_id": on, "key": "on", "name": "on", "variables": [{"_var": _id(base + 1), "value": True}]},
            {"_id": off, "key": "off", "name": "off", "variables": [{"_var": _id(base + 1), "value": False}]},
        ],
        "configuration": {"_id": _id(base + 4), "targets": targets, "forcedUsers": {}},
    }


def _target(target: str, filters: list[dict[str, object]], shares: Mapping[str, float]) -> dict[str, object]:
    return {
        "_id": target,
        "_audience": {"_id": target, "filters": {"operator": "and", "filters": filters}},
        "distribution": [{"_variation": variation, "percentage": share} for variation, share in shares.items()],
    }


def _filter(test: Test) -> dict[str, object]:
    made: dict[str, object] = {"type": "user", "comparator": "=", "values": list(test.values), "filters": []}
    if test.operator == "version_gte":
        return {**made, "subType": "appVersion", "comparator": ">="}
    if test.attribute == "plan":
        return {**made, "subType": "customData", "dataKey": "plan", "dataKeyType": "String"}
    return {**made, "subType": test.attribute}


def _served(document: bytes) -> ThreadingHTTPServer:

    class Handler(BaseHTTPRequestHandler):
        """Answers every request with the document."""

        def do_GET(self) -> None:
            """The document."""
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(document)))
            self.send_header("ETag", '"1"')
            self.end_headers()
            self.wfile.write(document)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002, ANN401 - as its base class has it
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def _client(document: bytes) -> DevCycleLocalClient:
    server = _served(document)
    options = DevCycleLocalOptions(
        config_cdn_uri=f"http://127.0.0.1:{server.server_port}/",
        events_api_uri=f"http://127.0.0.1:{server.server_port}/",
        config_polling_interval_ms=3_600_000,
        disable_automatic_event_logging=True,
        disable_custom_event_logging=True,
        disable_realtime_updates=True,
    )
    client = DevCycleLocalClient("server-offline", options)
    deadline = time.monotonic() + 60
    while not client.is_initialized():
        if time.monotonic() > deadline:
            raise TimeoutError("DevCycle's client took more than a minute to load")
        time.sleep(0.0005)
    server.shutdown()
    return client


def load(document: bytes) -> Engine:
    client = _client(document)
    value = client.variable_value

    def context(attributes: Mapping[str, str]) -> DevCycleUser:
        return DevCycleUser(
            user_id=attributes["user_id"],
            email=attributes["email"],
            country=attributes["country"],
            appVersion=attributes["app_version"],
            customData={"plan": attributes["plan"]},
        )

    def booleans(key: str, contexts: Sequence[DevCycleUser]) -> list[bool]:
        return [value(context, key, False) for context in contexts]

    def values(variables: Mapping[str, Any]) -> dict[str, bool]:
        return {key: variable.value for key, variable in variables.items()}

    return Engine(context, booleans, client.all_variables, values=values, close=client.close)
