"""One file folded: each evaluation of the flag replaced, and what that decides; or left alone as a whole, and why."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from flagtrail.codebase.languages import Language
from flagtrail.codebase.rewrite import conventions, fold, placeholders, seeds
from flagtrail.codebase.rewrite.placeholders import Answer
from flagtrail.codebase.rewrite.refused import Left, Refused
from flagtrail.codebase.rewrite.seeds import Wanted
from flagtrail.codebase.source import Source, lines_before

_LONE_RETURN = re.compile(rb"\r(?!\n)")
MOST_WORK = 20_000_000
"""Bytes to be read again, once for each place in a file: some twenty seconds."""


@dataclass(frozen=True, slots=True)
class Folded:
    """A file after folding. `seeded` are places of the file as it was, `stuck` of the file as it is now."""

    before: Source
    after: Source
    seeded: tuple[Left, ...]
    stuck: tuple[Left, ...]


def folded(source: Source, language: Language, answer: Answer, wanted: Wanted) -> Folded:
    """Folded; without those seeds whose answer is used in a way that no literal can stand for."""
    hindrance = _hindrance(source, wanted)
    if hindrance:
        return _untouched(source, language, wanted, hindrance)
    tabled = seeds.tabled(source, language, answer, wanted)
    try:
        made = _without_dangling(tabled, language, answer, wanted)
    except Refused as refused:
        return _untouched(source, language, wanted, str(refused))
    return made if tabled.data == source.data else _as_of(source, tabled, made)


def _as_of(source: Source, tabled: Source, made: Folded) -> Folded:
    """What was made of a file after its tests' tables, as made of the file itself."""
    was = lines_before(tabled.data, source.data)
    seeded = tuple(replace(left, at=source.line_at(was(tabled.line(left.at)))) for left in made.seeded)
    return replace(made, before=source, seeded=seeded)


def _hindrance(source: Source, wanted: Wanted) -> str:
    """Why nothing in a file is touched; empty where it can be."""
    if source.unread:
        return source.unread
    if conventions.is_generated(source.data):
        return "the file is generated: change what it is generated from"
    if _LONE_RETURN.search(source.data):
        return "a line ends in a carriage return alone"
    asked = sum(source.data.count(name) for name in wanted.names)
    return "too many places for so large a file" if asked * source.again > MOST_WORK else ""


def _without_dangling(source: Source, language: Language, answer: Answer, wanted: Wanted) -> Folded:
    planted = seeds.planted(source, language, answer, wanted)
    if not planted.count:
        return Folded(source, source, planted.left, ())
    after, stuck = fold.folded(planted.source, language, answer)
    if not _dangling(after, language, answer):
        return Folded(source, after, planted.left, stuck)
    every = [node.start_byte for node in seeds.places(source, language, wanted)]
    bad = {at for at in every if _alone_dangles(source, language, answer, wanted, set(every) - {at})}
    planted = seeds.planted(source, language, answer, wanted, skip=bad or every)
    after, stuck = fold.folded(planted.source, language, answer)
    if _dangling(after, language, answer):
        raise Refused("unsupported", "not understood")
    return Folded(source, after, planted.left, stuck)


def _untouched(source: Source, language: Language, wanted: Wanted, why: str) -> Folded:
    """The file as it is. Of one that is not read, the first place where it could name the flag is told."""
    if source.unread:
        at = min((found for name in wanted.names if (found := source.data.find(name)) >= 0), default=0)
        return Folded(source, source, (Left(at, "unsupported", why),), ())
    left = tuple(Left(node.start_byte, "unsupported", why) for node in seeds.places(source, language, wanted))
    return Folded(source, source, left, ())


def _alone_dangles(source: Source, language: Language, answer: Answer, wanted: Wanted, others: set[int]) -> bool:
    planted = seeds.planted(source, language, answer, wanted, skip=others)
    return _dangling(fold.folded(planted.source, language, answer)[0], language, answer)


def _dangling(source: Source, language: Language, answer: Answer) -> bool:
    """Whether a placeholder is left that no literal can stand for: details, objects, `true.then(..)`, `true = x`."""
    if placeholders.is_hidden(source, language):
        return True
    for node in placeholders.found(source, language):
        name = source.text(node)
        if name == placeholders.DETAILS or (name == placeholders.VALUE and not answer.scalar):
            return True
        truth = name == placeholders.TRUE
        if language.role(node) in ("write", "bind"):
            return True
        if language.parted(node) or (name in placeholders.TRUTHS and language.refused(node, truth=truth)):
            return True
        if language.chooses(node, answer.meaning(name), answer.texts):
            return True
        member = language.member(node.parent) if node.parent is not None else None
        if member is not None and member[0] == node and not isinstance(answer.meaning(name), str):
            return True
    return False
