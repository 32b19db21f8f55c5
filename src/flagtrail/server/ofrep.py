"""OFREP 0.3.0: bytes in, bytes out. No framework, no database, no thread; it may run on the event loop."""

from __future__ import annotations

import hashlib
from typing import Any
from urllib.parse import parse_qsl, unquote

import msgspec

from flagtrail.app.bootstrap import App
from flagtrail.app.identity import Identity
from flagtrail.model.errors import FlagtrailError, Forbidden, MalformedRequest, NotFound
from flagtrail.model.resolution import ErrorCode, Resolution
from flagtrail.server.limits import refuse_deep

BULK = "/ofrep/v1/evaluate/flags"
SINGLE = f"{BULK}/"
_MAX_KEPT = 20_000
_MAX_ANSWERS_BYTES = 16 << 20
_encode = msgspec.json.Encoder().encode


class _Request(msgspec.Struct, frozen=True, gc=False):
    context: dict[str, Any]


class _Metadata(msgspec.Struct, frozen=True, omit_defaults=True):
    rule: str | None = None


class _Success(msgspec.Struct, frozen=True):
    key: str
    value: Any
    reason: str
    variant: str | None
    metadata: _Metadata


class _Failure(msgspec.Struct, frozen=True):
    key: str
    errorCode: str  # noqa: N815 - OFREP's name
    errorDetails: str  # noqa: N815 - OFREP's name


class _BulkFailure(msgspec.Struct, frozen=True):
    errorCode: str  # noqa: N815 - OFREP's name
    errorDetails: str  # noqa: N815 - OFREP's name


_read = msgspec.json.Decoder(_Request).decode


class Reply(msgspec.Struct, frozen=True, gc=False):
    """A status, the body (JSON), and the ETag of a bulk answer."""

    status: int
    body: bytes
    etag: str = ""


class _Unreadable(Exception):
    """The request's body or context cannot be used; `code` is OpenFeature's."""

    def __init__(self, code: ErrorCode, detail: str) -> None:
        super().__init__(detail)
        self.code = code


class Ofrep:
    """Answers evaluations of one installation.

    An environment's resolutions are shared objects (see `engine/resolutions.py`),
    so their bytes are kept until the ledger moves; and so are whole bulk answers,
    for clients that poll with one context. Both are bounded.
    """

    def __init__(self, app: App) -> None:
        self._evaluation = app.evaluation
        self._changes = app.changes
        self._usage = app.usage
        self._size = -1
        self._bytes: dict[int, bytes] = {}
        self._kept: list[Resolution] = []
        self._answers: dict[str, tuple[list[Resolution], bytes]] = {}
        self._answers_bytes = 0

    def single(self, project: str, environment: str, key: str, body: bytes) -> Reply:
        """Evaluate one flag: 200, 404 for an unknown flag, 400 where the context does not do."""
        try:
            context = _context(body)
        except _Unreadable as error:
            return Reply(400, _encode(_Failure(key, error.code, str(error))))
        resolution = self._evaluation.evaluate(project, environment, key, context)
        if resolution.error is None:
            known = self._current()
            return Reply(200, known.get(id(resolution)) or self._encoded(resolution))
        return Reply(404 if resolution.error is ErrorCode.FLAG_NOT_FOUND else 400, _told(resolution))

    def bulk(self, project: str, environment: str, body: bytes, if_none_match: str | None) -> Reply:
        """Evaluate every flag that is not archived; 304 where the client has this very answer.

        The ETag covers the configuration (by the ledger's size), the environment and the context. A 304 counts as
        usage, too: the client goes on serving those flags.
        """
        size = self._evaluation.served(project, environment).size
        place = f"{size}/{project}/{environment}/".encode()
        etag = f'"{hashlib.blake2b(body, key=hashlib.sha256(place).digest(), digest_size=16).hexdigest()}"'
        known = self._current()
        answered = self._answers.get(etag)
        if answered is None:
            try:
                context = _context(body)
            except _Unreadable as error:
                return Reply(400, _encode(_BulkFailure(error.code, str(error))))
            found = list(self._evaluation.evaluate_all(project, environment, context).values())
            parts = [known.get(id(one)) or self._encoded(one) for one in found]
            content = b'{"flags":[%b],"metadata":{"size":%d}}' % (b",".join(parts), size)
            self._remember(etag, found, content)
        else:
            self._usage.count_all(project, environment, answered[0], "ofrep-bulk")
            content = answered[1]
        if if_none_match is not None and _names(if_none_match, etag):
            return Reply(304, b"", etag)
        return Reply(200, content, etag)

    def _remember(self, etag: str, found: list[Resolution], content: bytes) -> None:
        self._answers_bytes += len(content)
        if self._answers_bytes > _MAX_ANSWERS_BYTES:
            self._answers, self._answers_bytes = {}, len(content)
        self._answers[etag] = (found, content)

    def _current(self) -> dict[int, bytes]:
        """Bytes by a resolution's identity, its own as long as `_kept` holds it; emptied when the ledger moves."""
        size = self._changes.state.size
        if size != self._size or len(self._kept) > _MAX_KEPT:
            self._size, self._bytes, self._kept = size, {}, []
            self._answers, self._answers_bytes = {}, 0
        return self._bytes

    def _encoded(self, resolution: Resolution) -> bytes:
        encoded = _told(resolution)
        self._kept.append(resolution)
        self._bytes[id(resolution)] = encoded
        return encoded


