"""The nudge: once a week owners are told which of their flags could go."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from flagtrail.model.errors import Defect
from flagtrail.model.subscription import MAX_LISTED, MAX_TEXT, Weekday, time_defects


class Nudge(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When and where owners are reminded: on a day of the week, at a time (`HH:MM`) of a zone (IANA).

    `channels` are names of the operator's settings. A channel that is called as an owner is gets that owner's list;
    all other lists go to `channels`.
    """

    enabled: bool = True
    day: Weekday = "mon"
    at: str = "09:00"
    zone: str = "UTC"
    channels: tuple[str, ...] = ()


def nudge_defects(nudge: Nudge) -> Iterator[Defect]:
    """What is wrong with it that its structure does not tell. Whether a zone exists is not known here."""
    yield from time_defects("/at", nudge.at)
    if len(nudge.channels) > MAX_LISTED:
        yield Defect("/channels", f"has {len(nudge.channels)} values, {MAX_LISTED} are the most")
    for index, name in enumerate(nudge.channels[:MAX_LISTED]):
        if not 1 <= len(name) <= MAX_TEXT or not name.isprintable():
            yield Defect(f"/channels/{index}", f"must be 1 to {MAX_TEXT} printable characters")
