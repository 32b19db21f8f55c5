"""Every evaluation of the flag in a file replaced by a placeholder; what tests say about it, dropped or deleted.

From the end of the file to its beginning, so that a place which is left alone is told by where it was in the file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from tree_sitter import Node

from flagtrail.codebase import sites
from flagtrail.codebase.languages import Language
from flagtrail.codebase.patterns import Pattern, Patterns
from flagtrail.codebase.rewrite import conventions, members, mocked, overrides
from flagtrail.codebase.rewrite import placeholders as named
from flagtrail.codebase.rewrite.expressions import replaced
from flagtrail.codebase.rewrite.placeholders import Answer
from flagtrail.codebase.rewrite.refused import Left, Refused
from flagtrail.codebase.rewrite.splice import out, put, settled_in
from flagtrail.codebase.shapes import Call
from flagtrail.codebase.sites import Site
from flagtrail.codebase.source import Edit, Source, ancestors, common

WINDOW = 4_000
"""Bytes before a place in which the one before it is looked for first."""
FURTHER = 400
"""Bytes of a literal that may stand before the text in it: quotes, and in sums of texts the other parts."""
MOST_TOLD = 40
"""Characters of code in a refusal."""


@dataclass(frozen=True, slots=True, order=True)
class Derived:
    """A function or variable that was found to be the flag's answer and nothing else, by its name.

    `functions` are called, and awaited where they are `asynchronous`.
    """

    name: bytes
    placeholder: bytes
    function: bool
    asynchronous: bool = False
    accessor: bool = False
    looked_up_in: frozenset[bytes] | None = None
    """What it may be looked up in, where that is known: `flags` of `flags.is_new()`, and nothing that is passed."""
    faultless: bool = False
    """It answers an error besides, which is none."""
    module: str = ""
    """The path of the file that asked it, where a text means just what it is there."""

    def may_be_of(self, receiver: bytes) -> bool:
        """Whether what is looked up in something could be this."""
        known = self.looked_up_in
        return known is None or receiver in known or receiver.rpartition(b".")[2] in known


@dataclass(frozen=True, slots=True)
class Wanted:
    """What names the flag in one file: its key, names of constants that hold it, and names derived from it.

    `mocks` are functions derived from it that a text of a test may name.
    """

    key: str
    patterns: Patterns
    aliases: frozenset[bytes] = frozenset()
    derived: tuple[Derived, ...] = ()
    mocks: tuple[Derived, ...] = ()

    @property
    def names(self) -> frozenset[bytes]:
        """All of them, and the members that patterns make of the key."""
        named = {self.key.encode(), *self.aliases, *(each.name for each in self.derived)}
        return frozenset(named | members.spellings(self.patterns, self.key))


@dataclass(frozen=True, slots=True)
class Planted:
    """A file with placeholders in it. `left` are bytes of the file as it was."""

    source: Source
    count: int
    left: tuple[Left, ...]


def planted(source: Source, language: Language, answer: Answer, wanted: Wanted, skip: Iterable[int] = ()) -> Planted:
    """The file with a placeholder for each evaluation but those whose key begins at one of the bytes `skip`."""
    left: list[Left] = []
    skipped, count, bound, defects = set(skip), 0, len(source.data), source.defects
    while (node := _last(source, language, wanted, bound)) is not None:
        bound = node.start_byte
        if bound in skipped:
            left.append(Left(bound, "unsupported", "what is done with the answer is not understood here"))
            continue
        try:
            made = _one(source, language, answer, wanted, node)
        except Refused as refused:
            left.append(Left(bound, refused.why, refused.detail))
            continue
        if made is None:
            continue
        if (now := made.defects) > defects:
            left.append(Left(bound, "new_defects", "what it would become cannot be parsed"))
            continue
        count += 1
        bound = min(bound, common(source.data, made.data))
        source, defects = made, now
    return Planted(language.imported(source), count, tuple(left))


def tabled(source: Source, language: Language, answer: Answer, wanted: Wanted) -> Source:
    """The file without the rows of tests' tables that set the flag to what it never is again."""
    while conventions.is_test(source.path):
        made = (
            overrides.tabled(source, language, answer, node, wanted.patterns)
            for node in places(source, language, wanted)
        )
        after = next((each for each in made if each is not None and each.defects <= source.defects), None)
        if after is None:
            break
        source = after
    return source


