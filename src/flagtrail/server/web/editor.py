"""The targeting editor's draft: what the structured form shows and sends, and the document it stands for.

A draft may be wrong in every way that a person can type; the change flow judges
the document. A condition that is no plain list of tests is edited as JSON.
"""

from __future__ import annotations

import json
from decimal import Decimal, InvalidOperation

import msgspec

from flagtrail.app.wording import percent, weights
from flagtrail.model.condition import Condition
from flagtrail.model.errors import Defect, InvalidDocument, MalformedRequest
from flagtrail.model.flag import Flag, Json
from flagtrail.model.targeting import Serve, Targeting
from flagtrail.server.web.forms import Form, read_json, read_values, write_values

SPLIT = "__split__"
SEGMENT, NOT_SEGMENT = "segment", "not segment"
LONE = {"exists", "not_exists"}
MAX_ROWS = 1_000


class Test(msgspec.Struct, frozen=True):
    """One line of a condition: a test of an attribute, or (with the operator "segment") of a segment's key."""

    attribute: str = ""
    operator: str = "in"
    values: str = ""


class When(msgspec.Struct, frozen=True):
    """A condition: tests joined by `all` or `any`, or `raw` JSON where it is more than that."""

    join: str = "all"
    tests: tuple[Test, ...] = (Test(),)
    raw: str | None = None


class Shares(msgspec.Struct, frozen=True):
    """What is served: a variant, or (choice `SPLIT`) a percentage per variant in the split's order."""

    choice: str
    percents: tuple[tuple[str, str], ...]
    by: str = ""
    salt: str = ""
    bucketing: str = ""


class RuleDraft(msgspec.Struct, frozen=True):
    """One rule."""

    id: str
    description: str
    when: When
    shares: Shares


class Draft(msgspec.Struct, frozen=True):
    """The whole targeting. `prerequisites` are (flag, variants)."""

    enabled: bool
    off_variant: str
    prerequisites: tuple[tuple[str, str], ...]
    rules: tuple[RuleDraft, ...]
    fallthrough: Shares


def draft_of(targeting: Targeting, flag: Flag) -> Draft:
    """The draft that stands for a targeting."""
    return Draft(
        targeting.enabled,
        targeting.off_variant,
        tuple((each.flag, write_values(each.variants)) for each in targeting.prerequisites),
        tuple(
            RuleDraft(rule.id, rule.description, when_of(rule.when), _shares_of(rule.serve, flag))
            for rule in targeting.rules
        ),
        _shares_of(targeting.fallthrough, flag),
    )


def when_of(condition: Condition) -> When:
    """A condition as lines, where it is a plain list of tests."""
    form = condition.form()
    join = "any" if form == "any" else "all"
    parts = condition.parts() if form in {"all", "any"} else (condition,)
    tests = [_test_of(part) for part in parts]
    if not tests or any(test is None for test in tests):
        return When(join, (), json.dumps(json.loads(msgspec.json.encode(condition)), indent=2, ensure_ascii=False))
    return When(join, tuple(test for test in tests if test is not None))


def _test_of(condition: Condition) -> Test | None:
    if condition.form() == "segment":
        return Test("", SEGMENT, condition.segment or "")
    if condition.form() == "not" and condition.not_ is not None and condition.not_.form() == "segment":
        return Test("", NOT_SEGMENT, condition.not_.segment or "")
    if condition.form() == "attribute" and condition.case_sensitive:
        return Test(condition.attribute or "", condition.operator or "", write_values(condition.values or ()))
    return None


def _shares_of(serve: Serve, flag: Flag) -> Shares:
    held = weights(serve)
    order = [*held, *(variant for variant in flag.variants if variant not in held)]
    told = tuple((variant, percent(held.get(variant, 0)).removesuffix(" %")) for variant in order)
    choice = serve.variant if serve.variant is not None else SPLIT
    return Shares(choice, told, serve.by or "", serve.salt or "", serve.bucketing or "")


def draft_from(form: Form, flag: Flag) -> Draft:
    """The draft that the form's fields stand for."""
    count = min(form.number("rules") or 0, MAX_ROWS)
    needs = tuple(zip(form.all("need.flag"), form.all("need.variants"), strict=False))
    return Draft(
        form.get("enabled") == "yes",
        form.get("off_variant"),
        needs,
        tuple(_rule_from(form, f"r{index}", flag) for index in range(count)),
        _shares_from(form, "f", flag),
    )


def _rule_from(form: Form, name: str, flag: Flag) -> RuleDraft:
    return RuleDraft(
        form.get(f"{name}.id"), form.get(f"{name}.description"), when_from(form, name), _shares_from(form, name, flag)
    )


def when_from(form: Form, name: str) -> When:
    """The condition whose fields begin with `name`."""
    join = "any" if form.get(f"{name}.join") == "any" else "all"
    if f"{name}.raw" in form:
        return When(join, (), form.raw(f"{name}.raw"))
    columns = (form.all(f"{name}.attribute"), form.all(f"{name}.operator"), form.all(f"{name}.values"))
    return When(join, tuple(Test(*line) for line in zip(*columns, strict=False)) or (Test(),))


