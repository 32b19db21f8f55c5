"""What is served, and what was done, in words and tones that a page can show at a glance."""

from __future__ import annotations

import difflib
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, TypeAlias

import msgspec

from flagtrail.app.wording import figure, percent, weights
from flagtrail.model.entry import Entry
from flagtrail.model.environment import Environment
from flagtrail.model.errors import FlagtrailError
from flagtrail.model.flag import Flag, Json
from flagtrail.model.subject import Kind, Subject
from flagtrail.model.targeting import WHOLE, Serve, Targeting

Tone: TypeAlias = Literal["on", "off", "part"]


class Status(msgspec.Struct, frozen=True):
    """A targeting in a word or two: its tone, its label, the share (1/100,000) that does not get the off variant."""

    tone: Tone
    label: str
    share: int


class Part(msgspec.Struct, frozen=True):
    """One variant's part of what is served: its place (see `places`) and its weight."""

    variant: str
    place: int
    weight: int

    @property
    def words(self) -> str:
        """The weight as a percentage."""
        return percent(self.weight)


OFF_PLACE = 1
_COLOURED = (0, 2, 3, 4, 5)


def places(flag: Flag) -> dict[str, int]:
    """Each variant's place, which is its colour: 1 (grey) for what means "off", the others in turn."""
    found: dict[str, int] = {}
    coloured = itertools.cycle(_COLOURED)
    for variant, value in flag.variants.items():
        found[variant] = OFF_PLACE if value is False or variant == "off" else next(coloured)
    return found


def parts(serve: Serve, flag: Flag) -> list[Part]:
    """What is served, variant by variant, in the order of the split."""
    found = places(flag)
    return [Part(variant, found.get(variant, OFF_PLACE), weight) for variant, weight in weights(serve).items()]


def weights_of(serve: Serve, flag: Flag) -> list[tuple[int, int]]:
    """(place, weight) of each part: what a bar is drawn from."""
    return [(part.place, part.weight) for part in parts(serve, flag)]


def status(targeting: Targeting) -> Status:
    """How a targeting is in a word or two.

    `on`: everybody gets one variant that is not the off variant; `off`:
    everybody gets the off variant; `part`: it depends.
    """
    if not targeting.enabled:
        return Status("off", "Off", 0)
    away = {key: weight for key, weight in weights(targeting.fallthrough).items() if key != targeting.off_variant}
    share = sum(away.values())
    if targeting.rules or targeting.prerequisites:
        return Status("part", _conditional(targeting, share), share)
    if share == 0:
        return Status("off", f"All {targeting.off_variant}", 0)
    if len(away) == 1 and share == WHOLE:
        variant = next(iter(away))
        return Status("on", "On" if variant == "on" else f"All {variant}", share)
    if len(away) == 1:
        return Status("part", percent(share), share)
    return Status("part", f"Split in {len(weights(targeting.fallthrough))}", share)


def _conditional(targeting: Targeting, share: int) -> str:
    count = len(targeting.rules)
    rules = f"{count} rule{'' if count == 1 else 's'}" if count else "Prerequisite"
    if share == WHOLE:
        return f"{rules}, else on"
    return f"{rules}, else {percent(share)}" if share else f"{rules}, else off"


def rollout_of(targeting: Targeting, flag: Flag) -> tuple[str, str]:
    """The variant whose percentage a rollout sets, and what it is now, without the sign: ("on", "25")."""
    shares = weights(targeting.fallthrough)
    away = [variant for variant in shares if variant != targeting.off_variant]
    true = [variant for variant, value in flag.variants.items() if value is True]
    others = [variant for variant in flag.variants if variant != targeting.off_variant]
    winner = next(iter([*away, *true, *others, *flag.variants]))
    return winner, percent(shares.get(winner, 0)).removesuffix(" %")


_HEADLINES = {
    "created": "created",
    "deleted": "deleted",
    "enabled": "turned on",
    "disabled": "turned off",
    "rollout_changed": "changed the rollout of",
    "targeting_changed": "changed the targeting of",
    "off_variant_changed": "changed the off variant of",
    "prerequisites_changed": "changed the prerequisites of",
    "variants_changed": "changed the variants of",
    "type_changed": "changed the type of",
    "details_changed": "edited",
    "lifecycle_changed": "changed the lifecycle of",
    "archived": "archived",
    "restored": "restored",
    "access_changed": "changed the access of",
    "revoked": "revoked",
    "policy_changed": "changed the policy of",
    "signin_failed": "counted failed sign-ins for",
    "guarded": "set a guard on",
    "guard_breached": "found a breach at",
    "guard_passed": "found no breach at",
    "guard_unjudged": "could not judge",
    "stage_changed": "moved the stage of",
    "snoozed": "snoozed",
    "unsnoozed": "ended the snooze of",
    "thresholds_changed": "changed the thresholds of",
}
"""An action as a verb whose object is the subject; the first that an entry has is its headline."""

