"""The question flow of an anomaly: suspects before a moment, and a metric around each of them."""

from __future__ import annotations

from datetime import datetime, timedelta

from flagtrail.analysis import impact
from flagtrail.analysis.anomaly import Anomaly, anomaly
from flagtrail.analysis.effect import Windows, windows
from flagtrail.analysis.impact import Measured
from flagtrail.app.blame import Blames
from flagtrail.app.clock import Clock
from flagtrail.app.impact import LEAST_MINUTES, MOST_MINUTES, WINDOW_MINUTES, Impacts
from flagtrail.app.watched import milliseconds
from flagtrail.model.errors import InvalidQuery

WITHIN = "12h"
"""How long before an anomaly changes are looked for, where nobody says otherwise."""
MAX_JUDGED = 20
"""Suspects with which the metric is compared: each takes reading it on up to 29 days."""


class Anomalies:
    """Answers which changes a metric may have moved with; changes nothing."""

    def __init__(self, blames: Blames, impacts: Impacts, clock: Clock) -> None:
        self._blames = blames
        self._impacts = impacts
        self._clock = clock

    def anomaly(
        self,
        project: str,
        environment: str,
        metric: str,
        at: str,
        *,
        within: timedelta,
        minutes: int = WINDOW_MINUTES,
    ) -> Anomaly:
        """The changes within a time before a moment (a stamp), ranked by people, closeness, and what the metric did.

        Raises NotFound for a project, environment or metric that is not there, InvalidQuery, BeforeRecord.
        """
        if not LEAST_MINUTES <= minutes <= MOST_MINUTES:
            raise InvalidQuery(f"a window has {LEAST_MINUTES} to {MOST_MINUTES:,} minutes", parameter="window")
        found = self._blames.suspects(project, environment, at, within)
        self._impacts.names(project, [metric])
        now = milliseconds(self._clock())

        def measured(time: str) -> tuple[Windows, Measured]:
            asked = windows(milliseconds(datetime.fromisoformat(time)), width=minutes * 60_000, end=now)
            return asked, self._impacts.measured(project, environment, metric, asked)

        suspects = [measured(each.cause.time) for each in found.suspects[:MAX_JUDGED]]
        (noticed,) = impact.judge_each([measured(found.at)])
        return anomaly(metric, found, impact.judge_each(suspects), noticed)
