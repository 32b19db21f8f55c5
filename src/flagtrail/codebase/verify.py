"""Whether a clean-up may be kept: everything that was sound before is sound after it, in a worktree of its own.

No new defects of syntax; no name that nothing defines any more; nothing new from the language's own checker; no failure
of the user's own command that was not there before. What could not be checked is said, and never taken for passed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from flagtrail.codebase import checkers, languages
from flagtrail.codebase.checkers import CHECKERS, Checker, Said, Work
from flagtrail.codebase.checkout import Checkout
from flagtrail.codebase.cleanup import Change, Plan
from flagtrail.codebase.files import Worktree
from flagtrail.codebase.git import environ
from flagtrail.codebase.process import Ran, run
from flagtrail.codebase.undefined import undefined

Outcome = Literal["passed", "untidy", "failed", "not_checked"]
"""`untidy`: nothing is wrong, but something was left that nobody uses any more."""

MOST_TOLD = 20
TAIL_LINES = 40
ROOT_VARIABLE = "CLEANUP_REPOSITORY"
"""Tells the user's command where the repository lies that the temporary worktree is of."""
_FAILURES = re.compile(
    r"^(?:(?:FAILED|ERROR) \S+"  # pytest
    r"|(?:FAIL|ERROR): \S+"  # unittest
    r"|\s*--- FAIL: \S+|FAIL\t\S+"  # go
    r"|\s*[●✕✗×] \S.*|\s*FAIL\s+\S+"  # jest, vitest
    r"|not ok \d+\b.*"  # TAP
    r"|\[ERROR\]\s+[\w$.]+[.:#]\w+.*|.+ > .+ FAILED"  # Maven, Gradle
    r"|\s+\d+\) \S.*)"  # mocha, RSpec
)
_VARIES = re.compile(r"\s*[(\[]?\b\d+(?:\.\d+)?\s*m?s\b[)\]]?|\d+\.\d+s| - .*$|:\d+\b|^not ok \d+|^\s*\d+\)")
"""What differs from one run of the same tests to the next: times, messages, numbers."""


@dataclass(frozen=True, slots=True)
class Check:
    """One check: how it came out, in words; `findings` are what is new, at most `MOST_TOLD`."""

    name: str
    outcome: Outcome
    detail: str
    findings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Verified:
    """All checks, in the order in which they were made."""

    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        """Whether nothing speaks against the clean-up."""
        return all(check.outcome != "failed" for check in self.checks)

    @property
    def untidy(self) -> bool:
        """Whether something was left that a person would have taken out, too."""
        return any(check.outcome == "untidy" for check in self.checks)

    @property
    def failures(self) -> tuple[Check, ...]:
        """What speaks against it."""
        return tuple(check for check in self.checks if check.outcome == "failed")


@dataclass(frozen=True, slots=True)
class Command:
    """The user's own command, and how long it may take."""

    line: str
    seconds: float


def verify(
    place: Checkout, plan: Plan, command: Command | None, tell: Callable[[str], None] = lambda _: None
) -> Verified:
    """Check a plan in a worktree that is still as HEAD is; afterwards it is as the plan says."""
    worktree = Worktree.of(place.tree)
    found = [_syntax(plan.changes), _names(worktree, plan.changes)]
    sound = all(check.outcome == "passed" for check in found)
    work = Work(place.tree, place.repository.root, place.scratch, tuple(change.path for change in plan.changes))
    concerned = [checker for checker in CHECKERS if sound and checker.concerns(work.paths)]
    programs = {checker.name: checker.program(work) for checker in concerned}
    before = _said(concerned, programs, work, tell, "before the change")
    ran = _ran(place, command, tell, "before the change") if sound and command is not None else None
    place.restore()
    place.apply(plan.changes)
    after = _said(concerned, programs, work, tell, "after it")
    found.extend(_compared(checker, before.get(checker.name), after.get(checker.name)) for checker in concerned)
    if command is not None and ran is not None and all(check.outcome != "failed" for check in found):
        if ran.code is None:
            found.append(Check(command.line, "failed", f"did not end on the untouched commit: {ran.tail(1)}"))
        else:
            found.append(_judged(command, ran, _ran(place, command, tell, "after it")))
    return Verified(tuple(found))


