"""Guards in forms: set with a change of what is served, and called off."""

from __future__ import annotations

from typing import cast, get_args

from litestar.params import FromPath

from flagtrail.app.guards import GuardPart
from flagtrail.model.change import Operation
from flagtrail.model.errors import Defect, InvalidDocument
from flagtrail.model.guard import GuardAction, read_limit
from flagtrail.model.subject import guard_subject
from flagtrail.server.web.flag import refused_on
from flagtrail.server.web.page import Html, Page, does

ACTIONS: tuple[str, ...] = get_args(GuardAction)


def guarding(page: Page, flag: str, environment: str) -> list[Operation]:
    """The operation that sets the guard which the form asks for, if it does; raises what is wrong with it."""
    form = page.form
    limits = [part for part in form.get("guard").split(",") if part.strip()]
    if not limits or page.previewing:
        return []
    minutes, action = form.number("guard_minutes"), form.get("guard_action") or "revert"
    if minutes is None:
        raise InvalidDocument([Defect("/guard/minutes", "is missing")])
    if action not in ACTIONS:
        raise InvalidDocument([Defect("/guard/action", f"must be one of {', '.join(ACTIONS)}")])
    part = GuardPart(tuple(map(read_limit, limits)), minutes, action=cast("GuardAction", action))
    return [page.app.guards.operation(page.require_project(), flag, environment, part)]


@does("/flags/{key:str}/environments/{environment:str}/guard/stop")
def stop(page: Page, key: FromPath[str], environment: FromPath[str]) -> Html:
    """Call a guard off."""
    page.environment = environment
    subject = guard_subject(page.require_project(), key, environment)
    return page.edit(
        [Operation(action="delete", subject=subject)],
        done=f"The guard of {key} in {environment} is called off; what it guarded stays.",
        to=page.link(f"/flags/{key}", environment=environment),
        again=lambda error: refused_on(page, key, "guard", error),
    )
