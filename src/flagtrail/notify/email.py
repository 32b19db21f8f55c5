"""E-mail by SMTP (RFC 5321), as text and as HTML.

The target is the recipients' addresses with commas between. The secret is the
server, by URL: `smtp+starttls://user:password@host:587` (TLS is demanded, not
hoped for), `smtps://user:password@host:465`, or `smtp://host:25` for a relay
that needs no password. `?from=flags@example.com` names the sender. The
message's id is made of the entry's id, the same at every attempt.
"""

from __future__ import annotations

import contextlib
import html
import re
import smtplib
import socket
import ssl
from collections.abc import Sequence
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from urllib.parse import parse_qs, unquote, urlsplit

import httpx2
import msgspec

from flagtrail.notify import Delivered, DeliveryFailed, Digest, Message
from flagtrail.notify._deadline import DEADLINE_SECONDS, Deadline
from flagtrail.notify._parts import (
    MAX_SHORT,
    NO_REASON,
    as_text,
    differences,
    facts,
    in_short,
    plain,
    take_back,
    take_back_link,
)

KIND = "email"
SUMMARY = "an e-mail, through an SMTP server"

TIMEOUT_SECONDS = 5.0
PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}
MAX_SUBJECT = 200
MAX_TEXT = 10_000
MAX_WORDS = 200
MAX_CHANGES = 200
MAX_LINE = 500
TAKEN = frozenset({250, 251, 252})
REFUSED_FOR_GOOD = 500
"""From here on a reply code is permanent (RFC 5321, section 4.2.1)."""
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
ADDRESS = re.compile(rf"(?=.{{3,254}}\Z){_ATOM}(?:\.{_ATOM})*@{_LABEL}(?:\.{_LABEL})*")
"""An address as people have them; none that needs quotes, and nothing that could end a line or a command."""


class Server(msgspec.Struct, frozen=True):
    """Where to hand the message in, and as whom."""

    scheme: str
    host: str
    port: int
    user: str
    password: str
    sender: str


class _Refused(Exception):
    """The server answered with this code."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def defect(target: str, secret: str | None) -> str:
    """The recipients, or the server."""
    try:
        recipients(target)
        server(secret or "")
    except DeliveryFailed as failure:
        return str(failure).removeprefix(f"{KIND}: ")
    return ""


def send(client: httpx2.Client, target: str, message: Message | Digest, *, secret: str | None) -> Delivered:
    """Hand the mail in for all recipients of `target` at the server `secret`. Raises DeliveryFailed.

    A recipient that is refused for now holds the mail back from all, so that none gets it twice; one that is refused
    for good gets nothing, the others get it, and the failure says so.
    """
    del client
    outcome = _attempt(recipients(target), server(secret or ""), message)
    if isinstance(outcome, DeliveryFailed):  # raised here: the cause names the server
        raise outcome
    return outcome


def recipients(text: str) -> tuple[str, ...]:
    """The addresses in a list with commas; raises DeliveryFailed where one is none."""
    found = tuple(each.strip() for each in text.split(",") if each.strip())
    if not found or not all(ADDRESS.fullmatch(each) for each in found):
        raise DeliveryFailed(f"{KIND}: the recipients are not e-mail addresses with commas between", permanent=True)
    return tuple(dict.fromkeys(found))


def server(url: str) -> Server:
    """The server that a URL names; raises DeliveryFailed where it names none."""
    try:
        found = _server(url)
    except ValueError:  # a port that is none, half an IPv6 address
        found = None
    if found is None:
        raise DeliveryFailed(
            f"{KIND}: the server is not smtp+starttls://user:password@host:587 or smtps://", permanent=True
        )
    if found.password and found.scheme == "smtp":
        raise DeliveryFailed(f"{KIND}: a password is only sent with TLS (smtp+starttls or smtps)", permanent=True)
    return found


def _server(url: str) -> Server | None:
    parts = urlsplit(url)
    if parts.scheme not in PORTS or not parts.hostname or not parts.hostname.isprintable():
        return None
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    usual = user if ADDRESS.fullmatch(user) else f"flagtrail@{parts.hostname}"
    sender = parse_qs(parts.query).get("from", [usual])[0]
    if not ADDRESS.fullmatch(sender):
        return None
    return Server(parts.scheme, parts.hostname, parts.port or PORTS[parts.scheme], user, password, sender)


def _attempt(to: Sequence[str], at: Server, message: Message | Digest) -> Delivered | DeliveryFailed:
    """What became of it, in words that name neither the server nor a recipient."""
    clock = Deadline(DEADLINE_SECONDS)
    try:
        with clock:
            return _hand_in(to, at, message, clock)
    except _Refused as refused:
        permanent = refused.code >= REFUSED_FOR_GOOD
        return DeliveryFailed(f"{KIND}: the server answered {refused.code}", permanent=permanent)
    except smtplib.SMTPResponseException as error:
        permanent = error.smtp_code >= REFUSED_FOR_GOOD
        return DeliveryFailed(f"{KIND}: the server answered {error.smtp_code}", permanent=permanent)
    except smtplib.SMTPNotSupportedError:
        return DeliveryFailed(f"{KIND}: the server offers no TLS, or no sign-in")
    except ssl.SSLCertVerificationError:
        return DeliveryFailed(f"{KIND}: the server's certificate cannot be verified")
    except (smtplib.SMTPException, OSError, UnicodeError) as error:
        late = clock.passed or isinstance(error, TimeoutError)
        said = "the server did not answer in time" if late else f"the conversation failed ({type(error).__name__})"
        return DeliveryFailed(f"{KIND}: {said}")


def _hand_in(to: Sequence[str], at: Server, message: Message | Digest, clock: Deadline) -> Delivered | DeliveryFailed:
    smtp = _Connection(at, clock)
    try:
        smtp.sign_in()
        _accepted(smtp.mail(at.sender))
        codes = [smtp.rcpt(each)[0] for each in to]
        refused = [code for code in codes if code not in TAKEN]
        if any(code < REFUSED_FOR_GOOD for code in refused) or len(refused) == len(to):
            raise _Refused(min(refused))
        code = _accepted(smtp.data(mail(message, at.sender, to).as_bytes()))
        # The mail is taken: whatever comes of the goodbye, it must not be sent again.
        with contextlib.suppress(smtplib.SMTPException, OSError):
            smtp.quit()
    finally:
        smtp.close()
    if refused:
        told = f"{KIND}: sent, but the server refused {len(refused)} of {len(to)} recipients ({refused[0]})"
        return DeliveryFailed(told, permanent=True)
    return Delivered(code)


def _accepted(answer: tuple[int, bytes]) -> int:
    code = answer[0]
    if code not in TAKEN:
        raise _Refused(code)
    return code


class _Connection(smtplib.SMTP):
    """A connection whose socket the clock knows from the first byte on; with TLS at once where the scheme says so."""

    def __init__(self, at: Server, clock: Deadline) -> None:
        self._at = at
        self._clock = clock
        super().__init__(at.host, at.port, at.sender.rpartition("@")[2], timeout=TIMEOUT_SECONDS)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        """The library asks here for its socket, before the server's greeting."""
        plain_socket = socket.create_connection((host, port), timeout)
        self._clock.watch(plain_socket)
        if self._at.scheme != "smtps":
            return plain_socket
        secured = ssl.create_default_context().wrap_socket(plain_socket, server_hostname=host)
        self._clock.watch(secured)
        return secured

    def sign_in(self) -> None:
        """TLS where it is due, and the password where there is one."""
        if self._at.scheme == "smtp+starttls":
            self.starttls(context=ssl.create_default_context())
            if self.sock is not None:
                self._clock.watch(self.sock)
        self.ehlo_or_helo_if_needed()
        if self._at.password:
            self.login(self._at.user, self._at.password)


