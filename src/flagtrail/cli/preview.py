"""What a change would do, before it is made: preview."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click
import msgspec
from rich.text import Text

from flagtrail.analysis.breakdown import Breakdown
from flagtrail.analysis.estimate import Estimate, about
from flagtrail.analysis.preview import FlagPreview, Preview
from flagtrail.analysis.preview_rules import case_words
from flagtrail.analysis.preview_words import value_words
from flagtrail.cli.inputs import json_file
from flagtrail.cli.options import asks, environment_option
from flagtrail.cli.output import emit, indented, say, table
from flagtrail.cli.population import population
from flagtrail.cli.session import Session
from flagtrail.cli.views import Document

MAX_FLAGS_SHOWN = 20
MAX_CASES_SHOWN = 20


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """Which change of what, as the options say it."""

    flag: str | None
    segment: str | None
    seq: int | None
    path: str | None
    percent: float | None
    variant: str | None
    switch: str | None
    environment: str


class PreviewView(Preview, frozen=True, kw_only=True):
    """A preview, and what it says in sentences."""

    words: tuple[str, ...] = ()


@click.command
@click.argument("flag", required=False)
@click.option("--segment", metavar="KEY", help="A segment instead of a flag; --file then holds its condition.")
@click.option(
    "--revert", "seq", type=click.IntRange(0), metavar="SEQ", help="Taking back this entry, instead of a flag."
)
@click.option("--file", "path", metavar="FILE", help="The targeting as JSON; - is standard input.")
@click.option("--rollout", "percent", type=float, metavar="PERCENT", help="A percentage, as of 'rollout'.")
@click.option("--variant", help="The variant that gets the percentage.")
@click.option("--enable", "switch", flag_value="enable", help="Turning it on.")
@click.option("--disable", "switch", flag_value="disable", help="Turning it off.")
@click.option(
    "--population",
    "people",
    metavar="FILE",
    help="Contexts to try it on (CSV, JSONL, Parquet), instead of the sampled ones.",
)
@click.option("--by", multiple=True, metavar="ATTRIBUTE", help="Break down by this attribute; may be given five times.")
@environment_option
@asks
def preview(session: Session, *, people: str | None, by: tuple[str, ...], **said: Any) -> None:  # noqa: ANN401 - see Asked
    """What a change would do, before it is made.

    Tries it on the contexts that applications sampled, or on a population from
    a file: how many would get another variant, who they are, and which flags
    follow. Nothing is changed.

    Example:
      flagtrail preview new_pricing --rollout 50 --by plan
    """
    address, body = _request(session, Asked(**said))
    if people is not None:
        drawn = population(people)
        body |= {"contexts": drawn.contexts, "drawn_from": drawn.of}
    session.show(session.send("POST", address, {**body, "by": by}, reads=True), PreviewView, tell)


def _request(session: Session, asked: Asked) -> tuple[str, dict[str, Any]]:
    """Where to ask, and what would be changed; raises click.UsageError for what says nothing or two things."""
    if [asked.flag, asked.segment, asked.seq].count(None) != 2:  # noqa: PLR2004 - all but one
        raise click.UsageError("Name a flag; or a segment with --segment, or an entry with --revert.")
    if [asked.path, asked.percent, asked.switch].count(None) != (3 if asked.seq is not None else 2):
        raise click.UsageError("Say what would be changed: one of --file, --rollout, --enable, --disable.")
    if asked.variant is not None and asked.percent is None:
        raise click.UsageError("--variant goes with --rollout.")
    where = {"environment": asked.environment}
    if asked.seq is not None:
        return session.of_project("changes", str(asked.seq), "preview"), {**where}
    if asked.segment is not None:
        if asked.path is None:
            raise click.UsageError("A segment is changed by --file with its condition.")
        document = _segment(session, asked.segment, asked.path)
        return session.of_project("segments", asked.segment, "preview"), {**where, "segment": document}
    address = session.of_project("flags", asked.flag or "", "environments", asked.environment, "preview")
    return address, _targeting(asked.path, asked.percent, asked.variant, asked.switch)


def _targeting(path: str | None, percent: float | None, variant: str | None, switch: str | None) -> dict[str, Any]:
    if path is not None:
        return {"targeting": json_file(path)}
    return {"enabled": switch == "enable"} if percent is None else {"percent": percent, "variant": variant}


def _segment(session: Session, segment: str, path: str) -> dict[str, Any]:
    condition = json_file(path)
    held = session.get(session.of_project("segments", segment)).read(Document)
    return {**held.document, "when": condition}


def tell(found: PreviewView) -> None:
    """The sentences, then a table of transitions for each flag, whom they reach, and a few of them."""
    for line in found.words:
        say(line)
    for flag in found.flags[:MAX_FLAGS_SHOWN]:
        _tell_flag(flag)
    if len(found.flags) > MAX_FLAGS_SHOWN:
        say(f"\n{len(found.flags) - MAX_FLAGS_SHOWN} more flags: --json has them all.")
    if found.unaffected:
        say("")
        indented(f"unaffected: {', '.join(found.unaffected)}", 0)


def _tell_flag(flag: FlagPreview) -> None:
    say("")
    emit(Text(flag.flag, style="bold").append("" if flag.direct else "  follows", style="dim"))
    if flag.rules is not None:
        for case in flag.rules.cases[:MAX_CASES_SHOWN]:
            indented(case_words(case), 2)
        if not flag.rules.cases:
            indented(f"now: {flag.rules.before.words}", 2)
            indented(f"then: {flag.rules.after.words}", 2)
        return
    rows = [
        (
            f"{variant_words(each.before)} -> {variant_words(each.after)}",
            f"{each.contexts.count:,}",
            about(each.contexts.share),
            _interval(each.contexts),
            "another value" if each.differs else "",
        )
        for each in flag.transitions
    ]
    table(("before -> after", "contexts", "share", "95 %", ""), rows, empty="")
    for breakdown in flag.breakdowns:
        _tell_breakdown(breakdown)
    for line in _examples(flag):
        indented(line, 2)


def _tell_breakdown(breakdown: Breakdown) -> None:
    say("")
    rows = [
        (
            value_words(row),
            f"{row.contexts:,}",
            f"{row.changed.count:,}",
            about(row.changed.share),
            _interval(row.changed),
        )
        for row in breakdown.rows
    ]
    if breakdown.others is not None:
        other = breakdown.others
        told = f"({breakdown.left_out} more values)"
        rows.append((told, f"{other.contexts:,}", f"{other.changed.count:,}", about(other.changed.share), ""))
    table((breakdown.attribute, "contexts", "another value", "share", "95 %"), rows, empty="")


def _examples(flag: FlagPreview) -> Iterator[str]:
    for each in flag.transitions:
        for context in each.examples:
            told = msgspec.json.encode(context).decode()
            yield f"{variant_words(each.before)} -> {variant_words(each.after)}, for example {told}"


def variant_words(variant: str | None) -> str:
    """A variant's key; `(error)` where the caller gets its own default."""
    return "(error)" if variant is None else variant


def _interval(held: Estimate) -> str:
    return f"{about(held.low)} to {about(held.high)}"


COMMANDS = {"preview": preview}
