"""A real SMTP server on this machine that receives mails, and fails at will."""

from __future__ import annotations

import base64
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

import msgspec
from tests.support.receiver import Conduct


class Received(msgspec.Struct, frozen=True):
    """One mail that was handed in, with its envelope."""

    sender: str
    recipients: tuple[str, ...]
    body: bytes
    secure: bool
    signed_in_as: str


class Mailbox(socketserver.ThreadingTCPServer):
    """Answers the end of a mail as `conduct` and `status` say; `received` holds every mail, also those it then failed.

    `take` answers `status`; `fail` answers it `failures` times and then 250; `hang` never answers; `drop` closes the
    connection; `drip` greets without end, a byte at a time. `refusals` are answers to single recipients. With a
    `context` it offers STARTTLS and demands `user:password`, or speaks TLS at once where `secure`.
    """

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, context: ssl.SSLContext | None, *, secure: bool) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.context = context
        self.secure = secure
        self.conduct: Conduct = "take"
        self.status = 250
        self.goodbye = 221
        self.failures = 1
        self.refusals: dict[str, int] = {}
        self.received: list[Received] = []
        self.greeted: list[str] = []
        self.over = threading.Event()

    @property
    def url(self) -> str:
        """The server as settings name it; with TLS under the name in its certificate, and with the password."""
        port = self.server_address[1]
        if self.context is None:
            return f"smtp://127.0.0.1:{port}?from=flags@example.com"
        scheme = "smtps" if self.secure else "smtp+starttls"
        return f"{scheme}://flags%40example.com:SECRET-PASS%2Fword@localhost:{port}"

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that hang up: they are meant to."""


class _Handler(socketserver.StreamRequestHandler):
    def setup(self) -> None:
        box = cast("Mailbox", self.server)
        self.box = box
        self.is_secure = False
        if box.context is not None and box.secure:
            self._secure()
        super().setup()
        self.signed_in_as = ""
        self.sender = ""
        self.recipients: list[str] = []

    def _secure(self) -> None:
        assert self.box.context is not None
        self.request = self.box.context.wrap_socket(self.request, server_side=True)
        self.is_secure = True

    def finish(self) -> None:
        super().finish()
        self.request.close()  # the server knows the socket below TLS alone

    def handle(self) -> None:
        if self.box.conduct == "drip":
            self._drip()
            return
        self._say("220 mailbox")
        while line := self.rfile.readline():
            word, _, rest = line.decode("ascii").strip().partition(" ")
            if not self._command(word.upper(), rest):
                return

    def _command(self, word: str, rest: str) -> bool:
        """Answer one command; False where the conversation is over."""
        if word == "EHLO":
            self.box.greeted.append(rest)
            self._offer()
        elif word == "STARTTLS":
            self._say("220 go ahead")
            self.rfile.close()
            self._secure()
            super().setup()
        elif word == "AUTH":
            self._sign_in(rest)
        elif word == "MAIL":
            self.sender, self.recipients = _address(rest), []
            self._say("250 ok" if self.signed_in_as or self.box.context is None else "530 sign in first")
        elif word == "RCPT":
            code = self.box.refusals.get(_address(rest), 250)
            self.recipients += [_address(rest)] if code == 250 else []
            self._say(f"{code} recipient")
        elif word == "DATA":
            return self._data()
        elif word == "QUIT":
            self._say(f"{self.box.goodbye} bye")
            return False
        else:
            self._say("502 what?")
        return True

    def _offer(self) -> None:
        offers = ["mailbox"]
        if self.box.context is not None:
            offers.append("AUTH PLAIN" if self.is_secure else "STARTTLS")
        for offer in offers[:-1]:
            self._say(f"250-{offer}")
        self._say(f"250 {offers[-1]}")

    def _sign_in(self, rest: str) -> None:
        _, user, password = base64.b64decode(rest.partition(" ")[2]).decode().split("\0")
        if (user, password) == ("flags@example.com", "SECRET-PASS/word"):
            self.signed_in_as = user
            self._say("235 welcome")
        else:
            self._say(f"535 no such password: {password}")

    def _data(self) -> bool:
        self._say("354 go on")
        lines = []
        while (line := self.rfile.readline()) not in {b".\r\n", b""}:
            lines.append(line.removeprefix(b"."))
        box = self.box
        box.received.append(
            Received(self.sender, tuple(self.recipients), b"".join(lines), self.is_secure, self.signed_in_as)
        )
        if box.conduct == "hang":
            box.over.wait()
        if box.conduct in {"hang", "drop"}:
            return False
        fails = box.conduct == "take" or len(box.received) <= box.failures
        self._say(f"{box.status if fails else 250} done; SECRET-ANSWER")
        return True

    def _drip(self) -> None:
        self.wfile.write(b"220 ")
        while not self.box.over.wait(0.02):
            self.wfile.write(b"x")

    def _say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())


def _address(rest: str) -> str:
    return rest.partition("<")[2].partition(">")[0]


@contextmanager
def mailbox(context: ssl.SSLContext | None = None, *, secure: bool = False) -> Iterator[Mailbox]:
    """A mailbox that listens until the block ends."""
    box = Mailbox(context, secure=secure)
    thread = threading.Thread(target=box.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield box
    finally:
        box.over.set()
        box.shutdown()
        box.server_close()
        thread.join()
