"""OpenFeature's contexts as ours, and our answers' metadata as OpenFeature's."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NoReturn, Self

from openfeature.evaluation_context import EvaluationContext

from flagtrail.engine.attributes import LISTS
from flagtrail.model.context import TARGETING_KEY, Context
from flagtrail.sdk.served import Held

_NOBODY: Context = {}
_PLAIN = frozenset({str, int, float, bool, type(None)})


class FlagMetadata(dict[str, bool | int | float | str]):
    """What is told beside an answer. It is shared, and so cannot be altered (requirement 1.4.15.1).

    A dict all the same, so that it can be written as JSON, copied and pickled.
    """

    __slots__ = ()

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        raise TypeError("flag metadata cannot be altered")

    __setitem__ = __delitem__ = __ior__ = clear = pop = popitem = setdefault = update = _refuse

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, _memo: object) -> Self:
        return self

    def __reduce__(self) -> tuple[type[Self], tuple[dict[str, Any]]]:
        return type(self), (dict(self),)


class Metadatas:
    """The metadata of one ruleset's answers, by rule: which flag set, its version, and the rule that decided.

    The names are those of the specification's appendix D, so that OpenTelemetry hooks
    tell them as `feature_flag.set.id` and `feature_flag.version`.
    """

    __slots__ = ("held", "of_rules")

    def __init__(self, held: Held | None) -> None:
        self.held = held
        self.of_rules: dict[str | None, FlagMetadata] = {}

    def metadata(self, rule: str | None) -> FlagMetadata:
        """That of an answer by this rule (None: by none), kept in `of_rules`."""
        told: dict[str, bool | int | float | str] = {}
        if self.held is not None:
            data = self.held.data
            told = {"flagSetId": f"{data.project}/{data.environment}", "version": data.id}
        if rule is not None:
            told["rule"] = rule
        metadata = self.of_rules[rule] = FlagMetadata(told)
        return metadata


def flat(context: EvaluationContext | None) -> Context:
    """The context as one mapping, `targetingKey` beside the attributes; instants as RFC 3339 texts in UTC.

    A datetime without a zone is taken to be in UTC, wherever the program runs.
    """
    if context is None:
        return _NOBODY
    attributes: Mapping[str, Any] = context.attributes
    if not _PLAIN.issuperset(map(type, attributes.values())):
        attributes = {name: _dated(value) for name, value in attributes.items()}
    key = context.targeting_key
    return attributes if key is None else {**attributes, TARGETING_KEY: key}


def _dated(value: object) -> object:
    if isinstance(value, datetime):
        instant = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
        return f"{instant.replace(tzinfo=None).isoformat()}Z"
    if isinstance(value, Mapping):
        return {name: _dated(part) for name, part in value.items()}
    if isinstance(value, LISTS):
        return [_dated(part) for part in value]
    return value
