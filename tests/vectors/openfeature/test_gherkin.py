"""The OpenFeature specification's own suite, against the provider."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
from openfeature import api
from openfeature.client import OpenFeatureClient
from openfeature.evaluation_context import EvaluationContext
from openfeature.exception import OpenFeatureError
from openfeature.flag_evaluation import FlagEvaluationDetails, FlagEvaluationOptions, FlagType
from openfeature.hook import Hook, HookContext, HookHints
from openfeature.transaction_context import ContextVarsTransactionContextPropagator
from pytest_bdd import given, parsers, scenarios, then, when
from tests.support.misbehaving import Misbehaving, answer, good, hang, misbehaving, ruleset
from tests.vectors.openfeature.translation import spec_flags

from flagtrail.sdk import testing
from flagtrail.sdk.provider import FlagtrailProvider

Details = FlagEvaluationDetails[Any]
LEVELS = ("API", "Transaction", "Client", "Invocation", "Before Hooks")

scenarios(".")


class Told(Hook):
    """A hook that remembers its stages, and may add to the context."""

    def __init__(self, adds: Mapping[str, str] | None = None) -> None:
        self.adds = dict(adds or {})
        self.stages: dict[str, Details | None] = {}

    def before(self, hook_context: HookContext, hints: HookHints) -> EvaluationContext:  # noqa: ARG002
        self.stages["before"] = None
        return EvaluationContext(attributes=self.adds)

    def after(self, hook_context: HookContext, details: Details, hints: HookHints) -> None:  # noqa: ARG002
        self.stages["after"] = copy.copy(details)

    def error(self, hook_context: HookContext, exception: Exception, hints: HookHints) -> None:  # noqa: ARG002
        self.stages["error"] = None

    def finally_after(self, hook_context: HookContext, details: Details, hints: HookHints) -> None:  # noqa: ARG002
        self.stages["finally"] = copy.copy(details)


class World:
    """What the steps of one scenario hand to each other."""

    def __init__(self, server: Misbehaving, cache: Path) -> None:
        self.server = server
        self.cache = cache
        self.flags = testing.client(spec_flags())
        self.asked: tuple[FlagType, str, Any] = (FlagType.STRING, "string-flag", "")
        self.context: dict[str, Any] = {}
        self.levels: dict[str, dict[str, str]] = {level: {} for level in LEVELS}
        self.precedence: list[str] = []
        self.hook = Told()
        self.options: FlagEvaluationOptions | None = None
        self.details: Details = FlagEvaluationDetails("", None)

    @property
    def client(self) -> OpenFeatureClient:
        return self._client

    def provide(self, provider: FlagtrailProvider, *, wait: bool = True) -> None:
        """Set the provider; one that cannot get ready says so in its status."""
        with suppress(OpenFeatureError):
            (api.set_provider_and_wait if wait else api.set_provider)(provider)
        self._client = api.get_client()

    def connected(self, **options: Any) -> FlagtrailProvider:  # noqa: ANN401 - the provider's options
        return FlagtrailProvider(url=self.server.url, token="t", wait=0.2, usage=False, **options)

    def evaluate(self) -> None:
        kind, key, default = self.asked
        self.details = self.client.evaluate_flag_details(
            kind, key, default, EvaluationContext(attributes=self.context), self.options
        )


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with misbehaving() as server:
        yield World(server, tmp_path / "ruleset")
        api.shutdown()


def read(kind: str, text: str) -> Any:  # noqa: ANN401 - a value of that type
    text = text.replace('\\"', '"')
    if kind.lower() == "string":
        return text
    if kind.lower() == "float":
        return float(text)
    return msgspec.json.decode(text)


# Providers, in every state.


@given("a stable provider")
@given("a stable provider with retrievable context is registered")
def _(world: World) -> None:
    world.provide(FlagtrailProvider(client=world.flags))


@given("a not ready provider")
def _(world: World) -> None:
    world.server.scripts["ruleset"] = [hang]
    world.provide(world.connected(), wait=False)


@given("a error provider")
def _(world: World) -> None:
    world.server.scripts["ruleset"] = [answer(500)]
    world.provide(world.connected())


@given("a fatal provider")
def _(world: World) -> None:
    world.server.scripts["ruleset"] = [answer(401)]
    world.provide(world.connected())


@given("a stale provider")
def _(world: World, until: Callable[[Callable[[], bool]], None]) -> None:
    world.server.scripts["ruleset"] = [good(ruleset(1))]
    world.provide(world.connected(cache_file=str(world.cache)))
    api.shutdown()
    world.server.go_down()
    world.provide(world.connected(cache_file=str(world.cache)))
    until(lambda: world.client.get_provider_status().value == "STALE")


@then(parsers.parse('the provider status should be "{status}"'))
def _(world: World, status: str) -> None:
    assert world.client.get_provider_status().value == status


# Evaluation.


@given(parsers.re(r'an? (?P<kind>\w+)-flag with key "(?P<key>[^"]*)" and a fallback value "(?P<default>.*)"'))
def _(world: World, kind: str, key: str, default: str) -> None:
    world.asked = (FlagType(kind.upper()), key, read(kind, default))


@given(parsers.parse('a context containing a key "{key}", with type "{kind}" and with value "{value}"'))
def _(world: World, key: str, kind: str, value: str) -> None:
    world.context[key] = read(kind, value)


@given(parsers.parse('a context containing a key "{key}" with null value'))
def _(world: World, key: str) -> None:
    world.context[key] = None


@when("the flag was evaluated with details")
@when("Some flag was evaluated")
@when("the flag was evaluated with details using the evaluation options")
def _(world: World) -> None:
    world.evaluate()


@when("the flag was evaluated with details asynchronously")
def _(world: World) -> None:
    kind, key, default = world.asked
    world.details = asyncio.run(world.client.evaluate_flag_details_async(kind, key, default))


@then("the evaluation should complete without blocking")
def _(world: World) -> None:
    assert world.details.error_code is None


@then(parsers.re(r'the resolved details value should be "(?P<value>.*)"'))
def _(world: World, value: str) -> None:
    assert world.details.value == read(world.asked[0].value, value)


@then(parsers.parse('the reason should be "{reason}"'))
def _(world: World, reason: str) -> None:
    assert world.details.reason == reason


@then(parsers.parse('the error-code should be "{code}"'))
def _(world: World, code: str) -> None:
    assert world.details.error_code == code


@then(parsers.parse('the flag key should be "{key}"'))
def _(world: World, key: str) -> None:
    assert world.details.flag_key == key


@then(parsers.re(r'the variant should be "(?P<variant>[^"]*)"'))
def _(world: World, variant: str) -> None:
    assert world.details.variant == variant


@given("an evaluation context with modifiable data")
def _(world: World) -> None:
    world.context = {"email": "ballmer@macrosoft.com", "groups": ["a", {"b": 1}]}


@then("the original evaluation context should remain unmodified")
def _(world: World) -> None:
    assert world.context == {"email": "ballmer@macrosoft.com", "groups": ["a", {"b": 1}]}


@then("the evaluation details should be immutable")
def _(world: World) -> None:
    metadata: Any = world.details.flag_metadata
    with pytest.raises(TypeError):
        metadata["version"] = "another"


# Hooks.


@given("a client with added hook")
def _(world: World) -> None:
    world.client.add_hooks([world.hook])


@given("evaluation options containing specific hooks")
def _(world: World) -> None:
    world.options = FlagEvaluationOptions(hooks=[world.hook])


@then("the specified hooks should execute during evaluation")
def _(world: World) -> None:
    assert set(world.hook.stages) == {"before", "after", "finally"}


@then("the hook order should be maintained")
def _(world: World) -> None:
    assert list(world.hook.stages) == ["before", "after", "finally"]


@then(parsers.parse('the "{stage}" hook should have been executed'))
def _(world: World, stage: str) -> None:
    assert stage in world.hook.stages


@then(parsers.parse('the "{stages}" hooks should be called with evaluation details'))
def _(world: World, stages: str, datatable: list[list[str]]) -> None:
    expected = {key: None if value == "null" else read(kind, value) for kind, key, value in datatable[1:]}
    for stage in stages.split(", "):
        told = world.hook.stages[stage]
        assert {key: getattr(told, key) for key in expected} == expected


# Merging of contexts.


@given(parsers.parse('A context entry with key "{key}" and value "{value}" is added to the "{level}" level'))
def _(world: World, key: str, value: str, level: str) -> None:
    world.levels[level][key] = value
    add_context(world)


@given("A table with levels of increasing precedence")
def _(world: World, datatable: list[list[str]]) -> None:
    world.precedence = [level for row in datatable for level in row]


@given(
    parsers.parse(
        'Context entries for each level from API level down to the "{last}" level, with key "{key}" and value "{value}"'
    )
)
def _(world: World, last: str, key: str, value: str) -> None:
    assert value == last
    for level in world.precedence[: world.precedence.index(last) + 1]:
        world.levels[level][key] = level
    add_context(world)


def add_context(world: World) -> None:
    api.set_evaluation_context(EvaluationContext(attributes=world.levels["API"]))
    api.set_transaction_context_propagator(ContextVarsTransactionContextPropagator())
    api.set_transaction_context(EvaluationContext(attributes=world.levels["Transaction"]))
    world.client.context = EvaluationContext(attributes=world.levels["Client"])
    world.context = dict(world.levels["Invocation"])
    world.options = FlagEvaluationOptions(hooks=[Told(world.levels["Before Hooks"])])


@then(parsers.parse('The merged context contains an entry with key "{key}" and value "{value}"'))
def _(world: World, key: str, value: str) -> None:
    assert world.flags.evaluated[-1].context[key] == value


# The deprecated feature, which tells the same in other words.


@when(
    parsers.re(
        r'an? (?P<kind>\w+) flag with key "(?P<key>[^"]*)" is evaluated with (details and )?default value '
        r'"?(?P<default>[^"]*)"?'
    )
)
def _(world: World, kind: str, key: str, default: str) -> None:
    world.asked = (FlagType(kind.upper()), key, read(kind, default))
    world.evaluate()


@when(parsers.re(r'an object flag with key "(?P<key>[^"]*)" is evaluated with (details and )?a null default value'))
def _(world: World, key: str) -> None:
    world.asked = (FlagType.OBJECT, key, None)
    world.evaluate()


@when(parsers.parse("context contains keys {keys} with values {values}"))
def _(world: World, keys: str, values: str) -> None:
    told = [msgspec.json.decode(text) for text in values.split(", ")]
    world.context = dict(zip(msgspec.json.decode(f"[{keys}]"), told, strict=True))
    world.context["customer"] = read("boolean", world.context["customer"])


@when(parsers.parse('a flag with key "{key}" is evaluated with default value "{default}"'))
def _(world: World, key: str, default: str) -> None:
    world.asked = (FlagType.STRING, key, default)
    world.evaluate()


@when(
    parsers.parse(
        'a non-existent string flag with key "{key}" is evaluated with details and a fallback value "{default}"'
    )
)
def _(world: World, key: str, default: str) -> None:
    world.asked = (FlagType.STRING, key, default)
    world.evaluate()


@when(
    parsers.parse(
        'a string flag with key "{key}" is evaluated as an integer, with details and a fallback value {default:d}'
    )
)
def _(world: World, key: str, default: int) -> None:
    world.asked = (FlagType.INTEGER, key, default)
    world.evaluate()


@then(
    parsers.re(
        r'the resolved (?P<kind>\w+) (details value|value|response) should be "?(?P<value>[^",]*)"?'
        r'(, the variant should be "(?P<variant>\w+)", and the reason should be "(?P<reason>\w+)")?'
    )
)
def _(world: World, kind: str, value: str, variant: str | None, reason: str | None) -> None:
    assert world.details.value == read(kind, value)
    assert variant in {None, world.details.variant}
    assert reason in {None, world.details.reason}


@then(
    parsers.re(
        r'the resolved object (details )?value should be contain fields "(?P<a>\w+)", "(?P<b>\w+)", and '
        r'"(?P<c>\w+)", with values "(?P<x>[^"]*)", "(?P<y>[^"]*)" and (?P<z>\d+), respectively'
    )
)
def _(world: World, a: str, b: str, c: str, x: str, y: str, z: str) -> None:
    assert world.details.value == {a: read("boolean", x), b: y, c: int(z)}


@then(parsers.parse('the variant should be "{variant}", and the reason should be "{reason}"'))
def _(world: World, variant: str, reason: str) -> None:
    assert (world.details.variant, world.details.reason) == (variant, reason)


@then(parsers.parse('the resolved flag value is "{value}" when the context is empty'))
def _(world: World, value: str) -> None:
    assert world.client.get_string_value(world.asked[1], world.asked[2]) == value


@then("the default string value should be returned")
@then("the default integer value should be returned")
def _(world: World) -> None:
    assert world.details.value == world.asked[2]


@then(
    parsers.re(r'the reason should indicate an error and the error code should indicate a \w+ \w+ with "(?P<code>\w+)"')
)
def _(world: World, code: str) -> None:
    assert (world.details.reason, world.details.error_code) == ("ERROR", code)
