"""Which variant of a flag stays, and why: as the server judges it, or as somebody says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from flagtrail.analysis.stages import Board, Standing
from flagtrail.cli.inputs import json_file
from flagtrail.cli.session import NoDatabase, Session
from flagtrail.cli.views import Document
from flagtrail.codebase.cleanup import Winner
from flagtrail.codebase.deliver import Reason
from flagtrail.model.errors import CleanupRefused, InvalidQuery
from flagtrail.model.stage import Stage

BOOLEAN = {"on": True, "true": True, "enabled": True, "off": False, "false": False, "disabled": False}
"""What the usual names of variants stand for, where nobody knows the flag."""


class Choice(msgspec.Struct, frozen=True):
    """A flag with what it answers from now on, and why."""

    flag: str
    winner: Winner
    reason: Reason


def of_file(file: str, flag: str, variant: str | None, why: str) -> Choice:
    """By a flag's document in a file; raises CleanupRefused where it is not that flag's."""
    document = json_file(file)
    if not isinstance(document, dict) or document.get("key") != flag:
        raise CleanupRefused(f"{file} is not the document of the flag {flag!r}", flag=flag)
    if variant is None:
        raise CleanupRefused(f"nobody says which variant of {flag} stays: name it with --variant", flag=flag)
    return _choice(flag, document, variant, Reason(why, (_by_hand(variant),)))


def of_server(session: Session, flag: str, variant: str | None, why: str) -> Choice:
    """By the server's verdict, or by a variant that is named; raises CleanupRefused where neither says it."""
    try:
        document = session.get(session.of_project("flags", flag)).read(Document).document
    except NoDatabase:
        if variant is None:
            raise
        return _of_nobody(flag, variant, why)
    standing = next((each for each in _board(session).flags if each.flag == flag), None)
    return _choice(flag, document, variant or _decided(flag, standing), _reason(standing, variant, why))


def _of_nobody(flag: str, variant: str, why: str) -> Choice:
    """Where there is no server and no database: by the variant's name alone."""
    value = BOOLEAN.get(variant.lower(), variant)
    told = f"no server was asked: {variant} is taken as {msgspec.json.encode(value).decode()}"
    return Choice(flag, Winner(variant, value), Reason(why, (_by_hand(variant), told)))


def at_stage(session: Session, stage: Stage, why: str) -> Iterator[Choice]:
    """Every flag at a stage of which it is known what to keep, and that is not snoozed; who came first is first."""
    found = [each for each in _board(session).at_stage(stage) if each.variant is not None and not _snoozed(each)]
    for standing in sorted(found, key=lambda each: (each.since or "~", each.flag)):
        document = session.get(session.of_project("flags", standing.flag)).read(Document).document
        yield _choice(standing.flag, document, standing.variant or "", _reason(standing, None, why))


def _board(session: Session) -> Board:
    return session.get(session.of_project("stale", "stages")).read(Board)


def _snoozed(standing: Standing) -> bool:
    return standing.verdict is not None and standing.verdict.snoozed is not None


def _choice(flag: str, document: dict[str, Any], variant: str, reason: Reason) -> Choice:
    variants: dict[str, Any] = document.get("variants") or {}
    if variant not in variants:
        known = ", ".join(variants) or "none"
        raise InvalidQuery(f"{flag} has no variant {variant!r}; it has {known}", parameter="variant")
    return Choice(flag, Winner(variant, variants[variant]), reason)


def _reason(standing: Standing | None, variant: str | None, why: str) -> Reason:
    evidence: list[str] = []
    minds: tuple[str, ...] = ()
    if standing is not None and standing.verdict is not None:
        evidence += [f"{each.code}: {each.evidence}" for each in standing.verdict.reasons]
        minds = tuple(f"{each.code}: {each.evidence}" for each in standing.verdict.blockers)
    if standing is not None and standing.recorded == "ready_to_remove":
        evidence.append(f"ready_to_remove since {(standing.since or '')[:10]}, keeping {standing.variant}")
    if variant is not None and (standing is None or standing.variant != variant):
        evidence.append(_by_hand(variant))
    return Reason(why, tuple(evidence), minds)


def _by_hand(variant: str) -> str:
    return f"the variant {variant} was chosen by hand"


def _decided(flag: str, standing: Standing | None) -> str:
    """The variant that the server keeps; raises CleanupRefused, with what speaks for and against the flag's removal."""
    if standing is not None and standing.variant is not None and standing.stage != "active":
        return standing.variant
    reason = _reason(standing, None, "")
    stage = "archived" if standing is None else standing.stage
    why = "; ".join((*reason.evidence, *reason.minds)) or "nothing speaks for its removal"
    raise CleanupRefused(
        f"the server does not say that everybody gets one variant of {flag} ({stage}: {why});"
        " if you know better, name the one that stays with --variant",
        flag=flag,
        stage=stage,
    )
