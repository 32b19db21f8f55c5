"""One operation on one document: what it becomes, before other documents are looked at."""

from __future__ import annotations

from typing import cast

import msgspec

from flagtrail.changes.merge import merge_patch
from flagtrail.changes.rollout import roll_out
from flagtrail.model.access import Token
from flagtrail.model.change import Operation
from flagtrail.model.document import Document, decode, encode
from flagtrail.model.errors import AlreadyExists, Defect, InvalidDocument, NotFound, VersionConflict
from flagtrail.model.flag import Flag, Json
from flagtrail.model.guard import Guard
from flagtrail.model.state import State, Versioned
from flagtrail.model.subject import Subject, targeting_subject
from flagtrail.model.subscription import CRITICAL, CRITICAL_SUBSCRIPTION
from flagtrail.model.targeting import Serve, Targeting, default_targeting


def operate(state: State, operation: Operation) -> Document | None:
    """The document after the operation; None where it is deleted.

    Raises NotFound, AlreadyExists, VersionConflict, or InvalidDocument for a value of the wrong structure.
    """
    subject = operation.subject
    held = state.held(subject)
    living = held if held is not None and held.document is not None else None
    if operation.version is not None:
        _refuse_moved(subject, held, operation.version)
    match operation.action:
        case "create":
            if living is not None:
                raise AlreadyExists(f"{subject.kind} {subject.name!r} exists", subject=subject.path)
            return _read(state, subject, operation.value)
        case "put":
            return _read(state, subject, operation.value)
        case "patch":
            present = _present(state, subject, living)
            return _read(state, subject, merge_patch(encode(present), operation.value))
        case "rollout":
            targeting = cast("Targeting", _present(state, subject, living))
            return _named(subject, roll_out(_flag(state, subject), targeting, operation.value))
        case _:
            _present(state, subject, living)
    return None


def _refuse_moved(subject: Subject, held: Versioned | None, expected: int) -> None:
    actual = 0 if held is None else held.version
    if actual != expected:
        raise VersionConflict(
            f"{subject.path} is at version {actual}, not {expected}",
            subject=subject.path,
            expected=expected,
            actual=actual,
        )


def _present(state: State, subject: Subject, living: Versioned | None) -> Document:
    """The living document; for what nobody has written yet, the default one: a targeting, the policy, `critical`."""
    if living is not None and living.document is not None:
        return living.document
    if subject.kind == "targeting":
        return default_targeting(_flag(state, subject))
    if subject.kind == "policy":
        return state.policy(subject.project or "")
    if subject.kind == "subscription" and subject.name == CRITICAL:
        return CRITICAL_SUBSCRIPTION
    raise NotFound(f"there is no {subject.kind} {subject.name!r}", kind=subject.kind, key=subject.name)


def _flag(state: State, subject: Subject) -> Flag:
    flag = state.flag(subject.project or "", subject.flag or "")
    if flag is None:
        raise NotFound(f"there is no flag {subject.flag!r}", kind="flag", key=subject.flag)
    return flag


def _read(state: State, subject: Subject, value: Json) -> Document:
    document = decode(subject, value)
    if isinstance(document, Targeting):
        return _named(subject, document)
    if isinstance(document, Guard) and document.state == "watching":
        return msgspec.structs.replace(document, version=_version_after(state, subject))
    if isinstance(document, Token):
        _refuse_revival(subject, document, state.held(subject))
    return document


def _version_after(state: State, guard: Subject) -> int:
    """The version that the guarded targeting will have after the change that sets the guard."""
    held = state.held(targeting_subject(guard.project or "", guard.flag or "", guard.environment or ""))
    return 1 if held is None else held.version + 1


def _refuse_revival(subject: Subject, token: Token, held: Versioned | None) -> None:
    """A token that was revoked or deleted is gone for good: its secret must never work again."""
    if held is None:
        return
    if held.document is None:
        raise AlreadyExists(f"the key {subject.name!r} belonged to a token before", subject=subject.path)
    if isinstance(held.document, Token) and held.document.revoked and not token.revoked:
        raise InvalidDocument([Defect("/revoked", "a revoked token stays revoked; make a new one")])


def _named(subject: Subject, targeting: Targeting) -> Targeting:
    """The targeting with every split naming what it hashes, its salt and its strategy (see `model/targeting.py`)."""
    salt = subject.flag or ""
    rules = tuple(msgspec.structs.replace(rule, serve=_explicit(rule.serve, salt)) for rule in targeting.rules)
    return msgspec.structs.replace(targeting, rules=rules, fallthrough=_explicit(targeting.fallthrough, salt))


def _explicit(serve: Serve, salt: str) -> Serve:
    if serve.split is None:
        return serve
    return msgspec.structs.replace(
        serve,
        by=serve.by or "targetingKey",
        salt=salt if serve.salt is None else serve.salt,
        bucketing=serve.bucketing or "murmur3",
    )
