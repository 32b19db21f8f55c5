"""The list of flags that could go, with the evidence."""

from __future__ import annotations

from flagtrail.server.web.page import Html, Page, shows

MOST_UNKNOWN = 50
CODES = {
    "never_enabled": "Never enabled",
    "off_everywhere": "Off everywhere",
    "one_variant": "One variant for everybody",
    "past_remove_by": "Past its remove-by date",
    "past_expected_lifetime": "Older than its kind lives",
    "never_evaluated": "Never evaluated",
    "not_evaluated": "No longer evaluated",
    "one_variant_served": "One variant served",
}
BLOCKERS = {"dependents": "Needed by others", "old_version_asking": "An old version asks", "guard": "Guarded"}


@shows("/stale")
def stale_list(page: Page) -> Html:
    """Flags that could go, the certain ones first."""
    report = page.app.ask.stale(page.require_project())
    code = page.query.get("rule")
    owner = page.query.get("owner")
    found = [
        each
        for stage in ("stale", "potentially_stale")
        for each in report.flags
        if each.stage == stage
        and (not code or code in {reason.code for reason in each.reasons})
        and (not owner or owner == each.owner)
    ]
    every = [each for each in report.flags if each.stage != "active"]
    return page.render(
        "stale.html",
        report=report,
        found=found,
        code=code,
        owner=owner,
        codes=list(CODES.items()),
        named=CODES,
        blockers=BLOCKERS,
        owners=sorted({each.owner for each in every if each.owner}),
        certain=sum(each.stage == "stale" and each.snoozed is None for each in every),
        unknown=page.app.ask.unknown_flags(page.project)[:MOST_UNKNOWN],
        possible=sum(each.stage == "potentially_stale" and each.snoozed is None for each in every),
    )
