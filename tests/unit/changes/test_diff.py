"""What differs between two versions of a document."""

from __future__ import annotations

import doctest
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flagtrail.changes import diff
from flagtrail.changes.actions import actions
from flagtrail.changes.diff import condition_words, paths, same, text, words
from flagtrail.model.condition import Condition
from flagtrail.model.document import encode
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
from flagtrail.model.targeting import Prerequisite, Rule, Serve, Share, Targeting

TARGETING = targeting_subject("default", "new_pricing", "production")
FLAG = flag_subject("default", "new_pricing")
ON, OFF = Serve(variant="on"), Serve(variant="off")
ENTERPRISE = Condition(attribute="plan", operator="in", values=("enterprise",))
PRO = Condition(attribute="plan", operator="in", values=("enterprise", "pro"))
GERMAN = Condition(attribute="country", operator="equals", values=("DE",))


def split(**weights: int) -> Serve:
    shares = tuple(Share(variant, weight) for variant, weight in weights.items())
    return Serve(split=shares, by="targetingKey", salt="new_pricing", bucketing="murmur3")


def rule(key: str, when: Condition = ENTERPRISE, serve: Serve = ON, description: str = "") -> Rule:
    return Rule(key, when, serve, description)


def targeting(fallthrough: Serve = OFF, *rules: Rule, **more: Any) -> Any:  # noqa: ANN401 - JSON
    return encode(Targeting(off_variant="off", fallthrough=fallthrough, rules=rules, **more))


def flag(**more: object) -> dict[str, object]:
    return {
        "key": "new_pricing",
        "type": "boolean",
        "variants": {"on": True, "off": False},
        "description": "",
        "owner": "billing",
        "tags": ["critical"],
        "lifecycle": {"kind": "release", "remove_by": None},
        "archived": False,
        **more,
    }


def segment(when: Condition, description: str = "") -> Any:  # noqa: ANN401 - JSON
    return encode(Segment("beta", when, description))


MEMBER = {"key": "eve", "name": "Eve", "email": "eve@example.org", "role": "viewer", "grants": [], "active": True}
GRANT = {"project": "default", "role": "editor", "environment": None}
TOKEN = {"key": "t1", "kind": "server", "name": "", "project": "default", "revoked": False}
SIGNIN = {"credential": "password", "minute": "2026-11-22T07:00:00Z", "attempts": 3}
ABC = (rule("a"), rule("b"), rule("c"))

