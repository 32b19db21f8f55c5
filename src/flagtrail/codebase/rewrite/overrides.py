"""What tests set a flag to: dropped where it is so anyway; else the test goes that pins what is never again."""

from __future__ import annotations

import re

from tree_sitter import Node

from flagtrail.codebase import sites
from flagtrail.codebase.languages import Language
from flagtrail.codebase.patterns import Patterns
from flagtrail.codebase.rewrite import conventions
from flagtrail.codebase.rewrite.members import Member
from flagtrail.codebase.rewrite.placeholders import Answer
from flagtrail.codebase.rewrite.refused import Refused
from flagtrail.codebase.rewrite.removal import Span, element, without
from flagtrail.codebase.rewrite.splice import moved, out, statement_out, unwrapped
from flagtrail.codebase.rewrite.variables import reads_of_value
from flagtrail.codebase.shapes import Binding, Stub
from flagtrail.codebase.sites import Site
from flagtrail.codebase.source import Edit, Source, ancestors, descendants

NEAR = 4
"""How far above a call the statement begins that binds what it answers."""
_GIVEN = rb"\b%s\b[^\n;]{0,40}?(?:[^!=<>]=(?![=>])|\+\+|--|\bof\b|\bin\b)|\bdelete\b"
"""How a member may be given a value, or changed."""
_BY_CHANCE = re.compile(rb"\s*r(?:a?nd|andom)\w*\.[\w.]+\([^()]*\)\s*(?:[%=!<>&]+\s*\d+\s*)*")
"""A value that nothing can know before, `rand.Int()%2 == 0`: no test hangs on it."""


def settled(source: Source, language: Language, answer: Answer, site: Site) -> Source:
    """A file after an override of the flag is settled."""
    pattern, call = site.pattern, site.call.node
    if pattern.key == sites.ANY:
        return _given(source, language, answer, site)
    told = sites.argument(site.call, pattern.set_to)
    value = language.constant(told.value) if told is not None else None if pattern.sets is None else (pattern.sets,)
    by_chance = told is not None and _BY_CHANCE.fullmatch(source.text(told.value)) is not None
    if pattern.passes is None or not (by_chance or _is_so(answer, value)):
        return _told(source, language, answer, call, value)
    passed = sites.argument(site.call, pattern.passes)
    if passed is None:
        raise Refused("mock", "what the flag is set in is not understood here")
    return _passed(source, language, call, passed.value)


def _given(source: Source, language: Language, answer: Answer, site: Site) -> Source:
    """`WithFeatures(NewUI, Search, true)` without the flag, and without the value behind it, if it has one."""
    given = [each.value for each in site.call.arguments]
    at = last = given.index(site.key)
    value = language.constant(given[at + 1]) if at + 1 < len(given) else None
    if value is not None and isinstance(value[0], bool):
        last = at + 1
    if not _is_so(answer, value if last > at else (site.pattern.sets,)):
        return without(source, language, [_test_of(language, site.call.node)])
    if last + 1 < len(given):
        return source.edited([Edit(given[at].start_byte, given[last + 1].start_byte)])
    return source.edited([Edit(given[at - 1].end_byte if at else given[at].start_byte, given[last].end_byte)])


def among(source: Source, language: Language, answer: Answer, patterns: Patterns, key: Node) -> Source | None:
    """A file without the flag among others that an override sets: `self.feature({"new-ui": True, "mail": False})`.

    Also where they stand in a variable that only overrides read.
    """
    listed = language.listed(source, key)
    if listed is None:
        return None
    given = [listed.collection]
    found = sites.site(source, language, listed.collection, patterns)
    if found is None:
        given = reads_of_value(source, language, listed.collection)
    every = [sites.site(source, language, each, patterns) for each in given]
    overriding = [each for each in every if each is not None and each.pattern.kind == "override"]
    if not overriding or len(overriding) < len(every):
        return None
    pattern = overriding[0].pattern
    value = (pattern.sets,) if listed.value is None else language.constant(listed.value)
    known = value is not None and (_is_so(answer, value) or type(value[0]) is type(answer.value))
    if not known or isinstance(pattern.key, str):
        raise Refused("mock", "what a test sets the flag to is no value of it")
    alone = listed.sole and all(len(each.call.arguments) <= pattern.key + 1 for each in overriding)
    if _is_so(answer, value) and not alone:
        return source.edited([Edit(*listed.removal)])
    if len(overriding) > 1 and _is_so(answer, value):
        raise Refused("mock", "what sets the flag and no other is used more than once")
    return _told(source, language, answer, overriding[0].call.node, value)


