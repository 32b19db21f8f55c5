"""Two questions of a flag's past, as pictures: the shares over time, and when it was on for some contexts."""

from __future__ import annotations

import msgspec
from markupsafe import Markup

from flagtrail.app.answers import EntryQuery, Exposure, Interval, RolloutHistory, Step
from flagtrail.app.clock import stamp
from flagtrail.model.entry import Entry
from flagtrail.model.errors import FlagtrailError
from flagtrail.model.flag import Flag
from flagtrail.server.rest.questions import instant
from flagtrail.server.web import charts, words
from flagtrail.server.web.forms import read_context
from flagtrail.server.web.page import Page
from flagtrail.server.web.templates import moment

ASIDE = frozenset({"targeting_changed", "prerequisites_changed"})
MARKS = 500


class Asked(msgspec.Struct, frozen=True):
    """The exposure question as it was asked, and its answer, its picture, or why there is none."""

    where: str = ""
    since: str = ""
    until: str = ""
    variant: str = ""
    answer: Exposure | None = None
    picture: Markup | None = None
    axis: tuple[str, ...] = ()
    error: FlagtrailError | None = None


class Rollout(msgspec.Struct, frozen=True):
    """The shares over time: the picture, the marks below it with their entries, newest first, what the axis names, and
    the steps, newest first. `partial`: rules or prerequisites picked some contexts out, whom the picture leaves out.
    """

    picture: Markup
    marks: Markup | None
    aside: tuple[Entry, ...]
    partial: bool
    axis: tuple[str, ...]
    steps: tuple[Step, ...]


def rollout_chart(page: Page, flag: Flag) -> Rollout | None:
    """The shares of the flag in the page's environment since it exists; None where nothing was ever served."""
    history: RolloutHistory = page.app.ask.rollout(page.project, page.environment, flag.key)
    served = [step for step in history.steps if step.cause is not None]
    if not served:
        return None
    now = stamp(page.app.clock())
    start = served[0].start
    order = words.places(flag)
    drawn = [
        charts.Step(
            step.start,
            [
                (order.get(portion.variant or "", words.OFF_PLACE), round(portion.percent * 1_000))
                for portion in step.portions
            ],
            _step_told(step),
        )
        for step in served
    ]
    title = f"Shares of {flag.key} in {page.environment} over time; the last step: {_step_told(served[-1])}"
    picture = charts.steps(drawn, start=start, end=now, title=title)
    aside = _aside(page, flag.key, start)
    marks = [charts.Mark(each.effective, page.link(f"/changes/{each.seq}"), _told(each, flag.key)) for each in aside]
    return Rollout(
        picture,
        charts.marks(marks, start=start, end=now, title="Changes that the shares do not show") if marks else None,
        aside,
        any(step.rules for step in served),
        tuple(charts.ticks(start, now)),
        tuple(reversed(served)),
    )


def _step_told(step: Step) -> str:
    """A step in a sentence: since when what is served, by whom, and why."""
    told = f"{moment(step.start)}: {step.words}"
    if step.cause is None:
        return told
    actor = step.cause.actor
    who = actor.for_.name if actor.for_ is not None else actor.name or actor.id
    return f"{told}; {who}{f': {step.cause.why}' if step.cause.why else ''} (#{step.cause.seq})"


def _aside(page: Page, flag: str, start: str) -> tuple[Entry, ...]:
    """The entries that can alter what some get and leave the share of everybody else alone, newest first."""
    query = EntryQuery(project=page.project, flag=flag, environment=page.environment, since=start, limit=MARKS)
    found = page.app.ask.log(query).entries
    return tuple(each for each in found if each.subject.flag != flag or ASIDE & set(each.actions))


def _told(entry: Entry, flag: str) -> str:
    own = entry.subject.flag == flag
    about = "" if own else f"{entry.subject.kind if entry.subject.kind == 'segment' else 'flag'} {entry.subject.name}: "
    actions = ", ".join(map(words.action_words, entry.actions))
    return f"{moment(entry.effective)}, {about}{actions} (#{entry.seq})"


def asked_exposure(page: Page, flag: str) -> Asked:
    """The exposure question in the page's address, answered; an empty one where none is asked."""
    query = page.query
    where, since, until = query.get("where"), query.get("since"), query.get("until")
    variant = query.get("variant") or _first_variant(page, flag)
    asked = Asked(where, since, until, variant)
    if "where" not in query:
        return asked
    try:
        answer = page.app.ask.exposure(
            page.project,
            page.environment,
            flag,
            read_context(where),
            since=instant(since or None, "since"),
            until=instant(until or None, "until"),
        )
    except FlagtrailError as error:
        return msgspec.structs.replace(asked, error=error)
    told = answer.intervals
    if not since and told and told[0].answer.standing == "missing":
        told = told[1:]  # before the flag existed there is nothing to draw
    if not told:
        return msgspec.structs.replace(asked, answer=answer)
    now = stamp(page.app.clock())
    start = told[0].start
    end = told[-1].end or max(now, start)
    bands = [_band(interval, variant, end) for interval in told]
    picture = charts.bands(bands, start=start, end=end, title=f"When {variant} was served")
    return msgspec.structs.replace(asked, answer=answer, picture=picture, axis=tuple(charts.ticks(start, end)))


def _band(interval: Interval, variant: str, end: str) -> charts.Band:
    share = interval.answer.share(variant)
    told = f"{moment(interval.start)} to {moment(interval.end) if interval.end else 'now'}: {interval.answer.words}"
    return charts.Band(interval.start, interval.end or end, None if share is None else share / 100, told)


def _first_variant(page: Page, flag: str) -> str:
    """The variant that people mean by "on": the first of the flag's that is not its off variant."""
    definition = page.app.ask.state.flag(page.project, flag)
    if definition is None:
        return "on"
    targeting = page.app.ask.state.targeting(page.project, flag, page.environment)
    off = targeting.off_variant if targeting is not None else "off"
    return next((variant for variant in definition.variants if variant != off), next(iter(definition.variants), "on"))
