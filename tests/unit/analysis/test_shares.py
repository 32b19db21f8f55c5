"""What a flag serves to contexts that are known in part."""

from __future__ import annotations

import doctest
from collections.abc import Mapping

import pytest
from tests.unit.analysis.histories import BETA, ENTERPRISE, ENV, GERMAN, OFF, ON, History, P, at, rule, split, targeting

from flagtrail.analysis import shares
from flagtrail.analysis.shares import Answer, Case, Portion, answer, share_words
from flagtrail.analysis.world import World, world
from flagtrail.model.condition import Condition, Operator, Scalar
from flagtrail.model.flag import Flag, Json, boolean_flag
from flagtrail.model.segment import Segment
from flagtrail.model.state import fold
from flagtrail.model.targeting import Prerequisite, Rule, Serve, Share, Targeting

HALF = split("half", on=50_000, off=50_000)
QUARTER = split("quarter", on=25_000, off=75_000)
NAMES = ("f", "p", "q")


def asked(attribute: str, operator: Operator, *values: Scalar, case_sensitive: bool = True) -> Condition:
    return Condition(attribute=attribute, operator=operator, values=values, case_sensitive=case_sensitive)


def both(*parts: Condition) -> Condition:
    return Condition(all=parts)


def either(*parts: Condition) -> Condition:
    return Condition(any=parts)


def no(part: Condition) -> Condition:
    return Condition(not_=part)


def flag_is(variant: str, flag: str = "p") -> Condition:
    return Condition(flag=flag, variants=(variant,))


def served(
    targetings: Mapping[str, Targeting], where: Mapping[str, Json] | None = None, beta: Condition | None = None
) -> Answer:
    segments = {} if beta is None else {"beta": Segment("beta", beta)}
    flags = {name: boolean_flag(name) for name in NAMES}
    return answer(World(flags, dict(targetings), segments, frozenset()), "f", where or {})


