"""Northwind Ledger beside its flags: its people and accounts, its segments, its tokens, a night of wrong passwords."""

from __future__ import annotations

from datetime import timedelta

from flagtrail.app.clock import stamp
from flagtrail.app.demo.calendar import Calendar, Step
from flagtrail.app.demo.people import AUDITOR, LEAVERS, STAFF, Person
from flagtrail.model.access import SigninFailures, Token
from flagtrail.model.change import Change, Operation
from flagtrail.model.condition import Condition, Operator
from flagtrail.model.document import encode
from flagtrail.model.flag import Json
from flagtrail.model.segment import Segment
from flagtrail.model.subject import (
    Subject,
    environment_subject,
    member_subject,
    project_subject,
    segment_subject,
    signin_subject,
    token_subject,
)

PROJECT = "default"
EU = (
    *("AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU"),
    *("IE", "IT", "LT", "LU", "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK"),
)


def _is(attribute: str, operator: Operator, *values: Json) -> Condition:
    return Condition(attribute=attribute, operator=operator, values=values)


def _plans(*plans: str) -> Condition:
    return _is("plan", "in", *plans)


def _accounts(*accounts: str) -> Condition:
    return _is("account", "in", *accounts)


PILOTS = Condition(segment="pilot_accounts")
EARLY_ACCESS = Condition(any=(PILOTS, Condition(all=(_is("beta", "equals", True), Condition(segment="enterprise")))))
WIDENED = Condition(any=(PILOTS, _plans("pro", "enterprise")))
"""What the segment `early_access` became on the eve of the incident."""

SEGMENTS: tuple[tuple[int, str, Segment], ...] = (
    (2, "ingrid", Segment("employees", _is("email", "ends_with", "@northwind.example.com"), "Ourselves.")),
    (2, "ingrid", Segment("enterprise", _plans("enterprise"), "Accounts on the enterprise plan.")),
    (3, "maya", Segment("paying", _plans("starter", "pro", "enterprise"), "Whoever pays.")),
    (
        3,
        "maya",
        Segment("pilot_accounts", _accounts("acme", "brightwater"), "They try things first."),
    ),
    (4, "jonas", Segment("beta", _is("beta", "equals", True), "People who ticked the beta box.")),
    (5, "priya", Segment("eu", _is("country", "in", *EU), "The 27 countries of the European Union.")),
    (6, "chiara", Segment("mobile_app", _is("platform", "in", "ios", "android"), "The two apps.")),
    (6, "maya", Segment("large_accounts", _is("seats", "gte", 200), "Two hundred seats and more.")),
    (9, "jonas", Segment("trial", _is("plan", "equals", "trial"), "In the trial.")),
    (24, "priya", Segment("high_risk", _is("risk_score", "gt", 80), "Payments that a person looks at.")),
    (40, "maya", Segment("public_sector", _is("industry", "in", "government", "education"), "Public bodies.")),
    (88, "yuki", Segment("old_app", _is("app_version", "semver_lt", "3.0.0"), "Apps before 3.0.")),
    (
        230,
        "farah",
        Segment("early_access", EARLY_ACCESS, "Pilots, and enterprise with the beta box ticked."),
    ),
)

EDITS: tuple[tuple[int, str, str, Condition, str], ...] = (
    (
        70,
        "maya",
        "pilot_accounts",
        _is("account", "in", "acme", "brightwater", "cobalt-air"),
        "BILL-77: Cobalt Air joins the pilots",
    ),
    (
        160,
        "maya",
        "paying",
        _is("plan", "in", "starter", "pro", "business", "enterprise"),
        "BILL-124: plan business exists from today",
    ),
    (290, "yuki", "old_app", _is("app_version", "semver_lt", "4.0.0"), "MOB-195: 4.0 is in the stores"),
    (333, "priya", "high_risk", _is("risk_score", "gt", 75), "PAY-214: chargebacks of last quarter"),
    (
        395,
        "leila",
        "pilot_accounts",
        _is("account", "in", "acme", "cobalt-air", "dunmore", "fjordline"),
        "BILL-249: Brightwater has left",
    ),
    (520, "leila", "large_accounts", _is("seats", "gte", 250), "BILL-316: as in the new packaging"),
    (610, "kwame", "old_app", _is("app_version", "semver_lt", "4.6.0"), "MOB-363: support for 4.5 has ended"),
    (
        655,
        "maya",
        "paying",
        _is("plan", "in", "starter", "pro", "enterprise"),
        "BILL-387: plan business was folded into pro",
    ),
)

TOKENS: tuple[tuple[int, Token], ...] = (
    (3, Token("ci", "admin", "CI pipeline", project=PROJECT, role="editor")),
    (8, Token("api-production", "server", "API servers", project=PROJECT, environment="production")),
    (8, Token("api-staging", "server", "API servers (staging)", project=PROJECT, environment="staging")),
    (9, Token("web-production", "client", "Web application", project=PROJECT, environment="production")),
    (95, Token("mobile-production", "client", "Mobile apps", project=PROJECT, environment="production")),
    (210, Token("warehouse-sync", "admin", "Warehouse export", project=PROJECT, role="viewer")),
)