CASES = [
    pytest.param(
        TARGETING, targeting(), targeting(enabled=True), ["enabled"], ["/enabled"], ["enabled"], id="turned on"
    ),
    pytest.param(
        TARGETING, targeting(enabled=True), targeting(), ["disabled"], ["/enabled"], ["disabled"], id="turned off"
    ),
    pytest.param(
        TARGETING,
        None,
        targeting(OFF, enabled=True, prerequisites=(Prerequisite("billing_v2", ("on",)),)),
        ["created", "enabled"],
        [""],
        ["created", "enabled", "off variant off", "prerequisite billing_v2 is on", "everybody gets off"],
        id="targeting created enabled",
    ),
    pytest.param(
        TARGETING,
        None,
        targeting(split(on=25_000, off=75_000), rule("r1", description="enterprise first")),
        ["created"],
        [""],
        [
            "created",
            "disabled",
            "off variant off",
            "rule 'enterprise first': on where plan in [enterprise]",
            "everybody else gets on 25 %, off 75 %",
        ],
        id="targeting created with a rule",
    ),
    pytest.param(TARGETING, targeting(), None, ["deleted"], [""], ["deleted"], id="targeting deleted"),
    pytest.param(
        TARGETING,
        targeting(enabled=True),
        None,
        ["deleted", "disabled"],
        [""],
        ["deleted"],
        id="targeting deleted while enabled",
    ),
    pytest.param(
        TARGETING,
        targeting(split(on=25_000, off=75_000)),
        targeting(split(on=50_000, off=50_000)),
        ["rollout_changed"],
        ["/fallthrough/split/0/weight", "/fallthrough/split/1/weight"],
        ["rollout of on 25 % to 50 %"],
        id="weights",
    ),
    pytest.param(
        TARGETING,
        targeting(split(on=25_000, off=75_000)),
        targeting(ON),
        ["rollout_changed"],
        [f"/fallthrough/{part}" for part in ("bucketing", "by", "salt", "split", "variant")],
        ["rollout of on 25 % to 100 %"],
        id="split to single",
    ),
    pytest.param(
        TARGETING,
        targeting(OFF),
        targeting(split(on=33_333, off=66_667)),
        ["rollout_changed"],
        [f"/fallthrough/{part}" for part in ("bucketing", "by", "salt", "split", "variant")],
        ["rollout of on 0 % to 33.333 %"],
        id="single to split",
    ),
    pytest.param(
        TARGETING,
        targeting(OFF),
        targeting(ON),
        ["rollout_changed"],
        ["/fallthrough/variant"],
        ["serves on instead of off"],
        id="single to single",
    ),
    pytest.param(
        TARGETING,
        targeting(split(a=50_000, b=50_000)),
        targeting(split(a=25_000, b=25_000, c=50_000)),
        ["rollout_changed"],
        ["/fallthrough/split/0/weight", "/fallthrough/split/1/weight", "/fallthrough/split/2"],
        ["rollout of a 50 %, b 50 % became a 25 %, b 25 %, c 50 %"],
        id="three shares",
    ),
    pytest.param(
        TARGETING,
        targeting(split(a=50_000, b=50_000)),
        targeting(msgspec.structs.replace(split(b=50_000, a=50_000), by="email", salt="again")),
        ["rollout_changed"],
        ["/fallthrough/by", "/fallthrough/salt", "/fallthrough/split/0/variant", "/fallthrough/split/1/variant"],
        ["the split's order became b, a", "split by targetingKey became email", "split salt new_pricing became again"],
        id="layout of a split",
    ),
    pytest.param(
        TARGETING,
        targeting(OFF, rule("r1"), rule("r2", GERMAN)),
        targeting(OFF, rule("r0", GERMAN, description="Germany"), rule("r1"), rule("r2", GERMAN)),
        ["targeting_changed"],
        ["/rules/0"],
        ["rule 'Germany' added: on where country equals DE"],
        id="rule added in front",
    ),
    pytest.param(
        TARGETING,
        targeting(OFF, *ABC),
        targeting(OFF, ABC[0], ABC[2]),
        ["targeting_changed"],
        ["/rules/1"],
        ["rule 'b' removed"],
        id="rule removed",
    ),
    pytest.param(
        TARGETING,
        targeting(OFF, *ABC),
        targeting(OFF, ABC[1], ABC[2], ABC[0]),
        ["targeting_changed"],
        ["/rules/0/id", "/rules/1/id", "/rules/2/id"],
        ["rule 'a' moved from 1 to 3"],
        id="rule moved",
    ),
    pytest.param(
        TARGETING,
        targeting(OFF, rule("r1", description="x")),
        targeting(OFF, rule("r1", PRO, description="x")),
        ["targeting_changed"],
        ["/rules/0/when/values/1"],
        ["rule 'x': plan in [enterprise] became plan in [enterprise, pro]"],
        id="condition",
    ),
    pytest.param(
        TARGETING,
        targeting(OFF, rule("r1")),
        targeting(OFF, rule("r1", serve=OFF)),
        ["rollout_changed"],
        ["/rules/0/serve/variant"],
        ["rule 'r1': serves off instead of on"],
        id="a rule's variant",
    ),
    pytest.param(
        TARGETING,
        targeting(OFF, rule("r1")),
        targeting(OFF, rule("r1", serve=split(on=50_000, off=50_000), description="half")),
        ["rollout_changed", "targeting_changed"],
        ["/rules/0/description", *[f"/rules/0/serve/{p}" for p in ("bucketing", "by", "salt", "split", "variant")]],
        ["rule 'r1' is now called 'half'", "rule 'half': rollout of on 100 % to 50 %"],
        id="a rule's serve",
    ),
    pytest.param(
        TARGETING,
        targeting(prerequisites=(Prerequisite("a", ("on",)), Prerequisite("b", ("on",)))),
        targeting(prerequisites=(Prerequisite("b", ("on", "half")), Prerequisite("c", ("on",)))),
        ["prerequisites_changed"],
        ["/prerequisites/0/flag", "/prerequisites/0/variants/1", "/prerequisites/1/flag"],
        ["prerequisite a is on removed", "prerequisite b is on became in [on, half]", "prerequisite c is on added"],
        id="prerequisites",
    ),
    pytest.param(
        TARGETING,
        targeting(prerequisites=(Prerequisite("a", ("on",)), Prerequisite("b", ("on",)))),
        targeting(prerequisites=(Prerequisite("b", ("on",)), Prerequisite("a", ("on",)))),
        ["prerequisites_changed"],
        ["/prerequisites/0/flag", "/prerequisites/1/flag"],
        ["written differently, the same in meaning"],
        id="order of prerequisites",
    ),
    pytest.param(
        TARGETING,
        targeting(),
        {**targeting(), "off_variant": "control"},
        ["off_variant_changed"],
        ["/off_variant"],
        ["off variant off became control"],
        id="off variant",
    ),
    pytest.param(
        FLAG,
        None,
        flag(),
        ["created"],
        [""],
        ["created", "boolean with the variants on = true, off = false"],
        id="flag created",
    ),
    pytest.param(
        FLAG,
        flag(),
        flag(type="float", variants={"on": 1, "half": 0.5}),
        ["type_changed", "variants_changed"],
        ["/type", "/variants/half", "/variants/off", "/variants/on"],
        [
            "type boolean became float",
            "variant on: true became 1",
            "variant off removed (it was false)",
            "variant half added: 0.5",
        ],
        id="type",
    ),
    pytest.param(
        FLAG,
        flag(),
        flag(owner="growth", tags=["release"], description="New prices", archived=True),
        ["archived", "details_changed"],
        ["/archived", "/description", "/owner", "/tags/0"],
        [
            'description "" became New prices',
            "owner billing became growth",
            "tag critical removed",
            "tag release added",
            "archived",
        ],
        id="details",
    ),
    pytest.param(
        FLAG,
        flag(archived=True, tags=["a", "b"]),
        flag(tags=["b", "a"], lifecycle={"kind": "permission", "remove_by": "2026-12-31"}),
        ["details_changed", "lifecycle_changed", "restored"],
        ["/archived", "/lifecycle/kind", "/lifecycle/remove_by", "/tags/0", "/tags/1"],
        [
            "tags became [b, a]",
            "lifecycle kind: release became permission",
            'lifecycle remove by: none became "2026-12-31"',
            "restored",
        ],
        id="lifecycle",
    ),
    pytest.param(
        segment_subject("default", "beta"),
        None,
        segment(GERMAN),
        ["created"],
        [""],
        ["created", "country equals DE"],
        id="segment created",
    ),
    pytest.param(
        segment_subject("default", "beta"),
        segment(GERMAN),
        segment(ENTERPRISE, "those who pay"),
        ["details_changed", "targeting_changed"],
        ["/description", "/when/attribute", "/when/operator", "/when/values/0"],
        ["segment: country equals DE became plan in [enterprise]", 'description "" became those who pay'],
        id="segment changed",
    ),
    pytest.param(
        member_subject("eve"),
        MEMBER,
        {**MEMBER, "role": "editor", "grants": [GRANT], "name": "Eva"},
        ["access_changed", "details_changed"],
        ["/grants/0", "/name", "/role"],
        [
            "name Eve became Eva",
            "role viewer became editor",
            'grant {"project": "default", "role": "editor", "environment": null} added',
        ],
        id="member",
    ),
    pytest.param(
        token_subject("t1"),
        TOKEN,
        {**TOKEN, "revoked": True},
        ["revoked"],
        ["/revoked"],
        ["revoked"],
        id="token revoked",
    ),
    pytest.param(
        token_subject("t1"),
        {**TOKEN, "revoked": True},
        TOKEN,
        ["access_changed"],
        ["/revoked"],
        ["no longer revoked"],
        id="token restored",
    ),
    pytest.param(
        policy_subject("default"),
        {"why_required": "production"},
        {"why_required": "always"},
        ["policy_changed"],
        ["/why_required"],
        ["why required production became always"],
        id="policy",
    ),
    pytest.param(
        environment_subject("default", "production"),
        {"key": "production", "production": False},
        {"key": "production", "production": True},
        ["policy_changed"],
        ["/production"],
        ["production false became true"],
        id="environment",
    ),
    pytest.param(
        project_subject("default"),
        {"key": "default", "name": ""},
        {"key": "default", "name": "Shop"},
        ["details_changed"],
        ["/name"],
        ['name "" became Shop'],
        id="project",
    ),
    pytest.param(
        project_subject("default"), None, {"key": "default"}, ["created"], [""], ["created"], id="project created"
    ),
    pytest.param(
        signin_subject("password"),
        None,
        SIGNIN,
        ["signin_failed"],
        [""],
        ["3 failed with password in the minute from 2026-11-22T07:00:00Z"],
        id="first failed sign-in",
    ),
    pytest.param(
        signin_subject("password"),
        {**SIGNIN, "attempts": 1},
        SIGNIN,
        ["signin_failed"],
        ["/attempts"],
        ["3 failed with password in the minute from 2026-11-22T07:00:00Z"],
        id="failed sign-ins",
    ),
]