def places(source: Source, language: Language, wanted: Wanted, span: tuple[int, int] | None = None) -> list[Node]:
    """Every node that names the flag, in the order of the file; those that begin in some bytes, and perhaps more."""
    every = wanted.aliases | {each.name for each in wanted.derived} | members.spellings(wanted.patterns, wanted.key)
    longest = max(map(len, (wanted.key.encode(), *every, *(each.name for each in wanted.mocks))))
    further = None if span is None else (span[0], span[1] + FURTHER + longest)
    found = {node.start_byte: node for node in sites.texts(source, language, wanted.key, further)}
    found |= {
        node.start_byte: node
        for node in sites.names(source, language, every, further)
        if source.text(node) not in wanted.aliases or not language.is_field(node, apart=False)
    }
    if language.NAMES_IN_TEXTS and conventions.is_test(source.path):
        named = sites.names(source, language, {wanted.key.encode()}, further)
        found |= {node.start_byte: node for node in named if language.setting(node) is not None}
    found |= {
        node.start_byte: node
        for each in wanted.mocks
        for node in mocked.named(source, language, each.name, each.module, further)
    }
    return [found[at] for at in sorted(found)]


def asked(source: Source, language: Language, answer: Answer, wanted: Wanted) -> Iterator[tuple[bytes, bytes]]:
    """What the flag is asked for with, as it is called there (`features.has`), and the placeholder of its answer."""
    for node in places(source, language, wanted):
        site = sites.site(source, language, sites.whole(language, node), wanted.patterns)
        if site is None or (site.pattern.kind, site.pattern.returns) != ("call", "value"):
            continue
        with suppress(Refused):
            receiver = b"" if site.call.receiver is None else source.text(site.call.receiver) + b"."
            yield receiver + source.text(site.call.name), _name(answer, site.pattern)


def _last(source: Source, language: Language, wanted: Wanted, bound: int) -> Node | None:
    """The last place that begins before a byte."""
    window = WINDOW
    while True:
        begin = max(0, bound - window)
        inside = [node for node in places(source, language, wanted, (begin, bound)) if begin <= node.start_byte < bound]
        if inside or not begin:
            return inside[-1] if inside else None
        window *= 8


def _is_misread(language: Language, node: Node) -> bool:
    """Whether a place, or the function or statement of the file around it, was not understood whole."""
    around = list(ancestors(node))
    whole = next((at for at in around if language.function(at) is not None), around[-2] if len(around) > 1 else node)
    return whole.has_error or any(at.is_error for at in around)


def _one(source: Source, language: Language, answer: Answer, wanted: Wanted, node: Node) -> Source | None:
    if _is_misread(language, node):
        raise Refused("unsupported", "what stands around it cannot be parsed")
    derived = next((each for each in wanted.derived if each.name == source.text(node)), None)
    if derived is not None:
        return _of_derived(source, language, answer, derived, node)
    own = node.start_byte, node.end_byte
    named_here = (each for each in wanted.mocks if node in mocked.named(source, language, each.name, each.module, own))
    mock = next(named_here, None)
    if mock is not None:
        return mocked.settled(source, language, answer.meaning(mock.placeholder), node)
    member = members.found(source, language, wanted.patterns, wanted.key, node)
    member = member or members.looked_up(source, language, wanted.patterns, sites.whole(language, node))
    if member is not None:
        given = overrides.given(source, language, answer, member)
        return given or member.replaced(source, language, _name(answer, member.pattern))
    setting = language.setting(node) if conventions.is_test(source.path) else None
    if setting is not None:
        return overrides.among_settings(source, language, answer, node, setting[1])
    if source.text(node) in members.spellings(wanted.patterns, wanted.key) and conventions.is_test(source.path):
        settled = overrides.by_name(source, language, answer, node)
        if settled is not None:
            return settled
    return _of_key(source, language, answer, wanted, node)


