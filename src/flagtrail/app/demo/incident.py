"""The night of new_pricing: how a segment edit in the evening became a billing bug at night.

The flag itself was rolled out by the book. What turned it on for every customer
on the plan "pro" was an edit of a segment, by somebody who had another flag in mind.
"""

from __future__ import annotations

from flagtrail.app.demo.calendar import DAYS
from flagtrail.app.demo.company import WIDENED, segment_edit
from flagtrail.app.demo.life import (
    PRODUCTION,
    PROJECT,
    STAGING,
    Life,
    attribute,
    encode_parts,
    flag_of,
    only,
    rule,
    segment,
)
from flagtrail.model.change import Operation
from flagtrail.model.document import encode
from flagtrail.model.flag import Json
from flagtrail.model.segment import Segment
from flagtrail.model.subject import flag_subject, segment_subject, targeting_subject

GO_LIVE = "BILL-412: go live, enterprise first (their contracts name the new tiers)"
QUARTER = "BILL-418: two invoice runs without a difference, a quarter of the others"
WHY_KILLED = "INC-283: pro customers are billed by the new tiers since midnight; off until we know why"
KILLED = (2, 17)
"""Hour and minute (UTC) at which the flag was turned off."""

EVENING = (18, 42)
"""When the segment was widened, the evening before."""

_NEEDS = [{"flag": "billing_v2", "variants": ["on"]}]
_ENTERPRISE = rule("enterprise", "enterprise first", attribute("plan", "in", "enterprise"))
_EARLY = rule("early", "early access", segment("early_access"))
_PILOTS = rule("pilots", "named pilots", segment("new_pricing_pilots"))


def incident(life: Life) -> None:
    """From the first test to the morning after."""
    remove_by = f"{life.calendar.moment(DAYS + 39):%Y-%m-%d}"
    flag = encode(flag_of(life.row, "release", remove_by=remove_by))
    subject = flag_subject(PROJECT, life.row.key)
    created = [Operation(action="create", subject=subject, value=flag), _serve(life, STAGING, enabled=True)]
    _step(life, 34, (9, 12), "maya", created, "BILL-412: new price list, behind a flag from the first commit")
    staged = [_serve(life, STAGING, prerequisites=_NEEDS, rules=[_ENTERPRISE], fallthrough=only("off"))]
    _step(life, 32, (13, 40), "leila", staged, "BILL-412: test with enterprise contracts of the sandbox")
    _step(life, 28, (10, 5), "leila", [_percent(life, STAGING, 100)], "BILL-412: whole invoice run on staging")
    first: dict[str, Json] = {
        "enabled": True,
        "prerequisites": _NEEDS,
        "rules": [_ENTERPRISE],
        "fallthrough": only("off"),
    }
    _step(
        life,
        24,
        (9, 30),
        "leila",
        [_serve(life, PRODUCTION, **first)],
        GO_LIVE,
    )
    early = [_serve(life, PRODUCTION, rules=[_ENTERPRISE, _EARLY])]
    _step(life, 16, (14, 22), "maya", early, "BILL-415: pilot accounts asked for the new tiers")
    _step(
        life,
        12,
        (8, 55),
        "hana",
        [_percent(life, PRODUCTION, 25)],
        QUARTER,
    )
    _step(life, 5, (9, 10), "leila", [_percent(life, PRODUCTION, 50)], "BILL-418: support is quiet, half")
    _night(life)


def _night(life: Life) -> None:
    """The evening before, the night, and the morning."""
    widened = [segment_edit("early_access", WIDENED, "Pilot accounts, and everybody on pro or enterprise.")]
    _step(
        life,
        1,
        EVENING,
        "jonas",
        widened,
        "GROW-388: pro customers may try the new invoice editor",
    )
    run = targeting_subject(PROJECT, "invoice_run", PRODUCTION)
    stopped = [Operation(action="patch", subject=run, value={"enabled": False})]
    _step(life, 0, (2, 11), "tomasz", stopped, "INC-283: totals of this run are too high, stop before mails go out")
    off = [_serve(life, PRODUCTION, enabled=False)]
    _step(
        life,
        0,
        KILLED,
        "tomasz",
        off,
        WHY_KILLED,
    )
    again = [Operation(action="patch", subject=run, value={"enabled": True})]
    _step(life, 0, (5, 32), "leila", again, "INC-283: run repeated with the old price list, totals checked by hand")
    accounts = attribute("account", "in", "acme", "cobalt-air", "dunmore", "fjordline")
    pilots = Segment("new_pricing_pilots", accounts, "Accounts that agreed to the new tiers in writing.")
    mended = [
        Operation(action="create", subject=segment_subject(PROJECT, pilots.key), value=encode(pilots)),
        _serve(life, PRODUCTION, rules=[_ENTERPRISE, _PILOTS], fallthrough=only("off")),
    ]
    why = (
        "BILL-431 post-mortem: new_pricing followed early_access, which was widened at 18:42 for another flag. "
        "Pilots are named from now on. Stays off until last night's invoices are corrected."
    )
    _step(life, 0, (6, 24), "leila", mended, why)


def _step(life: Life, days_ago: int, clock: tuple[int, int], who: str, operations: list[Operation], why: str) -> None:
    moment = life.calendar.moment(DAYS - days_ago, hour=clock[0], minute=clock[1])
    life.at(moment, who, operations, why, why.split(" ", maxsplit=1)[0].rstrip(":"))


def _serve(life: Life, environment: str, **patch: Json) -> Operation:
    subject = targeting_subject(PROJECT, life.row.key, environment)
    return Operation(action="patch", subject=subject, value=encode_parts(patch))


def _percent(life: Life, environment: str, percent: int) -> Operation:
    subject = targeting_subject(PROJECT, life.row.key, environment)
    return Operation(action="rollout", subject=subject, value={"percent": percent})
