"""Functions that tests replace by naming them in a text: `mock.patch("shop.checkout.is_new", return_value=True)`.

A function that is the flag's answer goes only where every such text can go with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tree_sitter import Node

from flagtrail.codebase.languages import Language
from flagtrail.codebase.rewrite import texts
from flagtrail.codebase.rewrite.borrowed import is_module
from flagtrail.codebase.rewrite.names import Names
from flagtrail.codebase.rewrite.refused import Refused
from flagtrail.codebase.rewrite.removal import without
from flagtrail.codebase.rewrite.splice import unwrapped
from flagtrail.codebase.shapes import Scalar
from flagtrail.codebase.source import Source, ancestors


def named(
    source: Source, language: Language, name: bytes, module: str = "", span: tuple[int, int] | None = None
) -> Iterator[Node]:
    """The texts by which a test replaces a function: they are its name, or a dotted name that ends with it.

    With the path of a `module` just those that name the function there; of a span, those that hold the name in it.
    """
    called = name.decode()
    word = re.compile(rb"(?<![\w$])" + re.escape(name) + rb"(?![\w$])")
    for match in word.finditer(source.data, *(span or ())):
        node = source.tree.root_node.descendant_for_byte_range(*match.span())
        for place in () if node is None else (node, *list(ancestors(node))[:2]):
            value = language.constant(place)
            if value is not None and isinstance(value[0], str) and f".{value[0]}".endswith(f".{called}"):
                where = value[0].removesuffix(called).removesuffix(".")
                if language.mock(place) is not None and (not module or is_module(where.encode(), module)):
                    yield place
                break


def is_named(source: Source, language: Language, name: bytes, module: str) -> bool:
    """Whether a text replaces the function."""
    return name in source.data and next(named(source, language, name, module), None) is not None


def could_be(source: Source, language: Language, name: bytes) -> bool:
    """Whether any text of a file might name the function, in whatever way but `{"is_new": is_new()}`."""
    names = Names(source, language)
    code = {mention.at for mention in names.mentions(name)}
    code |= {each.name.start_byte for each in names.by_name.get(name, ()) if each.kind == "export"}
    found = (at for at in names.words.get(name, ()) if at not in code and names.in_text(at, name, texts.component))
    return any(not texts.labels(source.data, source.data, at, name) for at in found)


def settled(source: Source, language: Language, answer: Scalar, text: Node) -> Source:
    """A file without this mock: dropped where it answers what is so anyway; else its test goes. Raises Refused."""
    mock = language.mock(text)
    value = language.constant(mock.value) if mock is not None else None
    if mock is None or value is None:
        raise Refused("mock", "what the text does with the function is not understood")
    if type(value[0]) is not type(answer):
        raise Refused("mock", "the function answers what it never did")
    if value[0] == answer:
        return _let_go(source, language, mock.call)
    test = language.test_case(mock.call)
    if test is None:
        raise Refused("mock", "the function answers what it never does again, outside of a single test")
    return without(source, language, [test])


def _let_go(source: Source, language: Language, call: Node) -> Source:
    wrapping, alone = language.wrapping(call), language.statement(call)
    if wrapping is not None and wrapping.body is not None:
        return unwrapped(source, language, wrapping.node, wrapping.body)
    passed = language.passed(source, call)
    if wrapping is not None and passed is not None:
        return without(source, language, [wrapping.removal, *passed])
    if alone is None:
        raise Refused("mock", "what replaces the function is a part of something else, or used further")
    return without(source, language, [(alone.start_byte, alone.end_byte), *(passed or ())])


def all_go(source: Source, language: Language, answer: Scalar, name: bytes) -> bool:
    """Whether no text of a file keeps the function."""
    for _ in range(len(source.data)):
        text = next(named(source, language, name), None)
        if text is None:
            return not could_be(source, language, name)
        try:
            source = settled(source, language, answer, text)
        except Refused:
            return False
    return False
