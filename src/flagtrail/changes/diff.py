"""What differs between two versions of a document: as pointers, and in words.

Two values are the same where their canonical JSON (RFC 8785) is: `1` and `1.0` are, `1` and `true` are not.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Iterator, Sequence

import msgspec

from flagtrail.changes.leaving_words import TOLD, leaving_words
from flagtrail.changes.subscription_words import subscription_words
from flagtrail.model.condition import Condition
from flagtrail.model.document import STRUCTS, pointer
from flagtrail.model.flag import Flag, Json
from flagtrail.model.guard import Guard
from flagtrail.model.segment import Segment
from flagtrail.model.subject import Subject
from flagtrail.model.subscription import Subscription
from flagtrail.model.targeting import WHOLE, Prerequisite, Rule, Serve, Targeting

_write = msgspec.json.Encoder().encode

MAX_PATHS, MAX_VALUES, MAX_TEXT = 200, 10, 80
MAX_PATHS_TEXT = 10_000
"""Characters of all paths together: an entry's leaf holds them, and has 65,535 bytes."""


def same(before: Json, after: Json) -> bool:
    """Whether two JSON values have the same canonical form."""
    if isinstance(before, (dict, list, tuple)) and _written_alike(before, after):
        return True
    return _same(before, after)


def _same(before: Json, after: Json) -> bool:
    if isinstance(before, dict) and isinstance(after, dict):
        return before.keys() == after.keys() and all(_same(part, after[key]) for key, part in before.items())
    if isinstance(before, (list, tuple)) and isinstance(after, (list, tuple)):
        return len(before) == len(after) and all(map(_same, before, after))
    return bool(before == after) and isinstance(before, bool) == isinstance(after, bool)


def _written_alike(before: Json, after: Json) -> bool:
    """Whether two objects or lists are the same to the letter, as most parts of a document are: one look at all of it.

    What is written otherwise may still be the same: `1` and `1.0`, another order of keys.
    """
    return _write(before) == _write(after)


def paths(before: Json, after: Json) -> tuple[str, ...]:
    """JSON Pointers (RFC 6901) of what differs, sorted; empty exactly where both are the same.

    Each is as deep as the difference; what stands on one side only is named
    itself, not its parts, so a creation is the root pointer (the empty text). Lists are compared by index
    after their common start and end are set aside, so one rule added in front is one path. Where more than 200
    differ, or they have more than 10,000 characters together, the deepest are replaced by their parents until
    fewer are left.
    """
    found = set(_differing(before, after, ""))
    while len(found) > MAX_PATHS or (len(found) > 1 and sum(map(len, found)) > MAX_PATHS_TEXT):
        deepest = max(path.count("/") for path in found)
        found = {path.rpartition("/")[0] if path.count("/") == deepest else path for path in found}
    return tuple(sorted(found))


def _differing(before: Json, after: Json, path: str) -> Iterator[str]:
    if isinstance(before, (dict, list, tuple)) and _written_alike(before, after):
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for key in before.keys() | after.keys():
            part = f"{path}/{pointer(key)}"
            if key in before and key in after:
                yield from _differing(before[key], after[key], part)
            else:
                yield part
    elif isinstance(before, (list, tuple)) and isinstance(after, (list, tuple)):
        yield from _differing_lists(before, after, path)
    elif not _same(before, after):
        yield path


def _differing_lists(before: Sequence[Json], after: Sequence[Json], path: str) -> Iterator[str]:
    shorter, longer = sorted((len(before), len(after)))
    start = 0
    while start < shorter and same(before[start], after[start]):
        start += 1
    end = 0
    while end < shorter - start and same(before[-1 - end], after[-1 - end]):
        end += 1
    for index in range(start, longer - end):
        part = f"{path}/{index}"
        if index < shorter - end:
            yield from _differing(before[index], after[index], part)
        else:
            yield part


def words(subject: Subject, before: Json, after: Json) -> tuple[str, ...]:
    """One line for people per difference; empty exactly where both are the same.

    Both are documents of the subject's kind, or None for "does not exist".
    """
    if same(before, after):
        return ()
    if subject.kind == "signin" and after is not None:
        return (f"{after['attempts']} failed with {after['credential']} in the minute from {after['minute']}",)
    if subject.kind in TOLD:
        return leaving_words(subject.kind, before, after)
    if after is None:
        return ("deleted",)
    if subject.kind == "guard":
        return msgspec.convert(after, Guard).words
    if before is None:
        return ("created", *_created(msgspec.convert(after, STRUCTS[subject.kind])))
    if subject.kind == "targeting":
        found = tuple(_targeting(msgspec.convert(before, Targeting), msgspec.convert(after, Targeting)))
    else:
        found = tuple(_fields(before, after))
    return found or ("written differently, the same in meaning",)


