"""Trying a context: what it gets, now or as of then, and why."""

from __future__ import annotations

import msgspec

from flagtrail.app.as_of import Answer
from flagtrail.app.ask import At
from flagtrail.model.errors import FlagtrailError, InvalidQuery
from flagtrail.model.flag import Json
from flagtrail.server.problems import HTTP_STATUS
from flagtrail.server.rest.questions import at as read_instant
from flagtrail.server.web.forms import read_context
from flagtrail.server.web.page import Html, Page, shows

EXAMPLE = "targetingKey=user-1\nplan=enterprise"


class Answered(msgspec.Struct, frozen=True):
    """One answer per flag asked for; `present` is what a single flag answers now, where the past was asked."""

    answers: tuple[Answer, ...]
    present: Answer | None = None


@shows("/evaluate")
def evaluate(page: Page) -> Html:
    """The form and, where a context was given, the answer. Not counted as usage."""
    page.require_project()
    query = page.query
    answered: Answered | None = None
    refused: FlagtrailError | None = None
    if "context" in query:
        try:
            answered = _answer(
                page, query.optional("flag"), _context(query.raw("context")), read_instant(query.optional("at"))
            )
        except FlagtrailError as error:
            refused = error
    state = page.app.ask.state
    return page.render(
        "evaluate.html",
        status=200 if refused is None else HTTP_STATUS.get(type(refused), 400),
        flags=list(state.flags(page.project)),
        flag=query.get("flag"),
        at=query.get("at"),
        context=query.raw("context") if "context" in query else EXAMPLE,
        answered=answered,
        refused=refused,
    )


def _context(text: str) -> dict[str, Json]:
    context = read_context(text)
    if not isinstance(context.get("targetingKey", ""), str):
        raise InvalidQuery('the targetingKey must be a text; write it in quotes: targetingKey="42"')
    return context


def _answer(page: Page, flag: str | None, context: dict[str, Json], at: At | None) -> Answered:
    past = page.app.past
    page.who.require("viewer", page.project, page.environment)
    if flag is not None:
        answer = past.evaluate(page.project, page.environment, flag, context, at, trace=True)
        present = None if at is None else past.evaluate(page.project, page.environment, flag, context)
        return Answered((answer,), present)
    return Answered(past.evaluate_all(page.project, page.environment, context, at))
