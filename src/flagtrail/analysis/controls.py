"""What a period shows for the controls of a framework: a verdict for each, what it rests on, and what it leaves open.

The words are ours. A framework's own text is its publisher's; it is named here by its numbers.
A verdict is about what is done through Flagtrail, and never about the whole of a control.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Literal, TypeAlias

import msgspec

from flagtrail.analysis.evidence import Kind
from flagtrail.analysis.findings import Findings

Verdict = Literal["shown", "shown_in_part", "not_shown", "nothing_to_show"]
MONTHS_KEPT = 12
"""How far back PCI DSS 10.5 wants an audit log to reach, in months."""


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What verdicts are made of: the period in numbers, who could change production at its ends, how far back the
    record reaches (`first` is the stamp of the ledger's first entry), and the period's end.
    """

    found: Findings
    holders_before: int
    holders_after: int
    first: str
    until: str


class Control(msgspec.Struct, frozen=True, kw_only=True):
    """One control: its number and, in our words, what it is about; the verdict; sentences on what the period shows and
    on what Flagtrail cannot show; and which entries of the report to look at.
    """

    control: str
    about: str
    verdict: Verdict
    shows: tuple[str, ...]
    open: tuple[str, ...]
    entries: str


Judgement: TypeAlias = tuple[Verdict, tuple[str, ...], tuple[str, ...], str]
"""Verdict, what is shown, what is left open, and which entries."""


def counted(number: int, one: str, many: str) -> str:
    """A number with its words.

    >>> counted(0, "change", "changes"), counted(1, "change", "changes"), counted(1200, "change", "changes")
    ('no changes', '1 change', '1,200 changes')
    """
    if number == 1:
        return f"1 {one}"
    return f"{number:,} {many}" if number else f"no {many}"


def _changes(number: int) -> str:
    return counted(number, "change", "changes")


def _was(number: int) -> str:
    return "was" if number == 1 else "were"


def _change_management(facts: Facts) -> Judgement:
    found = facts.found
    lacking = {name: found.lacking(name) for name in ("no_reason", "no_approval", "self_approved")}
    told = [f"{_changes(found.reached).capitalize()} reached production."]
    told.append(_reasons(lacking["no_reason"]))
    told.append(f"{_changes(found.approved).capitalize()} carried an approval; {lacking['no_approval']:,} did not.")
    told.append("Each is told with what stood before and after it, to the letter.")
    open_ = (
        "How the change was developed and tested before it was made.",
        "Approvals that were given elsewhere: an entry knows only what was recorded with it.",
    )
    where = "The changes that reach production ('reaches'); what one lacks stands in 'exceptions'."
    if not found.reached:
        return "nothing_to_show", ("No change reached production in this period.",), open_, where
    return ("shown_in_part" if any(lacking.values()) else "shown"), tuple(told), open_, where


def _reasons(lacking: int) -> str:
    if not lacking:
        return "Each of them names its author and a reason."
    return f"Each of them names its author; {lacking:,} {'has' if lacking == 1 else 'have'} no reason."


def _segregation(facts: Facts) -> Judgement:
    found = facts.found
    told = (
        f"{found.approved:,} of {_changes(found.reached)} that reached production carried an approval.",
        f"{_changes(found.lacking('self_approved')).capitalize()} carried an approval that names the author.",
    )
    open_ = ("Whether the one who approved was in a position to judge.", "Approvals that were given elsewhere.")
    where = "The changes that reach production ('reaches'): 'who' is the author, 'approval' the approval."
    if not found.reached:
        return "nothing_to_show", ("No change reached production in this period.",), open_, where
    sound = found.approved == found.reached and not found.lacking("self_approved")
    return ("shown" if sound else "shown_in_part" if found.approved else "not_shown"), told, open_, where


def _logging(facts: Facts) -> Judgement:
    found = facts.found
    entries = counted(found.entries, "entry", "entries")
    told = (
        f"The ledger recorded {entries} in this period, numbered without a gap; {found.changes:,} are told here.",
        "Each names who, when, through which surface, which document, what stood before and after, and the reason.",
        "An entry is written in the transaction of the change itself: a change without one is refused by the database.",
    )
    open_ = ("Reading: Flagtrail records who changes flags, not who looks at them.", "Logs of any other system.")
    return "shown", told, open_, "All changes of the report."


def _protection(facts: Facts) -> Judgement:
    del facts
    told = (
        "The entries of the period are leaves of a Merkle tree whose root was signed at both ends.",
        "Whoever kept a checkpoint of this ledger can prove that nothing in it was altered, added or removed since.",
    )
    open_ = (
        "Who can reach the database, its backups and the signing key.",
        "That a checkpoint was kept elsewhere: without one, whoever holds the key could sign another history.",
    )
    return "shown_in_part", told, open_, "'proof' of the report."


