"""SDK sync against a real server process: the ruleset, the stream, and what becomes of clients and of the server."""

from __future__ import annotations

import gzip
import itertools
import signal
import socket
import time
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import msgspec
import pytest
from tests.support.documents import attribute_test, boolean_flag, enabled
from tests.support.server import RunningServer, running_server

from flagtrail.app.bootstrap import App
from flagtrail.app.identity import SYSTEM_IDENTITY
from flagtrail.app.settings import read_settings
from flagtrail.model.change import Change, Operation
from flagtrail.model.subject import targeting_subject
from flagtrail.model.sync import RulesetData, RulesetDelta

Json = Any
RULESET, STREAM = "/sdk/v1/ruleset", "/sdk/v1/stream"
_numbers = itertools.count(1)


def issue(admin: httpx2.Client, project: str, **parts: Json) -> str:
    key = f"{project}-{next(_numbers)}"
    token = {"key": key, "kind": "server", "project": project, "environment": "production", **parts}
    answer = admin.post("/api/v1/tokens", json={"token": token})
    assert answer.status_code == 201, answer.text
    secret: str = answer.json()["secret"]
    return secret


def make_flag(admin: httpx2.Client, project: str, key: str, **details: Json) -> None:
    body = {"flag": boolean_flag(key, **details), "targeting": {"production": enabled()}, "why": "a test"}
    answer = admin.post(f"/api/v1/projects/{project}/flags", json=body)
    assert answer.status_code == 201, answer.text


def switch(admin: httpx2.Client, project: str, key: str, what: str) -> None:
    path = f"/api/v1/projects/{project}/flags/{key}/environments/production/{what}"
    assert admin.post(path, json={"why": "a test"}).status_code == 200


@pytest.fixture
def shop(admin: httpx2.Client, project: str) -> str:
    """A project of ten flags that production serves, and a segment: large enough for deltas to be smaller."""
    for number in range(10):
        make_flag(admin, project, f"f{number}")
    segment = {"key": "pros", "when": attribute_test("plan", "in", "pro")}
    answer = admin.post(f"/api/v1/projects/{project}/segments", json={"segment": segment, "why": "a test"})
    assert answer.status_code == 201, answer.text
    return project


@pytest.fixture
def secret(admin: httpx2.Client, shop: str) -> str:
    return issue(admin, shop)


@pytest.fixture
def client(server: RunningServer, secret: str) -> Iterator[httpx2.Client]:
    with server.client(secret) as client:
        yield client


class Event(msgspec.Struct, frozen=True):
    """A server-sent event; a comment has no kind."""

    kind: str = ""
    id: str = ""
    data: str = ""

    @property
    def delta(self) -> RulesetDelta:
        assert self.kind == "delta"
        return msgspec.json.decode(self.data, type=RulesetDelta)

    @property
    def ruleset(self) -> RulesetData:
        assert self.kind == "ruleset"
        return msgspec.json.decode(self.data, type=RulesetData)


class Following:
    """A stream on a socket of its own; reads chunks, gzip members in a row, and events, and nothing ahead of them."""

    def __init__(
        self, server: RunningServer, secret: str, last: str = "", *, packed: bool = False, buffer: int = 0
    ) -> None:
        url = urlsplit(server.url)
        self.socket = socket.socket()
        if buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        self.socket.settimeout(60)
        self.socket.connect((url.hostname, url.port))
        lines = [f"GET {STREAM} HTTP/1.1", "Host: test", f"Authorization: Bearer {secret}"]
        lines += [f"Last-Event-ID: {last}"] if last else []
        lines += ["Accept-Encoding: gzip"] if packed else []
        self.socket.sendall("".join(f"{line}\r\n" for line in [*lines, ""]).encode())
        self._file = self.socket.makefile("rb", buffering=4096 if buffer else -1)
        self._packed = packed
        self._text = b""
        self._member = zlib.decompressobj(31)
        self._read_head()

    def _read_head(self) -> None:
        self.status = int(self._file.readline().split()[1])
        head = list(iter(self._file.readline, b"\r\n"))
        self.headers = dict(line.decode().strip().lower().split(": ", 1) for line in head)

    def _chunk(self) -> bytes:
        size = int(self._file.readline(), 16)
        chunk: bytes = self._file.read(size)
        self._file.readline()
        return chunk

    def _inflate(self, chunk: bytes) -> bytes:
        text = b""
        while chunk:
            text += self._member.decompress(chunk)
            chunk = self._member.unused_data
            if self._member.eof:
                self._member = zlib.decompressobj(31)
        return text

    def comment_or_event(self) -> Event | None:
        """The next of them; None where the stream ended as it should."""
        while b"\n\n" not in self._text:
            chunk = self._chunk()
            if not chunk:
                return None
            self._text += self._inflate(chunk) if self._packed else chunk
        text, _, self._text = self._text.partition(b"\n\n")
        fields = dict(line.split(": ", 1) for line in text.decode().split("\n") if not line.startswith(":"))
        return Event(fields.get("event", ""), fields.get("id", ""), fields.get("data", ""))

    def event(self) -> Event:
        """The next event, past comments."""
        while (event := self.comment_or_event()) is not None:
            if event.kind:
                return event
        raise AssertionError("the stream ended")

    def close(self) -> None:
        self._file.close()
        self.socket.close()


