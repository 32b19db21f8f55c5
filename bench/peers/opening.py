"""The same two flags through the OpenFeature client, and the provider that does nothing, which sets its floor."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NoReturn

from bench.peers import openfeature_context
from bench.peers.workloads import Spec, chosen, wrong_answers
from openfeature import api
from openfeature.evaluation_context import EvaluationContext
from openfeature.flag_evaluation import FlagResolutionDetails, FlagValueType, Reason
from openfeature.provider import AbstractProvider, Metadata


class Constant(AbstractProvider):
    """Answers every boolean flag with one object made beforehand."""

    def __init__(self) -> None:
        super().__init__()
        self._answer = FlagResolutionDetails(value=True, variant="on", reason=Reason.STATIC)

    def get_metadata(self) -> Metadata:
        """Its name."""
        return Metadata("constant")

    def resolve_boolean_details(
        self, flag_key: str, default_value: bool, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[bool]:
        """The one answer."""
        del flag_key, default_value, evaluation_context
        return self._answer

    def resolve_string_details(
        self, flag_key: str, default_value: str, evaluation_context: EvaluationContext | None = None
    ) -> NoReturn:
        """Never asked."""
        raise NotImplementedError

    def resolve_integer_details(
        self, flag_key: str, default_value: int, evaluation_context: EvaluationContext | None = None
    ) -> NoReturn:
        """Never asked."""
        raise NotImplementedError

    def resolve_float_details(
        self, flag_key: str, default_value: float, evaluation_context: EvaluationContext | None = None
    ) -> NoReturn:
        """Never asked."""
        raise NotImplementedError

    def resolve_object_details(
        self,
        flag_key: str,
        default_value: Sequence[FlagValueType] | Mapping[str, FlagValueType],
        evaluation_context: EvaluationContext | None = None,
    ) -> NoReturn:
        """Never asked."""
        raise NotImplementedError


def through(name: str, provider: AbstractProvider) -> Callable[[str, Sequence[EvaluationContext]], list[bool]]:
    """One flag for each context, through the client of a domain of the provider's own."""
    api.set_provider_and_wait(provider, domain=name)
    get = api.get_client(name).get_boolean_value

    def booleans(key: str, contexts: Sequence[EvaluationContext]) -> list[bool]:
        return [get(key, False, context) for context in contexts]

    return booleans


def wrong_through(
    booleans: Callable[[str, Sequence[EvaluationContext]], list[bool]],
    specs: Sequence[Spec],
    asked: Sequence[Mapping[str, str]],
) -> str | None:
    """As `workloads.wrong`, through the OpenFeature client."""
    contexts = [openfeature_context(attributes) for attributes in asked]
    found = (wrong_answers(spec, asked, booleans(spec.key, contexts)) for spec in chosen(specs))
    return next((problem for problem in found if problem is not None), None)
