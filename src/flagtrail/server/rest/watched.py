"""Watched metrics: pushing samples, and reading them; what Flagtrail tells of itself stands in `metrics.py`."""

from __future__ import annotations

from typing import Annotated

import msgspec
from litestar import get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from flagtrail.app.watched import MetricPoints, Pushed
from flagtrail.model.metric import Metric, Push
from flagtrail.server.limits import MAX_PUSH_BODY
from flagtrail.server.rest.call import Caller
from flagtrail.server.rest.questions import instant

Step = Annotated[int | None, QueryParameter(ge=1, le=86_400, description="Seconds of a bucket.")]


class MetricList(msgspec.Struct, frozen=True):
    """Every metric that can be watched, by name."""

    items: list[Metric]
    next: None = None


@get("/projects/{project:str}/metrics", opt={"role": "viewer"}, sync_to_thread=True, summary="List watched metrics")
def list_metrics(project: FromPath[str], call: Caller) -> MetricList:
    """Those that were pushed, and those that the operator has set up to be pulled."""
    return MetricList(call.app.watched.metrics(project))


@post(
    "/projects/{project:str}/metrics",
    opt={"role": "signed_in"},
    status_code=200,
    sync_to_thread=True,
    summary="Push samples",
    request_max_body_size=MAX_PUSH_BODY,
)
def push(project: FromPath[str], data: JSONBody[Push], call: Caller) -> Pushed:
    """All or none; what is pushed again replaces what it was. It is no history: samples are kept for a time only.

    Needs a server token of the samples' environment, or the role editor there.
    """
    if call.identity.evaluates_only:
        call.app.limits.admit_report(call.identity)
    return call.app.watched.push(call.identity, project, data)


@get(
    "/projects/{project:str}/metrics/{metric:str}",
    opt={"role": "viewer"},
    sync_to_thread=True,
    summary="Read a watched metric",
)
def read_metric(
    project: FromPath[str],
    metric: FromPath[str],
    call: Caller,
    *,
    environment: FromQuery[str] = "production",
    since: FromQuery[str | None] = None,
    until: FromQuery[str | None] = None,
    step: Step = None,
) -> MetricPoints:
    """The mean per bucket, of the last day unless a period is named."""
    begin, end = instant(since, "since"), instant(until, "until")
    return call.app.watched.read(project, metric, environment, since=begin, until=end, step=step)


ROUTES: list[HTTPRouteHandler] = [list_metrics, push, read_metric]
