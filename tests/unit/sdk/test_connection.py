"""TLS, proxies, and addresses."""

from __future__ import annotations

import datetime as dt
import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tests.support import misbehaving as wrong
from tests.support.misbehaving import Misbehaving, good, ruleset

from flagtrail.sdk.connection import Connections, Patience, Place, Proxy, place_of
from flagtrail.sdk.options import Options
from flagtrail.sdk.transport import Transport, TransportFailed

TOKEN = "fts_0123456789abcdef"
DATA = ruleset(1)
PROXIES = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "all_proxy", "ALL_PROXY")


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)


class Authority:
    """A certificate authority of our own, in a file."""

    def __init__(self, folder: Path, name: str) -> None:
        self.file = folder / f"{name}.pem"
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        usage = x509.KeyUsage(
            digital_signature=False, content_commitment=False, key_encipherment=False, data_encipherment=False,
            key_agreement=False, key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False,
        )  # fmt: skip
        own = self._certificate(
            self._name, self._key.public_key(), [(x509.BasicConstraints(ca=True, path_length=0), True), (usage, True)]
        )
        self.file.write_bytes(own.public_bytes(serialization.Encoding.PEM))

    def server(self, address: str) -> ssl.SSLContext:
        """What a server at this address needs."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "server")])
        alternative = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])
        certificate = self._certificate(subject, key.public_key(), [(alternative, False)])
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        file = self._folder / f"server-{address}.pem"
        file.write_bytes(pem + certificate.public_bytes(serialization.Encoding.PEM))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context

    def _certificate(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey, extensions: list[tuple[x509.ExtensionType, bool]]
    ) -> x509.Certificate:
        now = dt.datetime.now(tz=dt.UTC)
        builder = x509.CertificateBuilder(self._name, subject, key, x509.random_serial_number())
        builder = builder.not_valid_before(now - dt.timedelta(days=1)).not_valid_after(now + dt.timedelta(days=1))
        identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        own = x509.SubjectKeyIdentifier.from_public_key(key)
        for extension, critical in [*extensions, (identifier, False), (own, False)]:
            builder = builder.add_extension(extension, critical=critical)
        return builder.sign(self._key, hashes.SHA256())


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"), "ours")


@pytest.fixture
def secure(authority: Authority) -> Iterator[Misbehaving]:
    with wrong.misbehaving(authority.server("127.0.0.1")) as running:
        running.scripts["ruleset"] = [good(DATA)]
        yield running


def transport(url: str, ca_file: Path | str | None = None, timeout: float = 5.0) -> Transport:
    return Transport(Options(url=url, token=TOKEN, ca_file=None if ca_file is None else str(ca_file), timeout=timeout))


def why(asking: Transport) -> str:
    with pytest.raises(TransportFailed) as caught:
        asking.ruleset(None)
    return caught.value.why


def test_tls__with_an_authority_that_was_named__is_spoken(secure: Misbehaving, authority: Authority) -> None:
    assert transport(secure.url, authority.file).ruleset(None).body == msgspec.json.encode(DATA)


def test_tls__streams_events(secure: Misbehaving, authority: Authority) -> None:
    secure.scripts["stream"] = [wrong.streamed(wrong.event("delta", b"{}", "2-b"), then=wrong.end_of_stream)]
    with transport(secure.url, authority.file).stream("1-a") as events:
        assert [event.id for event in events] == ["2-b"]


def test_tls__with_an_authority_that_nobody_named__is_refused_before_the_token_is_sent(secure: Misbehaving) -> None:
    told = why(transport(secure.url))

    assert [told, secure.requests] == [
        "the server's certificate was not accepted: unable to get local issuer certificate",
        [],
    ]


def test_tls__with_a_certificate_of_another_name__is_refused(authority: Authority) -> None:
    with wrong.misbehaving(authority.server("127.0.0.2")) as server:
        told = why(transport(server.url, authority.file))

    assert told == (
        "the server's certificate was not accepted: IP address mismatch, certificate is not valid for '127.0.0.1'."
    )


def test_tls__with_a_server_that_speaks_none__is_refused() -> None:
    with wrong.misbehaving() as server:
        told = why(transport(server.url.replace("http", "https")))

    assert told.startswith("TLS with the server failed: ")


@pytest.mark.parametrize("content", [None, "no certificate"], ids=["missing", "garbage"])
def test_tls__with_a_file_of_authorities_that_is_none__fails_and_says_why(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content)

    assert why(transport("https://127.0.0.1:1", file)) in {
        "no answer from the server: No such file or directory",
        "TLS with the server failed: NO_CERTIFICATE_OR_CRL_FOUND",
    }


@contextmanager
def silent() -> Iterator[tuple[str, threading.Event]]:
    """A listener that takes a connection, and says no word of TLS."""
    taken = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            with suppress(OSError), listener.accept()[0] as sock:
                taken.set()
                while sock.recv(1024):
                    pass

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield f"https://127.0.0.1:{listener.getsockname()[1]}", taken
    thread.join(60.0)


def test_tls__with_a_server_that_hangs_in_the_handshake__fails_in_time() -> None:
    with silent() as (url, _):
        assert why(transport(url, timeout=0.1)) == "the server did not answer in time"


def test_close__in_the_midst_of_a_handshake__ends_it() -> None:
    with silent() as (url, taken):
        asking = transport(url, timeout=60.0)
        told: list[str] = []
        thread = threading.Thread(target=lambda: told.append(why(asking)))
        thread.start()
        taken.wait(60.0)
        while not asking._reading._sockets:
            pass
        asking.close()
        thread.join(60.0)

    assert told == ["the client was closed"]


def test_close__in_the_midst_of_a_stream_over_tls__ends_it(secure: Misbehaving, authority: Authority) -> None:
    secure.scripts["stream"] = [wrong.streamed(wrong.HEARTBEAT)]
    asking = transport(secure.url, authority.file)

    def follow() -> None:
        with asking.stream("1-a") as events:
            for _ in events:
                threading.Timer(0.05, asking.close).start()

    with pytest.raises(TransportFailed, match="the client was closed"):
        follow()


class Tunnel:
    """A proxy: notes the heads of requests; forwards CONNECT to where it says, and answers others with a ruleset."""

    def __init__(self, answer: bytes = b"HTTP/1.1 200 OK\r\n\r\n") -> None:
        self.heads: list[str] = []
        self._answer = answer
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                sock, _ = self._listener.accept()
                with sock:
                    self._serve(sock)

    def _serve(self, sock: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            head += sock.recv(1)
        self.heads.append(head.decode())
        method, target, _ = self.heads[-1].split(" ", 2)
        if method != "CONNECT":
            wrong.good(DATA)(wrong.Wire(sock, threading.Event()), wrong.Request(method, target, {}))
            return
        sock.sendall(self._answer)
        if b" 200 " not in self._answer:
            return
        host, port = target.split(":")
        with socket.create_connection((host, int(port))) as other:
            back = threading.Thread(target=_copy, args=(other, sock), daemon=True)
            back.start()
            _copy(sock, other)
            back.join(60.0)


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def tunnel() -> Iterator[Tunnel]:
    running = Tunnel()
    yield running
    running.close()


def test_proxy__for_https__is_asked_for_a_tunnel_and_never_sees_the_token(
    secure: Misbehaving, authority: Authority, tunnel: Tunnel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://us%40er:pass@{tunnel.address}")
    fetched = transport(secure.url, authority.file).ruleset(None)
    heads = "".join(tunnel.heads)

    assert [
        fetched.body == msgspec.json.encode(DATA), heads.partition(" HTTP")[0], TOKEN in heads,
        "Proxy-Authorization: Basic dXNAZXI6cGFzcw==" in heads, secure.requests[0].headers["authorization"],
    ] == [True, f"CONNECT 127.0.0.1:{secure.port}", False, True, f"Bearer {TOKEN}"]  # fmt: skip


def test_proxy__for_http__is_asked_for_the_whole_address(tunnel: Tunnel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", tunnel.address)
    fetched = transport("http://flags.internal:8080/flags").ruleset(None)

    assert [fetched.body == msgspec.json.encode(DATA), tunnel.heads[0].split("\r\n")[:2]] == [
        True,
        ["GET http://flags.internal:8080/flags/sdk/v1/ruleset HTTP/1.1", "Host: flags.internal:8080"],
    ]


@pytest.mark.parametrize("host", ["127.0.0.1", "*", ".0.0.1"])
def test_proxy__for_what_needs_none__is_left_out(
    secure: Misbehaving, authority: Authority, tunnel: Tunnel, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://{tunnel.address}")
    monkeypatch.setenv("NO_PROXY", host)
    transport(secure.url, authority.file).ruleset(None)

    assert tunnel.heads == []


def test_proxy__that_refuses__is_told_without_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    tunnel = Tunnel(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
    monkeypatch.setenv("HTTPS_PROXY", f"http://user:secret@{tunnel.address}")
    told = why(transport("https://flags.internal"))
    tunnel.close()

    assert told == "no answer from the server: Tunnel connection failed: 407 Proxy Authentication Required"


@pytest.mark.parametrize("proxy", ["socks5://user:secret@127.0.0.1:1", "http://", "https://user:secret@127.0.0.1:1"])
def test_proxy__of_a_kind_that_is_not_spoken__fails_and_says_why(monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    monkeypatch.setenv("HTTP_PROXY", proxy)

    assert why(transport("http://flags.internal")) == "the proxy in the environment is no http address"


PLACES = {
    "http://a": (Place(tls=False, host="a", port=80, prefix=""), "http://a"),
    "https://a/": (Place(tls=True, host="a", port=443, prefix=""), "https://a"),
    "https://u:p@a:8443/x/y/?q#f": (Place(tls=True, host="a", port=8443, prefix="/x/y"), "https://a:8443"),
    "http://[::1]:8080": (Place(tls=False, host="::1", port=8080, prefix=""), "http://[::1]:8080"),
}


@pytest.mark.parametrize(("url", "place", "origin"), [(url, *told) for url, told in PLACES.items()], ids=PLACES)
def test_place__of_a_url__is_where_it_leads(url: str, place: Place, origin: str) -> None:
    assert [place_of(url), place_of(url).origin] == [place, origin]


@pytest.mark.parametrize("url", ["", "ftp://a", "http://", "http://a:99999", "http:///path"])
def test_place__of_what_is_no_url__is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"http address|out of range"):
        place_of(url)


def test_proxy__without_a_port__listens_where_http_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "proxy.internal")

    assert place_of("http://a").proxy() == Proxy("proxy.internal", 80, {})


def test_patience__for_the_whole__ends_however_often_a_byte_comes() -> None:
    now = [0.0]
    patience = Patience(lambda: now[0], step=2.0, whole=5.0)
    left = []
    for now[0] in (0.0, 1.9, 3.8):
        left.append(patience.left())
    now[0] = 5.0

    assert [round(seconds, 9) for seconds in left] == [2.0, 2.0, 1.2]
    with pytest.raises(TimeoutError):
        patience.left()


def test_connections__that_were_cut__take_no_more() -> None:
    connections = Connections()
    connections.hang_up()
    with socket.socket() as sock, pytest.raises(ConnectionAbortedError):
        connections.add(sock)


def test_connection__to_a_name_with_several_addresses__takes_the_first_that_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with wrong.misbehaving() as server, socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        server.scripts["ruleset"] = [good(DATA)]
        addresses = [
            (socket.AF_INET, socket.SOCK_STREAM, 0, "", closed.getsockname()),
            (socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", server.port)),
        ]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: addresses)

        assert transport("http://flags.internal").ruleset(None).body == msgspec.json.encode(DATA)
