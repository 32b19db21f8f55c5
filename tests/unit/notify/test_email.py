"""E-mail: what arrives, what cannot be smuggled in, and what a failure means."""

from __future__ import annotations

import email
import email.policy
import ssl
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.certificates import serving_as
from tests.support.mailbox import Mailbox, mailbox

from flagtrail.model.actor import Actor
from flagtrail.model.subject import targeting_subject
from flagtrail.notify import DeliveryFailed, Message
from flagtrail.notify import email as notifier

PLAIN = Message(
    id="0199-entry",
    seq=41,
    time="2026-11-22T07:00:00.123456Z",
    headline="Zoë enabled f in production",
    subject=targeting_subject("default", "f", "production"),
    flags=("f",),
    actor=Actor(kind="person", id="act_1", name="Zoë"),
    actions=("enabled",),
    words=("rollout 25 % to 50 %", "<b>bold</b>"),
    why="go live",
    ticket="BILL-42",
    link="https://flags.example.com/changes/41",
)
TO = "ada@example.com, bob@example.com"


def _with(**parts: Any) -> Message:  # noqa: ANN401 - fields of a message
    return msgspec.structs.replace(PLAIN, **parts)


def _send(box: Mailbox, message: Message = PLAIN, to: str = TO) -> int:
    with httpx2.Client(trust_env=False) as client:
        return notifier.send(client, to, message, secret=box.url).status


def _failure(box: Mailbox, to: str = TO, url: str = "") -> DeliveryFailed:
    with httpx2.Client(trust_env=False) as client, pytest.raises(DeliveryFailed) as failure:
        notifier.send(client, to, PLAIN, secret=url or box.url)
    return failure.value


def _read(body: bytes) -> EmailMessage:
    read = email.message_from_bytes(body, policy=email.policy.SMTP)
    assert isinstance(read, EmailMessage)
    return read


def _part(letter: EmailMessage, kind: str) -> str:
    part = letter.get_body((kind,))
    assert isinstance(part, EmailMessage)
    return str(part.get_content())


@pytest.fixture
def box() -> Iterator[Mailbox]:
    with mailbox() as found:
        yield found


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, Path]:
    return serving_as("localhost", tmp_path_factory.mktemp("tls"))


@pytest.fixture(params=[False, True], ids=["starttls", "smtps"])
def tls(request: pytest.FixtureRequest, certificate: tuple[ssl.SSLContext, Path]) -> Iterator[Mailbox]:
    with mailbox(certificate[0], secure=request.param) as found:
        yield found


@pytest.fixture
def trusted(certificate: tuple[ssl.SSLContext, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[1]))


def test_send__mail__reaches_every_recipient_at_once(box: Mailbox) -> None:
    assert _send(box) == 250
    received = box.received[0]
    assert (received.sender, received.recipients) == ("flags@example.com", ("ada@example.com", "bob@example.com"))


@pytest.mark.usefixtures("trusted")
def test_send__with_tls__signs_in_and_delivers(tls: Mailbox) -> None:
    _send(tls)
    received = tls.received[0]
    assert (received.secure, received.signed_in_as, received.sender) == (True, "flags@example.com", "flags@example.com")


def test_send__certificate_of_somebody_else__hands_nothing_in(tls: Mailbox) -> None:
    failure = _failure(tls)
    assert (str(failure), failure.permanent) == ("email: the server's certificate cannot be verified", False)
    assert tls.received == []


@pytest.mark.usefixtures("trusted")
def test_send__wrong_password__fails_for_good_and_repeats_nothing_of_it(tls: Mailbox) -> None:
    failure = _failure(tls, url=tls.url.replace("word@", "WRONG@"))
    assert (str(failure), failure.permanent) == ("email: the server answered 535", True)


def test_send__starttls_where_the_server_has_none__hands_nothing_in(box: Mailbox) -> None:
    failure = _failure(box, url=box.url.replace("smtp:", "smtp+starttls:"))
    assert ("offers no TLS" in str(failure), box.received) == (True, [])


def test_send__greeting__names_the_senders_domain(box: Mailbox) -> None:
    _send(box)
    assert box.greeted == ["example.com"]


@pytest.mark.parametrize("goodbye", [221, 421, 500])
def test_send__after_the_mail_was_taken__no_goodbye_makes_it_a_failure(box: Mailbox, goodbye: int) -> None:
    box.goodbye = goodbye
    assert _send(box) == 250


@pytest.mark.parametrize(("code", "permanent"), [(421, False), (450, False), (550, True), (554, True)])
def test_send__every_recipient_refused__says_whether_for_good(box: Mailbox, code: int, permanent: bool) -> None:
    box.refusals = {"ada@example.com": code, "bob@example.com": code}
    failure = _failure(box)
    assert (str(failure), failure.permanent) == (f"email: the server answered {code}", permanent)


def test_send__one_recipient_refused_for_now__goes_to_nobody_yet(box: Mailbox) -> None:
    box.refusals = {"bob@example.com": 450}
    assert (_failure(box).permanent, box.received) == (False, [])


