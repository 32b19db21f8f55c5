"""Every refusal Flagtrail can make: a code, its facts and a remedy.

The code is part of the API and never changes. `server/problems.py` turns a
code into an HTTP status, `cli` into an exit code; nothing else does.
"""

from __future__ import annotations

from typing import ClassVar

import msgspec


class Defect(msgspec.Struct, frozen=True):
    """One thing wrong with a document: where, and what.

    `path` is a JSON Pointer (RFC 6901) into the document, prefixed by the
    document's subject path where several documents are judged at once.
    """

    path: str
    message: str


class FlagtrailError(Exception):
    """A refusal with a stable `code`, a sentence (`detail`), `facts` and a `remedy`."""

    code: ClassVar[str] = "error"
    title: ClassVar[str] = "Something was refused"
    remedy: ClassVar[str] = ""

    def __init__(self, detail: str, **facts: object) -> None:
        super().__init__(detail)
        self.detail = detail
        self.facts: dict[str, object] = facts


class InvalidDocument(FlagtrailError):
    """A document or a change to one has defects; all of them are listed."""

    code = "invalid_document"
    title = "The document has defects"
    remedy = "Mend every defect listed and send the document again."

    def __init__(self, defects: tuple[Defect, ...] | list[Defect]) -> None:
        self.defects = tuple(defects)
        listed = "; ".join(f"{defect.path or '/'}: {defect.message}" for defect in self.defects[:5])
        more = "" if len(self.defects) <= 5 else f" (and {len(self.defects) - 5} more)"  # noqa: PLR2004 - a sentence stays short
        super().__init__(listed + more, defects=[{"path": d.path, "message": d.message} for d in self.defects])


class NotResendable(FlagtrailError):
    """Only an alert that was given up can be sent again, and once: what it becomes then is a delivery of its own."""

    code = "not_resendable"
    title = "The delivery cannot be sent again"
    remedy = "Look at the delivery log: the delivery arrived, or was sent again before."


class MalformedRequest(FlagtrailError):
    """The bytes are not what the operation reads: not JSON, or of the wrong shape."""

    code = "malformed_request"
    title = "The request cannot be read"
    remedy = "Send what the documentation of this operation describes."


class InvalidQuery(FlagtrailError):
    """A question's filter, time or cursor cannot be read."""

    code = "invalid_query"
    title = "The question cannot be read"
    remedy = "Correct the named parameter. Times are RFC 3339, for example 2026-11-22T07:00:00Z."


class NotFound(FlagtrailError):
    """The named thing does not exist (or is deleted)."""

    code = "not_found"
    title = "Not found"
    remedy = "Check the spelling, or list what exists."


class AlreadyExists(FlagtrailError):
    """Something with this key exists."""

    code = "already_exists"
    title = "It exists already"
    remedy = "Choose another key, or edit the existing one."


class VersionConflict(FlagtrailError):
    """The document moved since the caller read it; `facts['diff']` says how."""

    code = "version_conflict"
    title = "Somebody changed it meanwhile"
    remedy = "Read the document again, look at the difference, and repeat the change against its new version."


class InUse(FlagtrailError):
    """Others depend on what was to go."""

    code = "in_use"
    title = "Others depend on it"
    remedy = "Remove the references that are listed, then repeat."


class WhyRequired(FlagtrailError):
    """The policy demands a reason for this change."""

    code = "why_required"
    title = "A reason is required"
    remedy = "Say why: --why on the command line, `why` in the request."


class Unauthenticated(FlagtrailError):
    """No credential, or one that is wrong, expired or revoked."""

    code = "unauthenticated"
    title = "Sign in first"
    remedy = "Send a valid token as 'Authorization: Bearer ...', or sign in."


class Forbidden(FlagtrailError):
    """The credential is good, its role is not enough."""

    code = "forbidden"
    title = "Not allowed"
    remedy = "Ask an administrator for the role that is named."


class TooLarge(FlagtrailError):
    """A body, a document or an answer exceeds its limit."""

    code = "too_large"
    title = "Too large"
    remedy = "Send less, or ask for a smaller range."


class TooManyRequests(FlagtrailError):
    """A limit on the rate of requests was passed."""

    code = "too_many_requests"
    title = "Too many requests"
    remedy = "Wait for the seconds that Retry-After names."


class CleanupRefused(FlagtrailError):
    """A flag is not removed from a repository: the server does not say which variant stays, or nothing can be tried."""

    code = "cleanup_refused"
    title = "The clean-up was not made"
    remedy = "See docs/reference/cleanup.md; nothing of the repository was changed."


class BeforeRecord(FlagtrailError):
    """A question about a time the ledger knows nothing of; an answer would be a guess."""

    code = "before_record"
    title = "The record does not reach back that far"
    remedy = "Ask for a time at or after the first entry."


class HistoryOrder(FlagtrailError):
    """Imported history is older than what the ledger already has for the document."""

    code = "history_order"
    title = "Imported history would rewrite the past"
    remedy = "Import into another project, or import only what came after the last entry of the document."


class StorageFailed(FlagtrailError):
    """The database refused or broke; nothing was changed."""

    code = "storage_failed"
    title = "The database failed; nothing was changed"
    remedy = "Look at the server's log, check disk space and permissions, then repeat."


class OutcomeUnknown(StorageFailed):
    """The database was lost while it committed, and has not come back to say whether it did."""

    code = "outcome_unknown"
    title = "Nobody can say whether the change was made"
    remedy = "Look before you repeat it; with the same Idempotency-Key it can be repeated, and is made once."


class StorageCorrupt(FlagtrailError):
    """The database file is damaged or is not one of ours."""

    code = "storage_corrupt"
    title = "The database is damaged"
    remedy = "Restore a backup, then run 'flagtrail verify' on an export of it."


class LedgerBroken(FlagtrailError):
    """Stored entries do not hash to the recorded root."""

    code = "ledger_broken"
    title = "The ledger does not verify"
    remedy = "Keep the database as evidence, restore a backup, and compare checkpoints."


class StageRefused(FlagtrailError):
    """A flag cannot be moved to a stage: the evidence, or what blocks its removal, speaks against it."""

    code = "stage_refused"
    title = "The flag cannot be moved to that stage"
    remedy = "Settle what is named first; or snooze the flag until then."


class SettingInvalid(FlagtrailError):
    """A setting (environment variable or option) cannot be used."""

    code = "setting_invalid"
    title = "A setting cannot be used"
    remedy = "Correct the named setting; docs/reference/settings.md lists them all."


class SourceUnreadable(FlagtrailError):
    """An import's source, or source code, cannot be read."""

    code = "source_unreadable"
    title = "The source cannot be read"
    remedy = "Check the path and the format; nothing was changed."


class ServerUnreachable(FlagtrailError):
    """The command line cannot reach the server it was told to use."""

    code = "server_unreachable"
    title = "No server answers"
    remedy = "Check FLAGTRAIL_URL and that the server runs."


class ExtraMissing(FlagtrailError):
    """A feature needs an extra that is not installed."""

    code = "extra_missing"
    title = "An extra is not installed"
    remedy = "Install the extra that is named, for example: pip install 'flagtrail[server]'."


class MetricUnreadable(FlagtrailError):
    """A watched metric's source cannot be asked, or answers what cannot be read."""

    code = "metric_unreadable"
    title = "The metric's source does not answer"
    remedy = "Check that the source runs and can be reached from the server, and the metric's query."


class InternalError(FlagtrailError):
    """A defect of Flagtrail itself; the details are in the server's log."""

    code = "internal_error"
    title = "Flagtrail made a mistake"
    remedy = "Report it with the request id; the server's log has the details."
