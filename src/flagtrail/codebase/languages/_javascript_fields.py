"""Private fields of a class: where one is given a value, and what could mean it; what is of a package, what is not."""

from __future__ import annotations

import re

from tree_sitter import Node

from flagtrail.codebase.languages._javascript_values import FUNCTIONS, field, pure, text, uncast
from flagtrail.codebase.source import ancestors, descendants

_HANDED_ON = re.compile(rb"\.\.\.this\b|\bthis\s*\[|(?<!bind)(?<!call)(?<!apply)\(\s*this\s*[,)]|,\s*this\s*[,)\]}]")
_NAMED_ANEW = re.compile(rb"[=:]\s*this\s*[;,)\n]")
_OF_PACKAGE = rb"\bimport\b[^;'\"]*(?<![\w$])%s(?![\w$])[^;'\"]*\bfrom\s*['\"]@?\w"

DOES = re.compile(
    rb"use(?:Apply|Ensure|Fetch|Identify|Init|Listen|Load|Log|Persist|Poll|Preload|Prefetch|Refresh|Register|Report|Reset"
    rb"|Save|Send|Set|Start|Subscribe|Sync|Track|Update|Watch)(?:[A-Z]|\w*?(?:Flags?|Config)\Z)"
)
"""Hooks that are called after what they do: `useSyncFlags`."""


def is_of_package(decorator: Node) -> bool:
    """Whether a member's decorator is a package's; one of the repository's own may hand the class to anything."""
    named = next((each for each in descendants(decorator) if each.type == "identifier"), decorator)
    program = next((each for each in ancestors(decorator) if each.parent is None), decorator)
    return re.search(_OF_PACKAGE % re.escape(text(named)), text(program)) is not None


def is_own(called: Node) -> bool:
    """Whether a hook is the repository's: of this file, or imported by where another one is, not from a package."""
    name = re.escape(text(called).partition(b".")[0])
    defined = rb"(?:function|const|let|var)\s+%s\b" % name
    imported = rb"""(?<![\w$])%s\b[^;'"=()]*?(?:\sfrom\s*|=\s*require\()['"](?:\.|[@~#]/|~\w|#|src/)""" % name
    program = text(next((each for each in ancestors(called) if each.parent is None), called))
    return re.search(rb"%s|%s" % (defined, imported), program) is not None


def is_decorated(member: Node) -> bool:
    """Whether a decorator stands in a member of a class, as in a field, or right in front of it, as of a method."""
    before = member.prev_named_sibling
    while before is not None and before.type == "comment":
        before = before.prev_named_sibling
    return any(each is not None and each.type == "decorator" for each in (before, *member.children))


def is_set(name: Node) -> bool:
    """Whether `this.name = value` stands here as a statement."""
    return _assignment(name) is not None


def unset(name: Node) -> tuple[int, int, bytes] | None:
    """The bytes of `this.name = value`, where making the value does nothing; None where it may."""
    assignment = _assignment(name)
    value = field(assignment, "right") if assignment is not None else None
    statement = assignment.parent if assignment is not None else None
    if statement is None or statement.parent is None or value is None or not pure(value):
        return None
    if statement.parent.type != "statement_block":
        return None  # the only statement of a loop or a branch
    return statement.start_byte, statement.end_byte, b""


def could_be(body: Node, name: Node) -> bool:
    """Whether a name that is looked up can be a private field of this class.

    It is one of `this`; of another object only where the class itself is named within it, so that it can be one.
    """
    if name.type == "private_property_identifier":
        return True
    owner = field(body.parent, "name") if body.parent is not None else None
    if owner is None or _NAMED_ANEW.search(text(body)):
        return True
    if re.search(rb"\b%s\b" % re.escape(text(owner)), text(body)):
        return True
    looked_up = name.parent
    if looked_up is not None and looked_up.type == "member_expression" and field(looked_up, "property") == name:
        held = uncast(field(looked_up, "object") or looked_up)
        inside = body.start_byte <= name.start_byte < body.end_byte
        return text(held).strip(b"()") == b"this" if inside else b" any" in text(field(looked_up, "object") or held)
    if "pattern" in name.type or (looked_up is not None and "pattern" in looked_up.type):
        return b"this" in _taken_from(name)
    return True


def hands_itself_on(body: Node) -> bool:
    """Whether a class shows all of its fields to others, or looks them up by what it only knows when it runs."""
    return bool(_HANDED_ON.search(text(body)))


def _assignment(name: Node) -> Node | None:
    looked_up = name.parent
    if looked_up is None or looked_up.type != "member_expression" or field(looked_up, "property") != name:
        return None
    assignment = looked_up.parent
    if text(field(looked_up, "object") or name) != b"this" or assignment is None:
        return None
    plain = assignment.type == "assignment_expression" and field(assignment, "left") == looked_up
    alone = assignment.parent is not None and assignment.parent.type == "expression_statement"
    return assignment if plain and alone else None


def _taken_from(name: Node) -> bytes:
    """What the pattern around a name takes apart; nothing where it is an argument."""
    for above in ancestors(name):
        if above.type == "formal_parameters":
            return b""
        if above.type in {"variable_declarator", "assignment_expression", "for_in_statement"}:
            return text(field(above, "value") or field(above, "right") or above)
        if above.type in FUNCTIONS:
            break
    return b"this"
