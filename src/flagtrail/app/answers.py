"""What questions take and answer, for the surfaces: they ask `app`, and never meet a question or an adapter."""

from flagtrail import reports
from flagtrail.analysis.anomaly import Anomaly
from flagtrail.analysis.blame import Asked, Band, Blame, Edge, FlagBlame
from flagtrail.analysis.compliance import ComplianceReport, Summary
from flagtrail.analysis.dashboard import Dashboard
from flagtrail.analysis.effect import Effect, Spot
from flagtrail.analysis.evidence import Kind as ReportKind
from flagtrail.analysis.exposure import Exposure, Interval
from flagtrail.analysis.impact import FlagImpact, Impact, MetricImpact
from flagtrail.analysis.project_health import Month, ProjectHealth
from flagtrail.analysis.rollout import RolloutHistory, Step
from flagtrail.analysis.stages import Board, Standing
from flagtrail.analysis.staleness import StaleReport
from flagtrail.analysis.suspects import Suspects
from flagtrail.importers import ImportedVersion
from flagtrail.storage import EntryQuery

__all__ = [
    "Anomaly",
    "Asked",
    "Band",
    "Blame",
    "Board",
    "ComplianceReport",
    "Dashboard",
    "Edge",
    "Effect",
    "EntryQuery",
    "Exposure",
    "FlagBlame",
    "FlagImpact",
    "Impact",
    "ImportedVersion",
    "Interval",
    "MetricImpact",
    "Month",
    "ProjectHealth",
    "ReportKind",
    "RolloutHistory",
    "Spot",
    "StaleReport",
    "Standing",
    "Step",
    "Summary",
    "Suspects",
    "reports",
]
