"""One POST to somebody else's server: bounded in time, with typed failures, and silent about where it went."""

from __future__ import annotations

import contextvars
import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import httpx2

from flagtrail.notify import Delivered, DeliveryFailed
from flagtrail.notify._deadline import DEADLINE_SECONDS, Deadline
from flagtrail.notify._guard import TargetRefused

TIMEOUT = httpx2.Timeout(5.0)
"""Seconds for each of connecting, sending, and waiting for the next bytes."""
LONGEST_RETRY_AFTER_SECONDS = 3600.0
TRY_AGAIN = frozenset({408, 409, 425, 429})
"""Refusals (4xx) that may pass with time; every other 4xx is permanent."""
MOVED = frozenset({301, 308})
"""Redirects for good. The signed message is for the address that was configured, so none is followed."""

_silent: contextvars.ContextVar[bool] = contextvars.ContextVar("silent", default=False)


def _is_not_ours(_record: logging.LogRecord) -> bool:
    return not _silent.get()


# The client logs every request with its URL, and the URL of a webhook is a credential.
for _name in ("httpx2", "httpcore2.connection", "httpcore2.http11", "httpcore2.proxy", "httpcore2.socks"):
    logging.getLogger(_name).addFilter(_is_not_ours)


def post(client: httpx2.Client, target: str, body: bytes, headers: Mapping[str, str], *, notifier: str) -> Delivered:
    """Send `body`; 2xx is success. The answer's body is not read, redirects are not followed.

    Raises DeliveryFailed without a trace of `target`: its cause is cut off, for it names the URL.
    """
    silence = _silent.set(True)
    try:
        answer = _attempt(client, target, body, headers)
    finally:
        _silent.reset(silence)
    if isinstance(answer, str):
        raise DeliveryFailed(f"{notifier}: {answer}")
    if isinstance(answer, DeliveryFailed):
        raise DeliveryFailed(f"{notifier}: {answer}", permanent=answer.permanent)
    status = answer.status_code
    if httpx2.codes.is_success(status):
        return Delivered(status)
    permanent = is_permanent(status)
    raise DeliveryFailed(
        f"{notifier}: the receiver answered {status}",
        retry_after=None if permanent else retry_after(answer.headers.get("retry-after"), datetime.now(tz=UTC)),
        permanent=permanent,
    )


def is_permanent(status: int) -> bool:
    """Whether trying again is of no use after this status."""
    return status in MOVED or (httpx2.codes.is_client_error(status) and status not in TRY_AGAIN)


def _attempt(
    client: httpx2.Client, target: str, body: bytes, headers: Mapping[str, str]
) -> httpx2.Response | DeliveryFailed | str:
    """The answer without its body, or what went wrong in words that do not name the target."""
    if told := defect(target):
        return DeliveryFailed(told, permanent=True)
    clock = Deadline(DEADLINE_SECONDS)
    try:
        request = client.build_request(
            "POST",
            target,
            content=body,
            # A connection for each message: one that was kept could not be cut off at the deadline.
            headers={**headers, "connection": "close"},
            timeout=TIMEOUT,
            extensions={"trace": _watched_by(clock)},
        )
        with clock:
            response = client.send(request, stream=True, follow_redirects=False)
            response.close()
    except TargetRefused as refusal:
        return DeliveryFailed(str(refusal), permanent=refusal.permanent)
    except (httpx2.InvalidURL, httpx2.UnsupportedProtocol, UnicodeError, TypeError, ValueError):
        return DeliveryFailed("the target is not an http or https address", permanent=True)
    except httpx2.TimeoutException:
        return "the receiver did not answer in time"
    except (httpx2.HTTPError, OSError) as error:
        return "the receiver did not answer in time" if clock.passed else f"no answer ({type(error).__name__})"
    return response


def defect(target: str) -> str:
    """What is wrong with a target; empty where it is an address."""
    return "" if _is_address(target) else "the target is not an http or https address"


def _is_address(target: str) -> bool:
    try:
        parts = urlsplit(target)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is none, half an IPv6 address
        return False


def _watched_by(clock: Deadline) -> Callable[[str, dict[str, object]], None]:
    """What shows the clock the connection's socket, by the client's `trace` extension."""

    def trace(event: str, info: dict[str, object]) -> None:
        stream = info.get("return_value")
        if event.endswith((".connect_tcp.complete", ".start_tls.complete")) and hasattr(stream, "get_extra_info"):
            clock.watch(stream.get_extra_info("socket"))

    return trace


def retry_after(header: str | None, now: datetime) -> float | None:
    """Seconds that a Retry-After header asks for (RFC 9110, section 10.2.3), at most an hour.

    None where there is no header, or none that can be read.

    >>> retry_after("120", datetime(2026, 1, 1, tzinfo=UTC))
    120.0
    """
    if header is None:
        return None
    text = header.strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:12]), LONGEST_RETRY_AFTER_SECONDS)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return min(max((moment - now).total_seconds(), 0.0), LONGEST_RETRY_AFTER_SECONDS)
