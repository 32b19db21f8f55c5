"""Who can change what customers get? The members and tokens whose role reaches a production environment."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, cast

import msgspec

from flagtrail.model.access import RANK, Member, Role, Token
from flagtrail.model.document import Document
from flagtrail.model.entry import Entry
from flagtrail.model.state import State

EDITS = RANK["editor"]
"""From this rank on a role may change how a flag is served."""


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    """A member or token that can change production: which of its environments, and by which roles.

    `roles` tell it in words ("editor everywhere", "editor in shop/production"); `seq` is the entry that made it so.
    """

    kind: Literal["person", "token"]
    key: str
    name: str
    email: str
    environments: tuple[str, ...]
    roles: tuple[str, ...]
    expires_at: str | None
    seq: int


def holders(state: State, project: str, at: str) -> tuple[Holder, ...]:
    """Who can change a production environment of the project, at a stamp, by kind and key."""
    return tuple(sorted(_holders(state, project, at), key=lambda holder: (holder.kind, holder.key)))


def _holders(state: State, project: str, at: str) -> Iterator[Holder]:
    production = production_of(state, project)
    for held in state.of_kind("member"):
        member = cast("Member", held.document)
        environments = _reached(member, project, production, at)
        if environments:
            yield Holder(
                kind="person",
                key=member.key,
                name=member.name,
                email=member.email,
                environments=environments,
                roles=tuple(_roles_of_member(member, project)),
                expires_at=None,
                seq=held.seq,
            )
    for held in state.of_kind("token"):
        token = cast("Token", held.document)
        environments = _reached(token, project, production, at)
        if environments:
            yield Holder(
                kind="token",
                key=token.key,
                name=token.name,
                email="",
                environments=environments,
                roles=(_role_in(token.role, token.project, token.environment),),
                expires_at=token.expires_at,
                seq=held.seq,
            )


def production_of(state: State, project: str) -> tuple[str, ...]:
    """The production environments of a project, in their order."""
    return tuple(key for key, environment in state.environments(project).items() if environment.production)


def alters_access(before: State, after: State, entry: Entry, project: str) -> str | None:
    """The first production environment that somebody may change since the entry, or may not any more; None where it
    altered neither. An environment that became one of production, or is none any more, is altered itself.
    """
    if entry.subject.kind == "environment":
        was, becomes = (production_of(state, project) for state in (before, after))
        return next(iter(sorted({*was} ^ {*becomes})), None)
    production = production_of(after, project)
    had, has = (_reached(state.get(entry.subject), project, production, entry.time) for state in (before, after))
    return next((key for key in production if (key in had) != (key in has)), None)


def _reached(document: Document | None, project: str, production: tuple[str, ...], at: str) -> tuple[str, ...]:
    """The production environments whose flags a member or token may change at that time."""
    match document:
        case Member(active=True):
            return tuple(key for key in production if max(_ranks(document, project, key)) >= EDITS)
        case Token(kind="admin", revoked=False) if not _over(document, at) and RANK[document.role] >= EDITS:
            inside = document.project in {None, project}
            return tuple(key for key in production if inside and document.environment in {None, key})
        case _:
            return ()


def _ranks(member: Member, project: str, environment: str) -> Iterator[int]:
    yield RANK[member.role]
    for grant in member.grants:
        if grant.project == project and grant.environment in {None, environment}:
            yield RANK[grant.role]


def _over(token: Token, at: str) -> bool:
    return token.expires_at is not None and token.expires_at <= at  # both are stamps


def _roles_of_member(member: Member, project: str) -> Iterator[str]:
    if RANK[member.role] >= EDITS:
        yield _role_in(member.role, None, None)
    for grant in member.grants:
        if grant.project == project and RANK[grant.role] >= EDITS:
            yield _role_in(grant.role, grant.project, grant.environment)


def _role_in(role: Role, project: str | None, environment: str | None) -> str:
    where = "/".join(part for part in (project, environment) if part)
    return f"{role} in {where}" if where else f"{role} everywhere"
