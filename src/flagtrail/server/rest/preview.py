"""What a change would do, before it is made: the same bodies as the change's own, and nothing is appended."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Literal

import msgspec
from litestar import post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody

from flagtrail.app.preview import MAX_POPULATION, Previewed, Trial
from flagtrail.model.change import Change, Operation
from flagtrail.model.errors import MalformedRequest, NotFound
from flagtrail.model.flag import Json
from flagtrail.model.subject import Subject, flag_subject, segment_subject, targeting_subject
from flagtrail.server.rest.body import Version, Why
from flagtrail.server.rest.call import Call, Caller, Seq, require_project, seen_version

MAX_BODY = 4 << 20
"""Ten thousand contexts of 400 bytes. Larger bodies would hold up everybody while they are read."""
_PROJECT = "/projects/{project:str}"
_FLAG = f"{_PROJECT}/flags/{{flag:str}}"

Contexts = Annotated[
    tuple[dict[str, Json], ...] | None,
    msgspec.Meta(description=f"The population, at most {MAX_POPULATION:,}; null: the contexts that were sampled."),
]
DrawnFrom = Annotated[
    int, msgspec.Meta(ge=0, le=2**53, description="Out of how many the contexts were drawn; 0: they are all.")
]
By = Annotated[
    tuple[str, ...], msgspec.Meta(description="Attributes to break the answer down by; none: the telling one.")
]


class On(Why, frozen=True, kw_only=True):
    """On whom a change is tried; `why` and `ticket` are read and not needed."""

    contexts: Contexts = None
    drawn_from: DrawnFrom = 0
    by: By = ()


class TargetingTrial(On, frozen=True, kw_only=True):
    """One of: a whole `targeting`, a merge `patch` of it, a rollout (`percent`, and perhaps `variant`), `enabled`."""

    targeting: Json = None
    patch: Json = None
    percent: float | None = None
    variant: str | None = None
    enabled: bool | None = None


class FlagTrial(On, frozen=True, kw_only=True):
    """One of: a whole `flag`, a merge `patch` of it, `delete`; and where it is tried."""

    environment: str = "production"
    flag: Json = None
    patch: Json = None
    delete: Literal[True] | None = None


class SegmentTrial(On, frozen=True, kw_only=True):
    """One of: a whole `segment`, a merge `patch` of it; and where it is tried."""

    environment: str = "production"
    segment: Json = None
    patch: Json = None


class RevertTrial(On, frozen=True, kw_only=True):
    """Where taking a change back is tried; null: in the entry's own environment, else in production."""

    environment: str | None = None


