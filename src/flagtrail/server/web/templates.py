"""Templates: Jinja with automatic escaping, and the few words and shapes that all of them use."""

from __future__ import annotations

import hashlib
import json
import re
import shlex
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from flagtrail.app import wording
from flagtrail.model.access import RANK
from flagtrail.model.condition import OPERATORS
from flagtrail.model.entry import ACTIONS
from flagtrail.model.flag import Json
from flagtrail.server.web import charts, preview, words

STATIC = Path(__file__).with_name("static")
HOUR, DAY = 3_600, 86_400
_AGES = ((60, 1, "just now"), (HOUR, 60, "min"), (DAY, HOUR, "h"), (60 * DAY, DAY, "d"), (730 * DAY, 30.44 * DAY, "mo"))


def render(template: str, /, **values: object) -> str:
    """The named template with these values."""
    return _environment().get_template(template).render(**values)


def ago(stamp: str | None, now: datetime) -> str:
    """How long ago a stamp was, for people.

    >>> ago("2026-11-22T06:00:00.000000Z", datetime(2026, 11, 22, 7, tzinfo=UTC))
    '1 h ago'
    """
    if not stamp:
        return "never"
    seconds = (now - datetime.fromisoformat(stamp)).total_seconds()
    if seconds < 0:
        return moment(stamp)
    for limit, unit, name in _AGES:
        if seconds < limit:
            return name if unit == 1 else f"{int(seconds // unit)} {name} ago"
    return f"{int(seconds // (365.25 * DAY))} y ago"


def moment(stamp: str) -> str:
    """A stamp to the minute, as people read it (UTC).

    >>> moment("2026-11-22T07:00:00.123456Z")
    '22 Nov 2026, 07:00'
    """
    at = datetime.fromisoformat(stamp).astimezone(UTC)
    return f"{at.day} {at:%b %Y, %H:%M}"


def moments(text: str) -> str:
    """A text with every stamp in it as people read it.

    >>> moments("on for all from 2026-11-22T07:00:00.123456Z to now")
    'on for all from 22 Nov 2026, 07:00 to now'
    """
    return re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", lambda found: moment(found.group()), text)


def day(stamp: str) -> str:
    """A stamp's day.

    >>> day("2026-11-22T07:00:00.123456Z")
    '22 Nov 2026'
    """
    return moment(stamp).partition(",")[0]


def month(name: str) -> str:
    """A month for people.

    >>> month("2026-11")
    'Nov 2026'
    """
    return day(f"{name}-01T00:00:00Z").partition(" ")[2]


def number(value: float) -> str:
    """A number with thin groups of three, short beyond a million.

    >>> number(12345), number(2_500_000)
    ('12,345', '2.5 M')
    """
    return f"{value / 1e6:.1f} M" if value >= 1e6 else f"{value:,.0f}"  # noqa: PLR2004 - a million


def pretty(value: Json) -> str:
    """A JSON value, indented."""
    return json.dumps(value, indent=2, ensure_ascii=False)


def plural(count: int, one: str, many: str = "") -> str:
    """A count with its noun.

    >>> plural(1, "flag"), plural(0, "flag"), plural(2, "entry", "entries")
    ('1 flag', '0 flags', '2 entries')
    """
    return f"{number(count)} {one if count == 1 else many or one + 's'}"


@cache
def asset(name: str) -> str:
    """The address of a static file; it changes with the content, so that browsers may keep it for ever."""
    digest = hashlib.sha256(STATIC.joinpath(name).read_bytes()).hexdigest()[:12]
    return f"/static/{name}?v={digest}"


@cache
def icon(name: str) -> Markup:
    """An icon, for decoration beside a word."""
    return Markup(  # noqa: S704 - our own shapes
        f'<svg class="icon" viewBox="0 0 16 16" aria-hidden="true" focusable="false">{ICONS[name]}</svg>'
    )


