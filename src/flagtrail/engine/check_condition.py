"""Defects of conditions: form, operator, values, and names that lead nowhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from flagtrail.engine.operators import MEANINGS, divisor, value_defect
from flagtrail.model.condition import Condition, Operator, Scalar
from flagtrail.model.document import MAX_DEPTH
from flagtrail.model.errors import Defect
from flagtrail.model.flag import Flag
from flagtrail.model.segment import Segment

MAX_VALUES = 100_000


class Project(msgspec.Struct, frozen=True):
    """What a document's names are looked up in. `lenient` allows archived flags: its own flag is archived, too."""

    flags: Mapping[str, Flag]
    segments: Mapping[str, Segment]
    lenient: bool = False


def condition_defects(condition: Condition, path: str, project: Project, depth: int = 1) -> Iterator[Defect]:
    """Everything wrong with a condition and the conditions inside it; `path` is its JSON Pointer."""
    if depth > MAX_DEPTH:
        yield Defect(path, f"conditions are nested deeper than {MAX_DEPTH}")
        return
    match condition.form():
        case "all" | "any" | "not" as form:
            for index, part in enumerate(condition.parts()):
                place = f"{path}/not" if form == "not" else f"{path}/{form}/{index}"
                yield from condition_defects(part, place, project, depth + 1)
        case "segment":
            if condition.segment not in project.segments:
                yield Defect(f"{path}/segment", f"there is no segment {condition.segment!r}")
        case "flag":
            yield from variants_defects(condition.flag, condition.variants, path, project)
        case "attribute":
            yield from _attribute_defects(condition, path)
        case _:
            told = "has exactly one of the forms all, any, not, segment, flag with variants, attribute with operator"
            yield Defect(path, f"a condition {told}")


def variants_defects(
    key: str | None, variants: tuple[str, ...] | None, path: str, project: Project
) -> Iterator[Defect]:
    """Everything wrong with "the other flag resolves to one of the variants"."""
    if key is None:
        yield Defect(f"{path}/flag", "is missing: which flag resolves to one of the variants?")
    if not variants:
        yield Defect(f"{path}/variants", "name at least one variant")
    if key is None:
        return
    flag = project.flags.get(key)
    if flag is None:
        yield Defect(f"{path}/flag", f"there is no flag {key!r}")
        return
    if flag.archived and not project.lenient:
        yield Defect(f"{path}/flag", f"the flag {key!r} is archived")
    for index, variant in enumerate(variants or ()):
        if variant not in flag.variants:
            yield Defect(f"{path}/variants/{index}", unknown_variant(flag, variant))


def unknown_variant(flag: Flag, variant: str) -> str:
    """The sentence for a variant that the flag does not have."""
    known = ", ".join(list(flag.variants)[:10])
    return f"the flag {flag.key!r} has no variant {variant!r}; it has {known or 'none'}"


def _attribute_defects(condition: Condition, path: str) -> Iterator[Defect]:
    if not condition.attribute:
        yield Defect(f"{path}/attribute", "is missing: name the attribute")
    if condition.operator is None:
        yield Defect(f"{path}/operator", "is missing")
        return
    yield from _values_defects(condition.operator, condition.values or (), f"{path}/values")


def _values_defects(operator: Operator, values: tuple[Scalar, ...], path: str) -> Iterator[Defect]:
    takes = MEANINGS[operator].takes
    if takes == "nothing":
        if values:
            yield Defect(path, f"{operator} takes no values")
    elif takes == "divisor":
        if divisor(values) is None:
            told = "takes exactly two integers, [divisor, remainder], with 0 <= remainder < divisor"
            yield Defect(path, f"{operator} {told}")
    elif not values:
        yield Defect(path, f"{operator} takes at least one value")
    elif len(values) > MAX_VALUES:
        yield Defect(path, f"has {len(values)} values; {MAX_VALUES} is the limit")
    else:
        any_text = takes in {"anything", "text"}
        for index, value in enumerate(values):
            problem = None if any_text and value.__class__ is str else value_defect(takes, value)
            if problem is not None:
                yield Defect(f"{path}/{index}", problem)
