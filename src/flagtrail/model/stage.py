"""Where a flag stands on its way out, and the snooze that puts the question off."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import Literal, TypeAlias, get_args

import msgspec

from flagtrail.model.errors import Defect

Stage: TypeAlias = Literal["active", "potentially_stale", "stale", "ready_to_remove", "code_removed", "archived"]
STAGES: tuple[str, ...] = get_args(Stage)
"""In the order in which a flag goes through them."""

MAX_OWNER = 256
MAX_REASON = 1_000
MAX_COMMIT = 512
MAX_CODES = 30
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")


class FlagStage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The stage that a flag came to. A flag without this document is active.

    `reasons` are the codes that held then, `variant` the one to keep, `commit` the commit that removed its code
    (an address or a hash), where one was named.
    """

    stage: Stage
    reasons: tuple[str, ...] = ()
    variant: str | None = None
    commit: str = ""


class Snooze(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A flag is left in peace up to the day `until` (ISO 8601, UTC): `owner` answers for it, `reason` says why.

    It ends by itself: from that day on the flag is judged as before.
    """

    until: str
    owner: str
    reason: str

    def holds(self, today: str) -> bool:
        """Whether it still does, on a day (ISO 8601)."""
        return today < self.until


def stage_defects(stage: FlagStage) -> Iterator[Defect]:
    """What is wrong with a stage that its structure does not tell."""
    if len(stage.reasons) > MAX_CODES:
        yield Defect("/reasons", f"has {len(stage.reasons)} values, {MAX_CODES} are the most")
    if not (stage.commit.isprintable() and len(stage.commit) <= MAX_COMMIT):
        yield Defect("/commit", f"must be at most {MAX_COMMIT} printable characters")


def snooze_defects(snooze: Snooze) -> Iterator[Defect]:
    """What is wrong with a snooze by itself; whether its day lies ahead is not known here."""
    if not is_date(snooze.until):
        yield Defect("/until", f"{snooze.until!r} is no date, such as 2026-12-31")
    for name, text, most in (("owner", snooze.owner, MAX_OWNER), ("reason", snooze.reason, MAX_REASON)):
        if not (text.strip() and text.isprintable() and len(text) <= most):
            yield Defect(f"/{name}", f"must be 1 to {most:,} printable characters")


def is_date(text: str) -> bool:
    """Whether the text is a day of the calendar, written as ISO 8601 has it.

    >>> is_date("2026-12-31"), is_date("2026-02-30"), is_date("20261231")
    (True, False, False)
    """
    if _DATE.match(text) is None:
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
