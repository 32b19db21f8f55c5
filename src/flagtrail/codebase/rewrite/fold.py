"""The fixpoint: one edit, parsed anew around it, and again, until nothing that the flag decided is left to decide."""

from __future__ import annotations

from tree_sitter import Node

from flagtrail.codebase.languages import Language
from flagtrail.codebase.rewrite import expressions, placeholders, statements, variables
from flagtrail.codebase.rewrite.placeholders import Answer
from flagtrail.codebase.rewrite.reached import settled
from flagtrail.codebase.rewrite.refused import Left, Refused, Why
from flagtrail.codebase.source import Source, ancestors, around, common

MOST_EDITS = 10_000
MOST_BYTES = 60_000_000
"""More edits, and more bytes parsed again, than any file needs that a person writes: about a minute."""


def folded(source: Source, language: Language, answer: Answer) -> tuple[Source, tuple[Left, ...]]:
    """The file with every placeholder folded as far as is sure. Placeholders that are left still stand in it.

    Raises Refused where that takes too long.
    """
    defects, generates = source.defects, b"yield" in source.data
    undone: dict[bytes, Left] = {}
    start = 0  # what stands before was tried, and is tried again at the end
    for _ in range(min(MOST_EDITS, MOST_BYTES // max(source.again, 1))):
        left: list[Left] = []
        for node in placeholders.found(source, language, start):
            made = _step(source, language, answer, node, left)
            if made is None:
                continue
            if made.data not in undone:
                if made.defects > defects:
                    why: tuple[Why, str] = ("new_defects", "what it would become cannot be parsed")
                elif generates and _is_plain_now(source, made, language):
                    why = ("last_yield", "a function would be no generator any more")
                else:
                    edited = common(source.data, made.data)
                    source, start = made, around(made.tree.root_node, made.data, edited, edited)[0]
                    break
                undone[made.data] = Left(node.start_byte, *why)
            left.append(undone[made.data])
        else:
            if not start:
                return source, tuple(dict.fromkeys(left))
            start = 0
    raise Refused("unsupported", "too many edits for so large a file")


def _is_plain_now(before: Source, made: Source, language: Language) -> bool:
    """Whether a function around the edit was a generator and is none any more."""
    edited = common(before.data, made.data)
    return any(at < edited for at in language.plain_functions(made) - language.plain_functions(before))


def _step(source: Source, language: Language, answer: Answer, node: Node, left: list[Left]) -> Source | None:
    try:
        if any(each.is_error for each in ancestors(node)):
            raise Refused("unsupported", "what stands around it cannot be parsed")  # noqa: TRY301 - as the rules do
        made = (
            expressions.folded(source, language, answer, node)
            or statements.folded(source, language, answer, node)
            or variables.folded(source, language, answer, node)
        )
        return _right(source, made, language, answer) if made is not None else None
    except Refused as refused:
        left.append(Left(node.start_byte, refused.why, refused.detail))
        return None


def _right(source: Source, made: Source, language: Language, answer: Answer) -> Source:
    """What an edit made, without what is never reached. Raises Refused where the compiler would."""
    whole = settled(source, made, language)
    objection = language.objection(source, whole, common(source.data, whole.data), answer.texts)
    if objection:
        raise Refused("unsupported", objection)
    return whole
