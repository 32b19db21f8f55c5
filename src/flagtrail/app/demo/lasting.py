"""The lives of flags that earn their keep: entitlements, limits, kill switches, and releases under way."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import cast

from flagtrail.app.demo import words
from flagtrail.app.demo.calendar import DAYS
from flagtrail.app.demo.life import (
    PRODUCTION,
    STAGING,
    Life,
    attribute,
    divided,
    flag_of,
    only,
    rule,
    segment,
)
from flagtrail.model.change import Operation
from flagtrail.model.flag import FlagType, Json
from flagtrail.model.subject import targeting_subject
from flagtrail.model.targeting import Rule

NEEDS = {
    "invoice_branding": "billing_v2",
    "consolidated_invoices": "billing_v2",
    "usage_based_billing": "billing_v2",
    "contract_amendments": "billing_v2",
    "scim_provisioning": "sso_saml",
    "custom_roles": "org_hierarchy",
    "invoice_editor_v3": "billing_v2",
    "tax_engine_v2": "tax_service_calls",
    "payout_batching": "card_payments",
}
"""Flags that are only served where another one is on."""

EARLY = {"billing_v2", "sso_saml", "org_hierarchy", "tax_service_calls", "card_payments"}
"""Flags on which others build exist from the first weeks."""

ACCOUNTS = ("acme", "brightwater", "cobalt-air", "dunmore", "eastgate", "fjordline", "gantry", "halcyon", "ironbark")
COUNTRIES = {
    "ach_debit": ["US"],
    "bacs_debit": ["GB"],
    "pix_payments": ["BR"],
    "twint_checkout": ["CH"],
    "ideal_checkout": ["NL"],
    "e_invoicing_xrechnung": ["DE"],
    "e_invoicing_fatturapa": ["IT"],
    "e_invoicing_peppol": ["BE", "DK", "FI", "NO", "SE"],
    "sales_tax_nexus": ["US"],
}


def _prerequisites(life: Life) -> list[Json]:
    needed = NEEDS.get(life.row.key)
    return [] if needed is None else [{"flag": needed, "variants": ["on"]}]


def _born(life: Life, latest: int) -> int:
    return life.dice.randint(14, 24) if life.row.key in EARLY else life.dice.randint(30, latest)


def entitlement(life: Life) -> None:
    """On for the plans that paid for it; packaging changes now and then."""
    day = _born(life, 640)
    life.create(day, flag_of(life.row, "permission"))
    plans = [rule("enterprise", "enterprise", segment("enterprise"))]
    pilots = rule("pilots", "pilot accounts", segment("pilot_accounts"))
    day += life.dice.randint(4, 21)
    first = {"enabled": True, "fallthrough": only("off"), "prerequisites": _prerequisites(life)}
    life.set(day, PRODUCTION, words.PLAN, rules=[pilots], **first)
    day += life.dice.randint(7, 40)
    life.set(day, PRODUCTION, words.PLAN, rules=[pilots, *plans])
    for _ in range(life.dice.randint(1, 5)):
        day += life.dice.randint(15, 150)
        if day > DAYS - 3:
            break
        plans = _repacked(life, plans)
        life.set(day, PRODUCTION, words.PLAN, rules=[pilots, *plans] if life.dice.random() < 0.5 else plans)  # noqa: PLR2004 - half


def second_engine(life: Life) -> None:
    """On for everybody but the customers of an old plan, whose contracts forbid the move."""
    day = _born(life, 0)
    life.create(day, flag_of(life.row, "permission"))
    old = [rule("plan_2019", "the plan of 2019", attribute("plan", "equals", "classic_2019"), "off")]
    pilots = [*old, rule("pilots", "pilot accounts", segment("pilot_accounts"))]
    life.set(day + 9, PRODUCTION, words.PLAN, enabled=True, rules=pilots, fallthrough=only("off"))
    for later, percent in ((20, 5), (31, 25), (52, 50), (80, 100)):
        life.roll_out(day + later, percent, words.LAUNCH if percent == 5 else words.RAISE)  # noqa: PLR2004 - the first of them
    life.set(day + 101, PRODUCTION, "{ticket}: pilots are like everybody now", rules=old, fallthrough=only("on"))


def _repacked(life: Life, plans: list[Rule]) -> list[Rule]:
    """Another rule for who gets it."""
    by_id = {each.id: each for each in plans}
    account = life.dice.choice(ACCOUNTS)
    options = [
        rule("pro", "pro with add-on", attribute("addons", "contains", life.row.key)),
        rule("large", "large accounts", segment("large_accounts")),
        rule("contract", f"contract of {account}", attribute("account", "in", account, "northwind-demo")),
        rule("pro_plan", "pro", attribute("plan", "in", "pro", "enterprise")),
    ]
    chosen = life.dice.choice(options)
    if chosen.id in by_id:
        del by_id[chosen.id]
    else:
        by_id[chosen.id] = chosen
    return list(by_id.values()) or plans


def regional(life: Life) -> None:
    """On in some countries, by law or by the means of payment there."""
    day = _born(life, 600)
    life.create(day, flag_of(life.row, "permission"))
    countries = COUNTRIES.get(life.row.key)
    where = segment("eu") if countries is None else attribute("country", "in", *countries)
    here = [rule("country", "where it is used", where)]
    pilots = [rule("pilots", "pilot accounts", segment("pilot_accounts"))]
    day += life.dice.randint(7, 30)
    life.set(day, PRODUCTION, words.PLAN, enabled=True, rules=pilots, fallthrough=only("off"))
    day += life.dice.randint(10, 30)
    life.set(day, PRODUCTION, "{ticket}: live in the first countries", rules=here)
    if countries is not None and life.dice.random() < 0.6:  # noqa: PLR2004 - more often than not
        more = [rule("country", "where it is used", attribute("country", "in", *countries, "IE", "LU"))]
        life.set(
            min(day + life.dice.randint(30, 90), DAYS - 5),
            PRODUCTION,
            "{ticket}: Ireland and Luxembourg too",
            rules=more,
        )


def internal(life: Life) -> None:
    """For employees only."""
    day = _born(life, 650)
    life.create(day, flag_of(life.row, "permission"))
    employees = [rule("employees", "employees", segment("employees"))]
    day += life.dice.randint(2, 12)
    life.set(day, PRODUCTION, "{ticket}: for us only", enabled=True, rules=employees, fallthrough=only("off"))
    if life.dice.random() < 0.5:  # noqa: PLR2004 - half
        reason = "clean-up Friday"
        life.edit(
            min(day + life.dice.randint(60, 200), DAYS - 9), reason, description=f"{life.row.description} Staff only."
        )


def limits(life: Life) -> None:
    """A number or an object for each plan, adjusted as capacity grows."""
    type_ = cast("FlagType", life.row.life.partition(":")[2])
    variants = _limit_values(life, type_)
    day = _born(life, 560)
    life.create(
        day, flag_of(life.row, "permission", type_, variants), off_variant="standard", fallthrough=only("standard")
    )
    rules = [
        rule("enterprise", "enterprise", segment("enterprise"), "enterprise"),
        rule("pro", "pro", attribute("plan", "equals", "pro"), "pro"),
    ]
    day += life.dice.randint(3, 10)
    served = {"off_variant": "standard", "fallthrough": only("standard")}
    life.set(day, PRODUCTION, words.PLAN, enabled=True, rules=rules, **served)
    for _ in range(life.dice.randint(2, 5)):
        day += life.dice.randint(30, 120)
        if day > DAYS - 4:
            break
        plan = life.dice.choice(("pro", "enterprise"))
        variants = {**variants, plan: _raised(variants[plan])}
        life.edit(day, words.TUNE if type_ == "float" else words.LIMIT, variants={plan: variants[plan]})


def _limit_values(life: Life, type_: str) -> dict[str, Json]:
    base = life.dice.choice((5, 10, 50, 100))
    if type_ == "integer":
        return {"standard": base, "pro": base * 5, "enterprise": base * 50}
    if type_ == "float":
        return {"standard": 0.1, "pro": 0.05, "enterprise": 0.02}
    return {
        "standard": {"limit": base, "burst": base * 2, "window_s": 60},
        "pro": {"limit": base * 5, "burst": base * 10, "window_s": 60},
        "enterprise": {"limit": base * 50, "burst": base * 100, "window_s": 60},
    }


def _raised(value: Json) -> Json:
    if isinstance(value, dict):
        return {**value, "limit": value["limit"] * 2, "burst": value["burst"] * 2}
    return value * 2 if isinstance(value, int) else round(value * 1.25, 4)


def kill_switch(life: Life) -> None:
    """On for everybody, apart from the hours of an incident."""
    day = _born(life, 500)
    life.create(day, flag_of(life.row, "kill_switch"))
    day += life.dice.randint(1, 8)
    life.set(day, PRODUCTION, "{ticket}: on, as it was before the flag", enabled=True)
    for _ in range(life.dice.randint(0, 4)):
        day += life.dice.randint(25, 160)
        if day > DAYS - 6:
            break
        _incident(life, day)


def _incident(life: Life, day: int) -> None:
    """Off by whoever is on call, on again some hours later."""
    subject = targeting_subject("default", life.row.key, PRODUCTION)
    on_call = life.dice.choice(("tomasz", "marcus", "leila", "arjun" if day > 360 else "ingrid"))  # noqa: PLR2004 - joined on day 355
    begin = life.calendar.moment(
        day, hour=life.dice.choice((0, 2, 3, 5, 11, 14, 21, 23)), minute=life.dice.randint(0, 59)
    )
    end = begin + timedelta(seconds=life.dice.randint(1_500, 24_000))
    for at, enabled, why in ((begin, False, words.INCIDENT), (end, True, words.RECOVERED)):
        operation = Operation(action="patch", subject=subject, value={"enabled": enabled})
        life.at(at, on_call, [operation], life.words(why))


def rolling(life: Life) -> None:
    """A release under way: young, watched, not yet for everybody."""
    born = DAYS - life.dice.randint(19, 36)
    remove_by = f"{life.calendar.moment(DAYS + life.dice.randint(20, 60)):%Y-%m-%d}"
    life.create(born, flag_of(life.row, "release", remove_by=remove_by))
    employees = [rule("employees", "ourselves first", segment("employees"))]
    needed = _prerequisites(life)
    life.set(
        born + 4,
        PRODUCTION,
        words.OURSELVES,
        enabled=True,
        rules=employees,
        fallthrough=only("off"),
        prerequisites=needed,
    )
    day = born + 7.0
    pace = life.dice.uniform(2.5, 5)
    for percent in (5, 10, 25, 50):
        if day > DAYS - 1:
            break
        life.roll_out(day, percent, words.LAUNCH if percent == 5 else words.RAISE)  # noqa: PLR2004 - the first of them
        if percent == 10 and life.dice.random() < 0.3 and day + pace < DAYS - 1:  # noqa: PLR2004 - one in three, after the second
            day += pace / 2
            life.roll_out(day, 0, words.ROLLBACK)
        day += pace


def experiment(life: Life) -> None:
    """Two or three variants in equal parts, for some weeks."""
    born = DAYS - life.dice.randint(12, 30)
    variants = experiment_variants(life)
    life.create(born, flag_of(life.row, "experiment", "string", variants), off_variant="control")
    parts = equal_parts(list(variants))
    day = born + life.dice.randint(3, 7)
    trial = [rule("employees", "never ourselves", segment("employees"), "control")]
    life.set(
        day, PRODUCTION, words.EXPERIMENT, enabled=True, off_variant="control", rules=trial, fallthrough=divided(*parts)
    )
    life.set(born + 1, STAGING, words.TEST, fallthrough=divided(*parts))


def experiment_variants(life: Life) -> dict[str, Json]:
    """The names of an experiment's variants, and what the code gets to read."""
    names = life.dice.choice((("control", "short"), ("control", "bold", "quiet"), ("control", "guided", "video")))
    return {name: name.replace("_", "-") for name in names}


def equal_parts(names: list[str]) -> list[tuple[str, int]]:
    """Equal percentages that add up; the first takes the rest."""
    part = 100 // len(names)
    return [(name, part + (100 - part * len(names) if index == 0 else 0)) for index, name in enumerate(names)]


def operational(life: Life) -> None:
    """For a few days only; it began this week."""
    born = DAYS - life.dice.randint(2, 4)
    life.create(born, flag_of(life.row, "operational"), words.OPERATIONS)
    life.roll_out(born + 0.5, life.dice.choice((1, 5, 10)), words.OPERATIONS, enabled=True)


LIVES: dict[str, Callable[[Life], None]] = {
    "entitlement": entitlement,
    "second_engine": second_engine,
    "regional": regional,
    "internal": internal,
    "limits": limits,
    "kill_switch": kill_switch,
    "rolling": rolling,
    "experiment": experiment,
    "operational": operational,
}