def mail(message: Message | Digest, sender: str, to: Sequence[str]) -> EmailMessage:
    """The mail: one part in text, one in HTML. What people wrote reaches headers on one line only."""
    letter = EmailMessage(policy=SMTP)
    letter["From"] = Address("Flagtrail", addr_spec=sender)
    letter["To"] = [Address(addr_spec=each) for each in to]
    letter["Subject"] = plain(message.headline, MAX_SUBJECT)
    letter["Date"] = format_datetime(datetime.fromisoformat(message.time))
    key = re.sub(r"[^A-Za-z0-9-]", "", message.id) or "change"
    letter["Message-ID"] = f"<{key}@{sender.rpartition('@')[2]}>"
    letter["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday replies
    letter.set_content(as_text(message, MAX_WORDS, MAX_TEXT, MAX_CHANGES), cte="quoted-printable")
    letter.add_alternative(page(message), subtype="html", cte="quoted-printable")
    letter.set_boundary("=_flagtrail_=")  # quoted-printable holds no "=_": the same mail is the same bytes
    return letter


def page(message: Message | Digest) -> str:
    """The mail in HTML: no images, no styles from elsewhere."""
    if isinstance(message, Digest):
        items = "".join(
            f"<li>{_linked(change.link, change.headline)}{_short(change)}</li>\n" for change in message.changes
        )
        parts = [f"<h2>{_escaped(message.headline)}</h2>", f"<ul>\n{items}</ul>"]
        parts.append(f"<p>{_linked(message.link, 'All changes')}</p>")
        return "<!doctype html>\n" + "\n".join(parts) + "\n"
    rows = [*facts(message), ("Why", message.why or NO_REASON)]
    table = "".join(
        f'<tr><th align="left" valign="top">{name}</th><td>{_escaped(value)}</td></tr>\n' for name, value in rows
    )
    items = "".join(f"<li>{html.escape(line)}</li>\n" for line in differences(message, MAX_WORDS, MAX_TEXT))
    parts = [
        f"<h2>{_escaped(message.headline)}</h2>",
        f"<table>\n{table}</table>",
        f"<ul>\n{items}</ul>" if items else "",
    ]
    if message.link.startswith(("https://", "http://")):
        parts.append(f"<p>{_linked(message.link, f'Change {message.seq}')}</p>")
    if command := take_back(message):
        link = _linked(take_back_link(message), "Take it back")
        parts.append(f"<p>{link}, or <code>{html.escape(command)}</code></p>")
    return "<!doctype html>\n" + "\n".join(part for part in parts if part) + "\n"


def _short(change: Message) -> str:
    return "".join(f"<br>{html.escape(line)}" for line in in_short(change, MAX_SHORT, MAX_LINE))


def _linked(link: str, label: str) -> str:
    """The label, leading there where that is an address of the web."""
    told = _escaped(label)
    return f'<a href="{_escaped(link)}">{told}</a>' if link.startswith(("https://", "http://")) else told


def _escaped(value: str) -> str:
    return html.escape(plain(value, MAX_TEXT))
