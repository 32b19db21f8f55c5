"""The guard: which addresses are judged inward, and that a request goes to the very address that was judged."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.certificates import serving_as
from tests.support.receiver import Receiver, receiving

from flagtrail import notify
from flagtrail.model.actor import SYSTEM
from flagtrail.model.subject import project_subject
from flagtrail.notify import _guard as guard
from flagtrail.notify._guard import Guarded, TargetRefused

NAME = "receiver.example"
"""A name that no name server knows: it is found by the test's own look-up or not at all."""


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("127.0.0.1", "loopback"),
        ("127.255.255.254", "loopback"),
        ("::1", "loopback"),
        ("0.0.0.0", "unspecified"),  # noqa: S104 - judged, not listened on
        ("::", "unspecified"),
        ("10.0.0.1", "private"),
        ("172.16.0.1", "private"),
        ("172.31.255.255", "private"),
        ("192.168.1.1", "private"),
        ("fd12:3456::1", "private"),
        ("169.254.1.1", "link-local"),
        ("169.254.169.254", "link-local"),
        ("fe80::1", "link-local"),
        ("fe80::1%eth0", "link-local"),
        ("fec0::1", "site-local"),
        ("fd00:ec2::254", "metadata"),
        ("168.63.129.16", "metadata"),
        ("100.100.100.200", "shared"),
        ("224.0.0.1", "multicast"),
        ("ff02::1", "multicast"),
        ("240.0.0.1", "private"),
        ("255.255.255.255", "private"),
        ("192.0.2.1", "private"),
        ("198.18.0.1", "private"),
        ("2001:db8::1", "private"),
        ("::ffff:127.0.0.1", "loopback"),
        ("::ffff:10.0.0.1", "private"),
        ("::ffff:169.254.169.254", "link-local"),
        ("::7f00:1", "reserved"),
        ("64:ff9b::7f00:1", "loopback"),
        ("64:ff9b::a9fe:a9fe", "link-local"),
        ("64:ff9b:1::a00:1", "reserved"),
        ("2002:7f00:1::", "tunnelled"),
        ("2001:0:7f00:1::", "tunnelled"),
        ("8.8.8.8", ""),
        ("172.32.0.1", ""),
        ("2606:4700::1111", ""),
        ("::ffff:8.8.8.8", ""),
        ("64:ff9b::808:808", ""),
    ],
)
def test_inward__address__is_told_by_its_kind(address: str, kind: str) -> None:
    alike = {"private", "reserved"}  # which of the two, versions of Python see differently
    assert guard.inward(ip_address(address)) in (alike if kind in alike else {kind})


@given(st.ip_addresses(v=4))
def test_inward__ipv4_wrapped_in_ipv6__is_judged_alike(address: IPv4Address) -> None:
    mapped = ip_address(f"::ffff:{address}")
    translated = IPv6Address(int(guard.NAT64.network_address) | int(address))
    assert guard.inward(mapped) == guard.inward(translated) == guard.inward(address)


class Names:
    """A look-up that answers as told, and counts."""

    def __init__(self, *addresses: str) -> None:
        self.addresses: Sequence[str] = addresses
        self.asked: list[tuple[str, int]] = []

    def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append((host, port))
        return self.addresses


def _anything(_: guard.Address) -> str:
    return ""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


def _post(transport: Guarded, url: str, seconds: float = 5.0) -> httpx2.Response:
    with httpx2.Client(transport=transport, trust_env=False, timeout=seconds) as client:
        return client.post(url, content=b"hello")


def test_request__to_a_name__goes_to_the_address_of_the_one_look_up(receiver: Receiver) -> None:
    names, port = Names("127.0.0.1"), receiver.server_address[1]
    _post(Guarded(look_up=names, judge=_anything), f"http://{NAME}:{port}/hook?a=1")
    assert names.asked == [(NAME, port)]
    request = receiver.received[0]
    assert (request.path, request.headers["host"], request.body) == ("/hook?a=1", f"{NAME}:{port}", b"hello")


def test_request__with_tls__asks_for_the_names_certificate(receiver: Receiver, tmp_path: Path) -> None:
    serving, trusted = serving_as(NAME, tmp_path)
    receiver.socket = serving.wrap_socket(receiver.socket, server_side=True)
    context = ssl.create_default_context(cafile=trusted)
    transport = Guarded(httpx2.HTTPTransport(verify=context), look_up=Names("127.0.0.1"), judge=_anything)
    assert _post(transport, f"https://{NAME}:{receiver.server_address[1]}/hook").status_code == 204


def test_request__with_tls__refuses_the_certificate_of_another_name(receiver: Receiver, tmp_path: Path) -> None:
    serving, trusted = serving_as("elsewhere.example", tmp_path)
    receiver.socket = serving.wrap_socket(receiver.socket, server_side=True)
    context = ssl.create_default_context(cafile=trusted)
    transport = Guarded(httpx2.HTTPTransport(verify=context), look_up=Names("127.0.0.1"), judge=_anything)
    with pytest.raises(httpx2.ConnectError, match="certificate"):
        _post(transport, f"https://{NAME}:{receiver.server_address[1]}/hook")


