"""Reading documents: what is right is read, what is wrong is told whole."""

from __future__ import annotations

from typing import Any

import pytest

from flagtrail.model.condition import Condition
from flagtrail.model.document import Document, decode, encode, is_key, is_variant_key, pointer
from flagtrail.model.environment import Environment, Policy, Project
from flagtrail.model.errors import Defect, InvalidDocument
from flagtrail.model.flag import Flag, boolean_flag
from flagtrail.model.segment import Segment
from flagtrail.model.subject import (
    Subject,
    environment_subject,
    flag_subject,
    member_subject,
    policy_subject,
    project_subject,
    segment_subject,
    signin_subject,
    targeting_subject,
    token_subject,
)
from flagtrail.model.targeting import Serve, Share, Targeting, default_targeting

FLAG = flag_subject("shop", "checkout")
TARGETING = targeting_subject("shop", "checkout", "production")
SPLIT = Serve(
    split=(Share("on", 25_000), Share("off", 75_000)), by="targetingKey", salt="checkout", bucketing="murmur3"
)


@pytest.mark.parametrize(
    ("subject", "document"),
    [
        pytest.param(project_subject("shop"), Project("shop", "Shop"), id="project"),
        pytest.param(environment_subject("shop", "eu"), Environment("eu", production=True), id="environment"),
        pytest.param(policy_subject("shop"), Policy("always", 10), id="policy"),
        pytest.param(FLAG, boolean_flag("checkout", tags=("critical",)), id="flag"),
        pytest.param(TARGETING, Targeting("off", SPLIT, enabled=True), id="targeting with a split"),
        pytest.param(
            segment_subject("shop", "eu"),
            Segment("eu", Condition(not_=Condition(attribute="country", operator="in", values=("US", 7, True, 1.5)))),
            id="segment",
        ),
    ],
)
def test_decode__of_an_encoded_document__gives_it_back(subject: Subject, document: Document) -> None:
    assert decode(subject, encode(document)) == document


def test_encode__leaves_out_what_a_condition_does_not_say() -> None:
    segment = Segment("pros", Condition(attribute="plan", operator="in", values=("pro",)))

    assert encode(segment)["when"] == {"attribute": "plan", "operator": "in", "values": ["pro"]}


GOOD = {"key": "checkout", "type": "boolean", "variants": {"on": True}}
WRONG = {"id": "r", "when": {"values": [[], 1, "a"], "operator": "~"}, "serve": {}}
RULE = {"id": "r", "when": {}, "serve": {}}


@pytest.mark.parametrize(
    ("subject", "value", "paths"),
    [
        pytest.param(FLAG, [], [""], id="not an object"),
        pytest.param(FLAG, {}, ["/key", "/type", "/variants"], id="everything missing"),
        pytest.param(FLAG, {**GOOD, "varaints": {}, "x": 1}, ["/varaints", "/x"], id="unknown keys"),
        pytest.param(FLAG, {**GOOD, "type": "bool", "owner": 3}, ["/type", "/owner"], id="several wrong types"),
        pytest.param(FLAG, {**GOOD, "archived": None}, ["/archived"], id="null for a boolean"),
        pytest.param(FLAG, {**GOOD, "variants": []}, ["/variants"], id="a list for an object"),
        pytest.param(FLAG, {**GOOD, "tags": ["a", 1]}, ["/tags/1"], id="a number among texts"),
        pytest.param(FLAG, {**GOOD, "tags": "a"}, ["/tags"], id="a text for a list"),
        pytest.param(FLAG, {**GOOD, "key": "other"}, ["/key"], id="another key than the address"),
        pytest.param(FLAG, {**GOOD, "lifecycle": {"kind": "eternal"}}, ["/lifecycle/kind"], id="inside an object"),
        pytest.param(FLAG, {**GOOD, "variants": {"on": 2**53}}, ["/variants/on"], id="an integer JSON cannot carry"),
        pytest.param(FLAG, {**GOOD, "description": "\ud800"}, ["/description"], id="a lone surrogate"),
        pytest.param(FLAG, {**GOOD, "tags": ["größe", "a\ud800"]}, ["/tags/1"], id="a lone surrogate in a list"),
        pytest.param(
            TARGETING,
            {"off_variant": "off", "fallthrough": {"split": [{"variant": "on", "weight": True}]}, "rules": [RULE, 4]},
            ["/fallthrough/split/0/weight", "/rules/1"],
            id="deep inside lists",
        ),
        pytest.param(
            TARGETING,
            {
                "off_variant": "off",
                "fallthrough": {},
                "rules": [{**RULE, "when": {"values": [[], 1, "a"], "operator": "~"}}],
            },
            ["/rules/0/when/operator", "/rules/0/when/values/0"],
            id="in a condition",
        ),
        pytest.param(
            TARGETING,
            {"off_variant": "off", "fallthrough": {}, "rules": [{**RULE, "when": {"not": {"a/b~": 1}}}], "enabled": 1},
            ["/enabled", "/rules/0/when/not/a~1b~0"],
            id="with a pointer that needs escapes",
        ),
        pytest.param(
            TARGETING,
            {"off_variant": "off", "fallthrough": {"variant": None}, "rules": [{"id": None, "when": {}, "serve": {}}]},
            ["/rules/0/id"],
            id="null is fine where a key may be absent",
        ),
    ],
)
def test_decode__of_a_defective_document__names_every_defect(subject: Subject, value: object, paths: list[str]) -> None:
    with pytest.raises(InvalidDocument) as caught:
        decode(subject, value)

    assert sorted(defect.path for defect in caught.value.defects) == sorted(paths)


