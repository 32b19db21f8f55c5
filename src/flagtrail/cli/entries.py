"""How entries are told: one by one in the log, and as the outcome of a change."""

from __future__ import annotations

from rich.text import Text

from flagtrail.cli.output import console, emit, indented, say, time
from flagtrail.cli.session import Answer, Session
from flagtrail.cli.views import Changed, EntryView
from flagtrail.model.entry import Entry
from flagtrail.model.subject import Subject

_STYLES = {"enabled": "green", "disabled": "red", "deleted": "red", "signin_failed": "red"}


def label(subject: Subject) -> str:
    """What people call a document."""
    match subject.kind:
        case "guard":
            return f"guard of {subject.flag} in {subject.environment}"
        case "flag":
            return subject.name
        case "targeting":
            return f"{subject.flag} in {subject.environment}"
        case "lifespan" | "snooze" | "stage":
            return f"{subject.kind} of {subject.flag}"
        case "policy" | "thresholds" | "nudge":
            return f"{subject.kind} of {subject.project}"
        case _:
            return f"{subject.kind} {subject.name}"


def who(entry: Entry) -> str:
    """Who did it: for an import, the author on whose behalf."""
    actor = entry.actor
    if actor.for_ is not None:
        return f"{actor.for_.name} (import)"
    return actor.name or actor.id


def tell_entry(entry: EntryView, *, project: bool = False) -> None:
    """One entry of the log: seq, time, actor and document, what changed, and why."""
    style = next((style for action, style in _STYLES.items() if action in entry.actions), "bold")
    where = f"{entry.subject.project}: " if project and entry.subject.project else ""
    line = Text.assemble(
        (f"{entry.seq:>5}", "dim"), "  ", time(entry.effective), "  ", (who(entry), "cyan"), "  ", (where, "dim")
    )
    document = label(entry.subject)
    if len(line) + len(document) > console().width:
        emit(line)
        line = Text(" " * 7)
    emit(line.append(document, style=style))
    indented("; ".join(entry.words) or ", ".join(entry.actions), 7)
    if entry.why:
        indented(f"why: {entry.why}{_ticket(entry)}", 7, "italic")


def _ticket(entry: Entry) -> str:
    return f" [{entry.ticket}]" if entry.ticket and entry.ticket not in entry.why else ""


def tell_change(session: Session, answer: Answer) -> None:
    """What a change did."""
    session.show(answer, Changed, _tell_changed)


def _tell_changed(changed: Changed) -> None:
    if not changed.changed:
        say("Nothing changed: it is so already.")
        return
    for entry in changed.entries:
        line = Text.assemble(("done", "green"), f"  {label(entry.subject)}: {'; '.join(entry.words)}")
        line.append(f"  (entry {entry.seq}, version {entry.version})", style="dim")
        emit(line)
        if (
            entry.subject.kind == "targeting"
            and entry.after
            and not entry.after["enabled"]
            and ("disabled" not in entry.actions)
        ):
            where = f"{entry.subject.flag} is off in {entry.subject.environment}"
            say(f"note  {where}: nobody gets this before 'flagtrail enable {entry.subject.flag}'")