def address(path: str) -> str | None:
    """The flag's key in a single evaluation's path, "" for a bulk one; raises NotFound for any other path."""
    if path == BULK:
        return ""
    key = path.removeprefix(SINGLE)
    if key == path or not key or "/" in key:
        raise NotFound("nothing is served at this address")
    return key


def place(identity: Identity, query: bytes) -> tuple[str, str]:
    """The project and environment that a request evaluates in: the token's own, else named in the query.

    Raises Forbidden where the identity may not evaluate there, MalformedRequest where nothing names the place.
    """
    project, environment = identity.scope
    if project is None or environment is None:
        named = dict(parse_qsl(query.decode("latin-1")))
        project = project or unquote(named.get("project", "default"))
        environment = environment or unquote(named.get("environment", ""))
        if not environment:
            raise MalformedRequest("this credential is of no single environment: add ?environment=")
    elif query and not _agrees(query, project, environment):
        raise Forbidden(f"this token evaluates in {project}/{environment} alone")
    identity.require_evaluation(project, environment)
    return project, environment


def _agrees(query: bytes, project: str, environment: str) -> bool:
    named = dict(parse_qsl(query.decode("latin-1")))
    return named.get("project", project) == project and named.get("environment", environment) == environment


def refused(error: FlagtrailError, code: ErrorCode, key: str) -> bytes:
    """A refusal that is none of an evaluation's own, in OFREP's form."""
    return _encode(_Failure(key, code, error.detail) if key else _BulkFailure(code, error.detail))


def _context(body: bytes) -> dict[str, Any]:
    try:
        refuse_deep(body)
        context = _read(body).context
    except msgspec.ValidationError as error:
        raise _Unreadable(ErrorCode.INVALID_CONTEXT, f"the body needs a context, an object: {error}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _Unreadable(ErrorCode.PARSE_ERROR, f"the body is not JSON: {error}") from None
    except MalformedRequest as error:
        raise _Unreadable(ErrorCode.PARSE_ERROR, error.detail) from None
    key = context.get("targetingKey", "")
    if key.__class__ is not str:
        raise _Unreadable(ErrorCode.INVALID_CONTEXT, "targetingKey must be a text")
    return context


def _names(if_none_match: str, etag: str) -> bool:
    """Whether If-None-Match names the ETag (RFC 9110, section 13.1.2; compared weakly)."""
    if if_none_match == etag:
        return True
    return any(part.strip().removeprefix("W/") in {etag, "*"} for part in if_none_match.split(","))


def _told(resolution: Resolution) -> bytes:
    if resolution.error is not None:
        return _encode(_Failure(resolution.flag, str(resolution.error), resolution.message or ""))
    rule = _Metadata(resolution.rule)
    return _encode(_Success(resolution.flag, resolution.value, resolution.reason, resolution.variant, rule))
