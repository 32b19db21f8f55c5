"""A report's first line held against its rows: what it adds up must be what they say. Standard library only."""

from __future__ import annotations

from base64 import b64encode
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from flagtrail.ledger.draw import Draw

FIRST = 20
"""Entries that a check names."""
CHECKS = ("no_reason", "no_approval", "self_approved", "break_glass", "outside_window")


class Addition:
    """Adds up the changes of a report while they pass by."""

    def __init__(self, scope: Mapping[str, Any], draw: Draw) -> None:
        self._about_access = scope["kind"] == "access"
        self._scope = scope
        self._draw = draw
        self.changes = 0
        self._reached = 0
        self._approved = 0
        self._people: Counter[str] = Counter()
        self._actions: Counter[str] = Counter()
        self._authenticated: Counter[str] = Counter()
        self._lacking: dict[str, list[int]] = {name: [] for name in CHECKS}

    def add(self, change: Mapping[str, Any]) -> str:
        """One change; the answer is the first of its fields that its others or the report's scope belie, or nothing."""
        actor = change["actor"]
        self.changes += 1
        self._people[person(actor)] += 1
        self._actions.update(change["actions"])
        self._authenticated[actor["auth"]] += 1
        lacking = lacks(change, approvable=not self._about_access)
        if change["reaches"] is not None:
            self._draw.offer(change["seq"])
            self._reached += 1
            self._approved += change["approval"] is not None
        for name in lacking:
            self._lacking[name].append(change["seq"])
        if not self._scope["since"] <= change["time"] < self._scope["until"]:
            return "time"
        if not self._about_access and change["subject"]["project"] != self._scope["project"]:
            return "subject"
        told = {"who": person(actor), "document": document(change["subject"]), "exceptions": lacking}
        return next((name for name, value in told.items() if change[name] != value), "")

    def belied(self, found: Mapping[str, Any], entries: int) -> str:
        """The first figure of the report's `found` that is not what was added up, or nothing."""
        sampling = found["sampling"]
        told = {
            "entries": entries,
            "changes": self.changes,
            "reached": self._reached,
            "approved": self._approved,
            "people": _counts(self._people),
            "actions": _counts(self._actions),
            "authenticated": _counts(self._authenticated),
        }
        drawn = {
            "population": self._draw.population,
            "seed": b64encode(self._draw.seed).decode(),
            "seeded_with": self._draw.seeded_with,
        }
        lacking = [(name, len(seqs), seqs[:FIRST]) for name, seqs in self._lacking.items()]
        if [(each["name"], each["count"], each["seqs"]) for each in found["checks"]] != lacking:
            return "checks"
        belied = (name for of, says in ((found, told), (sampling, drawn)) for name in says if of[name] != says[name])
        return next(belied, "")


def lacks(change: Mapping[str, Any], *, approvable: bool) -> Sequence[str]:
    """What a change that reaches production lacks, by what is told of it."""
    if change["reaches"] is None:
        return []
    approval = change["approval"]
    found = {
        "no_reason": not change["why"].strip() and "why" not in change["erased"],
        "no_approval": approvable and approval is None,
        "self_approved": approval is not None and approval.strip().casefold() in _names(change["actor"]),
    }
    return [name for name, is_lacking in found.items() if is_lacking]


def person(actor: Mapping[str, Any]) -> str:
    """Whom people would name: the author behind an import, else the actor by name, or by id where it was erased."""
    behind = actor["for"]
    who: str = (actor["name"] or actor["id"]) if behind is None else behind["name"]
    return who


def document(subject: Mapping[str, Any]) -> str:
    """What a change is of, as a report calls it."""
    flag = subject.get("flag")
    if flag:
        return f"flag {flag}"
    kind = subject["kind"]
    return f"{kind} {subject.get('key') or subject.get('environment') or subject.get('project') or kind}"


def _names(actor: Mapping[str, Any]) -> set[str]:
    behind = actor["for"] or {"name": "", "email": ""}
    names = (actor["id"], actor["name"], actor["email"], behind["name"], behind["email"])
    return {name.casefold() for name in names if name}


def _counts(counted: Mapping[str, int]) -> list[dict[str, object]]:
    ordered = sorted(counted, key=lambda name: (-counted[name], name))
    return [{"name": name, "count": counted[name]} for name in ordered]
