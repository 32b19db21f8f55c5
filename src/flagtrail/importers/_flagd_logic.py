"""JsonLogic as flagd reads it: conditions into ours.

What an absent attribute means follows flagd's server: a comparison with one
is false, so `!=` becomes the negation of an equality. What has no equal here
raises Unsupported with the place and the reason; nothing is approximated.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from flagtrail.model.condition import Condition, Operator, Scalar
from flagtrail.model.document import MAX_DEPTH, is_key, pointer
from flagtrail.model.flag import Json

ALWAYS = Condition(all=())
NEVER = Condition(any=())
MAX_NODES = 20_000
"""Nodes of JsonLogic read for one flag, references followed: a few nested references can name astronomically many."""
MAX_VALUES = 100_000

_PLAIN = r"(0|[1-9]\d*)"
_PRE = r"(?:0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*)"
VERSION = re.compile(
    rf"v?{_PLAIN}(?:\.{_PLAIN}(?:\.{_PLAIN}(?P<rest>(?:-{_PRE}(?:\.{_PRE})*)?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?))?)?\Z",
    re.ASCII,
)
"""flagd takes `v2`, `2`, `2.0` and `2.0.0` for the same version."""

NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?\Z")
MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
ORDER: dict[str, Operator] = {"<": "lt", "<=": "lte", ">": "gt", ">=": "gte"}


class Unsupported(Exception):
    """Logic that has no equal here. `path` is a JSON Pointer into the flag or the evaluator."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(f"{path}: {why}")


def every(*parts: Condition) -> Condition:
    """All of the parts, without the idle ones."""
    if NEVER in parts:
        return NEVER
    kept = tuple(inner for part in parts for inner in (part.all if part.all is not None else (part,)))
    return kept[0] if len(kept) == 1 else Condition(all=kept)


def some(*parts: Condition) -> Condition:
    """Any of the parts, without the idle ones."""
    if ALWAYS in parts:
        return ALWAYS
    kept = tuple(inner for part in parts for inner in (part.any if part.any is not None else (part,)))
    return kept[0] if len(kept) == 1 else Condition(any=kept)


def negated(part: Condition) -> Condition:
    """Not the part."""
    if part.not_ is not None:
        return part.not_
    return {ALWAYS: NEVER, NEVER: ALWAYS}.get(part, Condition(not_=part))


def test(attribute: str, operator: Operator, *values: Scalar) -> Condition:
    """A test of one attribute."""
    return Condition(attribute=attribute, operator=operator, values=values)


def operation(logic: Json, path: str) -> tuple[str, list[Json], str]:
    """The operator of a JsonLogic object, its arguments, and their path."""
    if not isinstance(logic, dict) or len(logic) != 1:
        raise Unsupported(path, "is no JsonLogic operation (an object with exactly one key)")
    ((name, arguments),) = logic.items()
    return name, arguments if isinstance(arguments, list) else [arguments], f"{path}/{pointer(name)}"


def attribute_of(logic: Json, path: str) -> str | None:
    """The attribute that `{"var": ...}` reads, or None where it is no `var`."""
    if not isinstance(logic, dict) or "var" not in logic:
        return None
    _, arguments, path = operation(logic, path)
    name = arguments[0] if arguments else ""
    if any(default is not None for default in arguments[1:]):
        raise Unsupported(path, "has a default for an absent attribute")
    if name == "$flagd.timestamp":
        raise Unsupported(path, "reads the clock ($flagd.timestamp)")
    if not isinstance(name, str) or not name or name.startswith("$flagd"):
        raise Unsupported(path, f"reads {name!r}, which is no attribute")
    return name


def is_literal(value: Json) -> bool:
    """Whether the value is a text, a number or a boolean."""
    return isinstance(value, (str, int, float))


def equal_values(value: Scalar) -> tuple[Scalar, ...]:
    """What flagd's `==` takes for the value: a number equals its text, booleans and texts only themselves.

    >>> equal_values(5)
    (5, '5')
    """
    if isinstance(value, bool):
        return (value,)
    if isinstance(value, (int, float)):
        whole = int(value) if isinstance(value, float) and value.is_integer() else value
        return (value, f"{whole}")
    if NUMBER.match(value):
        return (value, float(value) if "." in value else int(value))
    return (value,)