@pytest.mark.parametrize(("subject", "before", "after", "does", "where", "told"), CASES)
def test_diff__two_versions__told_as_actions_pointers_and_words(
    subject: Subject, before: object, after: object, does: list[str], where: list[str], told: list[str]
) -> None:
    assert list(actions(subject, before, after)) == does
    assert list(paths(before, after)) == where
    assert list(words(subject, before, after)) == told


@pytest.mark.parametrize("subject", [TARGETING, FLAG, signin_subject("password")], ids=lambda subject: subject.kind)
def test_diff__the_same_document__nothing_to_tell(subject: Subject) -> None:
    assert (actions(subject, None, None), words(subject, None, None), paths(None, None)) == ((), (), ())


def test_actions__swapped_numbers_and_booleans__are_different_values() -> None:
    assert actions(FLAG, flag(variants={"on": True}), flag(variants={"on": 1})) == ("variants_changed",)


def test_paths__an_integer_written_as_a_float__is_the_same() -> None:
    assert paths({"a": [1, 2]}, {"a": (1.0, 2)}) == ()


def test_paths__keys_with_slashes_and_tildes__are_escaped() -> None:
    assert paths({"a/b~c": 1}, {"a/b~c": 2}) == ("/a~1b~0c",)


def test_paths__more_than_two_hundred__collapse_to_parents() -> None:
    before = {"near": 1, "far": {"list": list(range(201)), "other": 1}}
    after = {"near": 2, "far": {"list": list(range(1, 202))[::-1], "other": 2}}
    assert paths(before, after) == ("/far/list", "/far/other", "/near")


