"""Which entries altered what a context got."""

from __future__ import annotations

import msgspec
from litestar import get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery, JSONBody

from flagtrail.app.answers import Asked, Blame, Suspects
from flagtrail.app.clock import read_time
from flagtrail.model.flag import Json
from flagtrail.server.rest.call import Call, Caller
from flagtrail.server.rest.questions import instant, require_context, span


class BlameQuestion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of which flag (null: all of them), in which environment, for which context, and over which window.

    `since` (inclusive; null: the flag's first entry) and `until` (exclusive; null: now) are times (RFC 3339). With
    `reasons` an entry also counts that altered only the reason or the rule.
    """

    environment: str = "production"
    flag: str | None = None
    context: dict[str, Json] = {}
    since: str | None = None
    until: str | None = None
    reasons: bool = False


@post(
    "/projects/{project:str}/blame",
    opt={"role": "signed_in"},
    status_code=200,
    sync_to_thread=True,
    summary="Which entries altered what a context got?",
)
def blame(project: FromPath[str], data: JSONBody[BlameQuestion], call: Caller) -> Blame:
    """What the context got over time as half-open bands, each with the entry that began it. Flags whose answer
    changed come first. Needs the role viewer in the project and environment.
    """
    return call.app.blames.blame(read_question(call, project, data))


@get(
    "/projects/{project:str}/blame",
    opt={"role": "signed_in"},
    sync_to_thread=True,
    summary="Which changes can have caused an incident?",
)
def suspects(
    project: FromPath[str],
    call: Caller,
    at: FromQuery[str],
    within: FromQuery[str] = "2h",
    environment: FromQuery[str] = "production",
) -> Suspects:
    """Of the changes `within` (30min, 2h, 1d) before `at`, those that altered what anybody gets, ranked by how many
    people, and how close to it. Needs the role viewer in the project and environment.
    """
    call.identity.require("viewer", project, environment)
    moment = read_time(str(instant(at, "at")))
    return call.app.blames.suspects(project, environment, moment, span(within, "within"))


def read_question(call: Call, project: str, data: BlameQuestion) -> Asked:
    """The question as it is asked of the application, where the caller may."""
    call.identity.require("viewer", project, data.environment)
    require_context(data.context)
    return Asked(
        project=project,
        environment=data.environment,
        flag=data.flag,
        context=data.context,
        since=instant(data.since, "since"),
        until=instant(data.until, "until"),
        reasons=data.reasons,
    )


ROUTES: list[HTTPRouteHandler] = [blame, suspects]
