"""A hundred further services through Apprise (https://github.com/caronc/apprise), with the extra `flagtrail[notify]`.

The target is one Apprise URL, which is a credential (`discord://...`,
`tgram://...`). There is no further secret. Apprise has HTTP clients of its own:
the guard does not judge where they go, as it does not judge the mail server, for
both are the operator's to name. Redirects are not followed.
"""

from __future__ import annotations

import contextvars
import logging
import re
import threading
from typing import TYPE_CHECKING

import httpx2

from flagtrail.notify import Delivered, DeliveryFailed, Digest, Message
from flagtrail.notify._deadline import DEADLINE_SECONDS
from flagtrail.notify._http import is_permanent
from flagtrail.notify._parts import as_text, plain

if TYPE_CHECKING:
    from apprise import NotifyBase

KIND = "apprise"
SUMMARY = "a message through one of Apprise's services (extra: notify)"

MISSING = "Apprise is not installed: it comes with the extra, pip install 'flagtrail[notify]'"
MAX_TITLE = 200
MAX_WORDS = 20
MAX_LINE = 200
MAX_CHANGES = 20
MOST_UNDER_WAY = 8
"""An attempt that hangs is left behind at the deadline; with so many of them no further one is made."""

_under_way = threading.BoundedSemaphore(MOST_UNDER_WAY)
_hearing: contextvars.ContextVar[_Heard | None] = contextvars.ContextVar("hearing", default=None)
_STATUS = re.compile(r"\berror=(\d{3})\b")


class _Heard:
    """What one attempt came to. The service's status is told by Apprise's log alone."""

    def __init__(self) -> None:
        self.taken = False
        self.status = 0
        self.over = threading.Event()


def _hears(record: logging.LogRecord) -> bool:
    """Keep to ourselves what an attempt of ours logs: it names URLs, which are credentials."""
    heard = _hearing.get()
    if heard is None:
        return True
    if found := _STATUS.search(record.getMessage()):
        heard.status = int(found.group(1))
    return False


for _name in ("apprise", "urllib3.connectionpool", "urllib3.connection", "urllib3.util.retry", "urllib3.poolmanager"):
    logging.getLogger(_name).addFilter(_hears)


def defect(target: str, secret: str | None) -> str:
    """No Apprise, or no URL of its."""
    del secret
    try:
        return "" if _service(target) is not None else "the target is not one of Apprise's URLs"
    except ModuleNotFoundError:
        return MISSING


def send(client: httpx2.Client, target: str, message: Message | Digest, *, secret: str | None) -> Delivered:
    """Notify the service; its status is not known where it takes the message. Raises DeliveryFailed."""
    del client
    if told := defect(target, secret):
        raise DeliveryFailed(f"{KIND}: {told}", permanent=True)
    slots = _under_way
    if not slots.acquire(blocking=False):
        raise DeliveryFailed(f"{KIND}: {MOST_UNDER_WAY} earlier attempts still hang")
    heard = _Heard()
    title, body = plain(message.headline, MAX_TITLE), as_text(message, MAX_WORDS, MAX_LINE, MAX_CHANGES)

    def attempt() -> None:
        try:
            _notify(target, title, body, heard)
        finally:
            slots.release()
            heard.over.set()

    threading.Thread(target=attempt, name="alert-apprise", daemon=True).start()
    if not heard.over.wait(DEADLINE_SECONDS):
        raise DeliveryFailed(f"{KIND}: the service did not answer in time")
    if not heard.taken:
        told = f"the service answered {heard.status}" if heard.status else "the service did not take it"
        raise DeliveryFailed(f"{KIND}: {told}", permanent=is_permanent(heard.status))
    return Delivered(0)


def _notify(target: str, title: str, body: str, heard: _Heard) -> None:
    _hearing.set(heard)  # of this thread alone
    try:
        service = _service(target)
        heard.taken = service is not None and service.notify(body=body, title=title, body_format="text")
    except Exception:  # noqa: BLE001 - a service's own code: whatever it raises could name the target
        heard.taken = False


def _service(target: str) -> NotifyBase | None:
    """The service of a URL; None where it is none. Raises ModuleNotFoundError without the extra."""
    import apprise

    before = _hearing.get()
    token = _hearing.set(before or _Heard())
    try:
        asset = apprise.AppriseAsset(storage_mode="memory", http_redirects=False)
        service = apprise.Apprise.instantiate(target, asset=asset)
    finally:
        _hearing.reset(token)
    if service is not None and service.overflow_mode == apprise.OverflowMode.UPSTREAM:
        service.overflow_mode = apprise.OverflowMode.TRUNCATE
    return service
