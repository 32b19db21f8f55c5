"""A signed webhook as Standard Webhooks has it (https://www.standardwebhooks.com), version 1.

The target is the receiver's URL, the secret its signing secret (`whsec_` and
base64). Without one the message is sent unsigned. `webhook-id` is the entry's
id at every attempt, so that a receiver can drop what it has had already.
"""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime
from typing import Any

import httpx2
import msgspec
from standardwebhooks import Webhook
from standardwebhooks.webhooks import EmptyWebhookSecretError

from flagtrail.notify import Delivered, DeliveryFailed, Digest, Message
from flagtrail.notify import _http as http

KIND = "webhook"
SUMMARY = "a signed JSON message to any receiver (Standard Webhooks)"

EVENT = "flagtrail.change"
DIGEST_EVENT = "flagtrail.digest"
UNFIT = "the signing secret is not base64 of 24 to 64 bytes, with or without 'whsec_'"
MAX_WORDS = 200
MAX_TEXT = 10_000
MAX_SHORT = 20
MAX_LINE = 1_000
"""The same, of each change in a digest."""


def defect(target: str, secret: str | None) -> str:
    """The address, or a secret that signs nothing."""
    return http.defect(target) or ("" if not secret or is_secret(secret) else UNFIT)


def send(client: httpx2.Client, target: str, message: Message | Digest, *, secret: str | None) -> Delivered:
    """Post the message, signed with `secret`. Raises DeliveryFailed."""
    body = msgspec.json.encode(payload(message))
    headers = {"content-type": "application/json", "user-agent": "flagtrail", "webhook-id": message.id}
    now = datetime.now(tz=UTC)  # of the attempt: receivers refuse what was signed more than minutes ago
    headers["webhook-timestamp"] = str(int(now.timestamp()))
    if secret:
        headers["webhook-signature"] = _signature(secret, message.id, now, body)
    return http.post(client, target, body, headers, notifier=KIND)


def _signature(secret: str, id_: str, now: datetime, body: bytes) -> str:
    signer = _signer(secret)
    if signer is None:  # raised out here, so that no traceback holds the secret's error
        raise DeliveryFailed(f"{KIND}: {UNFIT}", permanent=True)
    return signer.sign(msg_id=id_, timestamp=now, data=body.decode())


def is_secret(text: str) -> bool:
    """Whether it is a secret as Standard Webhooks asks for: 24 to 64 bytes. Signing takes what is shorter, too."""
    try:
        return 24 <= len(base64.b64decode(text.removeprefix("whsec_"), validate=True)) <= 64  # noqa: PLR2004 - bytes
    except ValueError:
        return False


def _signer(secret: str) -> Webhook | None:
    try:
        return Webhook(secret)
    except (binascii.Error, ValueError, RuntimeError, EmptyWebhookSecretError):
        return None


def payload(message: Message | Digest) -> dict[str, Any]:
    """The body: the type of the event, when it happened, and the change or the changes."""
    if isinstance(message, Message):
        return {"type": EVENT, "timestamp": message.time, "data": _change(message, MAX_WORDS, MAX_TEXT)}
    data = {
        "id": message.id,
        "time": message.time,
        "headline": message.headline[:MAX_TEXT],
        "project": message.project,
        "subscription": message.subscription,
        "changes": [_change(each, MAX_SHORT, MAX_LINE) for each in message.changes],
        "link": message.link,
    }
    return {"type": DIGEST_EVENT, "timestamp": message.time, "data": data}


def _change(message: Message, lines: int, width: int) -> dict[str, Any]:
    """One change; at most so many lines and flags, of at most so many characters."""
    return {
        "id": message.id,
        "seq": message.seq,
        "time": message.time,
        "headline": message.headline[:width],
        "subject": msgspec.to_builtins(message.subject),
        "flags": message.flags[:lines],
        "environment": message.environment or None,
        "actor": msgspec.to_builtins(message.actor),
        "actions": message.actions,
        "words": [line[:width] for line in message.words[:lines]],
        "why": message.why[:width],
        "ticket": message.ticket[:width],
        "link": message.link,
    }
