"""What is called as a preset says that flags are asked for, and asks for none: an object or function of the code's own.

A pattern of the repository's own is taken at its word.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tree_sitter import Node

from flagtrail.codebase.languages import Language
from flagtrail.codebase.naming import STANDS_FOR_FLAGS
from flagtrail.codebase.patterns import shipped
from flagtrail.codebase.rewrite.placeholders import Answer
from flagtrail.codebase.shapes import Call, Function
from flagtrail.codebase.sites import RECEIVER, Site
from flagtrail.codebase.source import Source, ancestors, descendants

_NAME = re.compile(rb"\w+")
_THIS = frozenset({b"this", b"self"})


def is_namesake(source: Source, language: Language, answer: Answer, site: Site) -> bool:
    """Whether what a pattern takes for an evaluation is another thing of this name."""
    if site.pattern not in shipped() or not language.NOMINAL:
        return False
    call = site.call
    if site.pattern.key == RECEIVER:
        return any(not STANDS_FOR_FLAGS.search(made) for made in _classes(source, language, answer, site.key))
    if call.receiver is not None and source.text(call.receiver) not in _THIS:
        return False
    own = [] if STANDS_FOR_FLAGS.search(source.text(call.name)) else list(_own(source, language, answer, call))
    return any(not _asks(language, answer, each) and not _is_of_flags(each) for each in own)


def _classes(source: Source, language: Language, answer: Answer, key: Node) -> Iterator[bytes]:
    """The classes that an object which is asked is made of, by what it is given where it is made, or by its name."""
    made = language.construction(key) or language.call(key)
    if made is not None:
        yield source.text(made.name)
        return
    owner, _, name = source.text(key).rpartition(b".")
    constant = re.compile(rb"(?<![\w$])%s\b[^=;\n]*=\s*(?:new\s+)?([A-Z]\w*)(?:<[^()]*>)?\(" % re.escape(name))
    found = (
        {match[1] for data in answer.texts(name) for match in constant.finditer(data)}
        if _NAME.fullmatch(name)
        else set()
    )
    yield from found or {each for each in (owner.rpartition(b".")[2],) if each[:1].isupper()}


def _own(source: Source, language: Language, answer: Answer, call: Call) -> Iterator[Function]:
    """The functions that a call without an object could be of: this file's, else those of what its classes extend."""
    name, root = source.text(call.name), source.tree.root_node
    here = [each for each in _functions(source, language) if source.text(each.name) == name]
    yield from here
    heritage = b" ".join(source.text(each) for each in descendants(root) if each.type in language.HERITAGE)
    above = set(re.findall(rb"\w+", heritage))
    for data in answer.texts(name) if not here else ():
        declared = re.findall(rb"\b(?:class|interface)\s+(\w+)", data)
        if above & {*declared} or re.search(rb"^(?:\w+\s+)*fun\s+%s\b" % re.escape(name), data, re.MULTILINE):
            other = language.source(source.path, data)
            yield from (each for each in _functions(other, language) if other.text(each.name) == name)


def _functions(source: Source, language: Language) -> Iterator[Function]:
    found = (language.function(node) for node in descendants(source.tree.root_node))
    yield from (each for each in found if each is not None)


def _asks(language: Language, answer: Answer, function: Function) -> bool:
    """Whether a function passes one of its parameters on to what a pattern names."""
    given = {word for each in function.parameters for word in re.findall(rb"\w+", each.text or b"")}
    calls = (language.call(node) for node in descendants(function.body))
    return any(
        answer.patterns.called(call.name.text or b"") and any(each.value.text in given for each in call.arguments)
        for call in calls
        if call is not None
    )


def _is_of_flags(function: Function) -> bool:
    """Whether it is a method of what is called like something that has to do with flags."""
    names = (each.child_by_field_name("name") for each in ancestors(function.node))
    return any(name is not None and STANDS_FOR_FLAGS.search(name.text or b"") for name in names)