def bounded(condition: Condition, path: str) -> Condition:
    """The condition, if it keeps the limits; raises Unsupported. `if` inside a condition repeats its tests."""
    left = MAX_NODES
    waiting = [(condition, 1)]
    while waiting:
        part, depth = waiting.pop()
        left -= 1
        if left < 0 or len(part.values or ()) > MAX_VALUES:
            raise Unsupported(path, f"needs more than {MAX_NODES} tests, or {MAX_VALUES} values in a list")
        if depth > MAX_DEPTH:
            raise Unsupported(path, f"needs conditions nested deeper than {MAX_DEPTH}")
        waiting.extend((inner, depth + 1) for inner in part.parts())
    return condition


class Conditions:
    """Reads conditions; follows `$ref` to the file's `$evaluators`, which become segments."""

    def __init__(self, segments: Callable[[str, str], bool]) -> None:
        """`segments(name, path)` says whether an evaluator is a segment; raises Unsupported where it does not exist."""
        self._segments = segments
        self._left = MAX_NODES

    def spend(self, path: str, depth: int) -> None:
        """Count one node; raise Unsupported beyond the limits of size and depth."""
        self._left -= 1
        if self._left < 0:
            raise Unsupported(path, f"has more than {MAX_NODES} parts, references followed")
        if depth > MAX_DEPTH:
            raise Unsupported(path, f"is nested deeper than {MAX_DEPTH}")

    def read(self, logic: Json, path: str, depth: int = 0) -> Condition:
        """The condition that holds where the logic is true (or, as JsonLogic has it, truthy)."""
        self.spend(path, depth)
        if logic is None or is_literal(logic):
            return ALWAYS if logic else NEVER
        if (attribute := attribute_of(logic, path)) is not None:
            return every(test(attribute, "exists"), negated(test(attribute, "equals", False, 0, "")))
        name, arguments, path = operation(logic, path)
        if name in {"and", "or", "!", "!!", "if"}:
            parts = [self.read(part, f"{path}/{index}", depth + 1) for index, part in enumerate(arguments)]
            return _combined(name, parts, path)
        if name == "$ref":
            return self._reference(arguments[0], path)
        return self._comparison(name, arguments, path)

    def _reference(self, name: Json, path: str) -> Condition:
        if not isinstance(name, str) or not is_key(name):
            raise Unsupported(path, f"{name!r} cannot name a segment")
        if not self._segments(name, path):
            raise Unsupported(path, f"the evaluator {name!r} is no condition")
        return Condition(segment=name)

    def _comparison(self, name: str, arguments: list[Json], path: str) -> Condition:
        if name in {"==", "===", "!=", "!=="}:
            found = _equality(arguments, path, strict=len(name) == 3)  # noqa: PLR2004 - the strict operators have three signs
            return negated(found) if name.startswith("!") else found
        if name in ORDER:
            return every(*_order(name, arguments, path))
        if name == "in":
            return _membership(arguments, path)
        if name in {"starts_with", "ends_with"}:
            return _affix("starts_with" if name == "starts_with" else "ends_with", arguments, path)
        if name == "sem_ver":
            return _version(arguments, path)
        raise Unsupported(path, f"the operation {name!r} has no equal in a condition")


def _combined(name: str, parts: list[Condition], path: str) -> Condition:
    if not parts or (name in {"!", "!!"} and len(parts) != 1):
        raise Unsupported(path, f"has {len(parts)} arguments")
    if name == "and":
        return every(*parts)
    if name == "or":
        return some(*parts)
    if name == "if":
        return _choice(parts)
    return negated(parts[0]) if name == "!" else parts[0]


def _choice(parts: list[Condition]) -> Condition:
    """`if` as a condition: the first true test's answer, else the last part, else false."""
    answer = parts[-1] if len(parts) % 2 else NEVER
    pairs = [(parts[index], parts[index + 1]) for index in range(0, len(parts) - 1, 2)]
    for holds, then in reversed(pairs):
        answer = some(every(holds, then), every(negated(holds), answer))
    return answer