_OWN = {
    "created": "created it",
    "deleted": "deleted it",
    "enabled": "turned it on",
    "disabled": "turned it off",
    "details_changed": "edited its details",
    "archived": "archived it",
    "restored": "restored it",
    "guarded": "set a guard",
    "guard_breached": "found a breach of its guard",
    "guard_passed": "found no breach: its guard passed",
    "guard_unjudged": "could not judge it: its guard ended",
    "stage_changed": "moved its stage",
    "snoozed": "snoozed it",
    "unsnoozed": "ended its snooze",
    "thresholds_changed": "changed its thresholds",
}

_TONES = {
    "enabled": "on",
    "created": "new",
    "restored": "new",
    "disabled": "off",
    "deleted": "bad",
    "archived": "off",
    "revoked": "bad",
    "signin_failed": "bad",
    "guard_breached": "bad",
    "guard_passed": "on",
    "guard_unjudged": "warn",
    "access_changed": "warn",
    "policy_changed": "warn",
}
_WEIGHT = (
    "deleted",
    "enabled",
    "disabled",
    "archived",
    "restored",
    "revoked",
    "created",
    "type_changed",
    "variants_changed",
    "targeting_changed",
    "rollout_changed",
)
"""What a reader wants to see first, where an entry did several things."""


def leading(entry: Entry) -> str:
    """The action that matters most to a reader: whoever asks who turned it on wants to see that first."""
    if entry.subject.kind == "subscription" and "created" in entry.actions:
        return "created"
    return next((action for action in _WEIGHT if action in entry.actions), entry.actions[0] if entry.actions else "")


def headline(entry: Entry, *, own: bool = False) -> str:
    """What the entry did, as a verb that waits for its object ("changed the rollout of"), or with `own` a whole one.

    >>> _HEADLINES["enabled"], _OWN["enabled"]
    ('turned on', 'turned it on')
    """
    action = leading(entry)
    if own:
        return _OWN.get(action) or _HEADLINES.get(action, "changed it").removesuffix(" of")
    return _HEADLINES.get(action, "changed")


def beyond_headline(lines: Sequence[str]) -> list[str]:
    """What a creation's lines say beyond that it was created: short ones together, rules each on its own."""
    kept = [line for line in lines if line not in {"created", "enabled"}]
    short = [line for line in kept if not line.startswith("rule ")]
    return [*(line for line in kept if line.startswith("rule ")), *([" · ".join(short)] if short else [])]


def is_told(lines: Sequence[str], entry: Entry) -> bool:
    """Whether the headline says all that the lines do."""
    return len(lines) == 1 and lines[0] == leading(entry)


def tone(entry: Entry) -> str:
    """The colour of an entry's mark."""
    return _TONES.get(leading(entry), "part")


def action_words(action: str) -> str:
    """An action as a label: "rollout changed"."""
    return action.replace("_", " ")


def line_tone(line: str) -> str:
    """The colour of one difference in words: what came, what went, what changed."""
    if line.endswith(" added") or " added: " in line or line in {"created", "enabled", "restored"}:
        return "add"
    if line.endswith(" removed") or " removed (" in line or line in {"deleted", "disabled", "archived", "revoked"}:
        return "del"
    return "mod"


_PAGES: dict[Kind, str] = {
    **dict.fromkeys(("flag", "lifespan", "snooze", "stage"), "/flags/{0.flag}"),
    **dict.fromkeys(("targeting", "guard"), "/flags/{0.flag}?environment={0.environment}"),
    **dict.fromkeys(("environment", "project", "policy"), "/environments"),
    **dict.fromkeys(("thresholds", "nudge"), "/stale/settings"),
    "segment": "/segments/{0.key}",
    "subscription": "/alerts/subscriptions/{0.key}",
    "member": "/members",
    "token": "/tokens",
    "signin": "/changes?kind=signin",
}


def subject_link(subject: Subject) -> str:
    """Where a subject's page is."""
    return _PAGES[subject.kind].format(subject)


def subject_name(subject: Subject) -> str:
    """What a person would call the document."""
    if subject.kind in {"targeting", "guard"}:
        return subject.flag or ""
    if subject.kind in {"policy", "thresholds", "nudge"}:
        return f"{subject.kind} of {subject.project}"
    return subject.name


def reading(mean: float | None) -> str:
    """What a guard's metric reads now.

    >>> reading(0.01234), reading(None)
    ('now 0.0123', 'no samples yet')
    """
    return "no samples yet" if mean is None else f"now {figure(mean)}"


