"""Subjects: the addresses of the documents under the ledger."""

from __future__ import annotations

from typing import Literal

import msgspec

Kind = Literal[
    "project",
    "environment",
    "flag",
    "targeting",
    "segment",
    "policy",
    "subscription",
    "member",
    "token",
    "signin",
    "guard",
    "thresholds",
    "lifespan",
    "snooze",
    "stage",
    "nudge",
]
LEAVING: frozenset[Kind] = frozenset({"lifespan", "snooze", "stage"})
"""Kinds of documents that stand beside a flag and tell of its way out; they alter nothing that is served."""


class Subject(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """A document's address. Which parts are set follows from `kind` (see the constructors below)."""

    kind: Kind
    project: str | None = None
    flag: str | None = None
    environment: str | None = None
    key: str | None = None

    @property
    def path(self) -> str:
        """The address as one string, unique among all subjects.

        >>> targeting_subject("default", "new_pricing", "production").path
        'projects/default/flags/new_pricing/environments/production'
        """
        match self.kind:
            case "project":
                return f"projects/{self.project}"
            case "environment":
                return f"projects/{self.project}/environments/{self.environment}"
            case "flag":
                return f"projects/{self.project}/flags/{self.flag}"
            case "targeting":
                return f"projects/{self.project}/flags/{self.flag}/environments/{self.environment}"
            case "guard":
                return f"projects/{self.project}/flags/{self.flag}/environments/{self.environment}/guard"
            case "lifespan" | "snooze" | "stage":
                return f"projects/{self.project}/flags/{self.flag}/{self.kind}"
            case "segment":
                return f"projects/{self.project}/segments/{self.key}"
            case "subscription":
                return f"projects/{self.project}/subscriptions/{self.key}"
            case "policy" | "thresholds" | "nudge":
                return f"projects/{self.project}/{self.kind}"
            case _:
                return f"{self.kind}s/{self.key}"

    @property
    def name(self) -> str:
        """The last part of the address: what a person would call the document."""
        return self.key or self.environment or self.flag or self.project or self.kind


def project_subject(project: str) -> Subject:
    """`projects/{project}`."""
    return Subject("project", project)


def environment_subject(project: str, environment: str) -> Subject:
    """`projects/{project}/environments/{environment}`."""
    return Subject("environment", project, environment=environment)


def flag_subject(project: str, flag: str) -> Subject:
    """`projects/{project}/flags/{flag}`."""
    return Subject("flag", project, flag)


def targeting_subject(project: str, flag: str, environment: str) -> Subject:
    """`projects/{project}/flags/{flag}/environments/{environment}`."""
    return Subject("targeting", project, flag, environment)


def guard_subject(project: str, flag: str, environment: str) -> Subject:
    """`projects/{project}/flags/{flag}/environments/{environment}/guard`."""
    return Subject("guard", project, flag, environment)


def lifespan_subject(project: str, flag: str) -> Subject:
    """`projects/{project}/flags/{flag}/lifespan`."""
    return Subject("lifespan", project, flag)


def snooze_subject(project: str, flag: str) -> Subject:
    """`projects/{project}/flags/{flag}/snooze`."""
    return Subject("snooze", project, flag)


def stage_subject(project: str, flag: str) -> Subject:
    """`projects/{project}/flags/{flag}/stage`."""
    return Subject("stage", project, flag)


def thresholds_subject(project: str) -> Subject:
    """`projects/{project}/thresholds`."""
    return Subject("thresholds", project)


def nudge_subject(project: str) -> Subject:
    """`projects/{project}/nudge`."""
    return Subject("nudge", project)


def segment_subject(project: str, key: str) -> Subject:
    """`projects/{project}/segments/{key}`."""
    return Subject("segment", project, key=key)


def policy_subject(project: str) -> Subject:
    """`projects/{project}/policy`."""
    return Subject("policy", project)


def subscription_subject(project: str, key: str) -> Subject:
    """`projects/{project}/subscriptions/{key}`."""
    return Subject("subscription", project, key=key)


def member_subject(key: str) -> Subject:
    """`members/{key}`."""
    return Subject("member", key=key)


def token_subject(key: str) -> Subject:
    """`tokens/{key}`."""
    return Subject("token", key=key)


def signin_subject(credential: str) -> Subject:
    """`signins/{credential}`: failed attempts to sign in, added up per minute."""
    return Subject("signin", key=credential)