def _created(document: object) -> Iterator[str]:
    match document:
        case Targeting():
            yield "enabled" if document.enabled else "disabled"
            yield f"off variant {document.off_variant}"
            yield from (_prerequisite(prerequisite) for prerequisite in document.prerequisites)
            for rule in document.rules:
                yield f"{_rule(rule)}: {serve_words(rule.serve)} where {condition_words(rule.when)}"
            yield f"{'everybody else' if document.rules else 'everybody'} gets {serve_words(document.fallthrough)}"
        case Segment():
            yield condition_words(document.when)
        case Subscription():
            yield from subscription_words(document)
        case Flag():
            listed = ", ".join(f"{key} = {text(value)}" for key, value in document.variants.items())
            yield f"{document.type} with the variants {listed}"
        case _:
            return


def _targeting(old: Targeting, new: Targeting) -> Iterator[str]:
    if old.enabled != new.enabled:
        yield "enabled" if new.enabled else "disabled"
    if old.off_variant != new.off_variant:
        yield f"off variant {old.off_variant} became {new.off_variant}"
    required, requires = ({each.flag: each for each in part.prerequisites} for part in (old, new))
    for key in {**required, **requires}:
        if key not in requires:
            yield f"{_prerequisite(required[key])} removed"
        elif key not in required:
            yield f"{_prerequisite(requires[key])} added"
        elif required[key] != requires[key]:
            yield f"{_prerequisite(required[key])} became {_one_of(requires[key].variants)}"
    yield from _rules(old.rules, new.rules)
    yield from _serve(old.fallthrough, new.fallthrough)


def _prerequisite(prerequisite: Prerequisite) -> str:
    return f"prerequisite {prerequisite.flag} {_one_of(prerequisite.variants)}"


def _one_of(variants: Sequence[str]) -> str:
    return f"is {variants[0]}" if len(variants) == 1 else f"in {_listed(variants)}"


def _rule(rule: Rule) -> str:
    return f"rule '{rule.description or rule.id}'"


def _rules(before: Sequence[Rule], after: Sequence[Rule]) -> Iterator[str]:
    old, new = {rule.id: rule for rule in before}, {rule.id: rule for rule in after}
    yield from (f"{_rule(rule)} removed" for rule in before if rule.id not in new)
    place = {rule.id: index for index, rule in enumerate(before)}
    common = [rule.id for rule in after if rule.id in old]
    kept = _longest_rise([place[key] for key in common])
    for index, rule in enumerate(after):
        if rule.id not in old:
            yield f"{_rule(rule)} added: {serve_words(rule.serve)} where {condition_words(rule.when)}"
            continue
        was = old[rule.id]
        if place[rule.id] not in kept:
            yield f"{_rule(rule)} moved from {place[rule.id] + 1} to {index + 1}"
        if was.description != rule.description:
            yield f"{_rule(was)} is now called '{rule.description or rule.id}'"
        if not same(msgspec.to_builtins(was.when), msgspec.to_builtins(rule.when)):
            yield f"{_rule(rule)}: {condition_words(was.when)} became {condition_words(rule.when)}"
        yield from (f"{_rule(rule)}: {line}" for line in _serve(was.serve, rule.serve))


def _longest_rise(numbers: Sequence[int]) -> set[int]:
    """A longest rising subsequence of distinct numbers: what kept its order when the rest moved."""
    ends: list[int] = []
    chains: list[list[int]] = []
    for number in numbers:
        at = bisect_left(ends, number)
        chain = [*(chains[at - 1] if at else ()), number]
        ends[at : at + 1] = [number]
        chains[at : at + 1] = [chain]
    return set(chains[-1]) if chains else set()


def _serve(old: Serve, new: Serve) -> Iterator[str]:
    was, now = weights(old), weights(new)
    moved = [key for key in {**was, **now} if was.get(key, 0) != now.get(key, 0)]
    if old.variant is not None and new.variant is not None:
        if moved:
            yield f"serves {new.variant} instead of {old.variant}"
        return
    split = new if old.split is None else old
    first = next((key for key in weights(split) if key in moved), None)
    if len(moved) > 2:  # noqa: PLR2004 - what two variants do to each other is told by one of them
        yield f"rollout of {serve_words(old)} became {serve_words(new)}"
    elif first is not None:
        yield f"rollout of {first} {percent(was.get(first, 0))} to {percent(now.get(first, 0))}"
    if old.split is None or new.split is None:
        return
    if not moved and old.split != new.split:
        yield f"the split's order became {', '.join(share.variant for share in new.split)}"
    for field in ("by", "salt", "bucketing"):
        if getattr(old, field) != getattr(new, field):
            yield f"split {field} {text(getattr(old, field))} became {text(getattr(new, field))}"


def weights(serve: Serve) -> dict[str, int]:
    """The weight of each variant, in 1/100,000 and in the split's order; a single variant has all of it."""
    if serve.split is None:
        return {} if serve.variant is None else {serve.variant: WHOLE}
    found: dict[str, int] = {}
    for share in serve.split:
        found[share.variant] = found.get(share.variant, 0) + share.weight
    return found