class Day(msgspec.Struct, frozen=True):
    """The entries that took effect on one day (UTC), in the order of the log."""

    date: str
    entries: tuple[Entry, ...]


def by_day(entries: Sequence[Entry]) -> list[Day]:
    """The log with a heading for each day; imported history can name a day twice."""
    groups = itertools.groupby(entries, key=lambda entry: entry.effective[:10])
    return [Day(date, tuple(group)) for date, group in groups]


class LinePair(msgspec.Struct, frozen=True):
    """One line of a document before and after; None where that side has no such line.

    With `gap` it stands for that many lines which are the same on both sides.
    """

    left: str | None
    right: str | None
    changed: bool
    gap: int = 0


AROUND = 3
"""How many unchanged lines are shown on each side of a change."""


def rows(before: Json, after: Json) -> list[LinePair]:
    """Two JSON values side by side, line by line, long unchanged parts left out; what does not exist has no lines."""
    left, right = ([] if value is None else _lines(value) for value in (before, after))
    return list(_paired(left, right))


def _lines(value: Json) -> list[str]:
    return json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True).splitlines()


def _paired(left: list[str], right: list[str]) -> Iterator[LinePair]:
    opcodes = difflib.SequenceMatcher(a=left, b=right, autojunk=False).get_opcodes()
    for place, (tag, low, high, begin, end) in enumerate(opcodes):
        if tag == "equal":
            shown = (0 if place == 0 else AROUND, 0 if place == len(opcodes) - 1 else AROUND)
            yield from _same(left[low:high], *shown)
            continue
        old, new = left[low:high], right[begin:end]
        for index in range(max(len(old), len(new))):
            yield LinePair(
                old[index] if index < len(old) else None, new[index] if index < len(new) else None, changed=True
            )


def _same(lines: list[str], head: int, tail: int) -> Iterator[LinePair]:
    hidden = len(lines) - head - tail
    if hidden <= AROUND:
        head, hidden, tail = len(lines), 0, 0
    yield from (LinePair(line, line, changed=False) for line in lines[:head])
    if hidden:
        yield LinePair(None, None, changed=False, gap=hidden)
        yield from (LinePair(line, line, changed=False) for line in lines[head + hidden :])


_TITLES = {
    "unauthenticated": "You are not signed in",
    "invalid_document": "Something in it is not right yet",
    "invalid_query": "That cannot be answered",
}
_REMEDIES = {
    "why_required": "Say why in the field below; it becomes part of the record.",
    "unauthenticated": "If you have no password, or forgot it, an administrator makes you a one-time login link.",
    "invalid_document": "Mend what is listed and send the form again.",
    "malformed_request": "Correct it and send the form again.",
    "invalid_query": "Correct it and ask again. Times are written like 2026-11-22 or 2026-11-22T07:00Z (UTC).",
    "version_conflict": "Look at what was changed, then send the form again if it is still right.",
}
"""Refusals in the words of a form, where the API's own speak of requests and tokens."""


def refusal_title(error: FlagtrailError) -> str:
    """What a form's refusal is called."""
    return _TITLES.get(error.code, error.title)


def refusal_remedy(error: FlagtrailError) -> str:
    """What somebody in front of a form can do about a refusal."""
    return _REMEDIES.get(error.code, error.remedy)


def conflict(error: FlagtrailError, environments: Mapping[str, Environment]) -> str:
    """Which document moved, from which version to which; the refusal's own words where it does not say.

    >>> from flagtrail.model.errors import VersionConflict
    >>> path = "projects/default/flags/new_pricing/environments/production"
    >>> conflict(VersionConflict("moved", subject=path, expected=6, actual=7), {})
    'new_pricing in production was changed meanwhile (it is version 7, you saw 6)'
    """
    facts = error.facts
    if not isinstance(facts.get("expected"), int):
        return error.detail
    parts = str(facts.get("subject", "")).split("/")
    named = parts[3] if len(parts) > 3 else parts[-1]  # noqa: PLR2004 - projects/{project}/{kind}/{key}
    if len(parts) == 6:  # noqa: PLR2004 - .../environments/{environment}
        environment = environments.get(parts[5])
        named += f" in {(environment.name if environment else '') or parts[5]}"
    return f"{named} was changed meanwhile (it is version {facts.get('actual')}, you saw {facts['expected']})"


def initials(name: str) -> str:
    """One or two letters that stand for a person.

    >>> initials("Ana Díaz"), initials("otelbot[bot]"), initials("")
    ('AD', 'OT', '·')
    """
    letters = ["".join(filter(str.isalnum, word)) for word in name.replace(".", " ").replace("@", " ").split()]
    found = [word for word in letters if word]
    if not found:
        return "·"
    return (found[0][0] + found[-1][0] if len(found) > 1 else found[0][:2]).upper()
