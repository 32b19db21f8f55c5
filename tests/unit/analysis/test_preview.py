"""What a change would do: transitions, who they reach, which flags follow, and what is said of them."""

from __future__ import annotations

import pytest
from tests.unit.analysis.histories import (
    BETA,
    ENTERPRISE,
    ENV,
    GERMAN,
    OFF,
    ON,
    History,
    P,
    at,
    rule,
    split,
    targeting,
)

from flagtrail.analysis import preview as module
from flagtrail.analysis.preview import FlagPreview, Population, Preview, Proposal, preview
from flagtrail.analysis.preview_rules import MAX_VARIANTS, RulesShift
from flagtrail.analysis.preview_words import words
from flagtrail.model.condition import Condition
from flagtrail.model.context import Context
from flagtrail.model.entry import Entry
from flagtrail.model.flag import Flag
from flagtrail.model.state import fold
from flagtrail.model.subject import policy_subject
from flagtrail.model.targeting import Rule, Serve, Share

GIVEN = Population(source="given")
NONE = Population(source="none")
SAMPLED = Population(source="sampled", since=at(1), until=at(2))
PRO = Condition(attribute="plan", operator="equals", values=("pro",))


def proposal(history: History, *change: Entry) -> Proposal:
    """What the last entries of a history change."""
    before = [entry for entry in history.entries if entry not in change]
    return Proposal(P, ENV, fold(before), fold(history.entries), tuple(entry.subject for entry in change))


def people(size: int, **attributes: object) -> list[Context]:
    return [{"targetingKey": f"u{number}", **attributes} for number in range(size)]


def rollout(to: Serve = ON, *rules: Rule) -> Proposal:
    """Flag f was off for everybody, and is to serve otherwise."""
    history = History()
    history.flag("f", at(1))
    history.target("f", targeting(OFF), at(2))
    return proposal(history, history.target("f", targeting(to, *rules), at(3)))


def only(found: Preview) -> FlagPreview:
    assert len(found.flags) == 1
    return found.flags[0]


def shift(found: Preview) -> RulesShift:
    rules = only(found).rules
    assert rules is not None
    return rules


def matrix(flag: FlagPreview) -> dict[tuple[str | None, str | None], tuple[int, bool]]:
    return {(each.before, each.after): (each.contexts.count, each.differs) for each in flag.transitions}


def test_transitions__a_rule_for_some__count_who_goes_where() -> None:
    crowd = [*people(30, plan="pro"), *people(70, plan="free")]
    found = only(preview(rollout(OFF, rule(PRO)), crowd, GIVEN))
    assert matrix(found) == {("off", "on"): (30, True), ("off", "off"): (70, False)}
    assert [(each.variant, each.before.count, each.after.count) for each in found.served] == [
        ("off", 100, 70),
        ("on", 0, 30),
    ]


def test_examples__of_each_transition_that_differs__are_the_first_contexts_as_they_came() -> None:
    crowd = [*people(2, plan="free"), *people(9, plan="pro", email="hash:1f")]
    found = only(preview(rollout(OFF, rule(PRO)), crowd, GIVEN))
    assert found.transitions[0].examples == tuple(crowd[2:5])
    assert found.transitions[1].examples == ()


def test_breakdown__nothing_named__is_by_the_attribute_that_tells_them_apart() -> None:
    crowd = [
        {"targetingKey": f"u{n}", "plan": "pro" if n % 4 == 0 else "free", "country": "DE" if n % 3 else "FR"}
        for n in range(120)
    ]
    found = only(preview(rollout(OFF, rule(PRO)), crowd, GIVEN))
    assert [each.attribute for each in found.breakdowns] == ["plan"]
    assert [(row.value, row.contexts, row.changed.count) for row in found.breakdowns[0].rows] == [
        ("free", 90, 0),
        ("pro", 30, 30),
    ]


@pytest.mark.parametrize(
    "crowd",
    [
        pytest.param(people(100, plan="pro"), id="one value"),
        pytest.param([{"targetingKey": f"u{n}", "plan": f"p{n}"} for n in range(100)], id="a value each"),
        pytest.param([{"targetingKey": f"u{n}", "n": n % 2} for n in range(100)], id="a value that tells nothing"),
    ],
)
def test_breakdown__nothing_tells_them_apart__is_left_out(crowd: list[Context]) -> None:
    assert only(preview(rollout(split(on=50_000, off=50_000)), crowd, GIVEN)).breakdowns == ()


