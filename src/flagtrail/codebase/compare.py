"""What a branch adds to the places that name flags, and takes away, beside the commit that it began at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from flagtrail.codebase.scan import Result, Unknown
from flagtrail.model.reference import CodeReference

_Place = tuple[str, str, str, str]


@dataclass(frozen=True, slots=True)
class Difference:
    """One flag of which there are other places than before. `before` and `after` count all its places."""

    flag: str
    before: int
    after: int
    added: tuple[CodeReference, ...]
    removed: tuple[CodeReference, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """The flags whose places differ, by key, and the keys that are asked for now, were not before, and are no flags."""

    flags: tuple[Difference, ...]
    unknown: tuple[Unknown, ...]

    @property
    def empty(self) -> bool:
        """Whether there is nothing to tell."""
        return not self.flags and not self.unknown


def compare(before: Result, after: Result) -> Comparison:
    """A place is the same where flag, file, kind and line of text are: lines move when others come and go."""
    was, now = _by_flag(before), _by_flag(after)
    found = (_difference(flag, was.get(flag, []), now.get(flag, [])) for flag in sorted({*was, *now}))
    known = {each.flag for each in before.unknown}
    return Comparison(
        tuple(each for each in found if each.added or each.removed),
        tuple(each for each in after.unknown if each.flag not in known),
    )


def _by_flag(result: Result) -> dict[str, list[CodeReference]]:
    found: dict[str, list[CodeReference]] = {}
    for each in result.references:
        found.setdefault(each.flag, []).append(each)
    return found


def _difference(flag: str, before: list[CodeReference], after: list[CodeReference]) -> Difference:
    return Difference(flag, len(before), len(after), _beyond(after, before), _beyond(before, after))


def _beyond(these: Iterable[CodeReference], those: Iterable[CodeReference]) -> tuple[CodeReference, ...]:
    """The places among these that are not among those, each as often as it is there more often."""
    left = Counter(map(_place, those))
    found = []
    for each in these:
        place = _place(each)
        if left[place]:
            left[place] -= 1
        else:
            found.append(each)
    return tuple(found)


def _place(each: CodeReference) -> _Place:
    return each.flag, each.path, each.kind, " ".join(each.snippet.split())