@contextmanager
def following(server: RunningServer, secret: str, last: str = "", **how: Json) -> Iterator[Following]:
    with closing(Following(server, secret, last, **how)) as stream:
        yield stream


def present(client: httpx2.Client) -> str:
    answer = client.get(RULESET)
    assert answer.status_code == 200, answer.text
    return answer.headers["etag"].strip('"')


# The ruleset


def test_the_ruleset__is_what_decides_named_by_its_etag(client: httpx2.Client, shop: str) -> None:
    answer = client.get(RULESET)
    ruleset = msgspec.json.decode(answer.content, type=RulesetData)
    assert answer.headers["etag"] == f'"{ruleset.id}"'
    assert (ruleset.project, ruleset.environment) == (shop, "production")
    assert sorted(ruleset.flags) == sorted(ruleset.targetings) == [f"f{number}" for number in range(10)]
    assert list(ruleset.segments) == ["pros"]


def test_the_ruleset__with_gzip__is_the_same_and_smaller(client: httpx2.Client) -> None:
    plain = client.get(RULESET, headers={"Accept-Encoding": "identity"})
    with client.stream("GET", RULESET, headers={"Accept-Encoding": "gzip"}) as answer:
        packed = b"".join(answer.iter_raw())
    assert (answer.headers["content-encoding"], answer.headers["vary"]) == ("gzip", "accept-encoding")
    assert gzip.decompress(packed) == plain.content
    assert len(packed) < len(plain.content) / 2


def test_the_ruleset__that_the_client_has__is_not_sent_again(client: httpx2.Client) -> None:
    etag = client.get(RULESET).headers["etag"]
    answer = client.get(RULESET, headers={"If-None-Match": etag})
    assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", etag)


def test_the_ruleset__after_a_change__has_another_etag(client: httpx2.Client, admin: httpx2.Client, shop: str) -> None:
    etag = client.get(RULESET).headers["etag"]
    switch(admin, shop, "f1", "disable")
    answer = client.get(RULESET, headers={"If-None-Match": etag})
    assert answer.status_code == 200
    assert not answer.json()["targetings"]["f1"]["enabled"]


def test_the_ruleset__asked_for_with_head__is_headers_alone(client: httpx2.Client) -> None:
    answer = client.head(RULESET)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["etag"] == client.get(RULESET).headers["etag"]


def test_the_ruleset__for_an_administrators_token__is_of_the_place_it_names(admin: httpx2.Client, shop: str) -> None:
    answer = admin.get(RULESET, params={"project": shop, "environment": "staging"})
    assert (answer.json()["project"], answer.json()["environment"]) == (shop, "staging")


# Refusals