def test_breakdown__as_many_values_as_contexts__proves_nothing() -> None:
    assert only(preview(rollout(OFF, rule(PRO)), [{"plan": "pro"}, {"plan": "free"}], GIVEN)).breakdowns == ()


def test_breakdown__attributes_named__are_given_with_lists_booleans_and_absence_kept_apart() -> None:
    crowd: list[Context] = [{"a": 1}, {"a": True}, {"a": ["x"]}, {}, {"a": None}]
    found = only(preview(rollout(), crowd, GIVEN, by=("a", "user.tier")))
    assert [each.attribute for each in found.breakdowns] == ["a", "user.tier"]
    values = [(row.value, row.contexts) for row in found.breakdowns[0].rows]
    assert sorted(map(repr, values)) == sorted(map(repr, [(None, 2), (1, 1), (True, 1), ('["x"]', 1)]))


def test_breakdown__many_values__adds_up_those_beyond_the_bound() -> None:
    crowd = [{"targetingKey": "u", "n": n % 30} for n in range(300)]
    breakdown = only(preview(rollout(), crowd, GIVEN, by=("n",))).breakdowns[0]
    assert (len(breakdown.rows), breakdown.left_out) == (10, 20)
    assert breakdown.others is not None
    assert (breakdown.others.contexts, breakdown.others.changed.count) == (200, 200)


def test_values__a_variant_with_another_value__differs_though_its_name_stays() -> None:
    history = History()
    history.define(Flag("f", "integer", {"on": 1, "off": 0}), "f", at(1))
    history.target("f", targeting(ON), at(1))
    found = preview(
        proposal(history, history.define(Flag("f", "integer", {"on": 2, "off": 0}), "f", at(2))), people(5), GIVEN
    )
    assert matrix(only(found)) == {("on", "on"): (5, True)}
    assert words(found)[0].startswith("All of the 5 contexts would get another value of on (95 %: at least ")


def test_values__another_variant_of_the_same_value__is_a_transition_that_does_not_differ() -> None:
    history = History()
    history.define(Flag("f", "string", {"a": "x", "b": "x", "off": ""}), "f", at(1))
    history.target("f", targeting(Serve("a")), at(1))
    found = preview(proposal(history, history.target("f", targeting(Serve("b")), at(2))), people(5), GIVEN)
    assert matrix(only(found)) == {("a", "b"): (5, False)}


def test_errors__are_a_variant_of_their_own() -> None:
    change = rollout(split(by="company", on=100_000, off=0))
    half = rollout(split(by="company", on=50_000, off=50_000))
    crowd: list[Context] = [{"targetingKey": "u1"}, {"targetingKey": "u2", "company": "c1"}]
    assert matrix(only(preview(change, crowd, GIVEN)))["off", "on"] == (2, True)
    found = preview(half, crowd[:1], GIVEN)
    assert matrix(only(found)) == {("off", None): (1, True)}
    assert "would get the caller's own default instead of off" in words(found)[0]


def test_errors__before_and_after__change_nothing() -> None:
    history = History()
    history.flag("f", at(1))
    history.target("f", targeting(split(by="company", on=1, off=99_999)), at(1))
    change = proposal(history, history.target("f", targeting(split(by="company", on=2, off=99_998)), at(2)))
    assert matrix(only(preview(change, people(3), GIVEN))) == {(None, None): (3, False)}


def dependents() -> tuple[History, Entry]:
    """A segment that is widened; g follows it, h follows g, i names it where nobody ever comes, j does not."""
    history = History()
    for key in ("g", "h", "i", "j"):
        history.flag(key, at(1))
    history.segment("beta", ENTERPRISE, at(1))
    history.target("g", targeting(OFF, rule(BETA)), at(2))
    history.target("h", targeting(ON, needs=["g"]), at(2))
    history.target("i", targeting(ON, rule(BETA, ON)), at(2))
    history.target("j", targeting(ON), at(2))
    return history, history.segment("beta", Condition(any=(ENTERPRISE, GERMAN)), at(3))


def test_dependents__a_segment__reaches_the_flags_that_follow_it_through_others_too() -> None:
    found = preview(proposal(*dependents()), [*people(6, country="DE"), *people(4)], GIVEN)
    assert [(flag.flag, flag.direct, matrix(flag)["off", "on"]) for flag in found.flags] == [
        ("g", False, (6, True)),
        ("h", False, (6, True)),
    ]
    assert found.unaffected == ("i",)
    assert words(found) == (
        "2 flags that follow it would give another value: g (60 %), h (60 %).",
        "1 flag that follows it gives everybody the same as now.",
        "Computed over 10 contexts that were given.",
    )


