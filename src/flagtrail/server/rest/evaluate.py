"""What a context gets: now or at an instant of the past, with the reasons; and the state of a project then."""

from __future__ import annotations

import msgspec
from litestar import get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery, JSONBody

from flagtrail.app.as_of import Answer
from flagtrail.model.flag import Json
from flagtrail.model.resolution import Resolution
from flagtrail.model.state import State
from flagtrail.server.rest.call import Caller, DocumentPage, DocumentView, require_project
from flagtrail.server.rest.questions import at as read_instant
from flagtrail.server.rest.questions import require_context


class Question(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which flag (null: all of them), in which environment, for which context, and when.

    `at` is a time (RFC 3339) or an entry's seq; null is now. `explain` adds what
    the evaluation looked at, and finds the entry that made it so.
    """

    environment: str = "production"
    flag: str | None = None
    context: dict[str, Json] = {}
    at: str | int | None = None
    explain: bool = False


class Evaluated(msgspec.Struct, frozen=True):
    """What the context gets of one flag. `because` is the newest entry that the answer rests on; explained, the very
    entry from which on the context got this.
    """

    resolution: Resolution
    explanation: Json
    at: str
    because: int | None


class EvaluatedFlags(msgspec.Struct, frozen=True):
    """The answers for all flags, by key."""

    items: list[Evaluated]
    next: None = None


@post(
    "/projects/{project:str}/evaluate",
    opt={"role": "signed_in"},
    status_code=200,
    sync_to_thread=True,
    summary="Evaluate, now or as of then",
)
def evaluate(project: FromPath[str], data: JSONBody[Question], call: Caller) -> Evaluated | EvaluatedFlags:
    """Not counted as usage. Needs the role viewer in the project and environment."""
    call.identity.require("viewer", project, data.environment)
    require_context(data.context)
    past, moment = call.app.past, read_instant(data.at)
    if data.flag is None:
        answers = past.evaluate_all(project, data.environment, data.context, moment, trace=data.explain)
        return EvaluatedFlags([_evaluated(answer, explain=data.explain) for answer in answers])
    answer = past.evaluate(project, data.environment, data.flag, data.context, moment, trace=data.explain)
    return _evaluated(answer, explain=data.explain)


def _evaluated(answer: Answer, *, explain: bool) -> Evaluated:
    return Evaluated(answer.resolution, answer.explanation if explain else None, answer.at, answer.because)


@get(
    "/projects/{project:str}/state",
    opt={"role": "viewer"},
    sync_to_thread=True,
    summary="Read every document, as of then",
)
def read_state(project: FromPath[str], call: Caller, at: FromQuery[str | None] = None) -> DocumentPage:
    """Every living document of the project by address, now or at a time or after an entry."""
    moment = read_instant(at)
    require_project(call.app, project)
    state = call.app.ask.state if moment is None else call.app.past.state_at(project, moment)
    return DocumentPage(_documents(state, project))


def _documents(state: State, project: str) -> list[DocumentView]:
    found = [
        DocumentView(held.subject, held.version, held.effective, held.seq, held.document)
        for held in state.all()
        if held.document is not None and held.subject.project == project
    ]
    return sorted(found, key=lambda view: view.subject.path)


ROUTES: list[HTTPRouteHandler] = [evaluate, read_state]