@pytest.mark.parametrize("path", [RULESET, STREAM])
@pytest.mark.parametrize(
    ("kind", "query", "refusal"),
    [
        pytest.param("client", "", (403, "forbidden"), id="a client token"),
        pytest.param("server", "?environment=staging", (403, "forbidden"), id="another environment"),
        pytest.param("admin", "", (400, "malformed_request"), id="no environment named"),
        pytest.param("admin", "?environment=mars", (404, "not_found"), id="an unknown environment"),
        pytest.param("wrong", "", (401, "unauthenticated"), id="a wrong token"),
        pytest.param("", "", (401, "unauthenticated"), id="no token"),
    ],
)
def test_a_request__that_does_not_do__is_a_problem(
    server: RunningServer, admin: httpx2.Client, shop: str, path: str, kind: str, query: str, refusal: tuple[int, str]
) -> None:
    given = {"admin": server.token, "wrong": "ft_server_x", "": ""}
    token = given[kind] if kind in given else issue(admin, shop, kind=kind)
    with server.client(token) as client:
        answer = client.get(f"{path}{query}")
    assert (answer.status_code, answer.json()["code"]) == refusal
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("path", [RULESET, STREAM])
def test_a_request__that_would_write__is_refused(client: httpx2.Client, path: str) -> None:
    answer = client.post(path, json={})
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")


def test_the_description__names_both_and_who_may(client: httpx2.Client) -> None:
    paths = client.get("/api/openapi.json").json()["paths"]
    assert [paths[path]["get"]["x-role"] for path in (RULESET, STREAM)] == ["signed_in"] * 2


# The stream


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_a_change_through_the_api__arrives_as_a_delta(
    server: RunningServer, admin: httpx2.Client, client: httpx2.Client, secret: str, shop: str, packed: bool
) -> None:
    base = present(client)
    with following(server, secret, base, packed=packed) as stream:
        assert stream.comment_or_event() == Event()
        switch(admin, shop, "f1", "disable")
        event = stream.event()
    assert (event.id, event.delta.base, event.delta.id) == (present(client), base, event.id)
    assert [list(event.delta.flags), list(event.delta.targetings)] == [[], ["f1"]]


def test_many_changes__arrive_one_after_the_other_each_from_the_one_before(
    server: RunningServer, admin: httpx2.Client, client: httpx2.Client, secret: str, shop: str
) -> None:
    ids = [present(client)]
    with following(server, secret, ids[0]) as stream:
        for what in ("disable", "enable", "disable"):
            switch(admin, shop, "f1", what)
            event = stream.event()
            assert event.delta.base == ids[-1]
            ids.append(event.id)
    assert ids[-1] == present(client)


def test_a_change_by_another_process__arrives(
    server: RunningServer, client: httpx2.Client, secret: str, shop: str
) -> None:
    with following(server, secret, present(client)) as stream:
        other = App(read_settings(server.settings))
        try:
            subject = targeting_subject(shop, "f2", "production")
            operation = Operation(action="patch", subject=subject, value={"enabled": False})
            other.changes.apply(SYSTEM_IDENTITY, Change(operations=(operation,), why="a test"))
        finally:
            other.close()
        assert list(stream.event().delta.targetings) == ["f2"]


def test_a_client__that_comes_back__is_sent_what_changed_meanwhile(
    server: RunningServer, admin: httpx2.Client, client: httpx2.Client, secret: str, shop: str
) -> None:
    base = present(client)
    switch(admin, shop, "f1", "disable")
    switch(admin, shop, "f2", "disable")
    with following(server, secret, base) as stream:
        assert sorted(stream.event().delta.targetings) == ["f1", "f2"]


def test_a_client__that_holds_what_nobody_knows__is_sent_the_whole_ruleset(
    server: RunningServer, client: httpx2.Client, secret: str
) -> None:
    with following(server, secret, "3-0123456789abcdef") as stream:
        assert stream.event().ruleset.id == present(client)


def test_a_token__revoked__ends_its_stream(server: RunningServer, admin: httpx2.Client, shop: str) -> None:
    secret = issue(admin, shop, key=f"{shop}-doomed")
    with following(server, secret) as stream:
        stream.event()
        assert admin.delete(f"/api/v1/tokens/{shop}-doomed").status_code == 200
        assert stream.comment_or_event() is None
    with server.client(secret) as client:
        assert client.get(STREAM).status_code == 401


def test_a_slow_client__misses_versions_and_ends_up_at_the_present(
    server: RunningServer, admin: httpx2.Client, client: httpx2.Client, secret: str, shop: str
) -> None:
    large = {"key": "large", "type": "string", "variants": {"on": "", "off": ""}}
    body = {"flag": large, "targeting": {"production": enabled()}, "why": "a test"}
    assert admin.post(f"/api/v1/projects/{shop}/flags", json=body).status_code == 201
    with following(server, secret, present(client), buffer=4_096) as slow:
        for number in range(40):
            patch = {"variants": {"on": str(number % 10) * 500_000}}
            answer = admin.patch(f"/api/v1/projects/{shop}/flags/large", json={"patch": patch, "why": "a test"})
            assert answer.status_code == 200
        last = present(client)
        seen: list[str] = []
        while not seen or seen[-1] != last:
            seen.append(slow.event().id)
    assert len(seen) < 40


