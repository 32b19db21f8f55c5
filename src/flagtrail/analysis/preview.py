"""Which contexts would get another value if a change were made: flag by flag, before and after, on the same contexts.

The change is any difference between two states. Every flag that it can reach
(through prerequisites and segments, too) is evaluated for each context as it
stands and as it would stand, by the engine that serves applications. Without
contexts the answer is computed from the rules alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import Literal, TypeAlias

import msgspec

from flagtrail.analysis.breakdown import Breakdown, Columns
from flagtrail.analysis.estimate import Estimate, estimate
from flagtrail.analysis.preview_rules import RulesShift, by_rules
from flagtrail.analysis.world import world
from flagtrail.changes.diff import same
from flagtrail.changes.touches import touches
from flagtrail.engine.ruleset import Ruleset
from flagtrail.model.context import Context
from flagtrail.model.flag import Json
from flagtrail.model.resolution import Resolution
from flagtrail.model.state import State
from flagtrail.model.subject import Subject

MAX_FLAGS = 500
MAX_EVALUATIONS = 500_000
"""Of one preview, each before and after; beyond it fewer contexts are looked at, evenly chosen."""
MAX_RULES_FLAGS = 50
"""Flags whose shift is computed from the rules alone, where there are no contexts."""
MAX_TRANSITIONS = 50
MAX_EXAMPLES = 3
MAX_ILLUSTRATED = 10
"""Transitions of one flag that are given examples."""

Source: TypeAlias = Literal["sampled", "given", "none"]
Pair: TypeAlias = tuple[str | None, str | None]


class Population(msgspec.Struct, frozen=True, kw_only=True):
    """The contexts that a preview looked at: sampled from applications, given by whoever asks, or none.

    `size` were looked at, out of `of` that there were. `since` and `until` (stamps) are when the first and
    the last were sampled; empty where they were not.
    """

    source: Source
    size: int = 0
    of: int = 0
    since: str = ""
    until: str = ""


class Transition(msgspec.Struct, frozen=True):
    """One variant before and one after, and how many contexts go that way.

    A variant is null where evaluating ends with an error, so that the caller
    gets its own default. `differs` says whether the value is another one: a
    variant may keep its name and change its value. `examples` are a few of the
    contexts, as they were sampled or given.
    """

    before: str | None
    after: str | None
    differs: bool
    contexts: Estimate
    examples: tuple[dict[str, Json], ...] = ()


class Served(msgspec.Struct, frozen=True):
    """How many contexts get a variant (null: an error) before and after."""

    variant: str | None
    before: Estimate
    after: Estimate


class FlagPreview(msgspec.Struct, frozen=True, kw_only=True):
    """What the change does to one flag.

    `direct` says whether the flag itself is changed, or follows something that is.
    `changed` counts the contexts that get another value. By the rules alone
    `rules` is set, and `changed`, `served`, `transitions` and `breakdowns` are empty.
    `left_out` counts transitions beyond the bound, the rarest ones.
    """

    flag: str
    direct: bool
    changed: Estimate | None = None
    served: tuple[Served, ...] = ()
    transitions: tuple[Transition, ...] = ()
    left_out: int = 0
    breakdowns: tuple[Breakdown, ...] = ()
    rules: RulesShift | None = None


class Preview(msgspec.Struct, frozen=True):
    """What a change does in one environment. `subjects` are the documents that it alters; none where all is so already.

    `flags` are those of which something changes or may, the changed ones first,
    then by how many contexts they reach; `unaffected` those that follow the
    change and give every context what they gave. `left_out` counts flags beyond the bound.
    """

    project: str
    environment: str
    subjects: tuple[Subject, ...]
    population: Population
    flags: tuple[FlagPreview, ...]
    unaffected: tuple[str, ...]
    left_out: int = 0


class Proposal(msgspec.Struct, frozen=True):
    """A change as two states: what stands, and what would; `subjects` are the documents that differ."""

    project: str
    environment: str
    before: State
    after: State
    subjects: tuple[Subject, ...]

    def direct(self) -> set[str]:
        """The flags that are changed themselves, here or in all environments."""
        return {
            each.flag
            for each in self.subjects
            if each.project == self.project and each.flag and each.environment in {None, self.environment}
        }

    def reached(self) -> list[str]:
        """Every flag whose answer here can change: the changed ones first, then those that follow them, by key."""
        found = {
            touch.flag
            for subject in self.subjects
            for state in (self.before, self.after)
            for touch in touches(state, subject)
            if touch.project == self.project and touch.environment in {"", self.environment}
        }
        direct = self.direct()
        return sorted(found, key=lambda key: (key not in direct, key))


def preview(
    proposal: Proposal,
    contexts: Sequence[Context],
    population: Population,
    *,
    by: Collection[str] = (),
    most: int = MAX_FLAGS,
) -> Preview:
    """The preview of a proposal over the contexts, or by the rules alone where there are none.

    `by` names attributes to break the changed contexts down by; without it the one that tells them apart best, if one
    does. `population` says where the contexts come from; its sizes are set here. `most` flags are looked at.
    """
    reached, direct = proposal.reached(), proposal.direct()
    keys = reached[: most if contexts else min(most, MAX_RULES_FLAGS)]
    looked_at = chosen(contexts, MAX_EVALUATIONS // max(1, len(keys)))
    if looked_at:
        trial = _Trial(proposal, looked_at, by)
        found = [trial.flag(key, direct=key in direct) for key in keys]
    else:
        found = [_by_rules(proposal, key, direct=key in direct) for key in keys]
    shown = sorted(filter(_is_shown, found), key=lambda each: (not each.direct, -_count(each)))
    return Preview(
        proposal.project,
        proposal.environment,
        proposal.subjects,
        msgspec.structs.replace(population, size=len(looked_at), of=max(population.of, len(contexts))),
        tuple(shown),
        tuple(each.flag for each in found if not _is_shown(each)),
        len(reached) - len(keys),
    )


def chosen(contexts: Sequence[Context], most: int) -> Sequence[Context]:
    """At most so many of the contexts, at even distances."""
    if len(contexts) <= most:
        return contexts
    return [contexts[place * len(contexts) // most] for place in range(most)]


def _count(flag: FlagPreview) -> int:
    return 0 if flag.changed is None else flag.changed.count


def _is_shown(flag: FlagPreview) -> bool:
    """Whether there is something to say beyond "nobody gets another value"; of the flag that is changed there is."""
    still = flag.changed.count == 0 if flag.changed is not None else flag.rules is not None and flag.rules.changed == 0
    return flag.direct or not still


def _by_rules(proposal: Proposal, flag: str, *, direct: bool) -> FlagPreview:
    before, after = (
        world(state, proposal.project, proposal.environment, flag) for state in (proposal.before, proposal.after)
    )
    return FlagPreview(flag=flag, direct=direct, rules=by_rules(before, after, flag))


class _Trial:
    """Both rulesets, and the contexts that are tried on them."""

    def __init__(self, proposal: Proposal, contexts: Sequence[Context], by: Collection[str]) -> None:
        self._contexts = contexts
        self._before = _ruleset(proposal, proposal.before)
        self._after = _ruleset(proposal, proposal.after, self._before)
        self._columns = Columns(contexts, by)

    def flag(self, key: str, *, direct: bool) -> FlagPreview:
        evaluate_before, evaluate_after = self._before.evaluate, self._after.evaluate
        before = [evaluate_before(key, context) for context in self._contexts]
        after = [evaluate_after(key, context) for context in self._contexts]
        pairs = [(one.variant, other.variant) for one, other in zip(before, after, strict=True)]
        counts = Counter(pairs)
        first = {pair: place for place, pair in reversed([*enumerate(pairs)])}
        differing = {pair for pair, place in first.items() if _differs(before[place], after[place])}
        changed = [place for place, pair in enumerate(pairs) if pair in differing]
        whole = len(pairs)
        ordered = sorted(counts, key=lambda pair: (pair not in differing, -counts[pair], str(pair)))
        examples = self._examples(pairs, changed, ordered[:MAX_ILLUSTRATED])
        transitions = tuple(
            Transition(*pair, pair in differing, estimate(counts[pair], whole), examples.get(pair, ()))
            for pair in ordered[:MAX_TRANSITIONS]
        )
        return FlagPreview(
            flag=key,
            direct=direct,
            changed=estimate(len(changed), whole),
            served=_served(counts, whole),
            transitions=transitions,
            left_out=len(ordered) - len(transitions),
            breakdowns=self._columns.breakdowns(changed) if changed else (),
        )

    def _examples(
        self, pairs: Sequence[Pair], changed: Iterable[int], illustrated: Collection[Pair]
    ) -> dict[Pair, tuple[dict[str, Json], ...]]:
        """The first few contexts of each of the illustrated transitions whose values differ."""
        found: dict[Pair, list[int]] = {pair: [] for pair in illustrated}
        for place in changed:
            places = found.get(pairs[place])
            if places is not None and len(places) < MAX_EXAMPLES:
                places.append(place)
        return {pair: tuple(dict(self._contexts[place]) for place in places) for pair, places in found.items()}


def _ruleset(proposal: Proposal, state: State, previous: Ruleset | None = None) -> Ruleset:
    project = proposal.project
    targetings = state.targetings(project, proposal.environment)
    return Ruleset(state.flags(project), targetings, state.segments(project), previous=previous)


def _differs(before: Resolution, after: Resolution) -> bool:
    """Whether the caller gets another value; on an error it gets its own default, which is nobody else's value."""
    if before.variant is None or after.variant is None:
        return before.variant is not after.variant
    return not same(before.value, after.value)


def _served(counts: Counter[Pair], whole: int) -> tuple[Served, ...]:
    """The shares of each variant, the ones that most contexts get after the change first."""
    before: Counter[str | None] = Counter()
    after: Counter[str | None] = Counter()
    for (was, becomes), count in counts.items():
        before[was] += count
        after[becomes] += count
    ordered = sorted({*before, *after}, key=lambda key: (-after[key], -before[key], str(key)))
    return tuple(Served(key, estimate(before[key], whole), estimate(after[key], whole)) for key in ordered)
