from __future__ import annotations

import gzip
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import islice

import msgspec
import pytest
from tests.support import misbehaving as wrong
from tests.support.misbehaving import Conduct, Misbehaving, Request, Wire, answer, good, ruleset, streamed

from flagtrail.sdk.options import Options
from flagtrail.sdk.sse import HEARTBEAT, StreamEvent
from flagtrail.sdk.transport import Transport, TransportFailed, asked_for

TOKEN = "fts_0123456789abcdef"
DATA = ruleset(1)
BODY = msgspec.json.encode(DATA)


@pytest.fixture
def server() -> Iterator[Misbehaving]:
    with wrong.misbehaving() as running:
        yield running


LATE = "the server did not answer in time"


def transport(server: Misbehaving, *, hurry: bool = False, **options: object) -> Transport:
    """In a hurry: for faults that are only found when the time is over."""
    chosen: dict[str, object] = {"url": server.url, "token": TOKEN, "application": "shop/1.4.2"}
    if hurry:
        chosen["timeout"] = 0.1
    return Transport(msgspec.convert(chosen | options, Options), heartbeat=0.05 if hurry else 10.0)


def failed(act: Callable[[], object]) -> TransportFailed:
    with pytest.raises(TransportFailed) as caught:
        act()
    return caught.value


def read(asking: Transport, count: int | None = None) -> list[StreamEvent]:
    with asking.stream("1-a") as events:
        return list(islice(events, count))


def chunked(wire: Wire, request: Request) -> None:
    """The ruleset, as a proxy without a length sends it."""
    body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)
    wire.send(wrong.head(200, content_type="application/json; charset=utf-8", transfer_encoding="chunked") + body)
    wrong.close(wire, request)


GOOD = {"zipped": good(DATA), "plain": good(DATA, zipped=False), "in chunks": chunked}


@pytest.mark.parametrize("conduct", GOOD.values(), ids=GOOD)
def test_ruleset__that_is_sent_well__arrives(server: Misbehaving, conduct: Conduct) -> None:
    server.scripts["ruleset"] = [conduct]

    assert transport(server).ruleset(None).body == BODY


def test_ruleset__that_is_known__is_not_sent_again(server: Misbehaving) -> None:
    server.scripts["ruleset"] = [good(DATA)]

    assert transport(server).ruleset(DATA.id).body is None


def test_request__names_the_sdk_and_the_application(server: Misbehaving) -> None:
    server.scripts["ruleset"] = [good(DATA)]
    transport(server, application="sh\r\nop/1.4.2é").ruleset(None)
    headers = server.requests[0].headers

    assert [headers["user-agent"], headers["authorization"]] == [
        "flagtrail-python/0.1.0 shop/1.4.2",
        f"Bearer {TOKEN}",
    ]


def test_request__to_a_server_under_a_path__goes_there(server: Misbehaving) -> None:
    server.scripts["ruleset"] = [good(DATA)]
    transport(server, url=f"{server.url}/flags/").ruleset(None)

    assert server.requests[0].path == "/flags/sdk/v1/ruleset"


NOT_SENT_ON = "a token is not sent on, so give the client the address where the server is"
FAULTS: dict[str, tuple[Conduct, str]] = {
    "hang": (wrong.hang, LATE),
    "hang in the body": (wrong.hang_in_body, LATE),
    "drip": (wrong.drip, LATE),
    "drip in the head": (wrong.drip_head, LATE),
    "endless line": (wrong.endless_line, "the server answered what is no HTTP (LineTooLong)"),
    "endless body": (wrong.endless_body, "the ruleset has more than max_ruleset_bytes, 1000000"),
    "garbage": (wrong.garbage, "the server answered what is no HTTP (BadStatusLine)"),
    "close": (wrong.close, "the server closed the connection without an answer"),
    "reset": (wrong.reset, "no answer from the server: Connection reset by peer"),
    "truncated": (wrong.truncated(DATA), "the answer was cut short"),
    "truncated chunks": (wrong.truncated_chunks(DATA), "the answer was cut short"),
    "truncated gzip": (wrong.truncated_gzip(DATA), "the answer was cut short"),
    "no gzip": (answer(200, BODY, Content_Encoding="gzip"), "what came is no gzip"),
    "bomb": (wrong.bomb(50), "the ruleset has more than max_ruleset_bytes, 1000000"),
    "another encoding": (
        answer(200, BODY, Content_Encoding="br"),
        "the server answered in the encoding br, which was not asked for",
    ),
    "a page": (
        answer(200, b"<html>", "text/html"),
        "the server answered text/html and not application/json: is it Flagtrail's?",
    ),
    "304 unasked": (answer(304), "the server answered 304"),
    "500": (answer(500, b"{}"), "the server answered 500"),
    "a problem": (
        answer(500, b'{"detail": "The disk is full.", "x": 1}', "application/problem+json"),
        "the server answered 500: The disk is full.",
    ),
    "a problem that is none": (answer(500, b"[", "application/problem+json"), "the server answered 500"),
    "a redirect": (
        answer(302, Location="https://user:word@other.example:8443/login?next=secret"),
        f"the server answered 302 and points to https://other.example:8443/login; {NOT_SENT_ON}",
    ),
    "a redirect to nowhere": (
        answer(307, Location="http://[::"),
        f"the server answered 307 and points to nowhere; {NOT_SENT_ON}",
    ),
}