def _of_key(source: Source, language: Language, answer: Answer, wanted: Wanted, node: Node) -> Source | None:
    key = sites.whole(language, node)
    site = sites.site(source, language, key, wanted.patterns)
    if site is None:
        return overrides.among(source, language, answer, wanted.patterns, key)
    if site.pattern.kind == "definition":
        return None
    if site.pattern.kind == "override":
        return overrides.settled(source, language, answer, site)
    if site.pattern.kind == "combinations":
        return overrides.combined(source, language, answer, site)
    if node.type in language.NAMES and source.text(node) not in wanted.aliases:
        return None  # it is only written as the key's members are
    if site.pattern.kind == "component":
        return _component(source, language, answer, site)
    if site.pattern.kind == "decorator":
        return _guarded(source, language, answer, site)
    if site.pattern.kind == "choice":
        return _chosen(source, language, answer, site)
    return _asked(source, language, answer, site)


def _asked(source: Source, language: Language, answer: Answer, site: Site) -> Source | None:
    """A call that answers for the flag."""
    if site.pattern.kind != "call" or site.pattern.returns == "opaque":
        raise Refused("unsupported", f"{site.pattern.last} does not answer the flag's value itself")
    stub = language.stub(site.call.node)
    if stub is not None:
        return overrides.stubbed(source, language, answer, stub)
    _only_pure(source, language, site.call, site.key, site.pattern.pure)
    return _placeholder(source, language, answer, site)


def _component(source: Source, language: Language, answer: Answer, site: Site) -> Source:
    """`<Feature name="k">..</Feature>`: what it shows."""
    name = _name(answer, site.pattern)
    settled = language.rendered(site.call, truth=bool(answer.meaning(name)))
    if settled is None:
        raise Refused("unsupported", f"what {site.pattern.last} shows is not understood")
    return settled_in(source, language, settled)


def _placeholder(source: Source, language: Language, answer: Answer, site: Site) -> Source:
    pattern, (start, end) = site.pattern, language.span(site.call)
    if answer.is_namesake(source, site):
        raise Refused("unclassified", f"this {site.pattern.last} is a function of the repository that asks no client")
    name = _name(answer, pattern)
    if language.promised(source, site.call, answer.texts):
        raise Refused("unsupported", "the promise itself is used")
    if pattern.returns == "flow":
        mends = language.streamed(source, site.call, name)
        if mends is None:
            raise Refused("unsupported", "what is done with this flow of the flag's values is not understood")
        return source.edited(sorted(Edit(*mend) for mend in mends))
    if pattern.returns in ("details", "details_tuple"):
        name = named.DETAILS
        member = language.member(site.call.node.parent) if site.call.node.parent is not None else None
        if member is not None and source.text(member[1]) == pattern.field.encode():
            assert site.call.node.parent is not None  # noqa: S101 - it is the member's
            name, end = _name(answer, pattern), site.call.node.parent.end_byte
    if name == named.VALUE:
        name = _typed(language, answer, site.call)
    if pattern.returns in ("tuple", "details_tuple"):
        name = _with_no_error(language, site.call, name)
    return source.edited([put(source, start, end, name)])


def _with_no_error(language: Language, call: Call, name: bytes) -> bytes:
    if not language.takes_several(call.node):
        raise Refused("unsupported", "both answers are passed on at once")
    return name + b", " + named.NULL


def _chosen(source: Source, language: Language, answer: Answer, site: Site) -> Source:
    """`Choose(ctx, NewUI, a, b)`: a or b. The other one is no more evaluated, as the call did."""
    pattern = site.pattern
    kept = sites.argument(site.call, pattern.then if answer.on != pattern.negated else pattern.otherwise)
    if kept is None:
        raise Refused("unsupported", f"what {pattern.last} answers is not understood here")
    others = [each.value for each in site.call.arguments if each.value not in (site.key, kept.value)]
    for part in others:
        if not _pure(source, language, part, pattern.pure):
            raise Refused("impure_argument", f"{_short(source, part)} does something when it is evaluated")
    return replaced(source, language, site.call.node, kept.value)


def _typed(language: Language, answer: Answer, call: Call) -> bytes:
    typed = language.typed(call, named.VALUE, answer.value)
    if typed is None:
        raise Refused("unsupported", "the type of the number that the evaluation answers is not known here")
    return typed