@pytest.mark.parametrize(
    ("condition", "told"),
    [
        pytest.param(Condition(all=()), "always", id="empty all"),
        pytest.param(Condition(any=()), "never", id="empty any"),
        pytest.param(Condition(not_=Condition(segment="beta")), "not segment beta", id="not segment"),
        pytest.param(
            Condition(all=(PRO, Condition(any=(GERMAN, Condition(not_=Condition(segment="beta")))))),
            "plan in [enterprise, pro] and (country equals DE or not segment beta)",
            id="nested",
        ),
        pytest.param(
            Condition(not_=Condition(any=(GERMAN, PRO))),
            "not (country equals DE or plan in [enterprise, pro])",
            id="not any",
        ),
        pytest.param(
            Condition(any=(GERMAN, Condition(all=(Condition(all=(PRO,)),)))),
            "country equals DE or plan in [enterprise, pro]",
            id="single parts need no brackets",
        ),
        pytest.param(
            Condition(all=(GERMAN, Condition(all=(Condition(any=(PRO, GERMAN)),)))),
            "country equals DE and (plan in [enterprise, pro] or country equals DE)",
            id="a single part that needs brackets",
        ),
        pytest.param(Condition(flag="billing_v2", variants=("on",)), "flag billing_v2 is on", id="flag"),
        pytest.param(Condition(flag="b", variants=("on", "half")), "flag b in [on, half]", id="flag of two variants"),
        pytest.param(Condition(attribute="plan", operator="exists", values=()), "plan exists", id="exists"),
        pytest.param(Condition(attribute="plan", operator="not_exists"), "plan does not exist", id="not exists"),
        pytest.param(
            Condition(attribute="app", operator="semver_gte", values=("2.0.0",)), 'app semver gte "2.0.0"', id="semver"
        ),
        pytest.param(
            Condition(attribute="name", operator="equals", values=("Eve", "true"), case_sensitive=False),
            'name equals [Eve, "true"] (in any case)',
            id="any case",
        ),
        pytest.param(
            Condition(attribute="n", operator="in", values=tuple(range(2_000))),
            "n in [0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 1,990 more]",
            id="long list",
        ),
    ],
)
def test_condition_words__every_form__reads_as_a_sentence(condition: Condition, told: str) -> None:
    assert condition_words(condition) == told