# ---------------------------------------------------------------- our own checks
def _syntax(changes: Sequence[Change]) -> Check:
    new = []
    for change in changes:
        language = languages.of_path(change.path)
        if language is None or change.after is None:
            continue
        was = language.source(change.path, change.before).defects
        now = language.source(change.path, change.after).defects
        if now > was:
            new.append(f"{change.path}: {now - was} more than before")
        if b"__FF_" in change.after and b"__FF_" not in change.before:
            new.append(f"{change.path}: a placeholder was left")
    return _check("syntax", new, f"no new defects in {files(len(changes))}")


def _names(worktree: Worktree, changes: Sequence[Change]) -> Check:
    found = [f"{each.path}:{each.line}: {each.name} {each.detail}" for each in undefined(worktree, changes)]
    return _check("names", found, "no name is used that nothing defines any more")


def _check(name: str, new: Sequence[str], passed: str) -> Check:
    if not new:
        return Check(name, "passed", passed)
    return Check(name, "failed", f"{len(new)} new", tuple(new[:MOST_TOLD]))


def files(count: int) -> str:
    """So many files.

    >>> files(1), files(2)
    ('1 file', '2 files')
    """
    return f"{count} file{'' if count == 1 else 's'}"


# ---------------------------------------------------------------- the language's own checker
def _said(
    concerned: Sequence[Checker],
    programs: dict[str, str | None],
    work: Work,
    tell: Callable[[str], None],
    when: str,
) -> dict[str, Said]:
    lent = checkers.lend_modules(work)
    try:
        said = {}
        for checker in concerned:
            program = programs[checker.name]
            if program is not None:
                tell(f"{checker.name} {when}")
                said[checker.name] = checkers.say(checker, work, program)
        return said
    finally:
        for link in lent:
            link.unlink(missing_ok=True)


def _compared(checker: Checker, before: Said | None, after: Said | None) -> Check:
    name = checker.name
    if before is None or after is None:
        return Check(name, "not_checked", f"{name} is not on this machine, or is not used by this tool")
    if before.late:
        return Check(name, "not_checked", f"took too long on the untouched commit: {before.trouble}")
    new = [f"{path}: {message}" for path, message in sorted((after.findings - before.findings).elements())]
    wrong = [each for each in new if checker.blemish is None or not checker.blemish.search(each)]
    if wrong:
        return _check(name, wrong, "")
    if new:
        return Check(name, "untidy", f"{len(new)} new, of what nobody uses any more", tuple(new[:MOST_TOLD]))
    if after.trouble and not before.trouble:
        return Check(name, "failed", f"worked before the change, and not after it: {after.trouble}")
    if before.trouble:
        return Check(name, "not_checked", f"could not say on the untouched commit either: {before.trouble}")
    had = before.findings.total()
    return Check(name, "passed", "nothing new" + (f" ({had} before the change)" if had else ""))


# ---------------------------------------------------------------- the user's own command
def _ran(place: Checkout, command: Command, tell: Callable[[str], None], when: str) -> Ran:
    tell(f"{command.line} {when}")
    variables = {**environ(), ROOT_VARIABLE: str(place.repository.root), "PWD": str(place.tree)}
    return run(
        ["/bin/sh", "-c", command.line], place.tree, seconds=command.seconds, environ=variables, pattern=_FAILURES
    )


def _judged(command: Command, before: Ran, after: Ran) -> Check:
    name = command.line
    if after.ok:
        return Check(name, "passed", "passes before and after" if before.ok else "failed before, passes after")
    if before.ok or after.code is None:
        was = "passed" if before.ok else "failed"
        return Check(name, "failed", f"{was} before the change, {_ended(after)} after it", _tail(after))
    had, has = set(_failed(before)), set(_failed(after))
    if not had:
        told = f"{_ended(before)} on the untouched commit, and names no test that fails: it proves nothing"
        return Check(name, "failed", told, _tail(before))
    new = sorted(has - had)
    if new or not has:
        return Check(name, "failed", "fails in ways that it did not before the change", tuple(new) or _tail(after))
    return Check(name, "passed", f"fails after as before: {len(has)} of the {len(had)} failures of before, none new")


def _ended(ran: Ran) -> str:
    return ran.tail(1) if ran.code is None else f"ends with {ran.code}"


def _tail(ran: Ran) -> tuple[str, ...]:
    return tuple(ran.tail(TAIL_LINES).splitlines())


def _failed(ran: Ran) -> Iterator[str]:
    """The failures of tests that a command names, so spelled that the same one is the same in another run."""
    for line in ran.matches:
        yield " ".join(_VARIES.sub(" ", line).split())