def _kept_and_protected(facts: Facts) -> Judgement:
    _, logged, beyond, entries = _logging(facts)
    verdict, protected, open_, proof = _protection(facts)
    return verdict, (*logged, *protected), (*beyond, *open_, "That anybody looks at the log."), f"{entries} {proof}"


def _review(facts: Facts) -> Judgement:
    sampled = counted(len(facts.found.sampling.seqs), "change", "changes")
    told = (f"This report draws {sampled} for somebody to look at.",)
    return (
        "not_shown",
        told,
        ("That anybody did review the log: Flagtrail does not record it.",),
        "'sample' of the report.",
    )


def _retention(facts: Facts) -> Judgement:
    since = facts.first[:10]
    open_ = ("That the database and its backups will be kept in future.",)
    where = "All changes of the report; older ones by a report of an earlier period."
    if not facts.first:
        return "nothing_to_show", ("The ledger had no entries at the end of this period.",), open_, where
    told = (f"At the end of the period the record reached back to {since}; Flagtrail removes nothing from it.",)
    return ("shown" if _months(facts.first, facts.until) >= MONTHS_KEPT else "shown_in_part"), told, open_, where


def _months(first: str, last: str) -> int:
    """Whole months between two stamps."""
    begin, end = datetime.fromisoformat(first), datetime.fromisoformat(last)
    whole = (end.year - begin.year) * 12 + end.month - begin.month
    return whole - ((end.day, end.time()) < (begin.day, begin.time()))


def _access(facts: Facts) -> Judgement:
    found = facts.found
    unknown = sum(each.count for each in found.authenticated if each.name == "none")
    before, after = (
        counted(each, "person or token", "people and tokens") for each in (facts.holders_before, facts.holders_after)
    )
    told = (
        f"{before.capitalize()} could change production when the period began, {after} at its end.",
        f"{_changes(found.access_changes).capitalize()} of members and tokens {_was(found.access_changes)} recorded.",
        f"{_changes(unknown).capitalize()} {_was(unknown)} made without a credential.",
    )
    open_ = (
        "Whether each of them still needs that access.",
        "How people prove who they are to the identity provider, and access to the servers themselves.",
    )
    where = "The report of the kind 'access' names them, their roles and every change of these."
    return ("shown_in_part" if unknown else "shown"), told, open_, where


def _monitoring(facts: Facts) -> Judgement:
    found = facts.found
    failed = counted(found.signin_failures, "failed sign-in", "failed sign-ins").capitalize()
    told = (
        f"{failed} {_was(found.signin_failures)} recorded.",
        "Every change was recorded as it was made.",
        f"{_changes(found.lacking('no_reason')).capitalize()} to production lacked a reason.",
    )
    open_ = (
        "That somebody looked at what was unusual, and what was done about it.",
        "Which alerts were sent: deliveries are kept for a time only and are no part of the ledger.",
    )
    return (
        "shown_in_part",
        told,
        open_,
        "The changes with 'exceptions'; failed sign-ins in the report of the kind 'access'.",
    )


_Topic: TypeAlias = tuple[str, str, Callable[[Facts], Judgement]]
FRAMEWORKS: Mapping[Kind, tuple[_Topic, ...]] = {
    "soc2": (
        ("CC6.1", "Only known people and machines with a role can change what customers get", _access),
        ("CC7.2", "What is unusual can be noticed", _monitoring),
        ("CC8.1", "Changes are authorised, explained and recorded", _change_management),
    ),
    "iso27001": (
        ("A.5.3", "Nobody both makes and approves a change", _segregation),
        ("A.8.15", "What happens is logged, and the log is protected", _kept_and_protected),
        ("A.8.32", "Changes follow a controlled way", _change_management),
    ),
    "pci": (
        ("6.5", "Changes are made in a controlled way", _change_management),
        ("10.2", "The log says who did what, when and to what", _logging),
        ("10.3", "The log cannot be altered unnoticed", _protection),
        ("10.4", "The log is looked at", _review),
        ("10.5", "The log is kept, a year and longer", _retention),
    ),
}
"""Which controls a kind of report is about. Kinds that are missing here map to none."""


def controls(kind: Kind, facts: Facts) -> tuple[Control, ...]:
    """The verdict for each control of the kind's framework; empty for kinds that belong to none."""
    found = []
    for number, about, judge in FRAMEWORKS.get(kind, ()):
        verdict, shows, open_, entries = judge(facts)
        found.append(Control(control=number, about=about, verdict=verdict, shows=shows, open=open_, entries=entries))
    return tuple(found)
