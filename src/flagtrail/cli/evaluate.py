"""What a context gets: eval."""

from __future__ import annotations

import click
import msgspec
from rich.text import Text

from flagtrail.cli.inputs import context as read_context
from flagtrail.cli.options import asks, environment_option
from flagtrail.cli.output import facts, indented, say, table
from flagtrail.cli.session import Session
from flagtrail.engine.explanation import ConditionTrace, Explanation
from flagtrail.model.flag import Json
from flagtrail.model.resolution import Resolution


class Evaluated(msgspec.Struct, frozen=True):
    """The answer for one flag."""

    resolution: Resolution
    explanation: Explanation | None
    at: str
    because: int | None


class EvaluatedFlags(msgspec.Struct, frozen=True):
    """The answers for all flags."""

    items: tuple[Evaluated, ...]


@click.command("eval")
@click.argument("flag", required=False)
@click.option("--context", "given", default="", metavar="JSON|k=v,...", help="Who asks: targetingKey and attributes.")
@click.option("--at", metavar="TIME|SEQ", help="Then: a time, or after the entry with this number.")
@click.option("--all", "every", is_flag=True, help="Every flag: as without FLAG.")
@click.option("--explain", is_flag=True, help="Show the rules that were tried.")
@environment_option
@asks
def evaluate(
    session: Session, flag: str | None, *, given: str, at: str | None, every: bool, explain: bool, environment: str
) -> None:
    """What a context gets, now or at any past time.

    Without FLAG: every flag. Nothing is counted as usage.

    Example:
      flagtrail eval new_pricing --context plan=pro,targetingKey=u1 --at 2026-11-21T20:00Z
    """
    if every and flag is not None:
        raise click.UsageError("Name a flag, or ask for --all of them; not both.")
    question = {
        "environment": environment,
        "flag": flag,
        "context": read_context(given),
        "at": at,
        "explain": explain,
    }
    answer = session.send("POST", session.of_project("evaluate"), question, reads=True)
    if flag is None:
        session.show(answer, EvaluatedFlags, _all)
    else:
        session.show(answer, Evaluated, _one)


def _all(evaluated: EvaluatedFlags) -> None:
    if any(each.explanation is not None for each in evaluated.items):
        for each in evaluated.items:
            _one(each)
            say("")
        return
    rows = [
        (
            each.resolution.flag,
            _value(each.resolution),
            each.resolution.variant or "",
            _reason(each.resolution),
            "" if each.because is None else str(each.because),
        )
        for each in evaluated.items
    ]
    table(("flag", "value", "variant", "reason", "entry"), rows, empty="There were no flags.")


def _one(evaluated: Evaluated) -> None:
    found = evaluated.resolution
    facts(
        [
            ("flag", found.flag),
            ("value", Text(_value(found), style="bold")),
            ("variant", found.variant or ""),
            ("reason", _reason(found)),
            ("error", f"{found.error}: {found.message or ''}" if found.error else ""),
            ("at", evaluated.at),
            ("rests on", "" if evaluated.because is None else f"entry {evaluated.because}"),
        ]
    )
    if evaluated.explanation is not None:
        _explain(evaluated.explanation)


def _value(resolution: Resolution) -> str:
    return "the caller's default" if resolution.error else _json(resolution.value)


def _json(value: Json) -> str:
    return msgspec.json.encode(value).decode()


def _reason(resolution: Resolution) -> str:
    return f"{resolution.reason}{f', rule {resolution.rule}' if resolution.rule else ''}"


def _explain(explanation: Explanation) -> None:
    say("")
    say(f"{'enabled' if explanation.enabled else 'disabled'} in this environment")
    for each in explanation.prerequisites:
        wanted = " or ".join(each.variants)
        say(f"{_mark(held=each.held)} prerequisite {each.flag} is {wanted}: it is {each.variant}")
    for rule in explanation.rules:
        say(f"{_mark(held=rule.held)} rule '{rule.description or rule.id}'")
        _condition(rule.condition, 4)
    bucket = explanation.bucket
    if bucket is not None:
        say(f"split by {bucket.by}: {bucket.key!r} is in bucket {bucket.bucket:,} of 100,000 (salt {bucket.salt!r})")


def _condition(condition: ConditionTrace, by: int) -> None:
    if condition.form == "attribute":
        has = "absent" if condition.actual is None else _json(condition.actual)
        wanted = ", ".join(map(_json, condition.values))
        told = f"{condition.attribute} {condition.operator} {wanted}: it is {has}"
    elif condition.form == "segment":
        told = f"segment {condition.segment}"
    elif condition.form == "flag":
        told = f"flag {condition.flag} is {' or '.join(map(str, condition.values))}: it is {condition.actual}"
    else:
        told = condition.form
    indented(f"{_mark(held=condition.held)} {told}", by)
    for part in condition.parts:
        _condition(part, by + 2)


def _mark(*, held: bool) -> str:
    return "+" if held else "-"


COMMANDS = {"eval": evaluate}