def serve_words(serve: Serve) -> str:
    """What is served: "on", or "on 25 %, off 75 %"."""
    if serve.variant is not None:
        return serve.variant
    return ", ".join(f"{key} {percent(weight)}" for key, weight in weights(serve).items())


def percent(weight: int) -> str:
    """A weight in 1/100,000 as a percentage.

    >>> percent(25_000), percent(33_333)
    ('25 %', '33.333 %')
    """
    return f"{weight / (WHOLE // 100):.3f}".rstrip("0").rstrip(".") + " %"


def _fields(before: Json, after: Json, name: str = "") -> Iterator[str]:
    """Any other document, field by field; lists by what came and went."""
    for key in {**before, **after}:
        old, new = before.get(key), after.get(key)
        called = f"{name} {_SINGULAR.get(key, key)}".strip().replace("_", " ")
        if same(old, new):
            continue
        if key not in before:
            yield f"{called} added: {text(new)}"
        elif key not in after:
            yield f"{called} removed (it was {text(old)})"
        elif name:
            yield f"{called}: {text(old)} became {text(new)}"
        elif key == "when":
            was, now = (msgspec.convert(part, Condition) for part in (old, new))
            yield f"segment: {condition_words(was)} became {condition_words(now)}"
        elif key in _SWITCHES:
            yield _SWITCHES[key][bool(new)]
        elif isinstance(old, dict) and isinstance(new, dict):
            yield from _fields(old, new, called)
        elif isinstance(old, (list, tuple)):
            yield from _came_and_went(old, new, called)
        else:
            yield f"{called} {text(old)} became {text(new)}"


_SWITCHES = {
    "enabled": ("disabled", "enabled"),
    "archived": ("restored", "archived"),
    "revoked": ("no longer revoked", "revoked"),
}
_SINGULAR = {"variants": "variant", "tags": "tag", "grants": "grant", "channels": "channel"}


def _came_and_went(old: Sequence[Json], new: Sequence[Json], called: str) -> Iterator[str]:
    gone = [part for part in old if not any(same(part, other) for other in new)]
    come = [part for part in new if not any(same(part, other) for other in old)]
    yield from (f"{called} {text(part)} removed" for part in gone)
    yield from (f"{called} {text(part)} added" for part in come)
    if not gone and not come:
        yield f"{called}s became {_listed(new)}"


def text(value: Json) -> str:
    """A JSON value for people: texts bare where nothing else could be meant, all else as JSON, cut at 80 characters."""
    if value is None:
        return "none"
    if isinstance(value, str) and _is_plain(value):
        return value
    written = json.dumps(value, ensure_ascii=False)
    return written if len(written) <= MAX_TEXT else f"{written[: MAX_TEXT - 1]}…"


_MARKS = frozenset('[](){},"')


def _is_plain(value: str) -> bool:
    if value in {"", "true", "false", "none", "null"} or len(value) > MAX_TEXT or value[0] in "-0123456789":
        return False
    return value.isprintable() and _MARKS.isdisjoint(value) and value.strip() == value


def _listed(values: Sequence[Json]) -> str:
    shown = ", ".join(text(value) for value in values[:MAX_VALUES])
    return f"[{shown}]" if len(values) <= MAX_VALUES else f"[{shown} and {len(values) - MAX_VALUES:,} more]"


def condition_words(condition: Condition) -> str:
    """A condition for people.

    >>> plan = Condition(attribute="plan", operator="in", values=("enterprise", "pro"))
    >>> condition_words(Condition(any=(plan, Condition(not_=Condition(segment="beta")))))
    'plan in [enterprise, pro] or not segment beta'
    """
    form = condition.form()
    if form in {"all", "any"}:
        joined, empty = (" and ", "always") if form == "all" else (" or ", "never")
        parts = condition.parts()
        if len(parts) == 1:
            return condition_words(parts[0])
        return joined.join(_in_brackets(part) for part in parts) or empty
    if condition.not_ is not None:
        return f"not {_in_brackets(condition.not_)}"
    if condition.segment is not None:
        return f"segment {condition.segment}"
    if condition.flag is not None:
        return f"flag {condition.flag} {_one_of(condition.variants or ())}"
    return _test_words(condition)


def _in_brackets(condition: Condition) -> str:
    written = condition_words(condition)
    while condition.not_ is None and len(condition.parts()) == 1:
        condition = condition.parts()[0]
    return f"({written})" if len(condition.parts()) > 1 else written


def _test_words(condition: Condition) -> str:
    values, operator = condition.values or (), condition.operator or ""
    if operator in {"exists", "not_exists"}:
        return f"{condition.attribute} {'exists' if operator == 'exists' else 'does not exist'}"
    listed = text(values[0]) if len(values) == 1 and operator not in {"in", "not_in"} else _listed(values)
    case = "" if condition.case_sensitive else " (in any case)"
    return f"{condition.attribute} {operator.replace('_', ' ')} {listed}{case}"