def _name(answer: Answer, pattern: Pattern) -> bytes:
    if pattern.yields == "variant":
        return named.VARIANT
    if pattern.yields == "enabled":
        return named.of(answer.on != pattern.negated)
    if pattern.negated:
        return named.of(not answer.value)
    if not answer.scalar:
        raise Refused("unsupported", "the variant's value is an object")
    return answer.placeholder


def _only_pure(source: Source, language: Language, call: Call, key: Node, allowed: tuple[str, ...]) -> None:
    """Raise where taking the call out would drop a side effect of its receiver or of another argument."""
    parts = [each.value for each in call.arguments if each.value != key]
    if call.receiver not in (None, key) and not _pure(source, language, call.receiver, allowed):
        raise Refused("impure_argument", "what the evaluation is called on does something when it is evaluated")
    for part in parts:
        if not _pure(source, language, part, allowed):
            raise Refused("impure_argument", f"{_short(source, part)} does something when it is evaluated")


def _pure(source: Source, language: Language, node: Node, allowed: tuple[str, ...]) -> bool:
    if language.pure(node):
        return True
    call = language.call(node)
    if call is None or not (source.text(call.name).decode("utf-8", "replace") in allowed or language.reads(call)):
        return False
    parts = [each.value for each in call.arguments] + ([call.receiver] if call.receiver is not None else [])
    return all(_pure(source, language, part, allowed) for part in parts)


def _guarded(source: Source, language: Language, answer: Answer, site: Site) -> Source:
    """A function that its decorator guards by the flag is reached by everybody, or else by nobody."""
    wrapping = language.wrapping(site.call.node)
    told = sites.argument(site.call, site.pattern.set_to)
    wanted = (str(answer.on).lower() if isinstance(answer.value, bool) else str(answer.value),)
    holds = language.constant(told.value) == wanted if told is not None else _name(answer, site.pattern) == named.TRUE
    if wrapping is None or not holds:
        raise Refused("unsupported", "what the flag guards is never reached again")
    return source.edited([out(source, *wrapping.removal)])


def _of_derived(source: Source, language: Language, answer: Answer, derived: Derived, node: Node) -> Source | None:
    role = language.role(node)
    if derived.accessor or (role == "member" and derived.looked_up_in and not derived.function):
        return _of_accessor(source, language, answer, derived, node)
    if not derived.function:
        if role not in ("read", "shorthand"):
            return None
        edit = Edit(*language.substituted(source, node, derived.placeholder))
        return source.edited([edit]) if edit.start < edit.end else None
    for place in (each for each in _above(node)):
        call = language.call(place)
        if call is not None and call.name == node:
            if call.receiver is not None and not derived.may_be_of(source.text(call.receiver)):
                return None
            stub = language.stub(call.node)
            if stub is not None:
                return overrides.stubbed(source, language, answer, stub)
            parts = [each.value for each in call.arguments] + ([call.receiver] if call.receiver is not None else [])
            if not all(language.pure(part) for part in parts):
                raise Refused("impure_argument", "an argument does something when it is evaluated")
            if derived.asynchronous and not (call.node.parent and language.transparent(call.node.parent) == call.node):
                raise Refused("unsupported", "the promise itself is used")
            text = _with_no_error(language, call, derived.placeholder) if derived.faultless else derived.placeholder
            return source.edited([put(source, *language.span(call), text)])
    return None


def _of_accessor(source: Source, language: Language, answer: Answer, derived: Derived, node: Node) -> Source | None:
    member = language.member(node.parent) if node.parent is not None else None
    if node.parent is None or member is None or member[1] != node:
        return None
    if derived.looked_up_in is not None and source.text(member[0]) not in derived.looked_up_in:
        return None
    stub = language.stub(node.parent)
    if stub is not None:
        return overrides.stubbed(source, language, answer, stub)
    if not language.pure(member[0]):
        raise Refused("impure_argument", "what it is read of does something when it is evaluated")
    return source.edited([put(source, *language.spelled(node.parent), derived.placeholder)])


def _above(node: Node) -> Iterable[Node]:
    at = node.parent
    for _ in range(3):
        if at is not None:
            yield at
            at = at.parent


def _short(source: Source, node: Node) -> str:
    text = source.text(node).decode("utf-8", "replace")
    return text if len(text) <= MOST_TOLD else f"{text[: MOST_TOLD - 1]}…"
