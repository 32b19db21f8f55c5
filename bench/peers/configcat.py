"""ConfigCat, offline, over a cache that holds the document."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from bench.peers import Engine
from bench.peers.workloads import Spec, Test
from configcat_openfeature_provider import ConfigCatProvider
from configcatclient import ConfigCatClient, ConfigCatOptions, PollingMode
from configcatclient.user import User
from openfeature.provider import AbstractProvider

PACKAGES = ("configcat-client", "configcat-openfeature-provider")
RECORDS = "nothing (it has hooks only)"
_IS_ONE_OF, _SEMVER_GTE, _EQUALS = 0, 9, 28


def document(specs: Sequence[Spec]) -> bytes:
    preferences = {"u": "https://cdn.invalid", "r": 0, "s": "salt"}
    return json.dumps({"p": preferences, "f": {spec.key: _flag(spec) for spec in specs}}).encode()


def _flag(spec: Spec) -> dict[str, object]:
    setting: dict[str, object] = {"t": 0, "v": {"b": spec.on and spec.percent == 100}, "i": "rest"}
    if spec.on and spec.rules:
        setting["r"] = [
            {"c": [{"u": _condition(test)} for test in rule], "s": {"v": {"b": True}, "i": f"rule-{number}"}}
            for number, rule in enumerate(spec.rules)
        ]
    if spec.on and 0 < spec.percent < 100:
        setting["p"] = [
            {"p": spec.percent, "v": {"b": True}, "i": "on"},
            {"p": 100 - spec.percent, "v": {"b": False}, "i": "off"},
        ]
    return setting


def _condition(test: Test) -> dict[str, object]:
    name = "Identifier" if test.attribute == "user_id" else test.attribute
    if test.operator == "version_gte":
        return {"a": name, "c": _SEMVER_GTE, "s": test.values[0]}
    if test.values[1:]:
        return {"a": name, "c": _IS_ONE_OF, "l": list(test.values)}
    return {"a": name, "c": _EQUALS, "s": test.values[0]}


class Cache:
    """The document as the SDK's cache hands it out, to whichever key asks."""

    def __init__(self, document: bytes) -> None:
        self._entry = f"1700000000000\n1-etag\n{document.decode()}"

    def get(self, _key: str) -> str:
        """As the SDK's base class has it."""
        return self._entry

    def set(self, key: str, value: str) -> None:
        """As the SDK's base class has it; never called offline."""


def _options(document: bytes) -> ConfigCatOptions:
    return ConfigCatOptions(polling_mode=PollingMode.manual_poll(), config_cache=Cache(document), offline=True)


def load(document: bytes) -> Engine:
    client = ConfigCatClient.get(f"configcat-sdk-1/{'n' * 22}/{'n' * 22}", _options(document))
    client.get_all_keys()  # reads the cache: from here on it is ready
    value = client.get_value

    def context(attributes: Mapping[str, str]) -> User:
        custom = {name: value for name, value in attributes.items() if name not in {"user_id", "email"}}
        return User(attributes["user_id"], email=attributes["email"], custom=custom)

    def booleans(key: str, contexts: Sequence[User]) -> list[bool]:
        return [value(key, False, context) for context in contexts]

    def provider() -> AbstractProvider:
        made: AbstractProvider = ConfigCatProvider(f"configcat-sdk-1/{'p' * 22}/{'p' * 22}", _options(document))
        return made

    return Engine(context, booleans, client.get_all_values, provider=provider, close=client.close)
