"""What is wrong with a project's documents, found when a change is decided, all at once.

Structure (types, unknown keys) is `model/document.py`'s to judge; here is what
needs the meaning of a document, or other documents.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date

import msgspec

from flagtrail.engine.attributes import is_number
from flagtrail.engine.check_chains import Graph, chain_defects
from flagtrail.engine.check_condition import Project, condition_defects
from flagtrail.engine.check_targeting import targeting_defects
from flagtrail.engine.references import NOTHING, References, references
from flagtrail.model.document import MAX_DOCUMENT_BYTES, is_variant_key, pointer
from flagtrail.model.errors import Defect
from flagtrail.model.flag import Flag, FlagType, Json
from flagtrail.model.segment import Segment
from flagtrail.model.targeting import Targeting

MAX_VARIANTS = 100
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}\Z")


def check(
    flags: Mapping[str, Flag],
    targetings: Mapping[tuple[str, str], Targeting],
    segments: Mapping[str, Segment],
    touched: Collection[str],
) -> list[Defect]:
    """Every semantic defect of the touched documents, and of those that the touched ones spoil.

    Targetings are keyed by (flag, environment). `touched` holds paths of
    subjects within the project: `flags/x`, `flags/x/environments/production`,
    `segments/s`; a path without a document is one that was deleted. A defect's
    path is the document's, `#`, and a JSON Pointer into it.
    """
    return list(_Check(flags, targetings, segments).defects(touched))


class _Check:
    def __init__(
        self,
        flags: Mapping[str, Flag],
        targetings: Mapping[tuple[str, str], Targeting],
        segments: Mapping[str, Segment],
    ) -> None:
        self._flags = flags
        self._targetings = targetings
        self._segments = segments
        self._project = Project(flags, segments)
        self._lenient = Project(flags, segments, lenient=True)
        self._graphs: dict[str, Graph] = {}

    def defects(self, touched: Collection[str]) -> Iterator[Defect]:
        flags, targetings, segments = _sorted_out(touched)
        # Only a flag, or the end of a segment, can spoil what names it: a segment that stays is no unknown name.
        gone = frozenset(segments) - self._segments.keys()
        judged, judged_segments = dict.fromkeys(targetings), dict.fromkeys(segments)
        if flags or gone:
            judged.update(dict.fromkeys(self._spoilt_targetings(flags, gone)))
            judged_segments.update(dict.fromkeys(self._spoilt_segments(flags, gone)))
        for key in sorted(flags):
            yield from self._flag(key)
        for flag, environment in judged:
            yield from self._targeting(flag, environment, moved=(flag, environment) in targetings)
        for key in judged_segments:
            yield from self._segment(key, moved=key in segments)

    def _spoilt_targetings(self, flags: set[str], gone: frozenset[str]) -> Iterator[tuple[str, str]]:
        for key, targeting in self._targetings.items():
            named = references(targeting)
            if key[0] in flags or (named is not NOTHING and _overlap(named, flags, gone)):
                yield key

    def _spoilt_segments(self, flags: set[str], gone: frozenset[str]) -> Iterator[str]:
        for key, segment in self._segments.items():
            if _overlap(references(segment), flags, gone):
                yield key

    def _flag(self, key: str) -> Iterator[Defect]:
        flag = self._flags.get(key)
        if flag is not None:
            yield from _placed(f"flags/{key}", flag, flag_defects(flag))

    def _targeting(self, key: str, environment: str, *, moved: bool) -> Iterator[Defect]:
        targeting = self._targetings.get((key, environment))
        if targeting is None:
            return
        place = f"flags/{key}/environments/{environment}"
        flag = self._flags.get(key)
        if flag is None:
            yield Defect(f"{place}#", f"there is no flag {key!r}")
            return
        project = self._lenient if flag.archived else self._project
        yield from _placed(place, targeting, targeting_defects(flag, targeting, project))
        if moved:
            yield from _placed(place, None, chain_defects(self._graph(environment), ("flag", key)))

    def _segment(self, key: str, *, moved: bool) -> Iterator[Defect]:
        segment = self._segments.get(key)
        if segment is None:
            return
        place = f"segments/{key}"
        yield from _placed(place, segment, condition_defects(segment.when, "/when", self._project))
        if moved and references(segment) is not NOTHING:
            environments = sorted({environment for _, environment in self._targetings}) or [""]
            found = (chain_defects(self._graph(name), ("segment", key)) for name in environments)
            # One defect may show in several environments, with one and the same route.
            yield from _placed(place, None, dict.fromkeys(defect for defects in found for defect in defects))

    def _graph(self, environment: str) -> Graph:
        if environment not in self._graphs:
            self._graphs[environment] = Graph(self._targetings, self._segments, environment)
        return self._graphs[environment]


def _overlap(named: References, flags: set[str], segments: frozenset[str]) -> bool:
    return not (named.flags.isdisjoint(flags) and named.segments.isdisjoint(segments))


def _sorted_out(touched: Collection[str]) -> tuple[set[str], dict[tuple[str, str], None], dict[str, None]]:
    """The touched flags, targetings and segments; other kinds of documents have no meaning to judge."""
    flags: set[str] = set()
    targetings: dict[tuple[str, str], None] = {}
    segments: dict[str, None] = {}
    for path in sorted(touched):
        match path.split("/"):
            case ["flags", flag]:
                flags.add(flag)
            case ["flags", flag, "environments", environment]:
                targetings[flag, environment] = None
            case ["segments", segment]:
                segments[segment] = None
            case _:
                pass
    return flags, targetings, segments


def _placed(place: str, document: Flag | Targeting | Segment | None, defects: Iterable[Defect]) -> Iterator[Defect]:
    for defect in defects:
        yield Defect(f"{place}#{defect.path}", defect.message)
    size = 0 if document is None else _size(document)
    if size > MAX_DOCUMENT_BYTES:
        yield Defect(f"{place}#", f"is {size} bytes; {MAX_DOCUMENT_BYTES} is the limit")


def _size(document: Flag | Targeting | Segment) -> int:
    try:
        return len(msgspec.json.encode(document))
    except UnicodeEncodeError:
        return 0  # no document that was decoded holds lone surrogates


def flag_defects(flag: Flag) -> Iterator[Defect]:
    """Everything wrong with a flag by itself; paths are JSON Pointers into it."""
    if not flag.variants:
        yield Defect("/variants", "name at least one variant")
    if len(flag.variants) > MAX_VARIANTS:
        yield Defect("/variants", f"has {len(flag.variants)} variants; {MAX_VARIANTS} is the limit")
    for name, value in flag.variants.items():
        path = f"/variants/{pointer(name)}"
        if not is_variant_key(name):
            yield Defect(path, f"{name!r} is not a variant's name: 1 to 256 printable characters")
        if not _fits(flag.type, value):
            yield Defect(path, f"is {msgspec.json.encode(value).decode()}, but the flag's type is {flag.type}")
    remove_by = flag.lifecycle.remove_by
    if remove_by is not None and not _is_date(remove_by):
        yield Defect("/lifecycle/remove_by", f"is {remove_by!r}; a date such as 2026-12-31 is needed")


def _fits(flag_type: FlagType, value: Json) -> bool:
    match flag_type:
        case "boolean":
            return isinstance(value, bool)
        case "string":
            return isinstance(value, str)
        case "integer":
            return isinstance(value, int) and not isinstance(value, bool)
        case "float":
            return is_number(value)
        case _:
            return isinstance(value, (dict, list))


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return _DATE.match(text) is not None  # fromisoformat reads week dates, too
