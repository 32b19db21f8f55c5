"""Redis as companies run it: with a user that may do little, with TLS, behind a Sentinel."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from redis import Redis
from tests.contract.bus.conftest import End, linked
from tests.support.redis_server import redis_program, running_redis
from tests.support.server import free_port

from flagtrail.bus import BusLost

# As docs/reference/settings.md tells it.
GRANTS = (
    "on >s3cret resetchannels &flagtrail/* resetkeys ~flagtrail/* -@all +publish +subscribe +unsubscribe +ping +hello"
    " +client|setname +eval +time +del +expire +hget +hset +hincrby +hgetall +zadd +zrangebyscore +zrem"
    " +set +incrby +pttl +exists +rename"
)

pytestmark = pytest.mark.skipif(redis_program() is None, reason="there is no redis-server: make redis")


def works(url: str) -> bool:
    """Whether one end of the bus hears the other, and shares with it."""
    first, second = (End(url, "one") for _ in range(2))
    try:
        return linked(first, [second]) and shares(first, second)
    finally:  # before Redis stops: its library loses the socket of a TLS handshake that is cut off
        first.bus.close()
        second.bus.close()


def shares(first: End, second: End) -> bool:
    """Whether every call of what is shared works, from one end to the other."""
    here, there = first.bus.shared, second.bus.shared
    assert here is not None
    assert there is not None
    here.copy("usage-1", {"a": 1}, after="", step="s1")
    here.copy("usage-1", {"a": 2}, after="s1", step="s2")
    names = list(there.copies(0.0))
    found = there.take("usage-1")
    there.forget("usage-1")
    sums = [each.add({"a": 1}, seconds=60)["a"].total for each in (here, there)]
    return (found, names, here.take("usage-1"), sums) == ({"a": 3}, ["usage-1"], {}, [1, 2])


def test_bus__as_a_user_with_no_more_than_the_documented_grants__works(tmp_path: Path) -> None:
    with running_redis(tmp_path) as server:
        with Redis.from_url(server.url) as admin:
            admin.execute_command("ACL", "SETUSER", "flagtrail", *GRANTS.split())
            admin.execute_command("ACL", "SETUSER", "default", "off")
        worked = works(f"redis://flagtrail:s3cret@127.0.0.1:{server.port}")

    assert worked


def test_bus__as_a_user_with_the_grants_of_before__is_heard_and_says_that_nothing_is_shared(tmp_path: Path) -> None:
    earlier = GRANTS.partition(" resetkeys")[0] + " -@all +publish +subscribe +unsubscribe +ping +hello +client|setname"
    with running_redis(tmp_path) as server:
        with Redis.from_url(server.url) as admin:
            admin.execute_command("ACL", "SETUSER", "flagtrail", *earlier.split())
        first, second = (End(f"redis://flagtrail:s3cret@127.0.0.1:{server.port}", "one") for _ in range(2))
        heard = linked(first, [second])
        assert first.bus.shared is not None
        with pytest.raises(BusLost, match="NoPermissionError"):
            first.bus.shared.add({"a": 1}, seconds=60)
        for end in (first, second):
            end.bus.close()

    assert heard


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate of this machine, signed by itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = (folder / "redis.crt", folder / "redis.pem")
    paths[0].write_bytes(made.public_bytes(Encoding.PEM))
    paths[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return paths


def test_bus__over_tls__works_for_whom_the_certificate_convinces(tmp_path: Path) -> None:
    public, private = certificate(tmp_path)
    port = free_port()
    tls = ("--tls-port", str(port), "--tls-cert-file", str(public), "--tls-key-file", str(private))
    with running_redis(tmp_path, *tls, "--tls-ca-cert-file", str(public), "--tls-auth-clients", "no"):
        worked = works(f"rediss://127.0.0.1:{port}?ssl_ca_certs={public}")

    assert worked


@pytest.fixture
def sentinel(tmp_path: Path) -> Iterator[str]:
    """The address of a Sentinel that watches a master."""
    program, port = redis_program(), free_port()
    assert program is not None
    configuration = tmp_path / "sentinel.conf"
    with running_redis(tmp_path) as master:
        configuration.write_text(f"port {port}\nbind 127.0.0.1\nsentinel monitor main 127.0.0.1 {master.port} 1\n")
        process = subprocess.Popen([program, str(configuration), "--sentinel"], stdout=subprocess.DEVNULL)
        yield f"redis+sentinel://127.0.0.1:{port}/main"
        process.kill()
        process.wait()


def test_bus__by_a_sentinel__works_at_the_master_that_it_names(sentinel: str) -> None:
    assert works(sentinel)