@pytest.mark.parametrize(
    ("document", "where", "told"),
    [
        pytest.param(targeting(ON), {}, "on 100 %", id="single variant"),
        pytest.param(targeting(ON, enabled=False), {}, "off 100 %", id="disabled"),
        pytest.param(targeting(QUARTER), {}, "on 25 %, off 75 %", id="split over unknown keys"),
        pytest.param(targeting(split(on=100_000, off=0)), {}, "on 100 %", id="split that gives all to one"),
        pytest.param(targeting(split("x", on=1, off=99_999)), {"targetingKey": "u1"}, "off 100 %", id="known key"),
        pytest.param(targeting(QUARTER), {"targetingKey": 1.5}, "no variant 100 %", id="key that cannot be hashed"),
        pytest.param(targeting(QUARTER), {"targetingKey": "\ud800"}, "no variant 100 %", id="key that is no Unicode"),
        pytest.param(targeting(QUARTER), {"targetingKey": None}, "no variant 100 %", id="key known to be absent"),
        pytest.param(targeting(OFF, rule(GERMAN)), {}, "if country equals DE: on 100 %; else off 100 %", id="one rule"),
        pytest.param(targeting(OFF, rule(GERMAN)), {"country": "DE"}, "on 100 %", id="rule that holds"),
        pytest.param(targeting(OFF, rule(GERMAN)), {"country": None}, "off 100 %", id="attribute known to be absent"),
        pytest.param(
            targeting(QUARTER, rule(GERMAN), rule(ENTERPRISE, OFF, "r2")),
            {},
            "if country equals DE: on 100 %; else if plan in [enterprise]: off 100 %; else on 25 %, off 75 %",
            id="rules in order",
        ),
        pytest.param(
            targeting(OFF, rule(GERMAN), rule(ENTERPRISE, ON, "r2")),
            {},
            "if country equals DE or plan in [enterprise]: on 100 %; else off 100 %",
            id="rules that serve the same",
        ),
        pytest.param(
            targeting(OFF, rule(GERMAN), rule(ENTERPRISE, ON, "r2"), rule(asked("n", "gt", 5), ON, "r3")),
            {},
            "if country equals DE or plan in [enterprise] or n gt 5: on 100 %; else off 100 %",
            id="three rules that serve the same",
        ),
        pytest.param(targeting(ON, rule(GERMAN), rule(ENTERPRISE, ON, "r2")), {}, "on 100 %", id="rules of no effect"),
        pytest.param(targeting(OFF, rule(both())), {}, "on 100 %", id="empty all"),
        pytest.param(targeting(OFF, rule(either())), {}, "off 100 %", id="empty any"),
        pytest.param(
            targeting(OFF, rule(both(GERMAN, ENTERPRISE))),
            {"plan": "enterprise"},
            "if country equals DE: on 100 %; else off 100 %",
            id="what is known goes out of the condition",
        ),
        pytest.param(targeting(OFF, rule(both(GERMAN, ENTERPRISE))), {"plan": "free"}, "off 100 %", id="decided all"),
        pytest.param(targeting(OFF, rule(either(GERMAN, ENTERPRISE))), {"country": "DE"}, "on 100 %", id="decided any"),
        pytest.param(targeting(OFF, rule(no(ENTERPRISE))), {"plan": "free"}, "on 100 %", id="decided not"),
        pytest.param(
            targeting(OFF, rule(no(ENTERPRISE))), {}, "if not plan in [enterprise]: on 100 %; else off 100 %", id="not"
        ),
        pytest.param(
            targeting(OFF, rule(GERMAN), rule(GERMAN, OFF, "r2")),
            {},
            "if country equals DE: on 100 %; else off 100 %",
            id="a condition asked again",
        ),
        pytest.param(
            targeting(OFF, rule(asked("user.plan", "equals", "pro"))),
            {"user": {"plan": "pro"}},
            "on 100 %",
            id="dotted attribute of a known object",
        ),
        pytest.param(
            targeting(OFF, rule(asked("n", "equals", 1)), rule(asked("n", "equals", True), HALF, "r2")),
            {},
            "if n equals 1: on 100 %; else if n equals true: on 50 %, off 50 %; else off 100 %",
            id="one is not true",
        ),
        pytest.param(
            targeting(OFF, rule(Condition()), rule(BETA, ON, "r2"), rule(flag_is("on", "gone"), ON, "r3")),
            {},
            "off 100 %",
            id="an empty condition, an unknown segment, an unknown flag",
        ),
        pytest.param(targeting(OFF, rule(Condition(attribute="a"))), {}, "off 100 %", id="a test without operator"),
        pytest.param(
            targeting(OFF, rule(both(GERMAN, ENTERPRISE)), rule(both(GERMAN, ENTERPRISE), HALF, "r2")),
            {},
            "if country equals DE and plan in [enterprise]: on 100 %; else off 100 %",
            id="a joined condition asked again",
        ),
        pytest.param(
            targeting(OFF, rule(both(asked("plan", "in", "a"), no(asked("plan", "in", "a", "b"))))),
            {},
            "off 100 %",
            id="a condition that cannot hold",
        ),
        pytest.param(
            targeting(QUARTER, rule(asked("targetingKey", "not_equals", "alice"), OFF)),
            {},
            "if targetingKey not equals alice: off 100 %; else on 100 %",
            id="the one key that is left has its bucket",
        ),
        pytest.param(
            targeting(Serve(split=(Share("on", 1), Share("off", 1)))),
            {"targetingKey": "u1"},
            "off 100 %",
            id="known key beyond a short split",
        ),
        pytest.param(targeting(Serve(variant="gone")), {}, "no variant 100 %", id="unknown variant"),
        pytest.param(targeting(Serve(split=())), {}, "no variant 100 %", id="split of nothing"),
        pytest.param(
            targeting(Serve(split=(Share("on", 1), Share("off", 1)))), {}, "on 0.001 %, off 99.999 %", id="short split"
        ),
        pytest.param(
            targeting(Serve(split=(Share("on", 1),), bucketing="gone")), {}, "no variant 100 %", id="unknown strategy"
        ),
    ],
)
def test_answer__one_flag__told_in_cases(document: Targeting, where: dict[str, Json], told: str) -> None:
    assert served({"f": document}, where).words == told


