"""OFREP 0.3.0: bytes in, bytes out. No framework, no database, no thread; it may run on the event loop."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from flagtrail.app.bootstrap import App
from flagtrail.app.identity import Identity
from flagtrail.model.errors import FlagtrailError, MalformedRequest, NotFound
from flagtrail.model.resolution import Answers, ErrorCode, Resolution, Settled
from flagtrail.server import raw
from flagtrail.server.limits import refuse_deep

BULK = "/ofrep/v1/evaluate/flags"
SINGLE = f"{BULK}/"
_MAX_KEPT_BYTES = 32 << 20
_MAX_ANSWERED_BYTES = 16 << 20
_MAX_ASKED = 50_000
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


class _Kept:
    """Bytes by the identity of what they tell, its own as long as it is held; forgotten all at once when too many."""

    def __init__(self) -> None:
        self.bytes: dict[int, bytes] = {}
        self._held: list[object] = []
        self._size = 0

    def keep(self, told: object, encoded: bytes) -> None:
        self._size += len(encoded)
        if self._size > _MAX_KEPT_BYTES:
            self.bytes, self._held, self._size = {}, [], len(encoded)
        self._held.append(told)
        self.bytes[id(told)] = encoded


class _Answered(msgspec.Struct, frozen=True, gc=False):
    answers: Answers
    content: bytes


class Ofrep:
    """Answers evaluations of one installation.

    An environment's resolutions, and those that many contexts get together, are
    shared objects (see `engine/resolutions.py` and `engine/bulk.py`), so their
    bytes are kept; and so are whole bulk answers that were asked for twice, for
    clients that poll with one context. All are bounded.
    """

    def __init__(self, app: App) -> None:
        self._evaluation = app.evaluation
        self._kept = _Kept()
        self._asked: set[bytes] = set()
        self._answered: dict[bytes, _Answered] = {}
        self._answered_bytes = 0

    def single(self, project: str, environment: str, key: str, body: bytes) -> Reply:
        """Evaluate one flag: 200, 404 for an unknown flag, 400 where the context does not do."""
        try:
            context = _context(body)
        except _Unreadable as error:
            return Reply(400, _encode(_Failure(key, error.code, str(error))))
        resolution = self._evaluation.evaluate(project, environment, key, context)
        if resolution.error is None:
            return Reply(200, self._kept.bytes.get(id(resolution)) or self._encoded(resolution))
        return Reply(404 if resolution.error is ErrorCode.FLAG_NOT_FOUND else 400, _told(resolution))

    def bulk(self, project: str, environment: str, body: bytes, if_none_match: str | None) -> Reply:
        """Evaluate every flag that is not archived; 304 where the client has this very answer.

        The ETag covers the environment's configuration and the context. A 304 counts as usage, too: the client goes
        on serving those flags.
        """
        served = self._evaluation.served(project, environment)
        mark = hashlib.blake2b(body, key=served.digest, digest_size=16)
        name = mark.digest()
        answered = self._answered.get(name)
        if answered is None:
            try:
                context = _context(body)
            except _Unreadable as error:
                return Reply(400, _encode(_BulkFailure(error.code, str(error))))
            answers = self._evaluation.evaluate_all(project, environment, context)
            content = b'{"flags":[%b],"metadata":{"size":%d}}' % (b",".join(self._parts(answers)), served.size)
            self._remember(name, answers, content)
        else:
            self._evaluation.count_all(project, environment, answered.answers)
            content = answered.content
        etag = f'"{mark.hexdigest()}"'
        if if_none_match is not None and raw.names(if_none_match, etag):
            return Reply(304, b"", etag)
        return Reply(200, content, etag)

    def _parts(self, answers: Answers) -> list[bytes]:
        known = self._kept.bytes
        parts = [known.get(id(settled)) or self._joined(settled) for settled in answers.settled]
        try:
            parts += map(known.__getitem__, map(id, answers.drawn))
        except KeyError:
            parts[len(answers.settled) :] = [known.get(id(one)) or self._encoded(one) for one in answers.drawn]
        return parts

    def _joined(self, settled: Settled) -> bytes:
        known = self._kept.bytes
        joined = b",".join([known.get(id(one)) or self._encoded(one) for one in settled.resolutions])
        self._kept.keep(settled, joined)
        return joined

    def _encoded(self, resolution: Resolution) -> bytes:
        encoded = _told(resolution)
        self._kept.keep(resolution, encoded)
        return encoded

    def _remember(self, name: bytes, answers: Answers, content: bytes) -> None:
        """Keep an answer that is given for the second time: most contexts never come again."""
        if name not in self._asked:
            if len(self._asked) >= _MAX_ASKED:
                self._asked.clear()
            self._asked.add(name)
            return
        self._answered_bytes += len(content)
        if self._answered_bytes > _MAX_ANSWERED_BYTES:
            self._answered, self._answered_bytes = {}, len(content)
        self._answered[name] = _Answered(answers.whole(), content)


def address(path: str) -> str:
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
    project, environment = raw.place(identity, query)
    identity.require_evaluation(project, environment)
    return project, environment


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


def _told(resolution: Resolution) -> bytes:
    if resolution.error is not None:
        return _encode(_Failure(resolution.flag, str(resolution.error), resolution.message or ""))
    rule = _Metadata(resolution.rule)
    return _encode(_Success(resolution.flag, resolution.value, resolution.reason, resolution.variant, rule))
