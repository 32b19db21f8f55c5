"""The board of flags on their way out: columns by stage, and what people say of a flag on it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import cast

import msgspec
from litestar.params import FromPath

from flagtrail.app.answers import Board, Standing
from flagtrail.app.stages import Decided
from flagtrail.model.change import Operation
from flagtrail.model.errors import FlagtrailError, InvalidQuery
from flagtrail.model.subject import snooze_subject
from flagtrail.server.problems import HTTP_STATUS
from flagtrail.server.web.page import Html, Page, does, shows
from flagtrail.server.web.stale import BLOCKERS, CODES

SHOWN = 8
"""Cards of one column; a column by itself shows them all."""
COLUMNS = ("potentially_stale", "stale", "ready_to_remove", "code_removed")
ELSEWHERE = ("snoozed", "archived")
NAMES = {
    "potentially_stale": "Potentially stale",
    "stale": "Stale",
    "ready_to_remove": "Ready to remove",
    "code_removed": "Code removed",
    "archived": "Archived",
    "snoozed": "Snoozed",
}
HINTS = {
    "potentially_stale": "Past what was planned",
    "stale": "Evidence says they could go",
    "ready_to_remove": "Somebody agreed: remove the code",
    "code_removed": "Nothing asks any more: archive",
    "archived": "Out of the way",
    "snoozed": "Left in peace up to a day",
}
WEEKS = timedelta(days=28)


class Column(msgspec.Struct, frozen=True):
    """The cards of one stage: `cards` are those that are shown, of `count`."""

    stage: str
    cards: tuple[Standing, ...]
    count: int


@shows("/stale/board")
def stale_board(page: Page) -> Html:
    """Where each flag stands."""
    return _board(page)


def _board(page: Page, refused: FlagtrailError | None = None) -> Html:
    board = page.app.stages.board(page.require_project())
    owner, only = page.query.get("owner"), page.query.get("stage")
    if only and only not in {*COLUMNS, *ELSEWHERE}:
        raise InvalidQuery(f"{only!r} is no column of the board", parameter="stage")
    found = [each for each in board.flags if not owner or owner == each.owner]
    columns = [_column(stage, found, whole=bool(only)) for stage in (*COLUMNS, *ELSEWHERE) if only in {"", stage}]
    return page.render(
        "stale_board.html",
        status=200 if refused is None else HTTP_STATUS.get(type(refused), 500),
        refused=refused,
        columns=[each for each in columns if each.stage in COLUMNS or each.count or only],
        active=sum(each.stage == "active" and _snoozed(each) is None for each in found),
        owner=owner,
        only=only,
        owners=sorted({each.owner for each in _leaving(board) if each.owner}),
        names=NAMES,
        hints=HINTS,
        codes=CODES,
        blockers=BLOCKERS,
        until=f"{page.app.clock() + WEEKS:%Y-%m-%d}",
    )


def _leaving(board: Board) -> list[Standing]:
    return [each for each in board.flags if each.stage != "active" or _snoozed(each) is not None]


def _snoozed(each: Standing) -> object:
    return None if each.verdict is None else each.verdict.snoozed


def _column(stage: str, found: Sequence[Standing], *, whole: bool) -> Column:
    """A column, those first that waited longest; what is snoozed stands in a column of its own."""
    cards = [each for each in found if ("snoozed" if _snoozed(each) is not None else each.stage) == stage]
    cards.sort(key=lambda each: (each.since or "9", -each.age_days, each.flag))
    return Column(stage, tuple(cards if whole else cards[:SHOWN]), len(cards))


def _change(page: Page, make: Callable[[], Operation], done: str) -> Html:
    """Make a change of one document; refused, the board is shown again with why."""
    page.require_project()
    try:
        operation = make()
    except FlagtrailError as error:
        return _board(page, error)
    to = page.link("/stale/board", owner=page.form.get("owner_shown"), stage=page.form.get("stage_shown"))
    return page.change([operation], done=done, to=to, again=lambda error: _board(page, error))


@does("/flags/{key:str}/snooze")
def snooze(page: Page, key: FromPath[str]) -> Html:
    """Leave a flag in peace up to a day."""
    until = page.form.get("until")

    def make() -> Operation:
        return page.app.stages.snoozed(
            page.project,
            key,
            until=until,
            owner=page.form.get("owner"),
            reason=page.form.get("why"),
            identity=page.who,
        )

    return _change(page, make, f"{key} is snoozed until {until}.")


@does("/flags/{key:str}/unsnooze")
def unsnooze(page: Page, key: FromPath[str]) -> Html:
    """End a snooze."""
    operation = Operation(action="delete", subject=snooze_subject(page.project, key))
    return _change(page, lambda: operation, f"{key} is no longer snoozed.")


@does("/flags/{key:str}/stage")
def move(page: Page, key: FromPath[str]) -> Html:
    """Say that a flag may go, or that its code is gone."""
    stage = page.form.get("stage")
    if stage not in {"ready_to_remove", "code_removed"}:
        raise InvalidQuery(f"{stage!r} is no stage that people decide", parameter="stage")

    def make() -> Operation:
        variant, commit = page.form.optional("variant"), page.form.get("commit")
        return page.app.stages.decided(page.project, key, cast("Decided", stage), variant=variant, commit=commit)

    return _change(page, make, f"{key}: {NAMES[stage].lower()}.")


@does("/flags/{key:str}/stage/reopen")
def reopen(page: Page, key: FromPath[str]) -> Html:
    """Take back what a person decided."""
    return _change(page, lambda: page.app.stages.withdrawn(page.project, key), f"{key} is open again.")
