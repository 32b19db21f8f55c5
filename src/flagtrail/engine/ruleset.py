"""A ruleset: all flags of one environment of one project, ready to evaluate."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from operator import attrgetter
from typing import Generic, TypeVar, cast

import msgspec

from flagtrail.engine import resolutions
from flagtrail.engine.bulk import Bulk, Decided
from flagtrail.engine.compile import (
    Decider,
    FlagFunction,
    SegmentFunction,
    ValueFunction,
    compile_decider,
    compile_flag,
    compile_segment,
    compile_value,
    constant,
    counted,
)
from flagtrail.engine.explanation import Explanation
from flagtrail.engine.interpret import interpret
from flagtrail.engine.references import (
    NOTHING,
    References,
    Segments,
    Targetings,
    closure,
    every_condition,
    segment_closure,
)
from flagtrail.engine.tally import TallyOf
from flagtrail.model.condition import Condition
from flagtrail.model.context import Context
from flagtrail.model.flag import Flag
from flagtrail.model.resolution import Answers, ErrorCode, Resolution
from flagtrail.model.segment import Segment
from flagtrail.model.targeting import Targeting

F = TypeVar("F", FlagFunction, ValueFunction, SegmentFunction, Decided)


class _Compiled(msgspec.Struct, Generic[F], frozen=True):
    """A function, or a flag decided, beside every document that went into it (None: there was none)."""

    function: F
    flags: tuple[tuple[str, Flag | None, Targeting | None], ...]
    segments: tuple[tuple[str, Segment | None], ...]


_FLAG = attrgetter("flag")
_UNCOMPILABLE = (RecursionError, UnicodeEncodeError)
_DOCUMENTS = ("flags", "segments", "targetings")


class Ruleset:
    """The flags, targetings and segments of one environment; never altered.

    Flags are compiled when they are first evaluated. With `previous`, a flag
    whose documents, and the documents of everything it depends on, are the very
    same objects keeps its function: swapping rulesets costs what changed.

    A flag that reads nothing of the context answers whatever the context is.
    Values of variants are shared: do not alter an object that was served.
    """

    __slots__ = (
        "_bulk",
        "_decided",
        "_flags_compiled",
        "_functions",
        "_segments_compiled",
        "_tallied",
        "_values",
        *_DOCUMENTS,
    )

    def __init__(
        self, flags: Mapping[str, Flag], targetings: Targetings, segments: Segments, *, previous: Ruleset | None = None
    ) -> None:
        self.flags = flags
        self.targetings = targetings
        self.segments = segments
        self._flags_compiled: dict[str, _Compiled[FlagFunction]] = {}
        self._segments_compiled: dict[str, _Compiled[SegmentFunction]] = {}
        self._decided: dict[str, _Compiled[Decided]] = {}
        self._tallied: dict[str, _Compiled[FlagFunction]] = {}
        self._values: dict[str, _Compiled[ValueFunction]] = {}
        self._bulk: Bulk | None = None
        # A plain dict: looking up in a subclass with __missing__ costs 30 ns more than the whole of a plain flag.
        self._functions: dict[str, FlagFunction] = {
            key: partial(self._first, key) for key, flag in sorted(flags.items()) if not flag.archived
        }
        if previous is not None:
            self._adopt(previous)

    def evaluate(self, key: str, context: Context) -> Resolution:
        """The flag's resolution for the context; errors are resolutions, too. Never raises."""
        try:
            return self._functions[key](context)
        except Exception as error:  # noqa: BLE001 - contexts hold anything, and evaluating is total
            return self._failed(key, error)

    def evaluate_all(self, context: Context) -> dict[str, Resolution]:
        """The resolutions of every flag that is not archived, by key, sorted. Never raises."""
        found = dict.fromkeys(self._functions)
        answered = self.answers(context).all()
        found.update(zip(map(_FLAG, answered), answered, strict=True))
        return cast("dict[str, Resolution]", found)

    def answers(self, context: Context) -> Answers:
        """The same as `evaluate_all`, without its order: what many contexts share as shared objects. Never raises."""
        try:
            # Looked up each time, and made by whoever comes first: two that are made at once answer alike.
            return (self._bulk or self._prepared()).answers(context)
        except Exception:  # noqa: BLE001 - one flag that reads a hostile attribute must not spoil the others
            return Answers((), tuple([self.evaluate(key, context) for key in self._functions]))

    def explain(self, key: str, context: Context) -> Explanation:
        """The flag's resolution for the context, and all that led to it. Never raises."""
        try:
            return interpret(self.flags, self.targetings, self.segments, key, context)
        except Exception as error:  # noqa: BLE001 - see evaluate
            return Explanation(self._failed(key, error))

    def _failed(self, key: object, error: Exception) -> Resolution:
        if not isinstance(key, str) or key not in self._functions:
            return resolutions.not_found(key)
        return resolutions.context_unreadable(key, type(error).__name__)

    def _first(self, key: str, context: Context) -> Resolution:
        """What stands for a flag that is not compiled yet: it replaces itself."""
        return self.flag_function(key)(context)

    def flag_function(self, key: str) -> FlagFunction:
        """The compiled function of a flag; unlike `evaluate` it raises what reading the context raises."""
        flag = self.flags.get(key)
        if flag is None or flag.archived:
            return constant(resolutions.not_found(key))
        known = self._flags_compiled.get(key)
        if known is None:
            known = self._compile_flag(key, flag)
            self._flags_compiled[key] = known
            self._functions[key] = known.function
        return known.function

    def tallied_functions(self) -> dict[str, FlagFunction]:
        """The functions that `tallied_function` has made so far, here or in rulesets before, by flag."""
        return {key: known.function for key, known in tuple(self._tallied.items())}

    def tallied_function(self, key: str, tally_of: TallyOf | None) -> FlagFunction:
        """As `flag_function`, of a flag that is not archived: it counts what it answers, but for errors.

        Flags that it depends on are not counted. The tallies are those of the call that compiled it.
        """
        known = self._tallied.get(key)
        if known is None:
            known = self._tallied[key] = self._compile_flag(key, self.flags[key], tally_of)
        return known.function

    def value_functions(self) -> dict[str, ValueFunction]:
        """As `tallied_functions`, of `value_function`."""
        return {key: known.function for key, known in tuple(self._values.items())}

    def value_function(self, key: str, tally_of: TallyOf | None) -> ValueFunction:
        """As `tallied_function`, answering the value alone, and None on an error."""
        known = self._values.get(key)
        if known is None:
            known = self._values[key] = self._compile_value(key, self.flags[key], tally_of)
        return known.function

    def segment_function(self, key: str) -> SegmentFunction:
        """The compiled function of a segment; one that is unknown or depends on itself never holds."""
        known = self._segments_compiled.get(key)
        if known is None:
            known = self._compile_segment(key)
            self._segments_compiled[key] = known
        return known.function

    def _compile_flag(self, key: str, flag: Flag, tally_of: TallyOf | None = None) -> _Compiled[FlagFunction]:
        own = References(frozenset({key}))
        fixed, reached = self._fixed(key, flag)
        if fixed is not None:
            return self._made(counted(fixed, fixed, tally_of), own, reached)
        try:
            function = compile_flag(flag, self.targetings[key], self, tally_of=tally_of)
        except _UNCOMPILABLE:
            function = constant(_uncompilable(key))
        return self._made(function, own, reached)

    def _compile_value(self, key: str, flag: Flag, tally_of: TallyOf | None) -> _Compiled[ValueFunction]:
        own = References(frozenset({key}))
        fixed, reached = self._fixed(key, flag)
        if fixed is not None:
            return self._made(counted(fixed, fixed.value, tally_of), own, reached)
        try:
            function = compile_value(flag, self.targetings[key], self, tally_of=tally_of)
        except _UNCOMPILABLE:
            function = constant(None)
        return self._made(function, own, reached)

    def _fixed(self, key: str, flag: Flag) -> tuple[Resolution | None, References]:
        """What a flag answers that is off or part of a cycle, else None; and all that this depends on."""
        targeting = self.targetings.get(key)
        if targeting is None or not targeting.enabled:
            return resolutions.off(flag, targeting), NOTHING
        reached = closure(key, self.targetings, self.segments)
        return (resolutions.cyclic(key) if key in reached.flags else None), reached

    def _prepared(self) -> Bulk:
        decided: list[Decided] = []
        for key in self._functions:
            known = self._decided.get(key)
            if known is None:
                known = self._decided[key] = self._decide(key, self.flags[key])
            decided.append(known.function)
        self._bulk = bulk = Bulk(decided, self.flag_function)
        return bulk

    def _decide(self, key: str, flag: Flag) -> _Compiled[Decided]:
        own = References(frozenset({key}))
        fixed, reached = self._fixed(key, flag)
        if fixed is not None:
            return self._made(Decided(key, constant(fixed), ()), own, reached)
        targeting = self.targetings[key]
        conditions = self._conditions(targeting, reached)
        if conditions is None:
            return self._made(Decided(key, self.flag_function(key), None), own, reached)
        decide: Decider
        try:
            decide = compile_decider(flag, targeting, self)
        except _UNCOMPILABLE:
            decide, conditions = constant(_uncompilable(key)), ()
        return self._made(Decided(key, decide, conditions), own, reached)

    def _conditions(self, targeting: Targeting, reached: References) -> tuple[Condition, ...] | None:
        """Every test of an attribute that can decide the flag; None where another flag's split can, too."""
        roots = [rule.when for rule in targeting.rules]
        for key in sorted(reached.flags):
            flag, other = self.flags.get(key), self.targetings.get(key)
            if flag is None or flag.archived or other is None or not other.enabled:
                continue
            if any(serve.split is not None for serve in (other.fallthrough, *(rule.serve for rule in other.rules))):
                return None
            roots.extend(rule.when for rule in other.rules)
        roots.extend(self.segments[key].when for key in sorted(reached.segments) if key in self.segments)
        return tuple([one for one in every_condition(roots) if one.attribute is not None and one.operator is not None])

    def _compile_segment(self, key: str) -> _Compiled[SegmentFunction]:
        segment = self.segments.get(key)
        own = References(segments=frozenset({key}))
        reached = segment_closure(key, self.targetings, self.segments)
        if segment is None or key in reached.segments:
            return self._made(_holds_never, own, reached)
        return self._made(compile_segment(segment, self), own, reached)

    def _made(self, function: F, own: References, reached: References) -> _Compiled[F]:
        return _Compiled(
            function,
            tuple((key, self.flags.get(key), self.targetings.get(key)) for key in own.flags | reached.flags),
            tuple((key, self.segments.get(key)) for key in own.segments | reached.segments),
        )

    def _adopt(self, previous: Ruleset) -> None:
        self._flags_compiled = self._holding(previous._flags_compiled)
        self._functions.update({key: known.function for key, known in self._flags_compiled.items()})
        self._tallied = self._holding(previous._tallied)
        self._values = self._holding(previous._values)
        self._decided = self._holding(previous._decided)
        self._segments_compiled = self._holding(previous._segments_compiled)

    def _holding(self, compiled: dict[str, _Compiled[F]]) -> dict[str, _Compiled[F]]:
        # Copied at once: another thread may be compiling in the previous ruleset.
        return {key: one for key, one in tuple(compiled.items()) if self._still_holds(one.flags, one.segments)}

    def _still_holds(
        self,
        compiled_flags: tuple[tuple[str, Flag | None, Targeting | None], ...],
        compiled_segments: tuple[tuple[str, Segment | None], ...],
    ) -> bool:
        flags, targetings, segments = self.flags, self.targetings, self.segments
        for key, flag, targeting in compiled_flags:
            if flags.get(key) is not flag or targetings.get(key) is not targeting:
                return False
        return all(segments.get(key) is segment for key, segment in compiled_segments)


def _uncompilable(key: str) -> Resolution:
    problem = "its conditions are nested too deeply, or hold what is no Unicode"
    return resolutions.refused(key, ErrorCode.GENERAL, problem)


def _holds_never(_context: Context) -> bool:
    return False