@pytest.mark.parametrize(("conduct", "why"), FAULTS.values(), ids=FAULTS)
def test_ruleset__from_a_server_with_a_fault__fails_and_says_why(
    server: Misbehaving, conduct: Conduct, why: str
) -> None:
    server.scripts["ruleset"] = [conduct]
    asking = transport(server, hurry=why == LATE, max_ruleset_bytes=1_000_000)

    assert failed(lambda: asking.ruleset(None)).why == why


def test_ruleset__behind_a_redirect__is_not_asked_for_there(server: Misbehaving) -> None:
    server.scripts["ruleset"] = [answer(302, Location=f"{server.url}/sdk/v1/stream"), good(DATA)]
    failed(lambda: transport(server).ruleset(None))

    assert [request.path for request in server.requests] == ["/sdk/v1/ruleset"]


def test_ruleset__from_no_server__fails_and_says_why(server: Misbehaving) -> None:
    server.go_down()

    assert failed(lambda: transport(server).ruleset(None)).why == "no answer from the server: Connection refused"


NOWHERE = {
    "http://127.0.0.1:port": "Port could not be cast to integer value as 'port'",
    "http://": "the URL of the server is no http address",
    "http://no-such-host.invalid": "the server's name was not found",
    "http://a..b": "the server's name can be none",
}


@pytest.mark.parametrize(("url", "why"), NOWHERE.items())
def test_ruleset__from_a_url_that_leads_nowhere__fails_and_says_why(server: Misbehaving, url: str, why: str) -> None:
    assert failed(lambda: transport(server, url=url).ruleset(None)).why == why


@pytest.mark.parametrize("status", [401, 403])
def test_ruleset__without_a_good_token__fails_for_good(server: Misbehaving, status: int) -> None:
    server.scripts["ruleset"] = [answer(status)]
    failure = failed(lambda: transport(server).ruleset(None))

    assert [failure.status, failure.fatal] == [status, True]


ASKED = {
    "seconds": ({"Retry_After": "7"}, 7.0),
    "a moment by the server's clock": (
        {"Retry_After": "Sun, 22 Nov 2026 07:01:00 GMT", "Date": "Sun, 22 Nov 2026 07:00:00 GMT"},
        60.0,
    ),
    "a moment that is over": (
        {"Retry_After": "Sun, 22 Nov 2026 06:00:00 GMT", "Date": "Sun, 22 Nov 2026 07:00:00 GMT"},
        0.0,
    ),
    "a moment by no clock": ({"Retry_After": "Sun, 22 Nov 2026 07:01:00 GMT"}, None),
    "nothing readable": ({"Retry_After": "soon"}, None),
    "a number that is none": ({"Retry_After": "-5"}, None),
    "nothing": ({}, None),
}


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(("headers", "seconds"), ASKED.values(), ids=ASKED)
def test_ruleset__from_a_busy_server__tells_how_long_to_wait(
    server: Misbehaving, status: int, headers: dict[str, str], seconds: float | None
) -> None:
    server.scripts["ruleset"] = [answer(status, b"", **headers)]

    assert failed(lambda: transport(server).ruleset(None)).retry_after == seconds


def test_retry_after__of_any_length__is_a_number() -> None:
    assert asked_for("9" * 5000, None) == 999_999_999_999.0


ECHO = answer(500, msgspec.json.encode({"detail": f"Bearer {TOKEN} é\n"}), "application/problem+json")
TELLING: dict[str, Conduct] = {
    "a problem": ECHO,
    "a redirect": answer(302, Location=f"http://{TOKEN}.example/{TOKEN}"),
    "a kind": answer(200, b"", f"{TOKEN}/{TOKEN}"),
    "an encoding": answer(200, BODY, Content_Encoding=TOKEN),
}


@pytest.mark.parametrize("conduct", TELLING.values(), ids=TELLING)
def test_failure__of_a_server_that_tells_the_token__does_not(server: Misbehaving, conduct: Conduct) -> None:
    server.scripts["ruleset"] = [conduct]
    failure = failed(lambda: transport(server).ruleset(None))

    assert [TOKEN in failure.why, failure.why.isascii(), failure.__cause__] == [False, True, None]


EVENTS = (wrong.HEARTBEAT, wrong.event("delta", b"{}", "2-b"), wrong.event("ruleset", b"[]", "3-c"))
READ = [HEARTBEAT, StreamEvent("delta", b"{}", "2-b"), StreamEvent("ruleset", b"[]", "3-c")]


@pytest.mark.parametrize("zipped", [True, False], ids=["zipped", "plain"])
def test_stream__to_its_end__gives_every_event(server: Misbehaving, zipped: bool) -> None:
    server.scripts["stream"] = [streamed(*EVENTS, zipped=zipped, then=wrong.end_of_stream)]

    assert read(transport(server)) == READ


