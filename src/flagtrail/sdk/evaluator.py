"""One ruleset ready to be served and counted: tables of functions. Swapped whole."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from functools import partial
from typing import TypeAlias, TypeVar, get_args

from flagtrail.engine.compile import FlagFunction, ValueFunction
from flagtrail.engine.ruleset import Ruleset
from flagtrail.engine.tally import TallyOf
from flagtrail.model.context import Context
from flagtrail.model.flag import FlagType, Json
from flagtrail.model.resolution import Resolution, Settled
from flagtrail.sdk.usage import Group, Tallied, Tallies

T = TypeVar("T")
Values: TypeAlias = dict[str, ValueFunction]
Offer: TypeAlias = Callable[[Context], None]
TYPES: tuple[FlagType, ...] = get_args(FlagType)
MAX_TOGETHER = 400_000
"""Answers that are remembered together with others, of one ruleset and within one drain: about 120 bytes each."""
ALONE = 4
"""As many answers does it cost to remember any at all."""


class Evaluator:
    """Evaluates and counts. Every function compiles itself at its first call, and takes its place in its table.

    `resolutions` has one for each flag; `values`, by type, those that answer
    the value alone, which takes 10 ns less. `together` are the tallies of answers
    that are given together. With `offer` every context is offered to the sampler.
    """

    def __init__(self, ruleset: Ruleset, tallies: Tallies | None, offer: Offer | None = None) -> None:
        self.ruleset = ruleset
        self._tallies = tallies
        self._tally_of: TallyOf | None = None if tallies is None else tallies.of
        self._offer = offer
        self.together: Group = self._group()
        self._remembered = 0
        self.resolutions: dict[str, FlagFunction] = {}
        self.values: dict[FlagType, Values] = {name: {} for name in TYPES}
        self._table(self.resolutions, ruleset.flags, ruleset.tallied_function, ruleset.tallied_functions())
        known = ruleset.value_functions()
        for name, table in self.values.items():
            keys = [key for key, flag in ruleset.flags.items() if flag.type == name]
            self._table(table, keys, ruleset.value_function, known)

    def _table(
        self,
        table: dict[str, Callable[[Context], T]],
        keys: Iterable[str],
        compiled: Callable[[str, TallyOf | None], Callable[[Context], T]],
        known: dict[str, Callable[[Context], T]],
    ) -> None:
        for key in keys:
            function = known.get(key)
            first = partial(self._first, table, compiled, key)
            table[key] = first if function is None else self._offered(function)

    def _first(
        self,
        table: dict[str, Callable[[Context], T]],
        compiled: Callable[[str, TallyOf | None], Callable[[Context], T]],
        key: str,
        context: Context,
    ) -> T:
        function = table[key] = self._offered(compiled(key, self._tally_of))
        return function(context)

    def _offered(self, function: Callable[[Context], T]) -> Callable[[Context], T]:
        offer = self._offer
        if offer is None:
            return function

        def offering(context: Context) -> T:
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
        for key in self.values["object"]:
            if key in values:
                values[key] = copied(values[key])
        return values

    def _learnt(self, held: Settled | Resolution, resolutions: Collection[Resolution]) -> Tallied:
        """The tally of answers that come together for the first time.

        What is forgotten stays in memory until it was drained. So where much was learnt since, further answers are
        counted one by one, and their tally is nobody's.
        """
        learnt = Tallied(resolutions, held)
        cost = len(resolutions) + ALONE
        if self._tallies is not None:
            if self._tallies.learnt >= MAX_TOGETHER:
                self._tallies.count(resolutions)
                return learnt
            self._tallies.learnt += cost
        if self._remembered >= MAX_TOGETHER:
            together, self.together, self._remembered = self.together, self._group(), 0
            if self._tallies is not None:
                self._tallies.retire([together])
        self._remembered += cost
        return self.together.setdefault(id(held), learnt)

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