def _shares_from(form: Form, name: str, flag: Flag) -> Shares:
    order = form.all(f"{name}.variant") or list(flag.variants)
    percents = form.all(f"{name}.percent")
    told = tuple((variant, percents[index] if index < len(percents) else "0") for index, variant in enumerate(order))
    by, salt, bucketing = (form.get(f"{name}.{part}") for part in ("by", "salt", "bucketing"))
    return Shares(form.get(f"{name}.serve"), told, by, salt, bucketing)


def act(draft: Draft, do: str, flag: Flag) -> Draft:
    """The draft after one of the form's own buttons: "add-rule", "remove-rule:0", "add-test:0", "up:1", ..."""
    verb, _, where = do.partition(":")
    index = int(where) if where.isdigit() and len(where) < 5 else -1  # noqa: PLR2004 - a rule's place
    rules = list(draft.rules)
    needs = list(draft.prerequisites)
    inside = 0 <= index < len(rules)
    match verb:
        case "add-rule":
            rules.append(_new_rule(draft, flag))
        case "remove-rule" if inside:
            del rules[index]
        case "up" if inside and index > 0:
            rules[index - 1], rules[index] = rules[index], rules[index - 1]
        case "down" if inside and index < len(rules) - 1:
            rules[index + 1], rules[index] = rules[index], rules[index + 1]
        case "add-test" if inside:
            rules[index] = msgspec.structs.replace(rules[index], when=with_test(rules[index].when))
        case "add-need":
            needs.append(("", "on"))
        case "remove-need" if 0 <= index < len(needs):
            del needs[index]
    return msgspec.structs.replace(draft, rules=tuple(rules), prerequisites=tuple(needs))


def with_test(when: When) -> When:
    """The condition with one more, empty, line."""
    return msgspec.structs.replace(when, tests=(*when.tests, Test()))


def _new_rule(draft: Draft, flag: Flag) -> RuleDraft:
    taken = {rule.id for rule in draft.rules}
    key = next(f"rule-{number}" for number in range(1, MAX_ROWS + 2) if f"rule-{number}" not in taken)
    others = [variant for variant in flag.variants if variant != draft.off_variant]
    order = [*others, *(variant for variant in flag.variants if variant not in others)]
    return RuleDraft(key, "", When(), Shares(order[0], tuple((variant, "0") for variant in order)))


def document_of(draft: Draft) -> Json:
    """The targeting's document; raises InvalidDocument for what cannot even be written as one."""
    defects: list[Defect] = []
    rules = [
        {
            "id": rule.id,
            "description": rule.description,
            "when": condition_of(rule.when, f"/rules/{index}/when", defects),
            "serve": _serve(rule.shares, f"/rules/{index}/serve", defects),
        }
        for index, rule in enumerate(draft.rules)
    ]
    fallthrough = _serve(draft.fallthrough, "/fallthrough", defects)
    if defects:
        raise InvalidDocument(defects)
    return {
        "enabled": draft.enabled,
        "off_variant": draft.off_variant,
        "prerequisites": [{"flag": flag, "variants": read_values(told)} for flag, told in draft.prerequisites if flag],
        "rules": rules,
        "fallthrough": fallthrough,
    }


def condition_of(when: When, path: str, defects: list[Defect]) -> Json:
    """The condition's document; what cannot be read is added to `defects`. Empty lines are left out."""
    if when.raw is not None:
        try:
            return read_json(when.raw, "the condition")
        except MalformedRequest as error:
            defects.append(Defect(path, error.detail))
            return None
    parts = [_condition(test) for test in when.tests if test.attribute or test.values]
    if not parts:
        defects.append(Defect(path, "has no test: fill in a line, or remove the rule"))
        return None
    return parts[0] if len(parts) == 1 and when.join == "all" else {when.join: parts}


def _condition(test: Test) -> Json:
    if test.operator == SEGMENT:
        return {"segment": test.values}
    if test.operator == NOT_SEGMENT:
        return {"not": {"segment": test.values}}
    lone = test.operator in LONE
    found: dict[str, Json] = {"attribute": test.attribute, "operator": test.operator}
    return found if lone and not test.values else {**found, "values": read_values(test.values)}


def _serve(shares: Shares, path: str, defects: list[Defect]) -> Json:
    if shares.choice != SPLIT:
        return {"variant": shares.choice}
    split = []
    for index, (variant, told) in enumerate(shares.percents):
        weight = _weight(told, f"{path}/split/{index}/weight", defects)
        if weight:
            split.append({"variant": variant, "weight": weight})
    named = {"by": shares.by, "salt": shares.salt, "bucketing": shares.bucketing}
    return {"split": split, **{name: value for name, value in named.items() if value}}


def _weight(told: str, path: str, defects: list[Defect]) -> int:
    """A percentage as a weight in 1/100,000; exact, so that what is shown is what is stored."""
    try:
        weight = Decimal(told.replace(",", ".") or "0") * 1_000
    except InvalidOperation:
        defects.append(Defect(path, f"{told!r} is not a percentage"))
        return 0
    if not weight.is_finite() or weight != int(weight) or not 0 <= weight <= 100_000:  # noqa: PLR2004 - the whole
        defects.append(Defect(path, f"{told} % is not from 0 to 100 in steps of 0.001"))
        return 0
    return int(weight)