IN_AB, IN_A, NOT_A = asked("plan", "in", "a", "b"), asked("plan", "in", "a"), asked("plan", "not_in", "a")
EXISTS, ABSENT = asked("plan", "exists"), asked("plan", "not_exists")


@pytest.mark.parametrize(
    ("first", "second", "told"),
    [
        pytest.param(IN_AB, IN_A, "if plan in [a, b]: off 100 %; else on 50 %, off 50 %", id="a wider set fails"),
        pytest.param(
            EXISTS, IN_A, "if plan exists: off 100 %; else on 50 %, off 50 %", id="what is absent is in no set"
        ),
        pytest.param(
            ABSENT, EXISTS, "if plan does not exist: off 100 %; else on 100 %", id="what is not absent is present"
        ),
        pytest.param(
            asked("plan", "starts_with", "a"),
            IN_A,
            "if plan starts with a: off 100 %; else on 50 %, off 50 %",
            id="each value of the set would have begun so",
        ),
        pytest.param(
            NOT_A,
            IN_A,
            "if plan not in [a]: off 100 %; else if plan in [a]: on 100 %; else on 50 %, off 50 %",
            id="neither: absent",
        ),
        pytest.param(
            asked("plan", "in"), IN_A, "if plan in [a]: on 100 %; else on 50 %, off 50 %", id="no value is in nothing"
        ),
        pytest.param(
            asked("plan", "equals", "a", case_sensitive=False),
            asked("plan", "equals", "A"),
            "if plan equals a (in any case): off 100 %; else on 50 %, off 50 %",
            id="case",
        ),
    ],
)
def test_answer__second_rule_follows_from_the_first__not_told(first: Condition, second: Condition, told: str) -> None:
    assert served({"f": targeting(HALF, rule(first, OFF), rule(second, ON, "r2"))}).words == told


@pytest.mark.parametrize(
    ("flag", "other", "told"),
    [
        pytest.param(targeting(ON, needs=["p"]), targeting(ON), "on 100 %", id="met"),
        pytest.param(targeting(ON, needs=["p"]), targeting(OFF), "off 100 %", id="not met"),
        pytest.param(targeting(HALF, needs=["p"]), targeting(QUARTER), "on 12.5 %, off 87.5 %", id="independent"),
        pytest.param(targeting(HALF, needs=["p"]), targeting(HALF), "on 50 %, off 50 %", id="the same buckets"),
        pytest.param(
            targeting(split("half", on=25_000, off=75_000), needs=["p"]),
            targeting(split("half", off=50_000, on=50_000)),
            "off 100 %",
            id="buckets apart",
        ),
        pytest.param(
            targeting(ON, needs=["p"]),
            targeting(OFF, rule(GERMAN)),
            "if country equals DE: on 100 %; else off 100 %",
            id="conditional",
        ),
        pytest.param(
            targeting(OFF, rule(flag_is("on"))),
            targeting(QUARTER, rule(GERMAN)),
            "if country equals DE: on 100 %; else on 25 %, off 75 %",
            id="condition on a flag",
        ),
        pytest.param(
            targeting(HALF, rule(flag_is("on"), OFF), rule(GERMAN, OFF, "r2")),
            targeting(OFF, rule(GERMAN, QUARTER)),
            "if country equals DE: off 100 %; else on 50 %, off 50 %",
            id="the same attribute in both",
        ),
        pytest.param(
            targeting(OFF, rule(flag_is("off"), ON), rule(flag_is("on"), HALF, "r2")),
            targeting(QUARTER),
            "on 87.5 %, off 12.5 %",
            id="asked twice",
        ),
        pytest.param(targeting(ON, needs=["f"]), targeting(ON), "no variant 100 %", id="a cycle"),
    ],
)
def test_answer__another_flag__resolved_at_the_same_moment(flag: Targeting, other: Targeting, told: str) -> None:
    assert served({"f": flag, "p": other}).words == told


def test_answer__flag_without_targeting__is_off() -> None:
    assert served({}).words == "off 100 %"