def among_settings(source: Source, language: Language, answer: Answer, name: Node, value: Node) -> Source | None:
    """What an object in a test sets the flag to: the test goes that sets another value than the winner.

    The winner's entry goes when nothing asks for the flag any more: see `listed`.
    """
    if language.constant(value) is None:
        return helped(source, language, answer, value)
    if language.constant(value) in ((answer.value,), (answer.variant,)):
        return None
    test = language.test_case(name)
    if test is None:
        raise Refused("mock", "the flag is set to what it never is again, outside of a single test")
    return without(source, language, [test])


def by_name(source: Source, language: Language, answer: Answer, name: Node) -> Source | None:
    """A test after `override_settings(NEW_UI=True)`, which sets the flag's member by its name; None if nothing does."""
    found = language.set_by_name(source, name)
    if found is None or found.value is None:
        return None
    value = language.constant(found.value)
    if _is_so(answer, value) and not found.sole:
        return source.edited([Edit(*found.removal)])
    return _told(source, language, answer, found.collection, value)


def helped(source: Source, language: Language, answer: Answer, value: Node) -> Source | None:
    """A file in which a function of its tests sets the flag to the winner, and no more to what each test gives it.

    `const mockFlag = (on: boolean) => setup({ flags: { newUi: on } })`; a test goes that gives it another value. None
    where not all that is given is known.
    """
    helper = language.helper(value)
    if helper is None or helper.place is None or not isinstance(answer.value, bool):
        return None
    spans: list[Span] = []
    for name in sites.names(source, language, {source.text(helper.called)}):
        if name == helper.called:
            continue
        call = next((each for at in list(ancestors(name))[:2] if (each := language.call(at)) is not None), None)
        if call is None or call.name != name or any(each.spread for each in call.arguments):
            return None
        told = sites.argument(call, helper.place)
        if told is None:  # its default counts
            return None
        given = language.constant(told.value)
        if not _is_so(answer, given):
            spans.append(_span_told(language, answer, call.node, given))
    return without(source, language, spans, [Edit(value.start_byte, value.end_byte, language.literal(answer.value))])


def given(source: Source, language: Language, answer: Answer, member: Member) -> Source | None:
    """A test after what gives the flag's member a value, `config.flags.newUi = true`; None where nothing does.

    Code that does so is left alone, and so is what reads the member there.
    """
    if conventions.is_test(source.path):
        stub = language.set_to(member.read) if member.read is not None else None
        return stubbed(source, language, answer, stub) if stub is not None else None
    if member.read is not None and language.set_to(member.read) is not None:
        raise Refused("reassigned", "the flag's answer is given another value here")
    found = language.member(member.read) if member.read is not None else None
    key = found[1] if found is not None else member.part.key if member.part is not None else None
    name = source.text(key).strip(b"'\"`") if key is not None else b""
    if re.search(_GIVEN % re.escape(name), source.data) is None:
        return None
    named = (*sites.names(source, language, {name}), *sites.texts(source, language, name.decode()))
    if any(each.parent is not None and language.set_to(each.parent) is not None for each in named):
        raise Refused("reassigned", "the flag's answer is given another value in this file")
    return None


def stubbed(source: Source, language: Language, answer: Answer, stub: Stub) -> Source:
    """A file after what a mock is told to answer is settled."""
    if stub.value is None:
        return without(source, language, [(stub.statement.start_byte, stub.statement.end_byte)])
    if stub.fails:
        return without(source, language, [_test_of(language, stub.statement)])
    told = [(stub.statement, stub.value), *stub.later]
    return without(source, language, [_span_told(language, answer, each, language.constant(by)) for each, by in told])


def _is_so(answer: Answer, value: tuple[object] | None) -> bool:
    if value is None:
        return False
    return value[0] == answer.value or (isinstance(value[0], str) and value[0] == answer.variant)


def _told(source: Source, language: Language, answer: Answer, call: Node, value: tuple[object] | None) -> Source:
    span = _span_told(language, answer, call, value)
    return (
        without(source, language, [span])
        if span != (call.start_byte, call.end_byte)
        else _let_go(source, language, call)
    )


