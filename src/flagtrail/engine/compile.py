"""From documents to functions: one generated function per flag, one per segment.

The function is built as a syntax tree, whose values are constants of the tree
or names bound in its namespace. No text of a document is ever parsed as source,
so no document can smuggle code. Its parts cost only the flags that use them: an attribute is
read once, and the commonest comparisons are inlined for values of exactly
their type; every other value goes to a prepared matcher.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any, Protocol, TypeAlias, TypeVar

from flagtrail.engine import _tree as tree
from flagtrail.engine import matchers, resolutions
from flagtrail.engine.attributes import reader
from flagtrail.engine.splits import Split, split_of
from flagtrail.engine.tally import TallyOf
from flagtrail.engine.versions import VERSIONS
from flagtrail.model.condition import Condition
from flagtrail.model.context import Context
from flagtrail.model.flag import Flag, Json
from flagtrail.model.resolution import Reason, Resolution
from flagtrail.model.segment import Segment
from flagtrail.model.targeting import Serve, Targeting

T = TypeVar("T")
FlagFunction: TypeAlias = Callable[[Context], Resolution]
ValueFunction: TypeAlias = Callable[[Context], Json]
SegmentFunction: TypeAlias = Callable[[Context], bool]
Decider: TypeAlias = Callable[[Context], Resolution | Split]
"""As a flag's function, but a split that the rules lead to is handed out as it is: its attribute is not read."""

_Loaded: TypeAlias = frozenset[str]
"""Attributes that are certain to be in a local variable at this place."""

_ORDER: dict[str, type[ast.cmpop]] = {
    "gt": ast.Gt,
    "gte": ast.GtE,
    "lt": ast.Lt,
    "lte": ast.LtE,
    "semver_gt": ast.Gt,
    "semver_gte": ast.GtE,
    "semver_lt": ast.Lt,
    "semver_lte": ast.LtE,
}


class Linked(Protocol):
    """Where a flag's function finds those it depends on; unknown ones answer, too."""

    def flag_function(self, key: str) -> FlagFunction:
        """The function of another flag."""

    def segment_function(self, key: str) -> SegmentFunction:
        """The function of a segment."""


def compile_flag(flag: Flag, targeting: Targeting, linked: Linked, *, tally_of: TallyOf | None = None) -> FlagFunction:
    """The function of an enabled flag that is not part of a cycle. It raises what reading the context raises.

    With `tally_of` it counts what it answers, but for errors.
    """
    function: FlagFunction = _Builder(linked, tally_of=tally_of).flag(flag, targeting)
    return function


def compile_value(
    flag: Flag, targeting: Targeting, linked: Linked, *, tally_of: TallyOf | None = None
) -> ValueFunction:
    """As `compile_flag`, answering the value alone: None on an error, which no variant's value is."""
    function: ValueFunction = _Builder(linked, tally_of=tally_of, values=True).flag(flag, targeting)
    return function


def compile_decider(flag: Flag, targeting: Targeting, linked: Linked) -> Decider:
    """As `compile_flag`, with splits left to be drawn."""
    decider: Decider = _Builder(linked, draws=False).flag(flag, targeting)
    return decider


def compile_segment(segment: Segment, linked: Linked) -> SegmentFunction:
    """The function of a segment that is not part of a cycle. It raises what reading the context raises."""
    function: SegmentFunction = _Builder(linked).segment(segment)
    return function


def constant(resolution: T) -> Callable[[Context], T]:
    """The function of a flag that reads nothing of the context."""
    return lambda _context: resolution


def counted(resolution: Resolution, answer: T, tally_of: TallyOf | None) -> Callable[[Context], T]:
    """As `constant` of an answer that stands for the resolution, counting, but for errors."""
    if tally_of is None or resolution.variant is None:
        return constant(answer)
    tally = tally_of(resolution)

    def function(_context: Context) -> T:
        tally.n += 1
        return answer

    return function


