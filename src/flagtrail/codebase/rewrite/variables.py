"""A variable that is given the flag's answer once, and read: its reads become the answer, and it goes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tree_sitter import Node

from flagtrail.codebase.languages import Language
from flagtrail.codebase.rewrite import texts
from flagtrail.codebase.rewrite.placeholders import Answer, is_one
from flagtrail.codebase.rewrite.refused import Refused
from flagtrail.codebase.rewrite.removal import without
from flagtrail.codebase.rewrite.splice import out
from flagtrail.codebase.shapes import Binding
from flagtrail.codebase.source import Edit, Source, ancestors, descendants

NEAR = 6
"""How far above a value the statement that binds it begins (declarators, lists of declarations)."""


def folded(source: Source, language: Language, answer: Answer, node: Node) -> Source | None:
    """One step: all reads of the variable that is bound to this placeholder, or the binding that nobody reads."""
    binding = of_value(language, node)
    if binding is None:
        return None
    _only_here(source, language, answer, binding)
    if binding.unless is not None and _may_be_another(answer, source.text(binding.name), *binding.unless):
        return None
    lifetime = language.lifetime(binding)
    reads = lifetime.reads if lifetime else list(_reads(language, binding, source.text(binding.name)))
    if any(each.is_error for read in reads for each in ancestors(read)):
        raise Refused("unsupported", "what stands around a use of it cannot be parsed")
    edits = [Edit(*language.substituted(source, read, source.text(node))) for read in reads]
    if edits := [edit for edit in edits if edit.start < edit.end]:
        return source.edited(edits)
    if lifetime is not None and lifetime.mends:
        mends = (Edit(*mend) if mend[2] else out(source, *mend[:2]) for mend in lifetime.mends)
        return source.edited([_binding_out(source, binding), *mends])
    if binding.everywhere or language.reach(binding) == "repository":
        return None
    if binding.sole:
        return without(source, language, [(binding.statement.start_byte, binding.statement.end_byte)])
    return source.edited([_binding_out(source, binding)])


def _only_here(source: Source, language: Language, answer: Answer, binding: Binding) -> None:
    """Raise where something else could give the variable a value, or read it by its name."""
    name = source.text(binding.name)
    if binding.everywhere and language.reach(binding) == "repository" and answer.elsewhere(name):
        raise Refused("reassigned", f"{name.decode()} is named in another file as well")
    if binding.scope.parent is None and answer.set_elsewhere(name):
        raise Refused("reassigned", f"{name.decode()} is given a value in another file as well")
    if binding.everywhere and any(texts.reflected(data, name) for data in answer.texts(name)):
        raise Refused("reassigned", f"{name.decode()} is taken by its name in a text, which may give it a value")
    if not language.NOMINAL and texts.evaluated(source.text(binding.scope), module=binding.scope.parent is None):
        raise Refused("unsupported", f"{name.decode()} may be read or set by its name in a text")


def _may_be_another(answer: Answer, name: bytes, word: bytes, given: bytes) -> bool:
    return answer.elsewhere(name) or any(re.search(given, text) for text in answer.texts(word))


def _binding_out(source: Source, binding: Binding) -> Edit:
    if binding.remainder:
        return Edit(*binding.removal, binding.remainder)
    return out(source, *binding.removal)


def reads_of_value(source: Source, language: Language, value: Node) -> list[Node]:
    """Where the variable that holds a value is read, if that is known; nothing where it is not."""
    binding = of_value(language, value)
    if binding is None or language.reach(binding) == "repository":
        return []
    try:
        return list(_reads(language, binding, source.text(binding.name)))
    except Refused:
        return []


def of_value(language: Language, node: Node) -> Binding | None:
    """The binding that a value is the value of."""
    for place, _ in zip(ancestors(node), range(NEAR), strict=False):
        for binding in language.bindings(place):
            if binding.value == node:
                return binding
        if place.type in language.BLOCKS:
            return None
    return None


def _reads(language: Language, binding: Binding, name: bytes) -> Iterator[Node]:
    """Every read, once it is sure that all of them read this value."""
    top = binding.scope
    everywhere = top.parent is None or binding.everywhere
    for node in descendants(top):
        if language.called(node) != name or node in (binding.name, binding.declaration):
            continue
        role = language.role_as(binding, node)
        if role == "member" or not language.means(binding, node):
            continue
        if role in ("bind", "write"):
            raise Refused("reassigned", f"{name.decode()} is given more than one value, or hides another one")
        if not everywhere and not _after(binding, node):
            raise Refused("captured", f"{name.decode()} is read where it may not have its value yet")
        yield node


def _after(binding: Binding, read: Node) -> bool:
    """Whether the read stands behind the value, in the block of the binding or deeper."""
    block = binding.statement.parent
    return block is not None and binding.value.end_byte <= read.start_byte and read.end_byte <= block.end_byte


def is_bound_to_placeholder(source: Source, binding: Binding) -> bool:
    """Whether what a binding holds is the flag's answer."""
    return is_one(source.text(binding.value))
