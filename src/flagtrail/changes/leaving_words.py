"""What changed of a flag's way out, in words: its stage, its snooze, after how many days what makes it stale."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from flagtrail.model.flag import Json
from flagtrail.model.subject import Kind

TOLD: frozenset[Kind] = frozenset({"thresholds", "lifespan", "snooze", "stage"})


def leaving_words(kind: Kind, before: Json, after: Json) -> tuple[str, ...]:
    """One line per difference of a document of these kinds; None is "does not exist"."""
    if kind == "snooze":
        return (_snooze(after),)
    if kind == "stage":
        return tuple(_stage(before, after))
    return tuple(_days(_flat(before or {}), _flat(after or {}))) or ("as it comes",)


def stage_words(stage: str) -> str:
    """A stage for people: "potentially stale"."""
    return stage.replace("_", " ")


def _snooze(after: Json) -> str:
    if after is None:
        return "no longer snoozed"
    return f"snoozed until {after['until']} by {after['owner']}: {after['reason']}"


def _stage(before: Json, after: Json) -> Iterator[str]:
    was, now = ("active" if each is None else each["stage"] for each in (before, after))
    if was != now:
        yield f"{stage_words(was)} became {stage_words(now)}"
    told = after or {}
    if told.get("reasons"):
        yield f"by {', '.join(told['reasons'])}"
    if told.get("variant"):
        yield f"keep {told['variant']}"
    if told.get("commit"):
        yield f"removed by {told['commit']}"
    if was == now and not (told.get("reasons") or told.get("variant") or told.get("commit")):
        yield f"{stage_words(now)}, as before"


def _flat(document: Mapping[str, Json], name: str = "") -> dict[str, Json]:
    """Days by where they hold: `release one_variant`."""
    found: dict[str, Json] = {}
    for key, value in document.items():
        place = "" if key in {"days", "kinds"} else key
        called = f"{name} {place}".strip()
        found.update(_flat(value, called) if isinstance(value, Mapping) else {called: value})
    return found


def _days(old: Mapping[str, Json], new: Mapping[str, Json]) -> Iterator[str]:
    for name in {**old, **new}:
        was, now = old.get(name), new.get(name)
        if was != now:
            called = name.replace("_", " ")
            yield f"{called}: {_said(was)} became {_said(now)}"


def _said(value: Json) -> str:
    if value is None:
        return "as it comes"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value} days"