def _span_told(language: Language, answer: Answer, statement: Node, value: tuple[object] | None) -> Span:
    """The bytes of what a test says of the flag, where it is so anyway; else those of the test."""
    if value is None or value[0] is None:
        raise Refused("mock", "what a test sets the flag to is no constant")
    if _is_so(answer, value):
        return statement.start_byte, statement.end_byte
    return _test_of(language, statement)


def _test_of(language: Language, statement: Node) -> Span:
    test = language.test_case(statement)
    if test is None:
        raise Refused("mock", "the flag is set to what it never is again, outside of a single test")
    return test


def _let_go(source: Source, language: Language, call: Node) -> Source:
    wrapping = language.wrapping(call)
    if wrapping is not None and wrapping.body is not None:
        return unwrapped(source, language, wrapping.node, wrapping.body)
    if wrapping is not None:
        return source.edited([out(source, *wrapping.removal)])
    alone = language.statement(call)
    if alone is None:
        raise Refused("mock", "what sets the flag is part of something else")
    return statement_out(source, language, alone)


def _passed(source: Source, language: Language, call: Node, passed: Node) -> Source:
    """`ctx = with(ctx, NewUI, true)` goes, and of `run(with(ctx, NewUI, true))` stays `run(ctx)`."""
    binding = next(
        (
            binding
            for place, _ in zip(ancestors(call), range(NEAR), strict=False)
            for binding in language.bindings(place)
            if binding.value == call
        ),
        None,
    )
    same = binding is not None and binding.sole and source.text(binding.name) == source.text(passed)
    if binding is not None and same and not _is_written_again(source, language, binding):
        return without(source, language, [(binding.statement.start_byte, binding.statement.end_byte)])
    return source.edited([Edit(call.start_byte, passed.start_byte), Edit(passed.end_byte, call.end_byte)])


def _is_written_again(source: Source, language: Language, binding: Binding) -> bool:
    """Whether what the statement declares is assigned to later, which would reach the outer variable without it."""
    name, declares = source.text(binding.name), language.role(binding.name) == "bind"
    return declares and any(
        source.text(node) == name and language.role(node) == "write"
        for node in descendants(binding.scope)
        if node.type in language.NAMES and node.start_byte > binding.statement.end_byte
    )


def combined(source: Source, language: Language, answer: Answer, site: Site) -> Source:
    """`NewFeatureSets(NewUI, Search)` without the flag; the test runs once where it was the only one."""
    if len(site.call.arguments) > 1:
        if any(each.spread for each in site.call.arguments):
            raise Refused("mock", "the flags that are combined are not all told here")
        return source.edited([Edit(*element(source, site.key))])
    context = site.pattern.context
    once = language.once(source, site.call, context, answer.elsewhere) if context is not None else None
    if once is None or not answer.declares(once.module, once.needs):
        raise Refused("mock", f"{site.pattern.last} would be left without a flag")
    text = once.head + moved(source, language, once.span, source.indent(once.start)) + once.tail
    return source.edited([Edit(once.start, once.end, text)])


def tabled(source: Source, language: Language, answer: Answer, key: Node, patterns: Patterns) -> Source | None:
    """A file after one of its tests sets the flag to just one value, row by row of its table; None if none does.

    The rows go that set another value than the winner; those that are left need not say so.
    """
    site = sites.site(source, language, sites.whole(language, key), patterns)
    if site is None or not isinstance(answer.value, bool):
        return None
    told = _set_to(language, site)
    table = language.table(source, told) if told is not None else None
    if told is None or table is None:
        return None
    won = [row for row in table.rows if row.value == answer.value]
    if not won:
        test = language.test_case(site.call.node) if table.sole else None
        return without(source, language, [test]) if test is not None else None
    edits = [
        Edit(read.start_byte, read.end_byte, language.literal(answer.value) if read == told else answer.placeholder)
        for read in table.reads
    ]
    spans = [row.span for row in table.rows if row.value != answer.value]
    spans += [row.entry for row in won if row.entry is not None]
    spans += [table.declared] if table.declared is not None else []
    return without(source, language, spans, edits)


def _set_to(language: Language, site: Site) -> Node | None:
    """What a flag is set to, or a mock told to answer for it, where that can be taken out once it is known."""
    call = site.call.node
    if site.pattern.kind != "override":
        stub = language.stub(call)
        return stub.value if stub is not None and not stub.fails and not stub.later else None
    told = sites.argument(site.call, site.pattern.set_to)
    may_go = site.pattern.passes is not None or language.wrapping(call) or language.statement(call)
    return told.value if told is not None and may_go else None