@pytest.mark.parametrize(
    "addresses", [["127.0.0.1"], ["8.8.8.8", "127.0.0.1"], ["::ffff:127.0.0.1"]], ids=["one", "one of two", "mapped"]
)
def test_request__name_that_leads_inward__is_refused_for_now_and_connects_nowhere(
    receiver: Receiver, addresses: list[str]
) -> None:
    with pytest.raises(TargetRefused, match="loopback, which only FLAGTRAIL_ALERT_PRIVATE_TARGETS=true") as refusal:
        _post(Guarded(look_up=Names(*addresses)), f"http://{NAME}:{receiver.server_address[1]}/")
    assert (refusal.value.permanent, receiver.received) == (False, [])


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "169.254.169.254", "10.1.2.3"])
def test_request__number_that_lies_inward__is_refused_for_good(host: str) -> None:
    names = Names("8.8.8.8")
    with pytest.raises(TargetRefused) as refusal:
        _post(Guarded(look_up=names), f"http://{host}/")
    assert (refusal.value.permanent, names.asked) == (True, [])


@pytest.mark.parametrize("host", ["localhost", "2130706433", "0x7f.1", "127.1"])
def test_request__other_spellings_of_loopback__are_refused(host: str) -> None:
    with pytest.raises(httpx2.TransportError) as failure:
        _post(Guarded(), f"http://{host}:9/")
    assert isinstance(failure.value, TargetRefused)


def test_request__first_address_is_dead__goes_to_the_next(receiver: Receiver) -> None:
    names = Names("127.0.0.2", "127.0.0.1")  # the receiver listens at the second alone
    answer = _post(Guarded(look_up=names, judge=_anything), f"http://{NAME}:{receiver.server_address[1]}/")
    assert answer.status_code == 204


def test_request__every_address_is_dead__fails() -> None:
    with receiving() as gone:
        port = gone.server_address[1]
    with pytest.raises(httpx2.ConnectError):
        _post(Guarded(look_up=Names("127.0.0.1", "127.0.0.2"), judge=_anything), f"http://{NAME}:{port}/")


def test_request__name_without_addresses__fails() -> None:
    with pytest.raises(httpx2.ConnectError, match="no address"):
        _post(Guarded(look_up=Names()), f"http://{NAME}/")


def test_request__name_that_is_not_found__fails() -> None:
    def nobody(_host: str, _port: int) -> Sequence[str]:
        raise OSError(NAME)

    with pytest.raises(httpx2.ConnectError, match="the name was not found"):
        _post(Guarded(look_up=nobody), f"http://{NAME}/")


def test_request__look_up_that_takes_for_ever__is_left_behind() -> None:
    over = threading.Event()

    def slow(_host: str, _port: int) -> Sequence[str]:
        over.wait()
        return []

    with pytest.raises(httpx2.ConnectTimeout):
        _post(Guarded(look_up=slow), f"http://{NAME}/", seconds=0.05)
    over.set()


def test_look_up__this_machine__has_each_address_once() -> None:
    found = guard.look_up("localhost", 80)
    assert len(found) == len(set(found)) > 0


@pytest.mark.parametrize("kind", sorted(set(notify.kinds()) - {"apprise", "email"}))
def test_every_http_notifier__with_the_guard__reaches_nothing_inward_and_says_why(
    receiver: Receiver, kind: str
) -> None:
    message = notify.Message(
        id="i",
        seq=1,
        time="2026-11-22T07:00:00Z",
        headline="h",
        subject=project_subject("p"),
        flags=(),
        actor=SYSTEM,
        actions=(),
        words=(),
        why="",
        ticket="",
        link="",
    )
    with notify.client(private=False) as client, pytest.raises(notify.DeliveryFailed) as failure:
        notify.load(kind).send(client, receiver.url, message, secret="whsec_c2VjcmV0LW9mLXRoZS1yZWNlaXZlcg==")
    said = "the target's address is loopback, which only FLAGTRAIL_ALERT_PRIVATE_TARGETS=true permits"
    assert (str(failure.value), failure.value.permanent) == (f"{kind}: {said}", True)
    assert receiver.received == []


@pytest.mark.parametrize(("private", "proxied"), [(True, True), (False, False)])
def test_client__proxies_of_the_environment__are_used_only_without_the_guard(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, private: bool, proxied: bool
) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{receiver.server_address[1]}")
    with notify.client(private=private) as client:
        try:
            client.post(f"http://{NAME}/")
        except httpx2.ConnectError:
            assert not proxied
    assert len(receiver.received) == proxied