@pytest.mark.parametrize(
    ("value", "told"),
    [
        pytest.param("a, b", '"a, b"', id="a comma"),
        pytest.param("a\n", '"a\\n"', id="a line end"),
        pytest.param(" a", '" a"', id="a leading space"),
        pytest.param("8", '"8"', id="a text of digits"),
        pytest.param("x" * 100, '"' + "x" * 78 + "…", id="a long text"),
    ],
)
def test_text__what_could_be_misread__is_quoted(value: str, told: str) -> None:
    assert text(value) == told


JSONS = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats(-2, 2, allow_nan=False) | st.text("ab/~", max_size=2),
    lambda part: st.lists(part, max_size=4) | st.dictionaries(st.text("ab/~", max_size=2), part, max_size=4),
)


@given(JSONS, JSONS)
def test_paths__any_two_values__empty_exactly_where_same(before: object, after: object) -> None:
    assert (paths(before, after) == ()) == same(before, after)


CONDITIONS = st.sampled_from([ENTERPRISE, PRO, GERMAN, Condition(not_=GERMAN), Condition(segment="beta")])
SERVES = st.sampled_from([ON, OFF, split(on=1, off=99_999), split(on=50_000, off=50_000), split(off=50_000, on=50_000)])
TARGETINGS = st.builds(
    Targeting,
    off_variant=st.sampled_from(["on", "off"]),
    fallthrough=SERVES,
    enabled=st.booleans(),
    prerequisites=st.lists(
        st.builds(Prerequisite, st.sampled_from(["a", "b"]), st.sampled_from([("on",), ("on", "off")])), max_size=2
    ).map(tuple),
    rules=st.lists(
        st.builds(Rule, st.sampled_from(["r1", "r2", "r3", "r4"]), CONDITIONS, SERVES, st.sampled_from(["", "x"])),
        max_size=4,
        unique_by=lambda rule: rule.id,
    ).map(tuple),
)


@given(TARGETINGS, TARGETINGS)
def test_diff__any_two_targetings__told_exactly_where_different(before: Targeting, after: Targeting) -> None:
    old, new = encode(before), encode(after)
    assert bool(actions(TARGETING, old, new)) == (before != after)
    assert bool(words(TARGETING, old, new)) == (before != after)
    assert bool(paths(old, new)) == (before != after)


def test_diff__its_examples__are_true() -> None:
    assert doctest.testmod(diff).failed == 0
