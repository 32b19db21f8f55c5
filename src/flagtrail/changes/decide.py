"""Deciding a change: (state, change) -> what each document becomes, or a refusal with every defect."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Protocol, cast

import msgspec

from flagtrail.changes import diff
from flagtrail.changes.actions import actions
from flagtrail.changes.operate import operate
from flagtrail.changes.policy import require_why
from flagtrail.changes.subscriptions import unknown_environments
from flagtrail.changes.touches import touches
from flagtrail.model.access import Member, Token
from flagtrail.model.change import Change, Operation
from flagtrail.model.document import Document, encode
from flagtrail.model.entry import Action, Touch
from flagtrail.model.errors import Defect, HistoryOrder, InUse, InvalidDocument, NotFound
from flagtrail.model.flag import Flag, Json
from flagtrail.model.segment import Segment
from flagtrail.model.state import State, Versioned, mentions
from flagtrail.model.subject import LEAVING, Kind, Subject, environment_subject, flag_subject, project_subject
from flagtrail.model.subscription import Subscription
from flagtrail.model.targeting import Targeting, default_targeting


class Check(Protocol):
    """Judges a project's documents together: the engine's `check`, handed in by the app."""

    def __call__(
        self,
        flags: Mapping[str, Flag],
        targetings: Mapping[tuple[str, str], Targeting],
        segments: Mapping[str, Segment],
        touched: Collection[str],
        /,
    ) -> list[Defect]:
        """Every semantic defect of the touched documents and of those that depend on them."""


class Decided(msgspec.Struct, frozen=True, kw_only=True):
    """What one document becomes: the facts of the entry to be written."""

    subject: Subject
    version: int
    previous: int
    before: Json
    after: Json
    actions: tuple[Action, ...]
    paths: tuple[str, ...]
    touches: tuple[Touch, ...]


class _Values(msgspec.Struct, frozen=True):
    """A document as plain JSON, before the change and as far as its operations have come."""

    before: Json
    now: Json


def decide(state: State, change: Change, *, check: Check) -> tuple[Decided, ...]:
    """What the change makes of each document it alters; empty where it alters nothing.

    Raises InvalidDocument (all defects at once), NotFound, AlreadyExists,
    VersionConflict, InUse, WhyRequired or HistoryOrder; nothing is then decided.
    """
    after = state
    altered: dict[Subject, _Values] = {}
    defects: list[Defect] = []
    for operation in change.operations:
        for each in _with_dependents(after, operation):
            try:
                document = operate(after, each)
            except InvalidDocument as error:
                prefix = _relative(each.subject)
                defects.extend(Defect(f"{prefix}#{defect.path}", defect.message) for defect in error.defects)
                continue
            held = after.held(each.subject)
            was = altered.get(each.subject)
            present, becomes = _value(after.get(each.subject)) if was is None else was.now, _value(document)
            if held is None or not diff.same(present, becomes):
                altered[each.subject] = _Values(present if was is None else was.before, becomes)
                after = after.having([_placed(each.subject, document, held)], size=state.size)
    _refuse_unplaced(after, altered)
    defects.extend(_defects(after, altered, check))
    defects.extend(_misled_subscriptions(after, altered))
    defects.extend(_shared_addresses(after, altered))
    defects.extend(_no_administrator(state, after, altered))
    if defects:
        raise InvalidDocument(defects)
    found = [_decided(state, after, subject, values, change) for subject, values in altered.items()]
    decided = tuple(each for each in found if each is not None)
    # A guard watches over a change: where nothing else was altered, there is none.
    return () if all("guarded" in each.actions for each in decided) else decided


def _with_dependents(state: State, operation: Operation) -> tuple[Operation, ...]:
    """The operation; a deletion after those of what lives inside the deleted document."""
    if operation.action != "delete":
        return (operation,)
    inside = (Operation(action="delete", subject=held.subject) for held in _inside(state, operation.subject))
    return (*inside, operation)


def _inside(state: State, subject: Subject) -> list[Versioned]:
    """The living documents that cannot stand without this one, innermost first."""
    project = subject.project or ""
    match subject.kind:
        case "flag":
            return [held for held in _served(state, project) if held.subject.flag == subject.flag]
        case "environment":
            inside = [held for held in _served(state, project) if held.subject.environment == subject.environment]
            return [*_tokens(state, project, subject.environment), *inside]
        case "project":
            own: tuple[Kind, ...] = ("flag", "segment", "environment", "policy", "subscription", "thresholds", "nudge")
            documents = [*_served(state, project), *(held for kind in own for held in state.of_kind(kind, project))]
            return [*_tokens(state, project, None), *documents]
        case _:
            return []


def _served(state: State, project: str) -> Iterator[Versioned]:
    """Every targeting of a project, each after its guard, and what else stands beside a flag."""
    kinds: tuple[Kind, ...] = ("guard", "targeting", *sorted(LEAVING))
    for kind in kinds:
        yield from state.of_kind(kind, project)


def _tokens(state: State, project: str, environment: str | None) -> list[Versioned]:
    """The tokens that are good in the project (in one environment of it) and nowhere else."""
    tokens = [(held, cast("Token", held.document)) for held in state.of_kind("token")]
    return [held for held, token in tokens if token.project == project and environment in {None, token.environment}]


def _placed(subject: Subject, document: Document | None, held: Versioned | None) -> Versioned:
    """The document as it will stand; version and seq are those it had, until the entry exists."""
    version, seq, effective = (0, -1, "") if held is None else (held.version, held.seq, held.effective)
    return Versioned(subject, document, version, seq, effective, mentions(document))


def _refuse_unplaced(after: State, altered: Collection[Subject]) -> None:
    """Every living document needs its project, its environment and its flag."""
    for subject in altered:
        if subject.project is None or after.get(subject) is None:
            continue
        needed = [project_subject(subject.project)]
        if subject.kind in {"targeting", "guard"}:
            needed.append(environment_subject(subject.project, cast("str", subject.environment)))
        if subject.kind in {"targeting", "guard", *LEAVING}:
            needed.append(flag_subject(subject.project, cast("str", subject.flag)))
        for parent in needed:
            if after.get(parent) is None:
                raise NotFound(f"there is no {parent.kind} {parent.name!r}", kind=parent.kind, key=parent.name)


def _defects(after: State, altered: Collection[Subject], check: Check) -> list[Defect]:
    """The semantic defects that the change would leave, project by project; a deletion that others need is InUse."""
    found: list[Defect] = []
    for project in sorted({subject.project for subject in altered if subject.project is not None}):
        touched = [subject for subject in altered if subject.project == project]
        _refuse_in_use(after, project, touched)
        paths = [_relative(subject) for subject in touched if subject.kind in {"flag", "targeting", "segment"}]
        if not paths:
            continue
        flags = cast("Mapping[str, Flag]", after.living("flag", project))
        targetings = cast("Mapping[tuple[str, str], Targeting]", after.living("targeting", project))
        segments = cast("Mapping[str, Segment]", after.living("segment", project))
        found.extend(check(flags, targetings, segments, paths))
    return found


def _misled_subscriptions(after: State, altered: Collection[Subject]) -> Iterator[Defect]:
    for subject in altered:
        if subject.kind == "subscription" and after.get(subject) is not None:
            found = unknown_environments(after, cast("str", subject.project), cast("Subscription", after.get(subject)))
            yield from (Defect(f"{_relative(subject)}#{defect.path}", defect.message) for defect in found)


def _shared_addresses(after: State, altered: Collection[Subject]) -> Iterator[Defect]:
    """People sign in by their e-mail address: two members cannot have the same."""
    addressed = [subject for subject in altered if subject.kind == "member" and after.get(subject) is not None]
    if not addressed:
        return
    members = {held.subject: cast("Member", held.document) for held in after.of_kind("member")}
    for subject in addressed:
        address = members[subject].email.casefold()
        for other, member in members.items():
            if other != subject and member.email.casefold() == address:
                yield Defect(f"{_relative(subject)}#/email", f"is the address of member {member.key!r} too")


def _no_administrator(before: State, after: State, altered: Collection[Subject]) -> Iterator[Defect]:
    """Somebody must be left who can let others in: the last active administrator stays one."""
    members = [subject for subject in altered if subject.kind == "member"]
    if members and any(_administrators(before)) and not any(_administrators(after)):
        yield Defect(f"{_relative(members[0])}#/role", "nobody would be left with the role admin")


def _administrators(state: State) -> Iterator[Member]:
    for held in state.of_kind("member"):
        member = cast("Member", held.document)
        if member.active and member.role == "admin":
            yield member


def _refuse_in_use(after: State, project: str, touched: Collection[Subject]) -> None:
    gone = [
        (subject.kind, subject.name)
        for subject in touched
        if subject.kind in {"flag", "segment"} and after.get(subject) is None
    ]
    users = sorted({user.path for mention in gone for user in after.users_of(project, mention)})
    if users:
        named = ", ".join(sorted(key for _, key in gone))
        raise InUse(f"{named} is used by {', '.join(users)}", users=users)


def _decided(state: State, after: State, subject: Subject, values: _Values, change: Change) -> Decided | None:
    before, now = values.before, values.now
    paths = diff.paths(before, now)
    if not paths:  # a later operation took back what an earlier one did
        return None
    held = state.held(subject)
    reach = tuple(sorted({*touches(state, subject), *touches(after, subject)}))
    require_why(state, after, subject, reach, change.why)
    if held is not None and change.occurred_at is not None and change.occurred_at < held.effective:
        raise HistoryOrder(
            f"{subject.path} was last changed at {held.effective}, after {change.occurred_at}",
            subject=subject.path,
            last=held.effective,
        )
    return Decided(
        subject=subject,
        version=1 if held is None else held.version + 1,
        previous=-1 if held is None else held.seq,
        before=before,
        after=now,
        actions=_actions(after, subject, before, now),
        paths=paths,
        touches=reach,
    )


def _actions(after: State, subject: Subject, before: Json, now: Json) -> tuple[Action, ...]:
    """A first targeting is told from the default one, so that "who enabled it" has an answer."""
    found = set(actions(subject, before, now))
    if subject.kind == "targeting" and before is None:
        flag = cast("Flag", after.flag(cast("str", subject.project), cast("str", subject.flag)))
        default = encode(default_targeting(flag))
        if not diff.same(default, now):
            found |= set(actions(subject, default, now))
    return tuple(sorted(found))


def _value(document: Document | None) -> Json:
    return None if document is None else encode(document)


def _relative(subject: Subject) -> str:
    """The subject's path without its project, as defects name it."""
    path = subject.path
    return path.split("/", 2)[2] if subject.project is not None and path.count("/") > 1 else path