def _sides(arguments: list[Json], path: str) -> tuple[str, Json, bool]:
    """(attribute, other side, whether the attribute stands first) of a comparison of two."""
    if len(arguments) != 2:  # noqa: PLR2004 - a comparison of two
        raise Unsupported(path, f"compares {len(arguments)} things, not two")
    first, second = (attribute_of(part, f"{path}/{index}") for index, part in enumerate(arguments))
    if first is not None and second is not None:
        raise Unsupported(path, "compares two attributes with each other")
    if first is not None:
        return first, arguments[1], True
    if second is not None:
        return second, arguments[0], False
    raise Unsupported(path, "compares no attribute as it stands")


def _equality(arguments: list[Json], path: str, *, strict: bool) -> Condition:
    if len(arguments) == 2 and type(arguments[0]) is type(arguments[1]) and is_literal(arguments[0]):  # noqa: PLR2004
        return ALWAYS if arguments[0] == arguments[1] else NEVER
    attribute, value, _ = _sides(arguments, path)
    if not is_literal(value):
        raise Unsupported(path, "compares with what is no text, number or boolean")
    return test(attribute, "equals", *((value,) if strict else equal_values(value)))


def _order(name: str, arguments: list[Json], path: str) -> Iterator[Condition]:
    if len(arguments) == 3 and name in {"<", "<="}:  # noqa: PLR2004 - "between": low < attribute < high
        yield from _order(name, arguments[:2], path)
        yield from _order(name, arguments[1:], path)
        return
    attribute, value, first = _sides(arguments, path)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise Unsupported(path, "orders by something other than a number")
    yield test(attribute, ORDER[name if first else MIRRORED[name]], value)


def _membership(arguments: list[Json], path: str) -> Condition:
    attribute, other, first = _sides(arguments, path)
    if not first:
        if not isinstance(other, str):
            raise Unsupported(path, "looks for something other than a text in an attribute")
        return test(attribute, "contains", other)
    if not isinstance(other, list) or not all(is_literal(value) for value in other):
        raise Unsupported(path, "looks for an attribute in something other than a list of texts, numbers and booleans")
    values = [near for value in other for near in (equal_values(value) if isinstance(value, str) else (value,))]
    unique = tuple({(type(value), value): value for value in values}.values())
    return test(attribute, "in", *unique) if unique else NEVER


def _affix(operator: Operator, arguments: list[Json], path: str) -> Condition:
    attribute, value, first = _sides(arguments, path)
    if not first or not isinstance(value, str):
        raise Unsupported(path, "needs an attribute and a text, in this order")
    return test(attribute, operator, value)


def _version(arguments: list[Json], path: str) -> Condition:
    """In flagd `^` compares the major version only, `~` major and minor; both take pre-releases in."""
    if len(arguments) != 3:  # noqa: PLR2004 - flagd's form
        raise Unsupported(path, "needs a version, an operator and a version")
    attribute = attribute_of(arguments[0], f"{path}/0")
    sign, wanted = arguments[1:]
    match = VERSION.match(wanted) if isinstance(wanted, str) else None
    if attribute is None or match is None:
        raise Unsupported(path, f"needs an attribute and a semantic version, not {wanted!r}")
    major, minor = int(match[1]), int(match[2] or 0)
    version = f"{major}.{minor}.{match[3] or 0}{match['rest'] or ''}"
    plain: dict[str, Operator] = {"=": "semver_eq", "<": "semver_lt", "<=": "semver_lte"}
    plain |= {">": "semver_gt", ">=": "semver_gte"}
    if sign in plain:
        return test(attribute, plain[sign], version)
    if sign == "!=":  # false for what is no version, so no negated equality
        return some(test(attribute, "semver_lt", version), test(attribute, "semver_gt", version))
    # "-0" is the lowest of all pre-releases (Semantic Versioning 2.0.0, section 11).
    ranges = {"^": (f"{major}.0.0-0", f"{major + 1}.0.0-0"), "~": (f"{major}.{minor}.0-0", f"{major}.{minor + 1}.0-0")}
    if sign not in ranges:
        raise Unsupported(path, f"the version operator {sign!r} is not one of = != < <= > >= ^ ~")
    low, high = ranges[sign]
    return every(test(attribute, "semver_gte", low), test(attribute, "semver_lt", high))