def test_dependents__another_environment__is_not_looked_at() -> None:
    history, entry = dependents()
    found = preview(
        Proposal(P, "staging", fold(history.entries[:-1]), fold(history.entries), (entry.subject,)), [], NONE
    )
    assert (found.flags, found.unaffected) == ((), ())
    assert words(found) == ("Nothing that a flag serves in staging changes.",)


def test_dependents__many__the_sentence_names_three() -> None:
    history = History()
    history.segment("beta", ENTERPRISE, at(1))
    for number in range(5):
        history.flag(f"f{number}", at(1))
        history.target(f"f{number}", targeting(OFF, rule(BETA)), at(1))
    found = preview(proposal(history, history.segment("beta", GERMAN, at(2))), people(4, country="DE"), GIVEN)
    assert words(found)[0] == (
        "5 flags that follow it would give another value: f0 (100 %), f1 (100 %), f2 (100 %), and 2 more."
    )


def test_several_flags__each_is_named() -> None:
    history = History()
    for key in ("f", "g"):
        history.flag(key, at(1))
        history.target(key, targeting(OFF), at(1))
    changes = [history.target(key, targeting(ON), at(2)) for key in ("f", "g")]
    lines = words(preview(proposal(history, *changes), people(4), GIVEN))
    assert [line.partition(":")[0] for line in lines[:2]] == ["f", "g"]


def test_nothing_altered__is_said() -> None:
    state = fold(History().entries)
    found = preview(Proposal(P, ENV, state, state, ()), people(3), GIVEN)
    assert words(found) == ("It is so already: this alters nothing.",)


def test_documents_that_no_flag_follows__change_nothing_that_is_served() -> None:
    state = fold(History().entries)
    found = preview(Proposal(P, ENV, state, state, (policy_subject(P),)), people(3), GIVEN)
    assert words(found) == ("Nothing that a flag serves in production changes.",)


def test_words__nobody_changes__tell_how_many_there_could_be() -> None:
    found = preview(rollout(OFF, rule(PRO)), people(400, plan="free"), SAMPLED)
    assert words(found) == (
        "None of the 400 sampled contexts would get another value (95 %: at most 1 %).",
        "Computed over 400 contexts that applications sampled from 2026-01-01 00:00 to 2026-01-02 00:00 (UTC).",
    )


def test_words__some_change__tell_share_count_interval_and_whom() -> None:
    crowd = [*people(31, plan="pro"), *people(50, plan="free"), *people(9), *people(10, plan="team")]
    found = preview(rollout(OFF, rule(PRO)), crowd, SAMPLED)
    assert words(found)[0] == (
        "About 31 % of the 100 sampled contexts (31) would get on instead of off (95 %: 23 % to 41 %). "
        "By plan: pro 100 %, all others 0 %."
    )


def test_words__values_that_are_numbers__are_set_off_from_their_percentages() -> None:
    crowd: list[Context] = [{"seats": n % 2, "plan": "pro" if n % 2 else "free"} for n in range(60)]
    found = preview(rollout(OFF, rule(PRO)), crowd, SAMPLED, by=("seats",))
    assert words(found)[0].endswith("By seats: 1: 100 %, 0: 0 %.")