@pytest.mark.parametrize(
    ("beta", "told"),
    [
        pytest.param(GERMAN, "if country equals DE: on 100 %; else off 100 %", id="by its condition"),
        pytest.param(both(), "on 100 %", id="everybody"),
        pytest.param(either(BETA, GERMAN), "off 100 %", id="a cycle"),
    ],
)
def test_answer__segment__told_by_its_condition(beta: Condition, told: str) -> None:
    assert served({"f": targeting(OFF, rule(BETA))}, beta=beta).words == told


ALICE = asked("targetingKey", "in", "alice", "bob")


def test_answer__keys_known_by_name_before_a_split__told_by_their_bucket_not_by_a_share() -> None:
    found = served({"f": targeting(QUARTER, rule(ALICE, HALF))})
    case = found.cases[0]
    assert [portion.percent for portion in case.portions] == [100.0]
    assert found.cases[-1].portions == (Portion("on", 25.0, True), Portion("off", 75.0, False))


def test_answer__keys_known_by_name_after_a_draw__told_by_their_bucket_too() -> None:
    told = served({"f": targeting(OFF, rule(ALICE), needs=["p"]), "p": targeting(HALF)})
    assert {portion.percent for case in told.cases for portion in case.portions} == {100.0}


def test_answer__split_by_an_attribute_known_to_be_absent__no_variant() -> None:
    missing = asked("company", "not_exists")
    document = targeting(OFF, rule(missing, split("x", "company", on=50_000, off=50_000)))
    assert served({"f": document}).words == "if company does not exist: no variant 100 %; else off 100 %"


@pytest.mark.parametrize(
    "values",
    [
        pytest.param(tuple(f"u{index}" for index in range(21)), id="too many keys"),
        pytest.param((1, 2), id="keys that are numbers"),
    ],
)
def test_answer__more_than_can_be_told_apart__names_the_attributes(values: tuple[Scalar, ...]) -> None:
    named = Condition(attribute="targetingKey", operator="in", values=values)
    found = served({"f": targeting(OFF, rule(both(GERMAN, named), HALF))}, {"plan": "pro"})
    assert (found.words, found.share("on")) == ("depends on country, targetingKey", None)


def test_answer__too_many_ways__names_the_attributes() -> None:
    names = [f"p{index}" for index in range(10)]
    parts = [both(flag_is("on", name), asked(f"a{name}", "equals", 1)) for name in names]
    targetings = {name: targeting(split(name, on=50_000, off=50_000)) for name in names}
    read = World(
        {name: boolean_flag(name) for name in ("f", *names)},
        {"f": targeting(OFF, rule(either(*parts))), **targetings},
        {},
        frozenset(),
    )
    assert answer(read, "f", {}).depends_on == (*(f"a{name}" for name in names), "targetingKey")


def test_answer__too_many_cases__names_the_attributes() -> None:
    rules = [Rule(f"r{i}", asked("n", "equals", i), split(f"s{i}", on=i + 1, off=99_999 - i)) for i in range(70)]
    assert served({"f": targeting(OFF, *rules)}).depends_on == ("n", "targetingKey")


def test_answer__two_independent_questions__cases_within_cases() -> None:
    first = targeting(OFF, rule(GERMAN, QUARTER))
    second = targeting(HALF, rule(both(flag_is("on"), ENTERPRISE)))
    assert served({"f": second, "p": first}).words == (
        "if country equals DE and plan in [enterprise]: on 62.5 %, off 37.5 %; else on 50 %, off 50 %"
    )


def test_answer__split__names_the_attribute_that_it_takes_to_be_present() -> None:
    assert served({"f": targeting(split("x", "company", on=1, off=99_999))}).assumes_present == ("company",)


@pytest.mark.parametrize(
    ("flag", "told"),
    [
        pytest.param(None, "none (no such flag)", id="missing"),
        pytest.param(boolean_flag("f", archived=True), "none (archived)", id="archived"),
    ],
)
def test_answer__nothing_to_serve__says_so(flag: Flag | None, told: str) -> None:
    found = answer(World({} if flag is None else {"f": flag}, {}, {}, frozenset()), "f", {})
    assert (found.words, found.share("on"), found.only_variant) == (told, 0.0, None)


