"""What came of a change: who was served otherwise, and which metrics moved."""

from __future__ import annotations

from typing import Annotated

from litestar import get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery, QueryParameter

from flagtrail.app.anomaly import WITHIN
from flagtrail.app.answers import Anomaly, Impact
from flagtrail.app.clock import read_time
from flagtrail.app.impact import LEAST_MINUTES, MOST_MINUTES, WINDOW_MINUTES
from flagtrail.server.rest.call import Caller, Seq
from flagtrail.server.rest.questions import instant, span

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


@get(
    "/projects/{project:str}/impact",
    opt={"role": "signed_in"},
    sync_to_thread=True,
    summary="With which changes may a metric have moved?",
)
def read_anomaly(
    project: FromPath[str],
    call: Caller,
    *,
    metric: FromQuery[str],
    at: FromQuery[str],
    within: FromQuery[str] = WITHIN,
    environment: FromQuery[str] = "production",
    window: Window = WINDOW_MINUTES,
) -> Anomaly:
    """Of the changes `within` (30min, 2h, 1d) before `at`, those that altered what anybody gets: ranked by how many
    people, how close to it, and whether the metric moved with each. Needs the role viewer there.
    """
    call.identity.require("viewer", project, environment)
    moment = read_time(str(instant(at, "at")))
    return call.app.anomalies.anomaly(
        project, environment, metric, moment, within=span(within, "within"), minutes=window
    )


ROUTES: list[HTTPRouteHandler] = [read_impact, read_anomaly]
