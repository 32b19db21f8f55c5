"""Suspects: which changes before an incident altered what most people get."""

from __future__ import annotations

import msgspec

from flagtrail.app.answers import Suspects
from flagtrail.app.clock import read_time
from flagtrail.model.entry import Entry
from flagtrail.model.errors import FlagtrailError
from flagtrail.server.problems import HTTP_STATUS
from flagtrail.server.rest.questions import span
from flagtrail.server.web.page import Html, Page, shows

SPANS = ("30min", "2h", "12h", "1d", "7d", "30d")
DEFAULT_SPAN = "12h"
MOST_SHOWN = 30
"""Suspects that the page tells of; the likeliest."""


class Ranked(msgspec.Struct, frozen=True):
    """The answer, and the entries of the suspects that are shown, by seq."""

    found: Suspects
    entries: dict[int, Entry]
    left_out: int


@shows("/investigate/suspects")
def suspects_page(page: Page) -> Html:
    """The form and, once it was sent, the ranked suspects. It asks about everybody, so its address can hold it all."""
    page.require_project()
    at, within = page.query.get("at"), page.query.get("within") or DEFAULT_SPAN
    ranked: Ranked | None = None
    refused: FlagtrailError | None = None
    if at:
        try:
            ranked = _ranked(page, at, within)
        except FlagtrailError as error:
            refused = error
    return page.render(
        "suspects.html",
        status=200 if refused is None else HTTP_STATUS.get(type(refused), 400),
        at=at,
        within=within,
        spans=SPANS if within in SPANS else (within, *SPANS),
        ranked=ranked,
        refused=refused,
        most=MOST_SHOWN,
    )


def _ranked(page: Page, at: str, within: str) -> Ranked:
    environment = page.query.get("environment") or page.environment
    page.who.require("viewer", page.project, environment)
    length = span(within, "within")
    found = page.app.blames.suspects(page.project, environment, read_time(at), length)
    shown = found.suspects[:MOST_SHOWN]
    entries = {each.cause.seq: page.app.ask.entry(each.cause.seq) for each in shown}
    return Ranked(found, entries, len(found.suspects) - len(shown))