def test_stream__asks_from_where_the_client_stands(server: Misbehaving) -> None:
    server.scripts["stream"] = [streamed(then=wrong.end_of_stream)]
    read(transport(server))

    assert server.requests[0].headers["last-event-id"] == "1-a"


def test_stream__that_stays_open__gives_each_event_as_it_comes(server: Misbehaving) -> None:
    server.scripts["stream"] = [streamed(*EVENTS, then=wrong.hang)]

    assert read(transport(server), 3) == READ


def drip_bytes(wire: Wire, _request: Request) -> None:
    """A stream that is never silent, and says nothing."""
    while wire.send(b"1\r\n:\r\n") and not wire.over.wait(0.01):
        pass


STREAMS: dict[str, tuple[Conduct, str, bool]] = {
    "held back": (streamed(), LATE, True),
    "silent after a word": (streamed(wrong.HEARTBEAT), LATE, False),
    "dripping": (streamed(zipped=False, then=drip_bytes), LATE, True),
    "cut": (streamed(*EVENTS, then=wrong.close), "the answer was cut short", False),
    "reset": (streamed(*EVENTS, then=wrong.reset), "no answer from the server: Connection reset by peer", False),
    "no gzip": (streamed(then=lambda wire, _: wire.send(b"4\r\nxxxx\r\n")), "what came is no gzip", False),
    "a member cut": (
        streamed(then=lambda wire, _: wire.send(b"c\r\n" + gzip.compress(b"x")[:12] + b"\r\n0\r\n\r\n")),
        "the answer was cut short",
        False,
    ),
    "too large an event": (
        streamed(wrong.event("delta", b"x" * 3_000_000)),
        "an event of more than 1000000 bytes",
        False,
    ),
    "an endless line": (
        streamed(zipped=False, then=lambda wire, _: wire.send(b"fffffff\r\n" + b"x" * 3_000_000)),
        "an event of more than 1000000 bytes",
        False,
    ),
    "no stream": (
        answer(200, b"{}"),
        "the server answered application/json and not text/event-stream: is it Flagtrail's?",
        False,
    ),
    "404": (answer(404), "the server answered 404", False),
}


@pytest.mark.parametrize(("conduct", "why", "silent"), STREAMS.values(), ids=STREAMS)
def test_stream__with_a_fault__fails_and_says_why(
    server: Misbehaving, conduct: Conduct, why: str, silent: bool
) -> None:
    server.scripts["stream"] = [conduct]
    asking = transport(server, hurry=why == LATE, max_ruleset_bytes=1_000_000)
    failure = failed(lambda: read(asking))

    assert [failure.why, failure.silent] == [why, silent]


def test_post__sends_the_body(server: Misbehaving) -> None:
    server.scripts["usage"] = [answer(202)]
    transport(server).post("/sdk/v1/usage", b"x" * 200_000)
    sent = server.requests[0]

    assert [sent.method, sent.path, len(sent.body), sent.headers["content-type"]] == [
        "POST",
        "/sdk/v1/usage",
        200_000,
        "application/json",
    ]


@pytest.mark.parametrize("status", [200, 204, 302, 400, 401, 413, 429, 500])
def test_post__that_is_not_taken__fails_with_the_status(server: Misbehaving, status: int) -> None:
    server.scripts["usage"] = [answer(status)]

    assert failed(lambda: transport(server).post("/sdk/v1/usage", b"{}")).status == status


WAITS: dict[str, Callable[[Transport], object]] = {
    "ruleset": lambda asking: asking.ruleset(None),
    "stream": read,
    "usage": lambda asking: asking.post("/sdk/v1/usage", b"{}"),
}


@pytest.mark.parametrize("name", WAITS)
def test_close__in_the_midst_of_a_wait__ends_it(server: Misbehaving, name: str) -> None:
    server.scripts[name] = [wrong.hang]
    asking = transport(server, timeout=60)
    caught = []
    thread = threading.Thread(target=lambda: caught.append(failed(lambda: WAITS[name](asking)).why))
    thread.start()
    server.await_requests(name, 1)
    asking.close()
    thread.join(60.0)

    assert caught == ["the client was closed"]


def test_hang_up__leaves_a_report_alone(server: Misbehaving) -> None:
    server.scripts["usage"] = [answer(202)]
    asking = transport(server)
    asking.hang_up()
    asking.post("/sdk/v1/usage", b"{}")

    assert server.count("usage") == 1


@pytest.mark.parametrize("name", WAITS)
def test_request__after_close__is_not_made(server: Misbehaving, name: str) -> None:
    asking = transport(server)
    asking.close()

    assert [failed(lambda: WAITS[name](asking)).why, server.requests] == ["the client was closed", []]


def test_transport__after_many_requests__holds_no_socket(server: Misbehaving) -> None:
    server.scripts["ruleset"] = [good(DATA), wrong.close, wrong.truncated(DATA), wrong.reset, good(DATA)]
    asking = transport(server)
    for _ in range(6):
        with suppress(TransportFailed):
            asking.ruleset(None)

    assert asking._reading._sockets == set()