def test_send__one_recipient_refused_for_good__reaches_the_others_and_says_so(box: Mailbox) -> None:
    box.refusals = {"bob@example.com": 550}
    failure = _failure(box)
    assert (str(failure), failure.permanent) == ("email: sent, but the server refused 1 of 2 recipients (550)", True)
    assert box.received[0].recipients == ("ada@example.com",)


@pytest.mark.parametrize(
    "to",
    [
        "",
        ",",
        "ada",
        "ada@",
        "@example.com",
        "ada@example.com\r\nRCPT TO:<eve@example.com>",
        "ada@example.com\n",
        "a da@example.com",
        "Ada <ada@example.com>",
        "ada@example.com>, <eve@example.com",
        "a..b@example.com",
        "ada@example..com",
        "zoë@example.com",
        f"{'a' * 250}@example.com",
    ],
)
def test_recipients__that_are_none__fail_for_good(box: Mailbox, to: str) -> None:
    to = to if to.strip() == to else f"x@example.com,{to}y"
    assert (_failure(box, to).permanent, box.received) == (True, [])


@pytest.mark.parametrize(
    "url",
    [
        "",
        "SECRET",
        "http://SECRET.example.com",
        "smtps://",
        "smtps://SECRET:99999",
        "smtps://[SECRET",
        "smtps://SECRET.example.com?from=eve",
        "smtps://SECRET.example.com?from=eve@example.com%0d%0aBcc:x@example.com",
        "smtps://SECRET@[::1]:465",
        "smtp://user:SECRET@localhost",
    ],
)
def test_server__that_is_none__fails_for_good_and_is_not_told(box: Mailbox, url: str) -> None:
    failure = _failure(box, url=url or "x")
    assert (failure.permanent, "SECRET" in str(failure)) == (True, False)


@pytest.mark.parametrize(
    ("url", "sender", "port"),
    [
        ("smtps://flags%40example.com:p@mail.example.com", "flags@example.com", 465),
        ("smtp+starttls://apikey:p@mail.example.com", "flagtrail@mail.example.com", 587),
        ("smtp+starttls://apikey:p@mail.example.com:2525?from=ops@example.com", "ops@example.com", 2525),
        ("smtp://relay", "flagtrail@relay", 25),
    ],
)
def test_server__url__names_sender_and_port(url: str, sender: str, port: int) -> None:
    found = notifier.server(url)
    assert (found.sender, found.port) == (sender, port)


@pytest.mark.parametrize("kind", ["plain", "html"])
@pytest.mark.parametrize(
    "needed", ["Zoë", "production", "rollout 25 % to 50 %", "go live", "BILL-42", "/changes/41", "flagtrail revert 41"]
)
def test_mail__both_parts__tell_what_people_need(kind: str, needed: str) -> None:
    letter = _read(notifier.mail(PLAIN, "flags@example.com", ["ada@example.com"]).as_bytes())
    assert needed in _part(letter, kind)


def test_page__markup__is_shown_not_obeyed() -> None:
    page = notifier.page(_with(headline="<script>1</script>", why="<img src=x>", words=("<b>bold</b>",)))
    assert [tag for tag in ("<script", "<img", "<b>") if tag in page] == []


def test_page__link_that_is_no_address__is_left_out() -> None:
    assert "<a " not in notifier.page(_with(link="javascript:alert(1)"))


@pytest.mark.parametrize("kind", ["plain", "html"])
def test_mail__test_message__leaves_out_what_it_does_not_have(kind: str) -> None:
    letter = notifier.mail(_with(actions=(), link="", words=()), "flags@example.com", ["ada@example.com"])
    body = _part(_read(letter.as_bytes()), kind)
    assert [word for word in ("Take it back", "Change 41", "<ul>") if word in body] == []


SNEAKY = st.one_of(
    st.text(),
    st.sampled_from(["x\r\nBcc: eve@example.com", "x\n\n<body>", "\r\n.\r\nQUIT\r\n", "x\x85Bcc: e", "=?utf-8?"]),
)


@given(headline=SNEAKY, why=SNEAKY, ticket=SNEAKY, words=st.lists(SNEAKY, max_size=3), id_=SNEAKY)
def test_mail__anything__has_our_headers_only(headline: str, why: str, ticket: str, words: list[str], id_: str) -> None:
    message = _with(headline=headline, why=why, ticket=ticket, words=tuple(words), id=id_)
    raw = notifier.mail(message, "flags@example.com", ["ada@example.com"]).as_bytes()
    names = ["From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type"]
    assert list(_read(raw).keys()) == names


@given(headline=SNEAKY, why=SNEAKY, words=st.lists(SNEAKY, max_size=3))
def test_mail__anything__has_two_parts(headline: str, why: str, words: list[str]) -> None:
    raw = notifier.mail(_with(headline=headline, why=why, words=tuple(words)), "f@example.com", ["a@example.com"])
    assert [part.get_content_type() for part in _read(raw.as_bytes()).iter_parts()] == ["text/plain", "text/html"]


def test_mail__message_id__is_made_of_the_entrys() -> None:
    letter = notifier.mail(PLAIN, "flags@example.com", ["ada@example.com"])
    assert letter["Message-ID"] == "<0199-entry@example.com>"
