"""The REST API: one file per resource, all under /api/v1. `ROUTES` are its handlers."""

from __future__ import annotations

from litestar.handlers import HTTPRouteHandler

from flagtrail.server.rest import (
    alerts,
    blame,
    changes,
    environments,
    evaluate,
    flags,
    guards,
    health,
    history,
    impact,
    imports,
    ledger,
    members,
    metrics,
    preview,
    projects,
    references,
    reports,
    segments,
    stale,
    subscriptions,
    targetings,
    tokens,
    usage,
    watched,
)

ROUTES: list[HTTPRouteHandler] = [
    *projects.ROUTES,
    *environments.ROUTES,
    *segments.ROUTES,
    *subscriptions.ROUTES,
    *flags.ROUTES,
    *targetings.ROUTES,
    *history.ROUTES,
    *changes.ROUTES,
    *evaluate.ROUTES,
    *blame.ROUTES,
    *reports.ROUTES,
    *stale.ROUTES,
    *imports.ROUTES,
    *ledger.ROUTES,
    *tokens.ROUTES,
    *members.ROUTES,
    *alerts.ROUTES,
    *usage.ROUTES,
    *preview.ROUTES,
    *watched.ROUTES,
    *guards.ROUTES,
    *impact.ROUTES,
    *references.ROUTES,
]
UNGATED: list[HTTPRouteHandler] = [*health.ROUTES, *metrics.ROUTES]
"""Served at the root, for those who run it: without a credential, or (metrics) with more than one kind of it."""
