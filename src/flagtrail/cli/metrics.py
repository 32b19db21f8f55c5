"""Watched metrics: list, show, push."""

from __future__ import annotations

from datetime import UTC, datetime

import click
import msgspec

from flagtrail.analysis.impact import figure
from flagtrail.cli.inputs import json_file
from flagtrail.cli.options import asks, environment_option
from flagtrail.cli.output import say, table, time
from flagtrail.cli.session import Session
from flagtrail.model.metric import Metric, Point

NONE = "No metric is watched: push samples, or name queries in FLAGTRAIL_PROMETHEUS_QUERIES."


class _Metrics(msgspec.Struct, frozen=True):
    items: list[Metric]


class _Points(msgspec.Struct, frozen=True):
    metric: str
    since: str
    until: str
    points: list[Point]


class _Pushed(msgspec.Struct, frozen=True):
    samples: int


@click.group
def metrics() -> None:
    """List, show and push the metrics that changes are judged by.

    Example:
      flagtrail metrics list
    """


@metrics.command("list")
@asks
def list_metrics(session: Session) -> None:
    """The metrics that can be watched, and where they come from.

    Example:
      flagtrail metrics list
    """

    def render(found: _Metrics) -> None:
        rows = [
            (each.name, each.source, ", ".join(each.environments) or "all", time(each.last), each.about)
            for each in found.items
        ]
        table(("metric", "source", "environments", "last sample", "query"), rows, empty=NONE)

    session.show(session.get(session.of_project("metrics")), _Metrics, render)


@metrics.command("show")
@click.argument("metric")
@environment_option
@click.option("--since", metavar="TIME", help="From this time on; without it, of the last day.")
@click.option("--until", metavar="TIME", help="Before this time.")
@click.option("--step", type=click.IntRange(1, 86_400), default=3_600, show_default=True, help="Seconds of a line.")
@asks
def show_metric(
    session: Session, metric: str, *, environment: str, since: str | None, until: str | None, step: int
) -> None:
    """A metric over time: the mean of each stretch.

    Example:
      flagtrail metrics show errors --env production --step 600
    """
    address = session.of_project("metrics", metric)
    answer = session.get(address, environment=environment, since=since, until=until, step=step)

    def render(found: _Points) -> None:
        rows = [(_at(point.at), figure(point.value), f"{point.count:,}") for point in found.points]
        table(("from", found.metric, "samples"), rows, empty=f"None from {time(found.since)} to {time(found.until)}.")

    session.show(answer, _Points, render)


@metrics.command("push")
@click.argument("metric", required=False)
@click.argument("value", type=float, required=False)
@click.option("--time", "at", metavar="TIME", help="When it was so; without it, now.")
@click.option("environment", "--env", metavar="KEY", default="production", show_default=True, help="The environment.")
@click.option("labels", "--label", metavar="NAME=VALUE", multiple=True, help="What else it belongs to.")
@click.option(
    "path", "--file", metavar="FILE", help="Samples as a JSON array, in place of METRIC VALUE; - is standard input."
)
@asks
def push(
    session: Session,
    *,
    metric: str | None,
    value: float | None,
    at: str | None,
    environment: str,
    labels: tuple[str, ...],
    path: str | None,
) -> None:
    """Push one sample, or a file of them.

    A sample of the same metric, environment, labels and time replaces the one before.

    Example:
      flagtrail metrics push billing_errors 0.021 --env production
    """
    if (path is None) == (metric is None) or (metric is not None and value is None):
        raise click.UsageError("Name METRIC and VALUE, or --file.")
    if path is not None:
        samples = json_file(path)
        if not isinstance(samples, list):
            raise click.UsageError(f"{path}: must hold a JSON array of samples.")
    else:
        sample = {"metric": metric, "value": value, "time": at, "environment": environment, "labels": _labels(labels)}
        samples = [sample]
    answer = session.send("POST", session.of_project("metrics"), {"samples": samples})
    session.show(answer, _Pushed, lambda found: say(f"Kept {_samples(found.samples)}."))


def _at(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1_000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def _samples(count: int) -> str:
    return "1 sample" if count == 1 else f"{count:,} samples"


def _labels(given: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for each in given:
        name, equals, value = each.partition("=")
        if not equals:
            raise click.UsageError(f"--label: {each!r} is not name=value.")
        found[name] = value
    return found


COMMANDS = {"metrics": metrics}