class ProposedOperation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One document's part: `create` and `put` carry the whole document, `patch` a merge patch, `delete` nothing,
    `rollout` `{"percent": 0..100, "variant": key or null}`. The subject's project may be left out.
    """

    action: Literal["create", "put", "patch", "delete", "rollout"]
    subject: Subject
    value: Json = None
    version: Version | None = None


class GroupTrial(On, frozen=True, kw_only=True):
    """Documents that would be changed together, in this order; and where it is tried."""

    environment: str = "production"
    operations: Annotated[tuple[ProposedOperation, ...], msgspec.Meta(min_length=1, max_length=1_000)]


def _asks(path: str, summary: str, role: str = "editor") -> Callable[[Callable[..., Previewed]], HTTPRouteHandler]:
    """A route that answers with a preview."""
    return post(
        path,
        opt={"role": role},
        status_code=200,
        sync_to_thread=True,
        request_max_body_size=MAX_BODY,
        summary=summary,
    )


@_asks(f"{_FLAG}/environments/{{environment:str}}/preview", "Preview a change of a targeting")
def preview_targeting(
    project: FromPath[str],
    flag: FromPath[str],
    environment: FromPath[str],
    data: JSONBody[TargetingTrial],
    call: Caller,
) -> Previewed:
    """Which contexts would get another value, of this flag and of those that follow it. Nothing is changed."""
    subject, version = targeting_subject(project, flag, environment), seen_version(call, data)
    rollout = None if data.percent is None else {"percent": data.percent, "variant": data.variant}
    switch = None if data.enabled is None else {"enabled": data.enabled}
    operation = _one_of(
        Operation(action="put", subject=subject, value=data.targeting, version=version),
        Operation(action="patch", subject=subject, value=data.patch, version=version),
        Operation(action="rollout", subject=subject, value=rollout, version=version),
        Operation(action="patch", subject=subject, value=switch, version=version),
        named="targeting, patch, percent, enabled",
    )
    return _preview(call, project, environment, [operation], data)


@_asks(f"{_FLAG}/preview", "Preview a change of a flag")
def preview_flag(project: FromPath[str], flag: FromPath[str], data: JSONBody[FlagTrial], call: Caller) -> Previewed:
    """Other variants, archiving, deleting: what that does in one environment. Nothing is changed."""
    subject, version = flag_subject(project, flag), seen_version(call, data)
    operation = _one_of(
        Operation(action="put", subject=subject, value=data.flag, version=version),
        Operation(action="patch", subject=subject, value=data.patch, version=version),
        Operation(action="delete", subject=subject, value=data.delete, version=version),
        named="flag, patch, delete",
    )
    return _preview(call, project, data.environment, [operation], data)


@_asks(f"{_PROJECT}/segments/{{segment:str}}/preview", "Preview a change of a segment")
def preview_segment(
    project: FromPath[str], segment: FromPath[str], data: JSONBody[SegmentTrial], call: Caller
) -> Previewed:
    """What every flag that follows the segment would serve in one environment. Nothing is changed."""
    subject, version = segment_subject(project, segment), seen_version(call, data)
    operation = _one_of(
        Operation(action="put", subject=subject, value=data.segment, version=version),
        Operation(action="patch", subject=subject, value=data.patch, version=version),
        named="segment, patch",
    )
    return _preview(call, project, data.environment, [operation], data)


@_asks(f"{_PROJECT}/preview", "Preview a change of several documents", role="signed_in")
def preview_group(project: FromPath[str], data: JSONBody[GroupTrial], call: Caller) -> Previewed:
    """What a group of operations would do together in one environment, to whoever may make them all.

    Nothing is changed.
    """
    return _preview(call, project, data.environment, [_placed(project, each) for each in data.operations], data)


@_asks(f"{_PROJECT}/changes/{{seq:int}}/preview", "Preview taking a change back")
def preview_revert(project: FromPath[str], seq: Seq, data: JSONBody[RevertTrial], call: Caller) -> Previewed:
    """What taking back an entry, with all that was changed together with it, would do. Nothing is changed."""
    entry = call.app.ask.entry(seq)
    if entry.subject.project != project:
        raise NotFound(f"entry {seq} is not of project {project!r}", kind="entry", key=str(seq))
    environment = data.environment or entry.subject.environment or "production"
    return call.app.previews.taking_back(call.identity, seq, _trial(environment, data))


def _placed(project: str, proposed: ProposedOperation) -> Operation:
    subject = proposed.subject
    if subject.project not in {None, project} or subject.kind in {"member", "token", "signin"}:
        raise MalformedRequest(f"{subject.path} is not of project {project!r}")
    return Operation(
        action=proposed.action,
        subject=msgspec.structs.replace(subject, project=project),
        value=proposed.value,
        version=proposed.version,
    )


def _one_of(*operations: Operation, named: str) -> Operation:
    """The operation whose value the body gave; raises MalformedRequest where it gave none or several."""
    given = [operation for operation in operations if operation.value is not None]
    if len(given) != 1:
        raise MalformedRequest(f"the body must say what would be changed by exactly one of: {named}")
    return given[0]


def _preview(call: Call, project: str, environment: str, operations: Sequence[Operation], body: On) -> Previewed:
    require_project(call.app, project)
    change = Change(operations=tuple(operations))
    return call.app.previews.preview(call.identity, change, _trial(environment, body))


def _trial(environment: str, body: On) -> Trial:
    return Trial(environment=environment, contexts=body.contexts, drawn_from=body.drawn_from, by=body.by)


ROUTES: list[HTTPRouteHandler] = [preview_targeting, preview_flag, preview_segment, preview_group, preview_revert]
