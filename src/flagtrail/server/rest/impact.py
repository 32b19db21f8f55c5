"""What came of a change: who was served otherwise, and which metrics moved."""

from __future__ import annotations

from typing import Annotated

from litestar import get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery, QueryParameter

from flagtrail.app.answers import Impact
from flagtrail.app.impact import LEAST_MINUTES, MOST_MINUTES, WINDOW_MINUTES
from flagtrail.server.rest.call import Caller, Seq

Window = Annotated[
    int, QueryParameter(ge=LEAST_MINUTES, le=MOST_MINUTES, description="Minutes before, and after, the change.")
]
Metrics = Annotated[list[str] | None, QueryParameter(description="Only this metric; may be named several times.")]


@get(
    "/projects/{project:str}/changes/{seq:int}/impact",
    opt={"role": "viewer"},
    sync_to_thread=True,
    summary="Read what came of a change",
)
def read_impact(
    project: FromPath[str],
    seq: Seq,
    call: Caller,
    *,
    environment: FromQuery[str | None] = None,
    metric: Metrics = None,
    window: Window = WINDOW_MINUTES,
) -> Impact:
    """Exposure as predicted and as counted, and every watched metric before and after, with a verdict.

    In the change's own environment; of one that concerns several, in production or the one that is named.
    """
    return call.app.impacts.impact(project, seq, environment=environment, metrics=metric or (), minutes=window)


ROUTES: list[HTTPRouteHandler] = [read_impact]