def many_variants(size: int) -> Proposal:
    """A flag of so many variants in equal parts is dealt anew."""
    history = History()
    keys = [f"v{n}" for n in range(size)]
    history.define(Flag("f", "integer", {key: n for n, key in enumerate(keys)}), "f", at(1))
    weights = [100_000 // size] * (size - 1)
    parts = tuple(map(Share, keys, [100_000 - sum(weights), *weights]))
    dealt, anew = (targeting(Serve(split=parts, by="targetingKey", salt=salt, bucketing="murmur3")) for salt in "fg")
    history.target("f", dealt, at(1))
    return proposal(history, history.target("f", anew, at(2)))


def test_words__many_kinds_of_change__name_three() -> None:
    told = words(preview(many_variants(4), people(200), GIVEN))[0]
    assert "would get another value" in told
    assert told.endswith(", and 9 more kinds.")


def test_transitions__too_many__leave_the_rarest_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_TRANSITIONS", 4)
    found = only(preview(many_variants(4), people(300), GIVEN))
    assert (len(found.transitions), found.left_out) == (4, 12)


def test_population__beyond_what_one_preview_evaluates__is_looked_at_at_even_distances(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MAX_EVALUATIONS", 10)
    crowd = [*people(50, plan="pro"), *people(50, plan="free")]
    found = preview(rollout(OFF, rule(PRO)), crowd, SAMPLED)
    assert (found.population.size, found.population.of) == (10, 100)
    assert matrix(only(found))["off", "on"] == (5, True)
    assert words(found)[-1].startswith("Computed over 10 of 100 contexts")


def test_flags__too_many__are_counted() -> None:
    found = preview(proposal(*dependents()), people(3), GIVEN, most=2)
    assert (len(found.flags) + len(found.unaffected), found.left_out) == (2, 1)
    assert "1 flag more was not looked at." in words(found)


def test_rules_alone__a_split__gives_exact_shares() -> None:
    found = preview(rollout(split(on=25_000, off=75_000)), (), NONE)
    assert shift(found).changed == 0.25
    assert words(found) == (
        "Of all contexts, 25 % get on instead of off.",
        "There are no sampled contexts: this is computed from the rules alone.",
    )


def test_rules_alone__a_raised_split__moves_only_the_difference() -> None:
    history = History()
    history.flag("f", at(1))
    history.target("f", targeting(split(on=25_000, off=75_000)), at(1))
    change = proposal(history, history.target("f", targeting(split(on=40_000, off=60_000)), at(2)))
    assert shift(preview(change, (), NONE)).changed == 0.15


def test_rules_alone__a_rule__tells_it_case_by_case() -> None:
    found = preview(rollout(OFF, rule(PRO)), (), NONE)
    assert shift(found).changed is None
    assert words(found)[0] == "If plan equals pro: 100 % get on instead of off; else nothing changes."


def test_rules_alone__nothing_changes__is_said() -> None:
    history = History()
    history.flag("f", at(1))
    history.target("f", targeting(OFF), at(1))
    change = proposal(history, history.target("f", targeting(OFF, rule(PRO, OFF)), at(2)))
    assert words(preview(change, (), NONE))[0] == "Nobody would get another value."


def test_rules_alone__followers__are_told_by_their_share_where_it_has_one() -> None:
    found = preview(proposal(*dependents()), (), NONE)
    assert words(found)[0] == (
        "2 flags that follow it would give another value: g (depends on the context), h (depends on the context)."
    )
    history = History()
    for key in ("f", "g"):
        history.flag(key, at(1))
    history.target("f", targeting(OFF), at(1))
    history.target("g", targeting(ON, needs=["f"]), at(1))
    change = proposal(history, history.target("f", targeting(split(on=25_000, off=75_000)), at(2)))
    assert "1 flag that follows it would give another value: g (25 %)." in words(preview(change, (), NONE))


def test_rules_alone__too_many_variants__before_and_after_are_told_apart() -> None:
    found = preview(many_variants(MAX_VARIANTS + 1), (), NONE)
    assert shift(found).cases == ()
    assert words(found)[0].startswith("Now: v0")


def test_rules_alone__too_many_cases__the_sentence_stops() -> None:
    rules = [
        rule(Condition(attribute=f"a{n}", operator="equals", values=("x",)), ON if n % 2 else OFF, f"r{n}")
        for n in range(14)
    ]
    assert words(preview(rollout(OFF, *rules), (), NONE))[0].endswith("more cases.")


def test_rules_alone__a_flag_that_is_deleted__ends_with_the_callers_own_default() -> None:
    history = History()
    history.flag("f", at(1))
    history.target("f", targeting(ON), at(1))
    change = proposal(history, history.target("f", None, at(2)), history.define(None, "f", at(2)))
    assert words(preview(change, (), NONE))[0] == "Of all contexts, 100 % get the caller's own default instead of on."


def test_rules_alone__conditions_of_every_form__are_followed_on_both_sides() -> None:
    history = History()
    for key in ("f", "p"):
        history.flag(key, at(1))
    history.segment("beta", ENTERPRISE, at(1))
    history.target("p", targeting(OFF, rule(GERMAN)), at(1))
    when = Condition(all=(Condition(not_=BETA), Condition(any=(Condition(flag="p", variants=("on",)), PRO))))
    history.target("f", targeting(OFF, rule(when)), at(1))
    found = preview(proposal(history, history.segment("beta", GERMAN, at(2))), (), NONE)
    assert [flag.flag for flag in found.flags] == ["f"]
    told = [(case.when, [(each.before, each.after) for each in case.transitions]) for case in shift(found).cases]
    assert told == [
        ("country equals DE and not plan in [enterprise]", [("on", "off")]),
        ("country equals DE", [("off", "off")]),
        ("not plan in [enterprise] and plan equals pro", [("on", "on")]),
        ("plan equals pro", [("off", "on")]),
        (None, [("off", "off")]),
    ]
