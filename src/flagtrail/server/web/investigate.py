"""Investigate: what somebody got over time, flag by flag, and who made it so."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
from litestar import Response
from litestar.params import FromPath
from markupsafe import Markup

from flagtrail.app.answers import Asked, Blame, Edge, EntryQuery, FlagBlame
from flagtrail.app.as_of import Answer
from flagtrail.app.ask import At
from flagtrail.app.blame_table import as_csv
from flagtrail.app.clock import read_time, stamp
from flagtrail.app.investigate import Kept
from flagtrail.app.moments import earlier, just_before
from flagtrail.app.wording import text
from flagtrail.model.entry import Entry
from flagtrail.model.errors import BeforeRecord, FlagtrailError, InvalidQuery, NotFound
from flagtrail.model.resolution import Resolution
from flagtrail.server.problems import HTTP_STATUS
from flagtrail.server.web import charts, words
from flagtrail.server.web.forms import read_context, write_context
from flagtrail.server.web.page import Html, Page, does, security_headers, shows
from flagtrail.server.web.templates import moment

SPANS = {"24 hours": timedelta(hours=24), "7 days": timedelta(days=7), "30 days": timedelta(days=30)}
AROUND = timedelta(hours=12)
MOST_CAUSES = 200
"""Entries that one page tells of; the export has all."""
_RECENT = timedelta(days=7)


class Typed(msgspec.Struct, frozen=True):
    """The question as it stands in the form."""

    context: str = ""
    flag: str = ""
    since: str = ""
    until: str = ""
    reasons: str = ""


class Value(msgspec.Struct, frozen=True):
    """One of the answers that a flag gave: the class that colours it, and what it is called."""

    css: str
    name: str


class Track(msgspec.Struct, frozen=True):
    """One flag over time: its picture, and its answers in the order in which they came."""

    found: FlagBlame
    picture: Markup
    values: tuple[Value, ...]


class Altered(msgspec.Struct, frozen=True):
    """One flag that an entry altered: the edge, and its answer before and after."""

    flag: str
    edge: Edge
    before: Value
    after: Value


class Cause(msgspec.Struct, frozen=True):
    """One entry, and every flag whose answer it altered for the context."""

    entry: Entry
    altered: tuple[Altered, ...]


class Shown(msgspec.Struct, frozen=True):
    """An investigation, answered; the causes are oldest first, the newest `MOST_CAUSES` of them."""

    key: str
    kept: Kept
    blame: Blame
    tracks: tuple[Track, ...]
    constant: tuple[FlagBlame, ...]
    causes: tuple[Cause, ...]
    left_out: int
    people: int
    axis: tuple[str, ...]


@shows("/investigate")
def investigate_form(page: Page) -> Html:
    """The form; from a flag's page it names the flag, from an entry's the hours around it."""
    page.require_project()
    around = page.query.number("around")
    since, until = "", ""
    if around is not None:
        entry = page.app.ask.entry(around)
        if entry.subject.project != page.project:
            raise NotFound(f"there is no entry {around} in {page.project}", kind="entry", key=str(around))
        at = datetime.fromisoformat(entry.effective)
        since, until = _typed(at - AROUND), _typed(min(at + AROUND, page.app.clock()))
    return _render(page, Typed(flag=page.query.get("flag"), since=since, until=until))


@does("/investigate", "viewer")
def investigate(page: Page) -> Html:
    """Keep what was asked and go to its page: the address of that holds nothing of the context."""
    form = page.form
    typed = Typed(*(form.raw(name).strip() for name in Typed.__struct_fields__))
    try:
        environment = form.get("environment") or page.environment
        page.who.require("viewer", page.project, environment)
        asked = _asked(page, typed, environment, form.get("span"))
        page.app.blames.blame(asked)
        key = page.app.investigations.keep(asked)
    except FlagtrailError as error:
        return _render(page, typed, refused=error)
    return page.redirect(page.link(f"/investigate/{key}"))


@shows("/investigate/{key:str}")
def investigation(page: Page, key: FromPath[str]) -> Html:
    """What somebody got over time, and who made it so."""
    kept = _open(page, key)
    asked = kept.asked
    if asked.project != page.project:
        return page.redirect(page.link(f"/investigate/{key}", project=asked.project))
    typed = Typed(
        write_context(asked.context),
        asked.flag or "",
        _typed(datetime.fromisoformat(asked.since or "")),
        _typed(datetime.fromisoformat(asked.until or "")),
        "yes" if asked.reasons else "",
    )
    try:
        found = page.app.blames.blame(asked)
    except FlagtrailError as error:
        return _render(page, typed, refused=error)
    return _render(page, typed, shown=_shown(page, key, kept, found), environment=asked.environment)


@shows("/investigate/{key:str}/why")
def investigation_why(page: Page, key: FromPath[str]) -> Html:
    """One flag at one moment of an investigation, step by step: just before it and from then on."""
    asked = _open(page, key).asked
    flag, at = page.query.get("flag"), read_time(page.query.get("at"))
    return page.render(
        "investigate_why.html",
        key=key,
        asked=asked,
        flag=flag,
        at=at,
        sides=(("Just before", _at(page, asked, flag, just_before(at))), ("From then on", _at(page, asked, flag, at))),
        answer_words=answer_words,
    )


def _at(page: Page, asked: Asked, flag: str, at: str | None) -> Answer | None:
    """What the flag answered; None where nothing is known of that moment."""
    try:
        return page.app.past.evaluate(asked.project, asked.environment, flag, asked.context, At(time=at))
    except BeforeRecord:
        return None


@shows("/investigate/{key:str}/export")
def investigation_export(page: Page, key: FromPath[str]) -> Response[bytes]:
    """The whole answer as a file: `format` is csv or json."""
    kind = page.query.get("format")
    if kind not in {"csv", "json"}:
        raise InvalidQuery(f"format {kind!r} is neither csv nor json", parameter="format")
    found = page.app.blames.blame(_open(page, key).asked)
    content = as_csv(found) if kind == "csv" else msgspec.json.format(msgspec.json.encode(found), indent=2)
    name = f'attachment; filename="investigation-{key}.{kind}"'
    headers = {**security_headers(page.nonce), "Content-Disposition": name}
    return Response(content, media_type="text/csv" if kind == "csv" else "application/json", headers=headers)


def _open(page: Page, key: str) -> Kept:
    """An investigation, by whoever may ask what it asks."""
    kept: Kept = page.app.investigations.open(key)
    page.who.require("viewer", kept.asked.project, kept.asked.environment)
    return kept


def _asked(page: Page, typed: Typed, environment: str, span: str) -> Asked:
    """The question with its window: the last so many hours where a span was chosen or nothing typed."""
    context = read_context(typed.context)
    if not context:
        raise InvalidQuery("the context is empty; say who it was, as attribute=value on each line, or as JSON")
    if not isinstance(context.get("targetingKey", ""), str):
        raise InvalidQuery('the targetingKey must be a text; write it in quotes: targetingKey="42"')
    now = page.app.clock()
    if span in SPANS or not (typed.since or typed.until):
        since, until = stamp(now - SPANS.get(span, SPANS["24 hours"])), stamp(now)
    else:
        until = min(read_time(typed.until) if typed.until else stamp(now), stamp(now))
        since = read_time(typed.since) if typed.since else earlier(until, SPANS["24 hours"])
    return Asked(
        project=page.project,
        environment=environment,
        flag=typed.flag or None,
        context=context,
        since=since,
        until=until,
        reasons=bool(typed.reasons),
    )


def _render(
    page: Page,
    typed: Typed,
    *,
    shown: Shown | None = None,
    refused: FlagtrailError | None = None,
    environment: str | None = None,
) -> Html:
    return page.render(
        "investigate.html",
        status=200 if refused is None else HTTP_STATUS.get(type(refused), 400),
        typed=typed,
        chosen=environment or page.form.get("environment") or page.environment,
        shown=shown,
        refused=refused,
        spans=list(SPANS),
        flags=list(page.app.ask.state.flags(page.project)),
        recent=_switched_off(page) if shown is None and page.environment in page.environments else (),
        answer_words=answer_words,
    )


def _switched_off(page: Page) -> tuple[Entry, ...]:
    """The latest entries that switched something off in the environment: nights that somebody may ask about."""
    since = stamp(page.app.clock() - _RECENT)
    query = EntryQuery(
        project=page.project, environment=page.environment, kind="targeting", action="disabled", since=since, limit=3
    )
    return tuple(page.app.ask.log(query).entries)


def _shown(page: Page, key: str, kept: Kept, found: Blame) -> Shown:
    start, end = found.since or "", found.until or stamp(page.app.clock())
    changed = [each for each in found.flags if each.edges]
    legends = {each.flag: _values(page, each) for each in changed}
    tracks = tuple(_track(each, legends[each.flag], start, end) for each in changed)
    altered: dict[int, list[Altered]] = {}
    for each in changed:
        legend = legends[each.flag]
        for edge in each.edges:
            one = Altered(each.flag, edge, legend[answer_words(edge.before)], legend[answer_words(edge.after)])
            altered.setdefault(edge.cause.seq, []).append(one)
    ordered = sorted(altered, key=lambda seq: (altered[seq][0].edge.time, seq))
    causes = tuple(Cause(page.app.ask.entry(seq), tuple(altered[seq])) for seq in ordered[-MOST_CAUSES:])
    return Shown(
        key=key,
        kept=kept,
        blame=found,
        tracks=tracks,
        constant=tuple(each for each in found.flags if not each.edges),
        causes=causes,
        left_out=len(ordered) - len(causes),
        people=len({(cause.entry.actor.for_ or cause.entry.actor).name for cause in causes}),
        axis=tuple(_tick(at, start, end) for at in charts.ticks(start, end)),
    )


def _track(found: FlagBlame, legend: dict[str, Value], start: str, end: str) -> Track:
    stretches = [
        charts.Stretch(
            band.start,
            band.end or end,
            legend[answer_words(band.got)].css,
            f"{moment(band.start)} to {moment(band.end) if band.end else 'now'}: {answer_words(band.got)}",
        )
        for band in found.bands
    ]
    edges = [
        charts.Mark(
            edge.time,
            f"#entry-{edge.cause.seq}",
            f"{moment(edge.time)}: {answer_words(edge.before)} became {answer_words(edge.after)}, #{edge.cause.seq}",
        )
        for edge in found.edges
    ]
    picture = charts.track(stretches, edges, start=start, end=end, title=f"What {found.flag} answered over time")
    shown = dict.fromkeys(answer_words(band.got) for band in found.bands)
    return Track(found, picture, tuple(legend[name] for name in shown))


def _values(page: Page, found: FlagBlame) -> dict[str, Value]:
    """The flag's answers by what they are called, each with its colour: that of its variant everywhere."""
    flag = page.app.ask.state.flag(page.project, found.flag)
    places = {} if flag is None else words.places(flag)
    answers = [band.got for band in found.bands]
    answers += [answer for edge in found.edges for answer in (edge.before, edge.after)]
    legend: dict[str, Value] = {}
    for got in answers:
        name = answer_words(got)
        legend.setdefault(name, Value(_css(got, places), name))
    return legend


def _css(got: Resolution | None, places: dict[str, int]) -> str:
    if got is None:
        return "unknown"
    if got.error is not None or got.variant is None:
        return "no-answer"
    off = got.value is False or got.variant == "off"
    return f"v{places.get(got.variant, words.OFF_PLACE if off else 0) % 6}"


def answer_words(got: Resolution | None) -> str:
    """An answer in a word or two: the variant, with its value where the name does not say it."""
    if got is None:
        return "unknown"
    if got.error is not None:
        return "no such flag" if got.error == "FLAG_NOT_FOUND" else f"error {got.error.value}"
    name = got.variant or ""
    says_it = got.value is {"on": True, "off": False}.get(name) or text(got.value) == name
    return name if says_it else f"{name} ({text(got.value)})"


def _typed(at: datetime) -> str:
    """A moment as the form's fields take it (UTC)."""
    return stamp(at)[:16]


def _tick(at: str, start: str, end: str) -> str:
    """A moment on the axis: with its time where the axis is a few days long."""
    days = datetime.fromisoformat(end) - datetime.fromisoformat(start)
    date, _, time = moment(at).partition(", ")
    return f"{date.rpartition(' ')[0]}, {time}" if days < timedelta(days=4) else date