def test_decode__of_a_key_with_wrong_characters__refuses_it() -> None:
    with pytest.raises(InvalidDocument, match="not a key"):
        decode(flag_subject("shop", "no spaces"), {**GOOD, "key": "no spaces"})


def test_decode__of_a_bottomless_document__refuses_it_without_recursion_trouble() -> None:
    value: dict[str, Any] = {}
    for _ in range(500):
        value = {"not": value}

    with pytest.raises(InvalidDocument, match="deeper"):
        decode(segment_subject("shop", "s"), {"key": "s", "when": value})


def test_invalid_document__with_many_defects__says_five_and_counts_the_rest() -> None:
    error = InvalidDocument([Defect(f"/{number}", "is wrong") for number in range(8)])

    assert error.detail.endswith("/4: is wrong (and 3 more)")


@pytest.mark.parametrize("length", [0, -1, 1_001])
def test_decode__of_a_policy_that_nobody_could_follow__is_refused(length: int) -> None:
    with pytest.raises(InvalidDocument, match="why_min_length"):
        decode(policy_subject("shop"), {"why_required": "always", "why_min_length": length})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (".", False),
        ("..", False),
        ("...", True),
        ("new_pricing", True),
        ("a.b-C_9", True),
        ("", False),
        ("a b", False),
        ("x" * 257, False),
        ("a\n", False),
    ],
)
def test_is_key__of_a_text__tells_whether_it_can_name_something(text: str, *, expected: bool) -> None:
    assert is_key(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("100%", True), ("très bien", True), ("", False), (" on", False), ("a\nb", False), ("x" * 257, False)],
)
def test_is_variant_key__of_a_text__is_wider_than_a_key(text: str, *, expected: bool) -> None:
    assert is_variant_key(text) == expected


def test_pointer__of_a_key__escapes_as_rfc_6901_says() -> None:
    assert pointer("a/b~c") == "a~1b~0c"


@pytest.mark.parametrize(
    ("subject", "path", "name"),
    [
        (project_subject("p"), "projects/p", "p"),
        (environment_subject("p", "e"), "projects/p/environments/e", "e"),
        (flag_subject("p", "f"), "projects/p/flags/f", "f"),
        (targeting_subject("p", "f", "e"), "projects/p/flags/f/environments/e", "e"),
        (segment_subject("p", "s"), "projects/p/segments/s", "s"),
        (policy_subject("p"), "projects/p/policy", "p"),
        (member_subject("m"), "members/m", "m"),
        (token_subject("t"), "tokens/t", "t"),
        (signin_subject("token"), "signins/token", "token"),
    ],
)
def test_subject__of_every_kind__has_a_path_and_a_name(subject: Subject, path: str, name: str) -> None:
    assert (subject.path, subject.name) == (path, name)


@pytest.mark.parametrize(
    ("condition", "form"),
    [
        (Condition(all=()), "all"),
        (Condition(any=()), "any"),
        (Condition(not_=Condition(segment="s")), "not"),
        (Condition(segment="s"), "segment"),
        (Condition(flag="f"), "flag"),
        (Condition(variants=("on",)), "flag"),
        (Condition(values=()), "attribute"),
        (Condition(), None),
        (Condition(segment="s", flag="f"), None),
    ],
)
def test_form__of_a_condition__is_the_one_it_has(condition: Condition, form: str | None) -> None:
    assert condition.form() == form


def test_walk__of_a_condition__meets_every_part_outermost_first() -> None:
    leaf = Condition(segment="s")
    inner = Condition(any=(leaf,))
    outer = Condition(all=(Condition(not_=inner),))

    assert list(outer.walk()) == [outer, Condition(not_=inner), inner, leaf]


@pytest.mark.parametrize(
    ("variants", "off", "served"),
    [
        ({"on": True, "off": False}, "off", "on"),
        ({"a": 1, "b": 2}, "b", "a"),
        ({"b": 2, "a": 1}, "b", "a"),
        ({"no": False, "yes": True}, "no", "yes"),
        ({"only": 1}, "only", "only"),
    ],
)
def test_default_targeting__of_a_flag__is_off_until_enabled(variants: dict[str, object], off: str, served: str) -> None:
    targeting = default_targeting(Flag("f", "object", variants))

    assert targeting == Targeting(off, Serve(variant=served), enabled=False)
