"""What came of a change by metrics of a real Prometheus, asked of a real server."""

from __future__ import annotations

import math
import signal
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.support.documents import boolean_flag, enabled
from tests.support.prometheus import RunningPrometheus, prometheus_program
from tests.support.server import running_server

from flagtrail.app.clock import stamp
from flagtrail.metrics.prometheus import REST_SECONDS

Json = Any
QUERIES = (
    '{"errors": "avg_over_time(errors_ratio{env=\\"$environment\\"}[$step])",'
    ' "seconds": "avg_over_time(checkout_seconds[$step])", "wrong": "sum("}'
)
DAY = 86_400.0


@pytest.mark.slow
@pytest.mark.skipif(prometheus_program() is None, reason="needs Prometheus: make prometheus")
def test_impact__of_pulled_metrics__is_judged_by_three_weeks_of_the_past(tmp_path: Path) -> None:
    prometheus = RunningPrometheus(tmp_path)
    serving = running_server(tmp_path, prometheus_url=prometheus.url, prometheus_queries=QUERIES)
    with serving as server, server.client() as client:

        def impact(seq: int) -> dict[str, Json]:
            found = client.get(f"/api/v1/projects/default/changes/{seq}/impact", params={"window": 5}).json()
            return {each["metric"]: each for each in found["metrics"]}

        at = time.time() - 600
        version = {
            "author": {"name": "Ada", "email": "ada@example.org"},
            "occurred_at": stamp(datetime.fromtimestamp(at, UTC)),
            "message": "go live",
            "reference": "c0ffee",
            "flags": {"f": [boolean_flag("f"), enabled()]},
            "segments": {},
        }
        body = {"environment": "production", "source": "flags.json", "versions": [version]}
        made = client.post("/api/v1/projects/default/import", json=body)
        assert made.is_success, made.text
        entry = client.get("/api/v1/projects/default/flags/f/history").json()["items"][0]

        unreachable = impact(entry["seq"])
        prometheus.remember(past(at))
        prometheus.start()
        time.sleep(REST_SECONDS)  # so long a server that did not answer is left alone
        found = impact(entry["seq"])
        listed = client.get("/api/v1/projects/default/metrics").json()["items"]
        prometheus.signal(signal.SIGSTOP)
        begun = time.monotonic()
        silent = impact(entry["seq"])
        waited = time.monotonic() - begun
        prometheus.signal(signal.SIGCONT)
        prometheus.stop()

    assert {each["lacking"] for each in unreachable.values()} <= {
        "Prometheus cannot be reached (ConnectError)",
        "Prometheus did not answer a moment ago, and is asked again soon",
    }
    assert [(each["name"], each["source"]) for each in listed] == [
        ("errors", "prometheus"),
        ("seconds", "prometheus"),
        ("wrong", "prometheus"),
    ]
    assert {name: each["verdict"] for name, each in found.items()} == {
        "errors": "rose",
        "seconds": "no_clear_change",
        "wrong": "not_enough_data",
    }
    assert found["errors"]["effect"]["days"] >= 7
    assert "parse error" in found["wrong"]["lacking"]
    assert {each["verdict"] for each in silent.values()} == {"not_enough_data"}
    assert waited < 60


def past(at: float) -> list[tuple[str, float, float]]:
    """Every five seconds around the moment, on the day itself and the days before it."""
    samples = []
    for ago in range(22):
        for second in range(-310, 310, 5):
            moment = round(at) - ago * DAY + second
            wave = math.sin(second / 7 + ago * 3) / 10
            jump = 3.0 if not ago and second >= 0 else 0.0
            samples.append(('errors_ratio{env="production"}', moment, 2 + wave + jump))
            samples.append(('errors_ratio{env="staging"}', moment, 90.0))
            samples.append(("checkout_seconds", moment, 5 + wave))
    return samples
