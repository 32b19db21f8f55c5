"""Methods of Python that must stay, as those of a class with bases must: who asks them of itself."""

from __future__ import annotations

import re

from flagtrail.codebase.languages import Language
from flagtrail.codebase.shapes import Function
from flagtrail.codebase.source import Source, ancestors

_BASES = re.compile(rb"\s*\(([^()]*)\)")
_LAST = re.compile(rb"\w+(?!\w|\s*[.=])")


def asking_itself(source: Source, language: Language, function: Function) -> bytes:
    """The class of such a method, if nothing but that and classes that extend it ask for it in its file; else nothing.

    There it is known what is asked, if nothing else is called so; elsewhere the object can be of another class.
    """
    around = next((each for each in ancestors(function.node) if each.type == "class_definition"), None)
    called = around.child_by_field_name("name") if around is not None else None
    if around is None or called is None or function.accessor or not language.PRIVATE_BY_CONVENTION:
        return b""
    name, holder = source.text(function.name), source.text(called)
    of_base = b"super()." + name in source.text(around)
    return b"" if of_base or not alone_ask(source, language, name, holder) else holder


def alone_ask(source: Source, language: Language, name: bytes, holder: bytes) -> bool:
    """Whether nothing but a class, and classes that extend it, ask a method of themselves in a file."""
    heirs, spans = {holder}, []
    for each in sorted(language.definitions(source), key=lambda each: each.removal):
        if each.kind == "class":
            called, head = source.text(each.name), source.data[each.name.end_byte : each.removal[1]]
            bases = _BASES.match(head)
            if called == holder or (bases is not None and not heirs.isdisjoint(_LAST.findall(bases[1]))):
                heirs.add(called)
                spans.append(each.removal)
    asked = re.finditer(rb"(?<![\w.])(?:self|cls|super\(\))\.%s(?!\w)" % re.escape(name), source.data)
    return all(any(start <= each.start() < end for start, end in spans) for each in asked)
