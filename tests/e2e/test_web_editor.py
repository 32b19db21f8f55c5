"""The pages' small languages: what the editor shows stands for the same document that it was made from."""

from __future__ import annotations

import json
from urllib.parse import urlencode

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flagtrail.model.document import encode
from flagtrail.model.errors import InvalidDocument, InvalidQuery, MalformedRequest
from flagtrail.model.flag import Flag, Json, boolean_flag
from flagtrail.model.targeting import Targeting
from flagtrail.server.web import charts, words
from flagtrail.server.web.editor import act, document_of, draft_from, draft_of
from flagtrail.server.web.forms import Form, read_context, read_form, read_json, read_values, write_values
from flagtrail.server.web.page import local

FLAG = Flag(key="colour", type="string", variants={"red": "r", "green": "g", "off": "o"})
VARIANTS = st.sampled_from(list(FLAG.variants))
SCALARS = st.one_of(
    st.text(max_size=12).map(lambda text: text.replace("\x00", "")),
    st.integers(-(2**53) + 1, 2**53 - 1),
    st.booleans(),
    st.floats(allow_nan=False, allow_infinity=False),
)
TESTS = st.one_of(
    st.fixed_dictionaries(
        {
            "attribute": st.sampled_from(["plan", "user.country"]),
            "operator": st.sampled_from(["in", "equals", "gte"]),
            "values": st.lists(SCALARS, min_size=1, max_size=4),
        }
    ),
    st.fixed_dictionaries({"attribute": st.just("plan"), "operator": st.just("exists")}),
    st.fixed_dictionaries({"segment": st.just("beta")}),
    st.fixed_dictionaries({"not": st.fixed_dictionaries({"segment": st.just("beta")})}),
)
CONDITIONS = st.one_of(
    TESTS,
    st.fixed_dictionaries({"all": st.lists(TESTS, min_size=2, max_size=3)}),
    st.fixed_dictionaries({"any": st.lists(TESTS, min_size=1, max_size=3)}),
    st.fixed_dictionaries({"any": st.lists(st.fixed_dictionaries({"all": st.lists(TESTS, max_size=2)}), max_size=2)}),
    st.fixed_dictionaries({"flag": st.just("other"), "variants": st.just(["on"])}),
)


@st.composite
def serves(draw: st.DrawFn) -> Json:
    if draw(st.booleans()):
        return {"variant": draw(VARIANTS)}
    first = draw(st.integers(1, 99_999))
    order = draw(st.permutations(["red", "green"]))
    split = [{"variant": order[0], "weight": first}, {"variant": order[1], "weight": 100_000 - first}]
    return {"split": split, "by": "targetingKey", "salt": "colour", "bucketing": "murmur3"}


@st.composite
def targetings(draw: st.DrawFn) -> Targeting:
    conditions = draw(st.lists(CONDITIONS, max_size=3))
    rules = [
        {"id": f"r{index}", "description": draw(st.sampled_from(["", "first"])), "when": when, "serve": draw(serves())}
        for index, when in enumerate(conditions)
    ]
    value = {
        "enabled": draw(st.booleans()),
        "off_variant": draw(VARIANTS),
        "prerequisites": draw(st.sampled_from([[], [{"flag": "other", "variants": ["on", "off"]}]])),
        "rules": rules,
        "fallthrough": draw(serves()),
    }
    return msgspec.convert(value, Targeting)


@given(targetings())
def test_draft__of_any_targeting__stands_for_the_same_document(targeting: Targeting) -> None:
    assert document_of(draft_of(targeting, FLAG)) == encode(targeting)


@given(st.lists(SCALARS, max_size=5))
def test_values__written_and_read_again__are_the_same(values: list[Json]) -> None:
    read = read_values(write_values(values))
    assert [(type(value), value) for value in read] == [(type(value), value) for value in values]


@given(st.lists(st.tuples(st.text(min_size=1, max_size=5), st.text(max_size=10)), max_size=5))
def test_form__of_any_fields__is_read_as_it_was_sent(pairs: list[tuple[str, str]]) -> None:
    plain = [(name, value.replace("\r", "").replace("\x00", "")) for name, value in pairs]
    form = read_form(urlencode(plain).encode())
    assert sorted(form.pairs()) == sorted(plain)


