"""One ruleset ready to be served and counted: a table of functions for each type of flag. Swapped whole."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import TypeAlias, get_args

from flagtrail.engine.compile import FlagFunction
from flagtrail.engine.ruleset import Ruleset
from flagtrail.model.context import Context
from flagtrail.model.flag import FlagType, Json
from flagtrail.model.resolution import Resolution, Settled
from flagtrail.sdk.usage import Group, Tallied, Tallies

Table: TypeAlias = dict[str, FlagFunction]
Offer: TypeAlias = Callable[[Context], None]
TYPES: tuple[FlagType, ...] = get_args(FlagType)
MAX_TOGETHER = 10_000
"""Groups of answers given together that are remembered with their values."""


class Evaluator:
    """Evaluates and counts. `tables` holds, by type, a function for each flag, which compiles itself at its first call.

    `together` are the tallies of answers that are given together. With `offer` every context is offered to the sampler.
    """

    def __init__(self, ruleset: Ruleset, tallies: Tallies | None, offer: Offer | None = None) -> None:
        self.ruleset = ruleset
        self._tallies = tallies
        self._offer = offer
        self.together: Group = self._group()
        self.tables: dict[FlagType, Table] = {name: {} for name in TYPES}
        compiled = ruleset.counting_functions() if tallies is not None else {}
        for key, flag in ruleset.flags.items():
            table = self.tables[flag.type]
            known = compiled.get(key)
            table[key] = partial(self._first, table, key) if known is None else self._offered(known)

    def _first(self, table: Table, key: str, context: Context) -> Resolution:
        function = self._offered(self._compiled(key))
        table[key] = function
        return function(context)

    def _compiled(self, key: str) -> FlagFunction:
        if self._tallies is None:
            return self.ruleset.flag_function(key)
        return self.ruleset.counting_function(key, self._tallies.of)

    def _offered(self, function: FlagFunction) -> FlagFunction:
        offer = self._offer
        if offer is None:
            return function

        def offering(context: Context) -> Resolution:
            offer(context)
            return function(context)

        return offering

    def evaluate_all(self, context: Context) -> dict[str, Json]:
        """The value of every flag that has one for the context. Never raises."""
        answers = self.ruleset.answers(context)
        if self._offer is not None:
            self._offer(context)
        values: dict[str, Json] = {}
        known = self.together.get
        for settled in answers.settled:
            together = known(id(settled)) or self._learnt(settled, settled.resolutions)
            together.n += 1
            values |= together.values
        for drawn in answers.drawn:
            if drawn.variant is not None:
                alone = known(id(drawn)) or self._learnt(drawn, (drawn,))
                alone.n += 1
                values[drawn.flag] = drawn.value
        for key in self.tables["object"]:
            if key in values:
                values[key] = copied(values[key])
        return values

    def _learnt(self, held: Settled | Resolution, resolutions: Iterable[Resolution]) -> Tallied:
        together = self.together
        if len(together) >= MAX_TOGETHER:
            self.together = self._group()
            if self._tallies is not None:
                self._tallies.retire([together])
        return self.together.setdefault(id(held), Tallied(resolutions, held))

    def _group(self) -> Group:
        return {} if self._tallies is None else self._tallies.group()


def copied(value: Json) -> Json:
    """A JSON value of one's own: what a flag serves is shared by all who ask."""
    match value:
        case dict():
            return {name: copied(part) for name, part in value.items()}
        case list():
            return [copied(part) for part in value]
        case _:
            return value