def company_steps(calendar: Calendar) -> list[Step]:
    """Everything that happens to the company and not to a flag."""
    founded = [
        _step(calendar, 0, 9, "system", [_member(person)], "first start")
        for person in STAFF[:2]  # the two who set everything up
    ]
    return [
        *founded,
        *_project(calendar),
        *_people(calendar),
        *_segments(calendar),
        *_tokens(calendar),
        *_attack(calendar),
    ]


def _step(
    calendar: Calendar, day: int, hour: int, who: str, operations: list[Operation], why: str, minute: int = 0
) -> Step:
    return Step(calendar.moment(day, hour=hour, minute=minute), who, Change(operations=tuple(operations), why=why))


def _member(person: Person) -> Operation:
    document = encode(person.member)
    if person.role == "approver":
        document["role"] = "editor"
    return Operation(action="create", subject=member_subject(person.key), value=document)


def _patch(subject: Subject, **value: Json) -> Operation:
    return Operation(action="patch", subject=subject, value=value)


def _project(calendar: Calendar) -> list[Step]:
    named = _patch(project_subject(PROJECT), name="Northwind Ledger", description="Billing for other companies.")
    region = _patch(environment_subject(PROJECT, "staging"), name="Staging (Frankfurt)")
    return [
        _step(calendar, 0, 10, "ingrid", [named], "named after what we sell"),
        _step(calendar, 240, 13, "tomasz", [region], "PLAT-167: staging moved to Frankfurt, like production"),
    ]


def _people(calendar: Calendar) -> list[Step]:
    """People join, become approvers after a hundred days, and leave."""
    steps = []
    for number, person in enumerate((*STAFF[2:], *LEAVERS, AUDITOR)):
        why = f"{person.name.split(' ', maxsplit=1)[0]} joins {person.team}"
        if person is AUDITOR:
            why = "PLAT-233: external auditor for SOC 2, reads only"
        steps.append(_step(calendar, person.joined, 11, "ingrid", [_member(person)], why, minute=number))
        if person.role == "approver":
            approver = [_patch(member_subject(person.key), role="approver")]
            steps.append(_step(calendar, person.joined + 100, 9, "ingrid", approver, "knows production by now", number))
        if person.left is not None:
            gone = [_patch(member_subject(person.key), active=False)]
            deleted = [Operation(action="delete", subject=member_subject(person.key))]
            steps.append(_step(calendar, person.left, 17, "ingrid", gone, "last day"))
            steps.append(_step(calendar, person.left + 30, 9, "ingrid", deleted, "account of a former colleague"))
    return steps


def _segments(calendar: Calendar) -> list[Step]:
    made = [
        _step(
            calendar,
            day,
            12,
            who,
            [Operation(action="create", subject=segment_subject(PROJECT, segment.key), value=encode(segment))],
            f"for rollouts: {segment.description.lower()}",
            minute=number * 4,
        )
        for number, (day, who, segment) in enumerate(SEGMENTS)
    ]
    edited = [
        _step(calendar, day, 14, who, [segment_edit(key, when)], why)  # a segment's condition is replaced whole
        for day, who, key, when, why in EDITS
    ]
    return [*made, *edited]


def segment_edit(key: str, when: Condition, description: str | None = None) -> Operation:
    """Give a segment another condition (and, where named, another description)."""
    known = {segment.key: segment.description for _, _, segment in SEGMENTS}
    segment = Segment(key, when, known.get(key, "") if description is None else description)
    return Operation(action="put", subject=segment_subject(PROJECT, key), value=encode(segment))


def _tokens(calendar: Calendar) -> list[Step]:
    """Tokens without a secret that anybody knows: the story's servers are no longer there to use them."""
    steps = [
        _step(
            calendar,
            day,
            10,
            "tomasz",
            [Operation(action="create", subject=token_subject(token.key), value=encode(token))],
            f"for: {token.name}",
            minute=30 + number,
        )
        for number, (day, token) in enumerate(TOKENS)
    ]
    revoked = [_patch(token_subject("warehouse-sync"), revoked=True)]
    steps.append(_step(calendar, 577, 16, "ingrid", revoked, "PLAT-345: was in a notebook of someone who left"))
    return steps


def _attack(calendar: Calendar) -> list[Step]:
    """Somebody tries passwords for some minutes, one night."""
    begin = calendar.moment(471, hour=3, minute=12)
    steps = []
    for number, attempts in enumerate((38, 112, 97, 14)):
        minute = begin + timedelta(minutes=number)
        failures = SigninFailures("password", stamp(minute), attempts)
        operation = Operation(action="put", subject=signin_subject("password"), value=encode(failures))
        change = Change(operations=(operation,), why="failed attempts, added up per minute")
        steps.append(Step(minute + timedelta(seconds=75), "system", change))
    return steps