@pytest.mark.parametrize(
    ("do", "expected"),
    [
        pytest.param("up:1", ["b", "a"], id="up"),
        pytest.param("down:0", ["b", "a"], id="down"),
        pytest.param("up:0", ["a", "b"], id="up from the top"),
        pytest.param("down:7", ["a", "b"], id="a place that does not exist"),
        pytest.param("remove-rule:0", ["b"], id="remove"),
        pytest.param("add-rule", ["a", "b", "rule-1"], id="add"),
        pytest.param("nonsense", ["a", "b"], id="an unknown button"),
    ],
)
def test_button__of_the_editor__moves_rules_as_it_says(do: str, expected: list[str]) -> None:
    rules = [
        ("rules", "2"),
        *((f"r{index}.{field}", value) for index, key in enumerate("ab") for field, value in (("id", key),)),
    ]
    draft = act(draft_from(Form(rules), FLAG), do, FLAG)
    assert [rule.id for rule in draft.rules] == expected


def test_draft__with_percentages_that_are_none__names_each(subtests: pytest.Subtests) -> None:
    form = Form(
        [("f.serve", "__split__"), *(("f.variant", key) for key in FLAG.variants)]
        + [("f.percent", told) for told in ("half", "101", "0.0001")]
    )
    with pytest.raises(InvalidDocument) as caught:
        document_of(draft_from(form, FLAG))
    for index in range(3):
        with subtests.test(index=index):
            assert caught.value.defects[index].path == f"/fallthrough/split/{index}/weight"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("plan=enterprise, seats=25", {"plan": "enterprise", "seats": 25}, id="pairs"),
        pytest.param("plan=pro\nbeta=true", {"plan": "pro", "beta": True}, id="lines"),
        pytest.param('{"user": {"country": "DE"}}', {"user": {"country": "DE"}}, id="JSON"),
        pytest.param('code="25"', {"code": "25"}, id="a quoted text"),
        pytest.param("", {}, id="nothing"),
    ],
)
def test_context__as_people_write_it__is_read(text: str, expected: dict[str, Json]) -> None:
    assert read_context(text) == expected


@pytest.mark.parametrize("text", ["plan", "=x", "plan=a, oops"])
def test_context__without_an_equals_sign__is_refused(text: str) -> None:
    with pytest.raises(InvalidQuery):
        read_context(text)


@pytest.mark.parametrize("text", ["{", '{"a": 1, "a": 2}', "NaN", "[" * 100_000])
def test_json__that_is_none__is_refused(text: str) -> None:
    with pytest.raises(MalformedRequest):
        read_json(text, "the targeting")


@pytest.mark.parametrize(
    ("to", "expected"),
    [
        pytest.param("/flags?tag=a#x", "/flags?tag=a#x", id="here"),
        pytest.param("https://evil.example/", "/", id="another site"),
        pytest.param("//evil.example/", "/", id="another site without a scheme"),
        pytest.param("/\\evil.example", "/", id="a backslash"),
        pytest.param("/a\nSet-Cookie: x", "/", id="a header"),
        pytest.param("javascript:alert(1)", "/", id="a script"),
    ],
)
def test_address__to_go_on_to__stays_within_this_installation(to: str, expected: str) -> None:
    assert local(to) == expected


def test_colours__of_a_boolean_flag__give_off_the_grey_one_in_any_order() -> None:
    flag = boolean_flag("f")
    turned = Flag(key="f", type="boolean", variants=dict(sorted(flag.variants.items())))
    assert words.places(flag) == words.places(turned) == {"on": 0, "off": 1}


def test_chart__with_markup_in_a_label__escapes_it() -> None:
    drawn = charts.bars([charts.Bar("<script>", 1)], title='"><script>')
    assert "<script>" not in drawn


def test_lines__of_two_documents__leave_out_what_is_the_same() -> None:
    before = {"numbers": list(range(30)), "name": "a"}
    rows = words.rows(before, {**before, "name": "b"})
    assert sum(row.gap for row in rows) + len([row for row in rows if not row.gap]) == len(
        json.dumps(before, indent=2).splitlines()
    )
    assert [(row.left, row.right) for row in rows if row.changed] == [('  "name": "a",', '  "name": "b",')]
