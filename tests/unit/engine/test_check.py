"""Every defect that a change can bring in, with its path."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from flagtrail.engine.check import check
from flagtrail.model.flag import Flag, boolean_flag
from flagtrail.model.segment import Segment
from flagtrail.model.targeting import Targeting

ON = {"variant": "on"}
HERE = "flags/f/environments/production"
FLAGS = {
    "f": boolean_flag("f"),
    "g": boolean_flag("g"),
    "old": boolean_flag("old", archived=True),
}
SEGMENTS = {"eu": msgspec.convert({"key": "eu", "when": {"attribute": "a", "operator": "exists"}}, Segment)}


def targeting(**fields: Any) -> Targeting:  # noqa: ANN401 - JSON
    return msgspec.convert({"off_variant": "off", "fallthrough": ON, **fields}, Targeting)


def rule(**fields: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    return {"id": "r", "when": {"segment": "eu"}, "serve": ON, **fields}


def having(operator: str, *values: object, **fields: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    return {"attribute": "a", "operator": operator, "values": list(values), **fields}


def nested(depth: int) -> dict[str, Any]:
    when: dict[str, Any] = {"segment": "eu"}
    for _ in range(depth - 1):
        when = {"not": when}
    return when


def split(*weights: object, **fields: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    names = ("on", "off", "x")
    return {"split": [{"variant": names[n], "weight": weight} for n, weight in enumerate(weights)], **fields}


def paths(targetings: dict[tuple[str, str], Targeting], touched: list[str], **more: Any) -> list[str]:  # noqa: ANN401
    return [defect.path for defect in check({**FLAGS, **more.get("flags", {})}, targetings, SEGMENTS, touched)]


TARGETING_DEFECTS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "none": ({"rules": [rule()], "prerequisites": [{"flag": "g", "variants": ["on", "off"]}]}, []),
    "off variant": ({"off_variant": "x"}, ["/off_variant"]),
    "fallthrough variant": ({"fallthrough": {"variant": "x"}}, ["/fallthrough/variant"]),
    "serve neither": ({"fallthrough": {}}, ["/fallthrough"]),
    "serve both": ({"fallthrough": {**split(100_000), **ON}}, ["/fallthrough"]),
    "fields of a split without one": (
        {"fallthrough": {**ON, "by": "a", "salt": "b", "bucketing": "murmur3"}},
        ["/fallthrough/by", "/fallthrough/salt", "/fallthrough/bucketing"],
    ),
    "unknown bucketing": ({"fallthrough": split(1, 99_999, bucketing="md5")}, ["/fallthrough/bucketing"]),
    "split by nothing": ({"fallthrough": split(1, 99_999, by="")}, ["/fallthrough/by"]),
    "weights short of the whole": ({"fallthrough": split(1, 2)}, ["/fallthrough/split"]),
    "no weights": ({"fallthrough": split()}, ["/fallthrough/split"]),
    "negative weight": ({"fallthrough": split(-1, 100_001)}, ["/fallthrough/split/0/weight"]),
    "unknown variant in a split": ({"fallthrough": split(1, 2, 99_997)}, ["/fallthrough/split/2/variant"]),
    "variant twice in a split": (
        {"fallthrough": {"split": [{"variant": "on", "weight": 50_000}] * 2}},
        ["/fallthrough/split/1/variant"],
    ),
    "unknown prerequisite": ({"prerequisites": [{"flag": "x", "variants": ["on"]}]}, ["/prerequisites/0/flag"]),
    "archived prerequisite": ({"prerequisites": [{"flag": "old", "variants": ["on"]}]}, ["/prerequisites/0/flag"]),
    "prerequisite's variant": (
        {"prerequisites": [{"flag": "g", "variants": ["on", "x"]}]},
        ["/prerequisites/0/variants/1"],
    ),
    "prerequisite of no variant": ({"prerequisites": [{"flag": "g", "variants": []}]}, ["/prerequisites/0/variants"]),
    "prerequisite on itself": ({"prerequisites": [{"flag": "f", "variants": ["on"]}]}, ["/prerequisites/0/flag"]),
    "bad rule id": ({"rules": [rule(id="a b")]}, ["/rules/0/id"]),
    "rule id twice": ({"rules": [rule(), rule()]}, ["/rules/1/id"]),
    "too many rules": ({"rules": [rule(id=f"r{n}") for n in range(1001)]}, ["/rules"]),
    "rule's serve": ({"rules": [rule(serve={"variant": "x"})]}, ["/rules/0/serve/variant"]),
    "everything at once": (
        {"off_variant": "x", "rules": [rule(id="", when={}, serve={})], "fallthrough": split(1)},
        ["/off_variant", "/rules/0/id", "/rules/0/when", "/rules/0/serve", "/fallthrough/split"],
    ),
}
CONDITION_DEFECTS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "no form": ({}, [""]),
    "two forms": ({"segment": "eu", "all": []}, [""]),
    "unknown segment": ({"segment": "x"}, ["/segment"]),
    "unknown flag": ({"flag": "x", "variants": ["on"]}, ["/flag"]),
    "unknown variant": ({"flag": "g", "variants": ["x"]}, ["/variants/0"]),
    "flag without variants": ({"flag": "g"}, ["/variants"]),
    "variants without a flag": ({"variants": ["on"]}, ["/flag"]),
    "no operator": ({"attribute": "a", "values": [1]}, ["/operator"]),
    "no attribute": ({"operator": "exists"}, ["/attribute"]),
    "empty attribute": ({"attribute": "", "operator": "exists"}, ["/attribute"]),
    "no values": ({"attribute": "a", "operator": "in"}, ["/values"]),
    "exists with values": (having("exists", 1), ["/values"]),
    "exists with an empty list": (having("exists"), []),
    "modulo of one": (having("modulo", 10), ["/values"]),
    "modulo of zero": (having("modulo", 0, 0), ["/values"]),
    "modulo beyond the divisor": (having("modulo", 10, 10), ["/values"]),
    "modulo of texts": (having("modulo", "10", "1"), ["/values"]),
    "modulo": (having("modulo", 10, 3), []),
    "equality of everything": (having("in", "a", 1, 1.5, True), []),
    "contains a number": (having("contains", "a", 1), ["/values/1"]),
    "gt of a text": (having("gt", "1"), ["/values/0"]),
    "gt of a boolean": (having("gt", True), ["/values/0"]),
    "gt of infinity": (having("gt", float("inf")), ["/values/0"]),
    "before a date": (having("before", "2026-11-22", "2026-11-22T00:00:00Z", 0), ["/values/0"]),
    "semver of two parts": (having("semver_gte", "3.2", 3), ["/values/0", "/values/1"]),
    "cidr with bits set": (having("cidr", "10.0.0.1/8", "10.0.0.1", 7), ["/values/0", "/values/2"]),
    "regex with a look-ahead": (having("matches", "(?=a)", "a+", 1), ["/values/0", "/values/2"]),
    "regex of no Unicode": (having("matches", "\ud800"), ["/values/0"]),
    "too many values": (having("in", *range(100_001)), ["/values"]),
    "nested": (
        {"all": [{"any": [{"segment": "eu"}, {"not": {"segment": "x"}}]}, {}]},
        ["/all/0/any/1/not/segment", "/all/1"],
    ),
    "nested twenty deep": (nested(20), []),
    "nested deeper": (nested(21), ["/not" * 20]),
}


@pytest.mark.parametrize(("fields", "expected"), TARGETING_DEFECTS.values(), ids=TARGETING_DEFECTS)
def test_check__targeting__every_defect_has_its_path(fields: dict[str, Any], expected: list[str]) -> None:
    found = paths({("f", "production"): targeting(**fields)}, [HERE])
    assert found == [f"{HERE}#{path}" for path in expected]


@pytest.mark.parametrize(("when", "expected"), CONDITION_DEFECTS.values(), ids=CONDITION_DEFECTS)
def test_check__condition_of_a_rule__every_defect_has_its_path(when: dict[str, Any], expected: list[str]) -> None:
    found = paths({("f", "production"): targeting(rules=[rule(when=when)])}, [HERE])
    assert found == [f"{HERE}#/rules/0/when{path}" for path in expected]


@pytest.mark.parametrize(("when", "expected"), CONDITION_DEFECTS.values(), ids=CONDITION_DEFECTS)
def test_check__condition_of_a_segment__every_defect_has_its_path(when: dict[str, Any], expected: list[str]) -> None:
    segments = {**SEGMENTS, "s": msgspec.convert({"key": "s", "when": when}, Segment)}
    found = [defect.path for defect in check(FLAGS, {}, segments, ["segments/s"])]
    assert found == [f"segments/s#/when{path}" for path in expected]


def flag(type_: str, variants: dict[str, Any], **more: Any) -> Flag:  # noqa: ANN401 - JSON
    return msgspec.convert({"key": "f", "type": type_, "variants": variants, **more}, Flag)


FLAG_DEFECTS: dict[str, tuple[Flag, list[str]]] = {
    "none": (boolean_flag("f"), []),
    "no variants": (flag("string", {}), ["/variants"]),
    "too many variants": (flag("integer", {f"v{n}": n for n in range(101)}), ["/variants"]),
    "variant keys": (flag("string", {"100 %": "x", "très bien": "y"}), []),
    "bad variant keys": (
        flag("string", {" a": "x", "": "y", "a/b~\n": "z"}),
        ["/variants/ a", "/variants/", "/variants/a~1b~0\n"],
    ),
    "boolean": (
        flag("boolean", {"a": True, "b": 1, "c": "true", "d": None}),
        ["/variants/b", "/variants/c", "/variants/d"],
    ),
    "string": (flag("string", {"a": "x", "b": 1}), ["/variants/b"]),
    "integer": (flag("integer", {"a": 1, "b": 1.5, "c": True}), ["/variants/b", "/variants/c"]),
    "float": (flag("float", {"a": 1, "b": 1.5, "c": False, "d": "1"}), ["/variants/c", "/variants/d"]),
    "object": (flag("object", {"a": {}, "b": [1], "c": "x", "d": None}), ["/variants/c", "/variants/d"]),
    "remove by": (flag("string", {"a": "x"}, lifecycle={"remove_by": "2026-12-31"}), []),
    "remove by no date": (flag("string", {"a": "x"}, lifecycle={"remove_by": "31.12.2026"}), ["/lifecycle/remove_by"]),
    "remove by another form": (
        flag("string", {"a": "x"}, lifecycle={"remove_by": "20261231"}),
        ["/lifecycle/remove_by"],
    ),
    "remove by no day": (flag("string", {"a": "x"}, lifecycle={"remove_by": "2026-02-30"}), ["/lifecycle/remove_by"]),
    "too large": (flag("string", {"a": "x" * (1 << 20)}), [""]),
}


@pytest.mark.parametrize(("document", "expected"), FLAG_DEFECTS.values(), ids=FLAG_DEFECTS)
def test_check__flag__every_defect_has_its_path(document: Flag, expected: list[str]) -> None:
    found = [defect.path for defect in check({"f": document}, {}, {}, ["flags/f"])]
    assert found == [f"flags/f#{path}" for path in expected]


NEEDS_F = targeting(prerequisites=[{"flag": "f", "variants": ["on"]}])
OTHER = "flags/g/environments/staging"


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        pytest.param(boolean_flag("f", owner="x"), [], id="details"),
        pytest.param(
            Flag("f", "boolean", {"off": False}),
            [f"{HERE}#/fallthrough/variant", f"{OTHER}#/prerequisites/0/variants/0"],
            id="variant removed",
        ),
        pytest.param(boolean_flag("f", archived=True), [f"{OTHER}#/prerequisites/0/flag"], id="archived"),
        pytest.param(None, [f"{HERE}#", f"{OTHER}#/prerequisites/0/flag"], id="deleted"),
    ],
)
def test_check__flag_touched__judges_what_depends_on_it(after: Flag | None, expected: list[str]) -> None:
    flags = {key: kept for key, kept in {**FLAGS, "f": after}.items() if kept is not None}
    targetings = {("f", "production"): targeting(), ("g", "staging"): NEEDS_F, ("g", "production"): targeting()}
    assert [defect.path for defect in check(flags, targetings, SEGMENTS, ["flags/f"])] == expected


def test_check__archived_flag_names_an_archived_one__is_no_defect() -> None:
    targetings = {("old", "production"): targeting(prerequisites=[{"flag": "gone", "variants": ["on"]}])}
    flags = {**FLAGS, "gone": boolean_flag("gone", archived=True)}
    assert check(flags, targetings, SEGMENTS, ["flags/gone", "flags/old"]) == []


def test_check__segment_deleted__judges_what_names_it() -> None:
    targetings = {("f", "production"): targeting(rules=[rule()]), ("g", "production"): targeting()}
    segments = {"s": msgspec.convert({"key": "s", "when": {"segment": "eu"}}, Segment)}
    found = [defect.path for defect in check(FLAGS, targetings, segments, ["segments/eu"])]
    assert found == [f"{HERE}#/rules/0/when/segment", "segments/s#/when/segment"]


def test_check__documents_not_touched__are_not_judged() -> None:
    targetings = {("f", "production"): targeting(off_variant="x"), ("g", "production"): targeting()}
    assert check(FLAGS, targetings, SEGMENTS, ["flags/g/environments/production"]) == []


@pytest.mark.parametrize("touched", ["environments/production", "", "policy", HERE, "segments/gone", "flags/gone"])
def test_check__other_kinds_and_deleted_documents__have_no_defects(touched: str) -> None:
    assert check(FLAGS, {}, SEGMENTS, [touched]) == []


def test_check__flag_and_targeting_touched__names_a_defect_once() -> None:
    found = paths({("f", "production"): targeting(off_variant="x")}, ["flags/f", HERE])
    assert found == [f"{HERE}#/off_variant"]


LOOP = {
    ("f", "production"): targeting(prerequisites=[{"flag": "g", "variants": ["on"]}]),
    ("g", "production"): targeting(rules=[rule(when={"any": [{"segment": "eu"}, {"not": {"segment": "s"}}]})]),
}
NAMES_F = msgspec.convert({"key": "s", "when": {"all": [{"flag": "f", "variants": ["on"]}]}}, Segment)


@pytest.mark.parametrize(
    ("touched", "path", "way"),
    [
        (HERE, "/prerequisites/0/flag", "flag f -> flag g -> segment s -> flag f"),
        (
            "flags/g/environments/production",
            "/rules/0/when/any/1/not/segment",
            "flag g -> segment s -> flag f -> flag g",
        ),
        ("segments/s", "/when/all/0/flag", "segment s -> flag f -> flag g -> segment s"),
    ],
)
def test_check__cycle__is_told_where_it_was_closed(touched: str, path: str, way: str) -> None:
    found = check(FLAGS, LOOP, {**SEGMENTS, "s": NAMES_F}, [touched])
    assert [(defect.path, defect.message.partition(": ")[2]) for defect in found] == [(f"{touched}#{path}", way)]


def test_check__cycle_over_two_environments__is_none() -> None:
    targetings = {(key[0], "staging" if key[0] == "g" else key[1]): document for key, document in LOOP.items()}
    assert check(FLAGS, targetings, {**SEGMENTS, "s": NAMES_F}, [HERE, "segments/s"]) == []


def test_check__two_ways_to_one_flag__is_no_cycle() -> None:
    flags = {key: boolean_flag(key) for key in "abcde"}
    needs = {"e": "a", "a": "bc", "b": "d", "c": "d", "d": ""}
    targetings = {
        (key, "p"): targeting(prerequisites=[{"flag": flag, "variants": ["on"]} for flag in needed])
        for key, needed in needs.items()
    }
    assert check(flags, targetings, {}, [f"flags/{key}/environments/p" for key in flags]) == []


def test_check__segment_in_itself__is_a_cycle_without_any_environment() -> None:
    segments = {"s": msgspec.convert({"key": "s", "when": {"not": {"segment": "s"}}}, Segment)}
    assert [defect.path for defect in check({}, {}, segments, ["segments/s"])] == ["segments/s#/when/not/segment"]


def chain(length: int) -> tuple[dict[str, Flag], dict[tuple[str, str], Targeting]]:
    flags = {f"c{n}": boolean_flag(f"c{n}") for n in range(length)}
    needs = [[{"flag": f"c{n + 1}", "variants": ["on"]}] if n + 1 < length else [] for n in range(length)]
    return flags, {(f"c{n}", "p"): targeting(prerequisites=needed) for n, needed in enumerate(needs)}


@pytest.mark.parametrize(("length", "expected"), [(20, []), (21, ["flags/c10/environments/p#"])])
def test_check__row_of_dependencies__has_a_limit_wherever_it_is_touched(length: int, expected: list[str]) -> None:
    flags, targetings = chain(length)
    assert [defect.path for defect in check(flags, targetings, {}, ["flags/c10/environments/p"])] == expected