def test_share__one_case__the_percentage_or_nothing() -> None:
    found = served({"f": targeting(QUARTER)})
    assert [found.share(variant) for variant in ("on", "off", "gone")] == [25.0, 75.0, 0.0]


def test_portion__next_to_everybody__never_rounded_to_all() -> None:
    chain = {name: targeting(split(name, on=99_999, off=1)) for name in ("p", "q")}
    needs = (Prerequisite("p", ("on",)), Prerequisite("q", ("on",)))
    found = served({"f": Targeting("off", ON, enabled=True, prerequisites=needs), **chain})
    assert found.words == "on 99.998 %, off 0.002 %"


def test_case__of_everybody__has_no_condition() -> None:
    assert served({"f": targeting(ON)}).cases == (Case(None, None, (Portion("on", 100.0, True),)),)


def test_world__what_a_flag_can_read__and_nothing_else() -> None:
    history = History()
    for name in ("f", "p", "q", "unrelated"):
        history.flag(name, at(1))
    history.target("f", targeting(ON, rule(BETA), needs=["p", "p"]), at(1))
    history.target("p", targeting(), at(1))
    history.segment("beta", flag_is("on", "q"), at(1))
    history.target("q", targeting(), at(1))
    history.target("q", None, at(2))
    read = world(fold(history.entries), P, ENV, "f")
    assert (sorted(read.flags), sorted(read.targetings), sorted(read.segments)) == (
        ["f", "p", "q"],
        ["f", "p"],
        ["beta"],
    )
    assert sorted(read.seqs) == [0, 1, 2, 4, 5, 6, 8]


@pytest.mark.parametrize(
    ("portion", "told"),
    [
        pytest.param(Portion("on", 100.0, True), "on 100 %", id="on is true"),
        pytest.param(Portion("on", 100.0, 1), "on (1) 100 %", id="on is a number"),
        pytest.param(Portion("control", 50.0, "control"), "control 50 %", id="named like its value"),
        pytest.param(Portion("true", 50.0, True), "true 50 %", id="named true"),
        pytest.param(Portion("half", 50.0, 0.5), "half (0.5) 50 %", id="another value"),
        pytest.param(Portion(None, 50.0), "no variant 50 %", id="none"),
    ],
)
def test_portion__value__told_where_the_name_does_not_say_it(portion: Portion, told: str) -> None:
    assert portion.words == told


def test_shares__their_examples__are_true() -> None:
    assert doctest.testmod(shares).failed == 0


@pytest.mark.parametrize(
    ("found", "variant", "told"),
    [
        pytest.param(Answer("missing"), "on", "none", id="no such flag"),
        pytest.param(Answer("served", (), ("plan", "seats")), "on", "depends on plan, seats", id="cannot be told"),
        pytest.param(Answer("served", (Case(None, None, (Portion("on", 100),)),)), "on", "all", id="all"),
        pytest.param(Answer("served", (Case(None, None, (Portion("on", 100),)),)), "off", "none", id="none"),
        pytest.param(Answer("served", (Case(None, None, (Portion("on", 25),)),)), "on", "25 %", id="a part"),
        pytest.param(
            Answer("served", (Case("a", GERMAN, (Portion("on", 100),)), Case(None, None, (Portion("on", 25),)))),
            "on",
            "all if a, else 25 %",
            id="all where a condition holds",
        ),
        pytest.param(
            Answer(
                "served",
                (
                    Case("a", GERMAN, (Portion("x", 100),)),
                    Case("b", ENTERPRISE, (Portion("y", 100),)),
                    Case("c", GERMAN, (Portion("on", 100),)),
                    Case(None, None, (Portion("y", 100),)),
                ),
            ),
            "on",
            "none if a or b, else all if c, else none",
            id="cases that differ in others",
        ),
        pytest.param(
            Answer("served", (Case("a", GERMAN, (Portion("x", 100),)), Case(None, None, (Portion("y", 100),)))),
            "on",
            "none",
            id="cases that differ in others alone",
        ),
    ],
)
def test_share_words__of_one_variant__say_what_it_depends_on(found: Answer, variant: str, told: str) -> None:
    assert share_words(found, variant) == told
