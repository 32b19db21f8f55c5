"""Functions that answer the same for everybody now, and are asked all the same: no use could be replaced."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from flagtrail.codebase import aliases, sites
from flagtrail.codebase.aliases import Known
from flagtrail.codebase.languages import Language
from flagtrail.codebase.rewrite import mocked
from flagtrail.codebase.rewrite.placeholders import Answer
from flagtrail.codebase.rewrite.refused import Why
from flagtrail.codebase.source import Source

Parsed = tuple[Source, Language]


def kept(
    answering: Iterable[Known], holding: Callable[[bytes], list[Parsed]], answer: Answer, flag: str
) -> Iterator[tuple[Known, Why, str]]:
    """Those functions, with reason and words; `holding` tells the files as they become."""
    for known in answering:
        name = known.derived.name
        files = holding(name) if known.derived.function else []
        stays = any(bound(*each, name) is not None for each in files if each[0].path == known.path)
        if not stays or not _is_one(known, files, flag) or not any(_asks(*each, name) for each in files):
            continue
        pinned = not all(mocked.all_go(*each, answer.meaning(known.derived.placeholder), name) for each in files)
        told = f"{name.decode()} answers the same for everybody now; what asks it is left as it is"
        why: Why = "mock" if pinned else "still_used"
        yield known, why, f"{told}, since tests replace it" if pinned else told


def bound(source: Source, language: Language, name: bytes) -> int | None:
    """The line in which a file defines a name."""
    found = (node for node in sites.names(source, language, {name}) if language.role(node) == "bind")
    return next((source.line(node.start_byte) for node in found if not aliases.imported(source, language, name)), None)


def _is_one(known: Known, files: list[Parsed], flag: str) -> bool:
    """Whether the name can be no other's: what is called so is asked for the flag."""
    named = not known.member or aliases.names_the_flag(known.derived.name, flag)
    return named or sum(aliases.defined(*each, known.derived.name) for each in files) == 1


def _asks(source: Source, language: Language, name: bytes) -> bool:
    imports = {each.name for each in language.definitions(source) if each.kind == "import"}
    found = sites.names(source, language, {name})
    return any(language.role(node) not in ("bind", "write") and node not in imports for node in found)
