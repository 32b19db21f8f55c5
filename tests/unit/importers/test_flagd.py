"""flagd definitions: what they become here, and what is said of what they cannot become."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from flagtrail.importers import Options, Snapshot, load_format
from flagtrail.model.condition import Condition
from flagtrail.model.errors import SourceUnreadable
from flagtrail.model.flag import Flag
from flagtrail.model.targeting import Targeting

BOOLEAN = {"state": "ENABLED", "variants": {"on": True, "off": False}, "defaultVariant": "off"}
SCHEMAS = Path(__file__).parents[3] / ".." / "shared" / "conformance" / "flagd-schemas" / "json"
PLAIN = Options()
HISTORY = Path(__file__).parents[3] / ".." / "shared" / "data" / "otel-demo-flags"


def _parse(document: object, options: Options = PLAIN) -> Snapshot:
    return load_format("flagd").parse(json.dumps(document).encode(), options)


def _one(definition: dict[str, Any], **document: dict[str, Any]) -> tuple[Flag, Targeting, tuple[str, ...]]:
    found = _parse({"flags": {"f": definition}, **document})
    return (*found.flags["f"], found.notes)


@pytest.mark.parametrize(
    ("variants", "kind"),
    [
        ({"on": True, "off": False}, "boolean"),
        ({"a": "x", "b": ""}, "string"),
        ({"one": 1, "two": 2}, "integer"),
        ({"one": 1.5, "two": 2.5}, "float"),
        ({"off": 0, "10%": 0.1, "100%": 1}, "float"),
        ({"a": {"k": 1}, "b": {}}, "object"),
    ],
    ids=["boolean", "string", "integer", "float", "whole and other numbers", "object"],
)
def test_flag__variants__give_the_type(variants: dict[str, Any], kind: str) -> None:
    flag, _, _ = _one({"state": "ENABLED", "variants": variants, "defaultVariant": next(iter(variants))})
    assert flag.type == kind


@pytest.mark.parametrize(
    ("definition", "words"),
    [
        ({**BOOLEAN, "variants": {"on": True, "off": "no"}}, "different types"),
        ({**BOOLEAN, "variants": {"on": [1], "off": [2]}}, "different types"),
        ({**BOOLEAN, "variants": {"on": True, "off": 0}}, "different types"),
        ({**BOOLEAN, "variants": {}}, "has no variants"),
        ({**BOOLEAN, "state": "ON"}, "neither ENABLED nor DISABLED"),
        ({**BOOLEAN, "defaultVariant": "maybe"}, "not one of its variants"),
        ({**BOOLEAN, "variants": {"off": 2**53}}, "2^53-1"),
        ({**BOOLEAN, "variants": {f"v{index}": True for index in range(101)}}, "more than 100 variants"),
        ({**BOOLEAN, "variants": {" on": True, "off": False}}, "without a printable name"),
        ({**BOOLEAN, "variants": {"on": "x" * 2**20, "off": ""}}, "larger than 1048576 bytes"),
        ("on", "is no object"),
    ],
    ids=[
        "mixed",
        "lists",
        "boolean and number",
        "none",
        "state",
        "default",
        "too large a number",
        "many variants",
        "white space",
        "too large",
        "no object",
    ],
)
def test_flag__flagd_would_refuse_it__is_left_out_with_a_note(definition: object, words: str) -> None:
    found = _parse({"flags": {"f": definition}})
    assert (sorted(found.flags), sorted(found.refused), words in found.notes[0]) == ([], ["f"], True)


def test_flag__key_that_is_none__is_left_out_with_a_note() -> None:
    found = _parse({"flags": {"my flag": BOOLEAN, "good": BOOLEAN}})
    assert (set(found.flags), len(found.notes)) == ({"good"}, 1)


def test_flag__twice_in_a_list__keeps_the_first() -> None:
    found = _parse({"flags": [{"key": "f", **BOOLEAN}, {"key": "f", **BOOLEAN, "state": "DISABLED"}]})
    assert (found.flags["f"][1].enabled, found.refused, len(found.notes)) == (True, frozenset(), 1)


def test_flag__variant_nested_very_deeply__is_left_out() -> None:
    deep = '{"a":' * 400 + "1" + "}" * 400
    data = '{"flags": {"f": {"state": "ENABLED", "defaultVariant": "x", "variants": {"x": %s}}}}' % deep  # noqa: UP031 - braces
    found = load_format("flagd").parse(data.encode(), Options())
    assert found.refused == {"f"}


def test_flag__metadata__becomes_owner_description_and_tags() -> None:
    definition = {**BOOLEAN, "metadata": {"owner": "billing", "description": "d", "version": 2, "critical": True}}
    flag, _, notes = _one(definition, metadata={"version": 1, "flagSetId": "sso/dev"})
    assert (flag.owner, flag.description, flag.tags, notes) == (
        "billing",
        "d",
        ("critical=true", "flagSetId=sso/dev", "version=2"),
        (),
    )


def test_flag__own_description__wins_over_metadata() -> None:
    flag, _, _ = _one({**BOOLEAN, "description": "own", "metadata": {"description": "other"}})
    assert (flag.description, flag.tags) == ("own", ("description=other",))


def test_targeting__disabled_flag__serves_its_off_variant_and_says_so() -> None:
    _, targeting, notes = _one({**BOOLEAN, "state": "DISABLED", "defaultVariant": "on"})
    assert (targeting.enabled, targeting.off_variant, targeting.fallthrough.variant, len(notes)) == (
        False,
        "off",
        "on",
        1,
    )


@pytest.mark.parametrize("default", [{}, {"defaultVariant": None}], ids=["absent", "null"])
def test_targeting__no_default_variant__serves_off_and_says_so(default: dict[str, None]) -> None:
    _, targeting, notes = _one({"state": "ENABLED", "variants": {"on": True, "off": False}, **default})
    assert (targeting.fallthrough.variant, "leaves the value to the application" in notes[0]) == ("off", True)


@pytest.mark.parametrize(
    ("variants", "default", "off"),
    [
        ({"yes": True, "no": False}, "yes", "no"),
        ({"off": 0, "5sec": 5}, "5sec", "off"),
        ({"5": 5, "10": 10}, "10", "10"),
        ({"a": "x", "b": "y"}, None, "a"),
    ],
    ids=["false", "called off", "the default", "the first"],
)
def test_targeting__off_variant__is_the_one_that_means_off(
    variants: dict[str, Any], default: str | None, off: str
) -> None:
    _, targeting, _ = _one({"state": "ENABLED", "variants": variants, "defaultVariant": default})
    assert targeting.off_variant == off


def test_evaluators__conditions__become_segments() -> None:
    found = _parse({"flags": {}, "$evaluators": {"staff": {"in": ["@x.org", {"var": "email"}]}}})
    assert found.segments["staff"].when == Condition(attribute="email", operator="contains", values=("@x.org",))


def test_evaluators__referred_to_in_a_condition__stay_references() -> None:
    _, targeting, _ = _one(
        {**BOOLEAN, "targeting": {"if": [{"$ref": "staff"}, "on"]}},
        **{"$evaluators": {"staff": {"==": [{"var": "a"}, "b"]}}},
    )
    assert targeting.rules[0].when == Condition(segment="staff")


def test_evaluators__that_yield_variants__are_read_in_place() -> None:
    evaluators = {"half": {"fractional": [["on", 1], ["off", 1]]}}
    _, targeting, notes = _one({**BOOLEAN, "targeting": {"$ref": "half"}}, **{"$evaluators": evaluators})
    assert ([share.weight for share in targeting.fallthrough.split or ()], notes) == ([50_000, 50_000], ())


@pytest.mark.parametrize(
    "evaluators",
    [
        {"a": {"and": [{"$ref": "b"}]}, "b": {"and": [{"$ref": "a"}]}},
        {f"e{index}": {"!": {"$ref": f"e{index + 1}"}} for index in range(300)} | {"a": {"!": {"$ref": "e0"}}},
        {},
        {"a": {"cat": ["x"]}},
    ],
    ids=["circle", "long chain", "missing", "no condition"],
)
def test_evaluators__that_cannot_be_read__leave_the_flag_its_default(evaluators: dict[str, Any]) -> None:
    _, targeting, notes = _one({**BOOLEAN, "targeting": {"if": [{"$ref": "a"}, "on"]}}, **{"$evaluators": evaluators})
    assert (targeting.rules, targeting.fallthrough.variant, bool(notes)) == ((), "off", True)


def test_evaluators__exponentially_many_parts__are_refused_quickly() -> None:
    evaluators = {f"e{index}": {"if": [{"var": "x"}, *[{"$ref": f"e{index + 1}"}] * 2]} for index in range(25)}
    _, targeting, notes = _one({**BOOLEAN, "targeting": {"$ref": "e0"}}, **{"$evaluators": {**evaluators, "e25": "on"}})
    assert (targeting.rules, "more than" in notes[0]) == ((), True)


def test_parse__strict__refuses_what_would_be_lost() -> None:
    with pytest.raises(SourceUnreadable, match="strict"):
        _parse({"flags": {"f": {**BOOLEAN, "targeting": {"cat": ["o", "n"]}}}}, options=Options(strict=True))


def test_parse__unknown_generation__is_refused() -> None:
    with pytest.raises(SourceUnreadable, match="flagd_v1, flagd_v2"):
        _parse({"flags": {}}, Options(bucketing="flagd_v9"))


@pytest.mark.parametrize("part", ["$evaluators", "metadata"])
def test_parse__part_of_a_wrong_type__is_refused(part: str) -> None:
    with pytest.raises(SourceUnreadable, match="is not an object"):
        _parse({"flags": {}, part: [1]})


def test_parse__byte_order_mark__is_no_hindrance() -> None:
    data = b"\xef\xbb\xbf" + json.dumps({"flags": {"f": BOOLEAN}}).encode()
    assert set(load_format("flagd").parse(data, Options()).flags) == {"f"}


def _documents(folder: str) -> list[Any]:
    found = sorted(SCHEMAS.glob(f"test/{folder}/*.json"))
    absent = pytest.mark.skip(reason="flagd's published documents are not beside the project")
    return [pytest.param(path, id=path.name) for path in found] or [pytest.param(SCHEMAS, marks=absent, id="absent")]


@pytest.mark.parametrize("path", [*_documents("flags/positive"), *_documents("flagd/positive")])
def test_published_documents__valid__lose_nothing(path: Path) -> None:
    found = load_format("flagd").parse(path.read_bytes(), Options(strict=True))
    assert len(found.flags) == len(json.loads(path.read_bytes())["flags"])


@pytest.mark.parametrize("path", _documents("flags/negative"))
def test_published_documents__invalid__are_noted(path: Path) -> None:
    found = load_format("flagd").parse(path.read_bytes(), Options())
    # A list of flags is no flag set by the one schema, but a flagd file by the other: it is read.
    assert bool(found.notes) is (path.name != "with-array-flags.json")


EXACT = {"basic-json-ops.json": 13, "custom-ops.json": 7, "fractional-single-entry.json": 1, "if-shorthand.json": 3}
"""How many of the positive targetings in each document have an equal here; the others are refused with a reason."""


@pytest.mark.parametrize("path", [*_documents("targeting/positive"), *_documents("targeting/negative")])
def test_published_targeting__either_carried_over_or_noted(path: Path) -> None:
    document = json.loads(path.read_bytes())
    logics = document.get("*", [document])
    names = [
        "clubs",
        "diamonds",
        "hearts",
        "spades",
        "heads",
        "tails",
        "prefix",
        "postfix",
        "equal",
        "greater",
        "lesser",
    ]
    names += ["minor", "major", "none", "past", "future", "on", "off", "single-entry", "true", "false", "yes", "no"]
    flags = {
        f"f{index}": {
            "state": "ENABLED",
            "variants": dict.fromkeys(names, "x"),
            "defaultVariant": "none",
            "targeting": logic,
        }
        for index, logic in enumerate(logics)
    }
    evaluators = {"some-ref": {"==": [{"var": "env"}, "production"]}}
    found = _parse({"flags": flags, "$evaluators": evaluators})
    lost = [note for note in found.notes if "not carried over" in note]
    assert len(flags) - len(lost) == EXACT.get(path.name, 0)


@pytest.mark.parametrize(
    "path", sorted(HISTORY.glob("*.json")) or [None], ids=lambda path: path.name if path else "absent"
)
def test_real_history__every_version__is_carried_over_whole(path: Path | None) -> None:
    if path is None:
        pytest.skip("the real history is not beside the project")
    found = load_format("flagd").parse(path.read_bytes(), Options(strict=True))
    assert (set(found.flags), found.notes) == (set(json.loads(path.read_bytes())["flags"]), ())