@pytest.mark.slow
def test_a_client__that_takes_nothing_for_long__is_dropped(
    server: RunningServer, admin: httpx2.Client, client: httpx2.Client, secret: str, shop: str
) -> None:
    large = {"key": "large", "type": "string", "variants": {"on": "", "off": ""}}
    body = {"flag": large, "targeting": {"production": enabled()}, "why": "a test"}
    assert admin.post(f"/api/v1/projects/{shop}/flags", json=body).status_code == 201
    with following(server, secret, present(client), buffer=4_096) as stuck:
        for number in range(40):
            patch = {"variants": {"on": str(number % 10) * 500_000}}
            admin.patch(f"/api/v1/projects/{shop}/flags/large", json={"patch": patch, "why": "a test"})
        deadline = time.monotonic() + 60
        while "took nothing" not in server.log.read_text() and time.monotonic() < deadline:
            time.sleep(0.5)
        rest = b"".join(iter(lambda: stuck.socket.recv(1 << 20), b""))
    assert not rest.endswith(b"\r\n0\r\n\r\n")


@pytest.mark.slow
def test_a_quiet_stream__has_a_comment_now_and_then(server: RunningServer, client: httpx2.Client, secret: str) -> None:
    with following(server, secret, present(client)) as stream:
        stream.comment_or_event()
        stream.socket.settimeout(60)
        assert stream.comment_or_event() == Event()


# The server


def furnish(server: RunningServer) -> str:
    """Flags of the first project's production, and a token for it."""
    with server.client() as admin:
        for number in range(10):
            make_flag(admin, "default", f"f{number}")
        return issue(admin, "default")


def test_a_server__started_again__is_content_with_a_client_that_holds_the_present(tmp_path: Path) -> None:
    with running_server(tmp_path) as server:
        secret = furnish(server)
        with server.client(secret) as client:
            base = present(client)
    with running_server(tmp_path) as again, following(again, secret, base) as stream:
        assert stream.comment_or_event() == Event()
        with again.client() as admin:
            switch(admin, "default", "f1", "disable")
        assert stream.event().delta.base == base


def test_a_server__started_again_after_a_change__sends_the_whole_ruleset(tmp_path: Path) -> None:
    with running_server(tmp_path) as server:
        secret = furnish(server)
        with server.client(secret) as client, server.client() as admin:
            base = present(client)
            switch(admin, "default", "f1", "disable")
    with running_server(tmp_path) as again, following(again, secret, base) as stream:
        assert not stream.event().ruleset.targetings["f1"].enabled


def test_a_server__told_to_stop__ends_its_streams_and_waits_for_none(tmp_path: Path) -> None:
    with running_server(tmp_path) as server:
        secret = furnish(server)
        streams = [Following(server, secret, packed=packed) for packed in (False, True) * 10]
        for stream in streams:
            stream.event()
        stuck = Following(server, secret, buffer=4_096)
        server.process.send_signal(signal.SIGTERM)
        ends = [stream.comment_or_event() for stream in streams]
        server.process.wait(timeout=60)  # uvicorn alone would wait for ten seconds
        for stream in [*streams, stuck]:
            stream.close()
    assert ends == [None] * 20
    assert "timeout graceful shutdown exceeded" not in server.log.read_text()


def test_a_server__that_holds_as_many_streams_as_it_may__refuses_one_more(tmp_path: Path) -> None:
    with running_server(tmp_path, max_streams="2") as server:
        secret = furnish(server)
        with following(server, secret) as first, following(server, secret) as second, server.client(secret) as client:
            for stream in (first, second):
                stream.event()
            answer = client.get(STREAM)
            ruleset = client.get(RULESET)
    assert (answer.status_code, answer.json()["code"], answer.headers["retry-after"]) == (
        429,
        "too_many_requests",
        "30",
    )
    assert ruleset.status_code == 200
