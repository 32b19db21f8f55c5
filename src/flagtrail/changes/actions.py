"""Which actions the difference between two versions of a document is: the words by which the log is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from flagtrail.changes.diff import same
from flagtrail.model.entry import Action
from flagtrail.model.flag import Json
from flagtrail.model.subject import Kind, Subject


def actions(subject: Subject, before: Json, after: Json) -> tuple[Action, ...]:
    """What kinds of change these are, sorted; empty exactly where both are the same.

    A targeting that is created enabled is also `enabled`, one deleted while
    enabled also `disabled`: whoever asks who turned a flag on wants to see it.
    """
    if before is None and after is None:
        return ()
    if subject.kind == "guard" and after is not None:
        return (_GUARDED[after["state"]],)
    told = _TOLD.get(subject.kind)
    if told is not None:
        return (told[after is None],)
    if before is None or after is None:
        return tuple(sorted(_whole_actions(subject, before, after)))
    table = _FIELD_ACTIONS.get(subject.kind, {})
    found: set[Action] = set()
    for field in before.keys() | after.keys():
        if not same(before.get(field), after.get(field)):
            action = table.get(field, "details_changed")
            found.update(action(before, after) if callable(action) else (action,))
    return tuple(sorted(found))


def _whole_actions(subject: Subject, before: Json, after: Json) -> Iterator[Action]:
    """The actions of a creation or a deletion."""
    if after is None:
        yield "deleted"
        if before.get("enabled"):
            yield "disabled"
    elif subject.kind == "signin":
        yield "signin_failed"
    else:
        yield "created"
        if after.get("enabled"):
            yield "enabled"


def _rules_actions(before: Json, after: Json) -> Iterator[Action]:
    """A rule that serves otherwise is a rollout; one that comes, goes, moves or asks otherwise is targeting."""
    old, new = ({rule["id"]: rule for rule in document.get("rules", ())} for document in (before, after))
    if any(key in old and not same(old[key]["serve"], rule["serve"]) for key, rule in new.items()):
        yield "rollout_changed"
    asked, asks = ([{**rule, "serve": None} for rule in document.get("rules", ())] for document in (before, after))
    if not same(asked, asks):
        yield "targeting_changed"


_GUARDED: dict[str, Action] = {
    "watching": "guarded",
    "breached": "guard_breached",
    "passed": "guard_passed",
    "unjudged": "guard_unjudged",
}
"""A guard's entries are told apart by the state that they leave."""


_TOLD: dict[Kind, tuple[Action, Action]] = {
    "thresholds": ("thresholds_changed", "deleted"),
    "lifespan": ("thresholds_changed", "deleted"),
    "snooze": ("snoozed", "unsnoozed"),
    "stage": ("stage_changed", "deleted"),
}
"""What these documents are told by, whatever of them changed; and how it is called that one went."""


def _switched(field: str, on: Action, off: Action) -> Callable[[Json, Json], tuple[Action]]:
    return lambda _before, after: (on if after.get(field) else off,)


_FIELD_ACTIONS: dict[Kind, dict[str, Action | Callable[[Json, Json], Iterable[Action]]]] = {
    "environment": {"production": "policy_changed"},
    "flag": {
        "type": "type_changed",
        "variants": "variants_changed",
        "lifecycle": "lifecycle_changed",
        "archived": _switched("archived", "archived", "restored"),
    },
    "targeting": {
        "enabled": _switched("enabled", "enabled", "disabled"),
        "off_variant": "off_variant_changed",
        "prerequisites": "prerequisites_changed",
        "rules": _rules_actions,
        "fallthrough": "rollout_changed",
    },
    "segment": {"when": "targeting_changed"},
    "subscription": {"enabled": _switched("enabled", "enabled", "disabled")},
    "nudge": {"enabled": _switched("enabled", "enabled", "disabled")},
    "policy": {"why_required": "policy_changed", "why_min_length": "policy_changed"},
    "member": {"role": "access_changed", "grants": "access_changed", "active": "access_changed"},
    "token": {
        **dict.fromkeys(("kind", "project", "environment", "role", "expires_at"), "access_changed"),
        "revoked": _switched("revoked", "revoked", "access_changed"),
    },
    "signin": dict.fromkeys(("credential", "minute", "attempts"), "signin_failed"),
}
"""Which action a changed field is; a field that is not listed is `details_changed`."""