class _Builder:
    def __init__(
        self, linked: Linked, *, draws: bool = True, tally_of: TallyOf | None = None, values: bool = False
    ) -> None:
        self._linked = linked
        self._draws = draws
        self._tally_of = tally_of
        self._values = values
        self._namespace: dict[str, object] = {"__builtins__": {}, "str": str, "int": int, "float": float}
        self._locals: dict[str, str] = {}

    def flag(self, flag: Flag, targeting: Targeting) -> Any:  # noqa: ANN401 - what exec makes
        body: list[ast.stmt] = []
        off = resolutions.off(flag, targeting)
        for prerequisite in targeting.prerequisites:
            held = self._resolves_to(prerequisite.flag, prerequisite.variants)
            body.append(tree.If(tree.UnaryOp(ast.Not(), held), self._answer(off), []))
        loaded: _Loaded = frozenset()
        for rule in targeting.rules:
            test, during, loaded = self._condition(rule.when, loaded)
            body.append(tree.If(test, self._serve(flag, rule.serve, Reason.TARGETING_MATCH, rule.id, during), []))
        reason = resolutions.fallthrough_reason(targeting)
        body.extend(self._serve(flag, targeting.fallthrough, reason, None, loaded))
        return self._function(body)

    def segment(self, segment: Segment) -> Any:  # noqa: ANN401 - what exec makes
        test, _, _ = self._condition(segment.when, frozenset())
        return self._function([tree.Return(test)])

    def _function(self, body: list[ast.stmt]) -> Any:  # noqa: ANN401 - what exec makes
        parameters = ast.arguments([], [tree.Argument("context")], None, [], [], None, [])
        defined = tree.FunctionDef("evaluate", parameters, body, [], None, None)
        module = ast.Module([defined], [])
        # Names in the tree are made here; texts of documents are in it as values only.
        exec(compile(module, "<flag>", "exec"), self._namespace)  # noqa: S102
        return self._namespace.pop("evaluate")

    def _bind(self, value: object) -> ast.expr:
        """A value that is known now: a constant of the tree, or a name in the function's namespace.

        A set is bound by name, although a constant is looked up 1 ns faster: the compiler would make a copy of it.
        """
        if value is None or isinstance(value, (str, int, float)):
            return tree.Constant(value)
        name = f"c{len(self._namespace)}"
        self._namespace[name] = value
        return _name(name)

    def _answer(self, resolution: Resolution | Split) -> list[ast.stmt]:
        answer = resolution.value if self._values and isinstance(resolution, Resolution) else resolution
        body: list[ast.stmt] = [tree.Return(self._bind(answer))]
        if self._tally_of is not None and isinstance(resolution, Resolution) and resolution.variant is not None:
            tally = self._bind(self._tally_of(resolution))
            body.insert(0, tree.AugAssign(tree.Attribute(tally, "n", ast.Store()), ast.Add(), tree.Constant(1)))
        return body

    def _load(self, attribute: str, loaded: _Loaded) -> tuple[ast.expr, ast.Name]:
        """The expression that reads the attribute first, and the name for every later use."""
        local = self._locals.setdefault(attribute, f"a{len(self._locals)}")
        if attribute in loaded:
            return _name(local), _name(local)
        key = self._bind(attribute)
        read = _call(tree.Attribute(_name("context"), "get", ast.Load()), key)
        if "." in attribute:
            read = _call(self._bind(reader(attribute)), _name("context"))
        return tree.NamedExpr(tree.Name(local, ast.Store()), read), _name(local)

    # A condition gives its test, what is loaded where it held, and what is loaded in any case.

    def _condition(self, condition: Condition, loaded: _Loaded) -> tuple[ast.expr, _Loaded, _Loaded]:
        match condition.form():
            case "all":
                return self._parts(ast.And(), condition.parts(), loaded)
            case "any":
                return self._parts(ast.Or(), condition.parts(), loaded)
            case "not":
                test, _, always = self._condition(condition.parts()[0], loaded)
                return tree.UnaryOp(ast.Not(), test), always, always
            case "segment":
                function = self._linked.segment_function(str(condition.segment))
                return _call(self._bind(function), _name("context")), loaded, loaded
            case "flag":
                return self._resolves_to(condition.flag or "", condition.variants or ()), loaded, loaded
            case "attribute" if condition.attribute is not None and condition.operator is not None:
                now = loaded | {condition.attribute}
                return self._attribute(condition, *self._load(condition.attribute, loaded)), now, now
            case _:
                return tree.Constant(False), loaded, loaded

    def _parts(
        self, operator: ast.boolop, parts: tuple[Condition, ...], loaded: _Loaded
    ) -> tuple[ast.expr, _Loaded, _Loaded]:
        tests: list[ast.expr] = []
        reached = loaded
        always = loaded
        for index, part in enumerate(parts):
            test, held, anyway = self._condition(part, reached)
            tests.append(test)
            # The next part is reached where this one held (all) or did not (any).
            reached = held if isinstance(operator, ast.And) else anyway
            always = anyway if index == 0 else always
        if not tests:
            return tree.Constant(isinstance(operator, ast.And)), loaded, loaded
        held_all = reached if isinstance(operator, ast.And) else always
        return tests[0] if len(tests) == 1 else tree.BoolOp(operator, tests), held_all, always

    def _resolves_to(self, key: str, variants: tuple[str, ...]) -> ast.expr:
        resolution = _call(self._bind(self._linked.flag_function(key)), _name("context"))
        variant = tree.Attribute(resolution, "variant", ast.Load())
        return tree.Compare(variant, [ast.In()], [self._bind(frozenset(variants))])

    def _attribute(self, condition: Condition, first: ast.expr, name: ast.Name) -> ast.expr:
        operator = str(condition.operator)
        if operator in {"exists", "not_exists"}:
            return tree.Compare(first, [ast.IsNot() if operator == "exists" else ast.Is()], [tree.Constant(None)])
        fast = self._inlined(condition, operator, name)
        if fast is None:
            return _call(self._bind(matchers.matcher(condition)), first)
        slow = _call(self._bind(matchers.late_matcher(condition)), name)
        kinds, test = fast
        guard: ast.expr = _is_type(first, kinds[0])
        if len(kinds) > 1:
            guard = tree.BoolOp(ast.Or(), [guard, *(_is_type(name, kind) for kind in kinds[1:])])
        return tree.IfExp(guard, test, slow)

    def _inlined(self, condition: Condition, operator: str, name: ast.Name) -> tuple[tuple[str, ...], ast.expr] | None:
        """The types that the inlined test is for, and the test; None where there is none."""
        if operator in {"equals", "in", "not_equals", "not_in"}:
            return self._equality(condition, name, negated=operator in matchers.NEGATED)
        if operator in {"starts_with", "ends_with"} and condition.case_sensitive:
            method = tree.Attribute(name, operator.replace("_", ""), ast.Load())
            return ("str",), _call(method, self._bind(matchers.texts(condition)))
        if operator in {"gt", "gte", "lt", "lte"}:
            limit = matchers.bound(condition)
            if limit is not None:
                return ("int", "float"), tree.Compare(name, [_ORDER[operator]()], [self._bind(limit)])
        elif operator in _ORDER:
            place = matchers.version_bound(condition)
            if place is not None:
                known = tree.Subscript(self._bind(VERSIONS), name, ast.Load())
                return ("str",), tree.Compare(known, [_ORDER[operator]()], [self._bind(place)])
        return None

    def _equality(
        self, condition: Condition, name: ast.Name, *, negated: bool
    ) -> tuple[tuple[str, ...], ast.expr] | None:
        known = matchers.equality(condition)
        if not known.texts_only:
            return None
        if len(known.texts) == 1:
            return ("str",), tree.Compare(name, [ast.NotEq() if negated else ast.Eq()], [tree.Constant(*known.texts)])
        return ("str",), tree.Compare(name, [ast.NotIn() if negated else ast.In()], [self._bind(known.texts)])

    def _serve(self, flag: Flag, serve: Serve, reason: Reason, rule: str | None, loaded: _Loaded) -> list[ast.stmt]:
        if serve.variant is not None:
            return self._answer(resolutions.served(flag, serve.variant, reason, rule))
        split = split_of(flag, serve, rule)
        if isinstance(split, Resolution) or not self._draws:
            return self._answer(split)
        return self._split(split, *self._load(split.by, loaded))

    def _split(self, split: Split, first: ast.expr, name: ast.Name) -> list[ast.stmt]:
        """Hash once, then compare with the ends of the ranges; what cannot be hashed has a negative point."""
        point: ast.expr
        slow = _call(self._bind(split.point_of), name)
        if split.native_hash is None:
            slow.args[0] = first
            point = slow
        else:
            # Only ASCII goes to the hash as it is: mmh3 crashes on lone surrogates.
            ascii_text = tree.BoolOp(
                ast.And(), [_is_type(first, "str"), _call(tree.Attribute(name, "isascii", ast.Load()))]
            )
            seed, unsigned = self._bind(split.seed), tree.Constant(False)
            point = tree.IfExp(ascii_text, _call(self._bind(split.native_hash), name, seed, unsigned), slow)
        hashed = _name("point")
        body: list[ast.stmt] = [tree.Assign([tree.Name("point", ast.Store())], point)]
        refusal = _call(self._bind(split.refusal), hashed)
        negative = tree.Compare(hashed, [ast.Lt()], [tree.Constant(0)])
        for index, (limit, resolution) in enumerate(split.ranges):
            answer = self._answer(resolution)
            if index == 0:  # every negative point is below the first range's end
                refused = tree.Constant(None) if self._values else refusal
                answer.insert(0, tree.If(negative, [tree.Return(refused)], []))
            body.append(tree.If(tree.Compare(hashed, [ast.Lt()], [self._bind(limit)]), answer, []))
        body.extend(self._answer(split.last))
        return body


def _name(name: str) -> ast.Name:
    return tree.Name(name, ast.Load())


def _call(function: ast.expr, *arguments: ast.expr) -> ast.Call:
    return tree.Call(function, list(arguments), [])


def _is_type(value: ast.expr, kind: str) -> ast.expr:
    # `__class__` costs 2 ns where type() costs 6. An object may lie about it; all it gains is a false or an error.
    return tree.Compare(tree.Attribute(value, "__class__", ast.Load()), [ast.Is()], [_name(kind)])