ICONS = {
    "dashboard": '<path d="M2.5 2.5h4.5v5H2.5zM9 2.5h4.5v3H9zM9 7.5h4.5v6H9zM2.5 9.5h4.5v4H2.5z"/>',
    "flag": '<path d="M3.5 14V2.5M3.5 3h8.2l-1.7 2.9 1.7 2.9H3.5"/>',
    "segment": '<circle cx="6" cy="8" r="4"/><circle cx="10" cy="8" r="4"/>',
    "change": '<path d="M8 2v3M8 11v3"/><circle cx="8" cy="8" r="3"/><path d="M2 8h3M11 8h3"/>',
    "stale": '<circle cx="8" cy="8" r="5.8"/><path d="M8 4.6V8l2.4 1.6"/>',
    "evaluate": '<path d="M3 4l3.5 4L3 12M8.5 12H13"/>',
    "investigate": '<circle cx="7" cy="7" r="4.6"/><path d="M10.4 10.4L14 14M4.6 7h1.3l1-1.8 1.2 3.2.8-1.4h.8"/>',
    "report": '<path d="M4 1.8h5.4L12.5 5v9.2H4zM9.2 2v3.2h3.2M6.2 8.2h4M6.2 11h4"/>',
    "alert": '<path d="M3.2 11.5h9.6c-1-1-1.5-2-1.5-4a3.3 3.3 0 0 0-6.6 0c0 2-.5 3-1.5 4zM6.8 13.7h2.4"/>',
    "environment": '<rect x="2" y="3" width="12" height="4" rx="1"/><rect x="2" y="9" width="12" height="4" rx="1"/>',
    "token": '<circle cx="5.4" cy="8" r="3"/><path d="M8.4 8H14v2.4M11.6 8v2"/>',
    "member": '<circle cx="8" cy="5.2" r="2.7"/><path d="M2.8 13.8c.6-2.9 2.6-4.4 5.2-4.4s4.6 1.5 5.2 4.4"/>',
    "search": '<circle cx="7" cy="7" r="4.3"/><path d="M10.3 10.3L14 14"/>',
    "menu": '<path d="M2.5 4.5h11M2.5 8h11M2.5 11.5h11"/>',
    "theme": '<circle cx="8" cy="8" r="5.8"/><path d="M8 2.2v11.6A5.8 5.8 0 0 0 8 2.2z" class="solid"/>',
    "lock": '<rect x="3.5" y="7" width="9" height="6.5" rx="1.2"/><path d="M5.5 7V5a2.5 2.5 0 0 1 5 0v2"/>',
    "warn": '<path d="M8 2.5l6 10.8H2zM8 6.6v3.2M8 11.6v.2"/>',
    "check": '<path d="M3 8.6l3.2 3.2L13 4.8"/>',
    "plus": '<path d="M8 3v10M3 8h10"/>',
    "up": '<path d="M8 13V3.5M4 7.2l4-4 4 4"/>',
    "down": '<path d="M8 3v9.5M4 8.8l4 4 4-4"/>',
    "cross": '<path d="M4 4l8 8M12 4l-8 8"/>',
    "link": '<path d="M6.8 9.2l2.4-2.4M7.5 4.8l1.3-1.3a2.6 2.6 0 0 1 3.7 3.7l-1.3 1.3M8.5 11.2l-1.3 1.3'
    'a2.600 2.600 0 0 1-3.700-3.700l1.300-1.300"/>',
    "revert": '<path d="M3 6.5h6.5a3.5 3.5 0 0 1 0 7H6M5.8 3.5L2.8 6.5l3 3"/>',
}


@cache
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("flagtrail.server.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(
        moment=moment,
        moments=moments,
        day=day,
        month=month,
        number=number,
        pretty=pretty,
        shell=shlex.quote,
        percent=wording.percent,
        value=wording.text,
        initials=words.initials,
    )
    made.globals.update(
        ago=ago,
        asset=asset,
        icon=icon,
        plural=plural,
        charts=charts,
        words=words,
        previews=preview,
        condition_words=wording.condition_words,
        serve_words=wording.serve_words,
        ACTIONS=ACTIONS,
        OPERATORS=OPERATORS,
        ROLES=tuple(RANK),
    )
    return made
