"""How long the offline verifier takes for an export, beside the bare time of hashing the same bytes.

`python -m bench.verify [--entries N]` writes an export of N entries (1,000,000 unless said otherwise) to a
temporary folder, then prints for the plain and the deep check: seconds, and the ratio to two limits of the same run:
`digest`, hashlib over the files in large blocks, and `limit`, that and one hash per leaf and per node in a bare loop,
which is what no verifier in Python can do without.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from flagtrail.ledger import merkle
from flagtrail.ledger.checkpoint import note_text, sign_note, verifier_key
from flagtrail.ledger.export import Export
from flagtrail.ledger.seal import seal
from flagtrail.ledger.verify import verify_bundle
from flagtrail.model.actor import Actor
from flagtrail.model.entry import Entry, Group, Source
from flagtrail.model.subject import targeting_subject

ORIGIN = "flags.example.com/audit/bench"
FLAGS = 200


@dataclass(frozen=True)
class Kept:
    """A disclosure as storage keeps it."""

    seq: int
    name: str
    salt: bytes
    value: bytes


def entry(seq: int) -> Entry:
    number, turn = seq % FLAGS, seq // FLAGS
    seconds, micros = divmod(seq, 1000)
    clock = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(1_700_000_000 + seconds))
    targeting = {"enabled": turn % 2 == 0, "off_variant": "off", "fallthrough": {"variant": "on"}, "turn": turn}
    return Entry(
        seq=seq,
        id=f"0192f3a4-5b6c-7d8e-9f00-{seq:012x}",
        time=f"{clock}.{micros:06}Z",
        actor=Actor(kind="person", id="act_7f3a", name="Zoe", email="zoe@example.com", auth="session", via="web"),
        subject=targeting_subject("default", f"flag_{number}", "production"),
        version=turn + 1,
        previous=seq - FLAGS if turn else -1,
        actions=("enabled",) if turn else ("created",),
        paths=("/enabled",),
        before={**targeting, "turn": turn - 1} if turn else None,
        after=targeting,
        why="BILL-42 go live",
        ticket="BILL-42",
        group=Group(f"0192f3a4-5b6c-7d8e-9f01-{seq:012x}"),
        source=Source("web", f"r_{seq}", "1.4.0"),
    )


def write_export(folder: Path, count: int, *, disclosed: bool) -> str:
    """Seal `count` entries and lay their export down; returns the verifier key."""
    key = Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes_raw()
    frontier = merkle.EMPTY_FRONTIER
    leaves, values = folder / "leaves.tmp", folder / "values.tmp"
    with leaves.open("wb") as leaf_file, values.open("wb") as value_file:
        for seq in range(count):
            sealed = seal(entry(seq), log=ORIGIN, prev_root=frontier.root(), salt=lambda: os.urandom(16))
            frontier = frontier.append(sealed.leaf_hash)
            leaf_file.write(sealed.leaf + b"\n")
            for each in sorted(sealed.committed, key=lambda committed: committed.name) if disclosed else ():
                value_file.write(orjson.dumps([seq, each.name, each.salt.hex(), each.value.decode()]) + b"\n")
    checkpoint = sign_note(note_text(ORIGIN, count, frontier.root()), ORIGIN, public, key.sign)
    export = Export(
        lines(leaves), kept(values), checkpoint=checkpoint, low=0, high=count, public_key=public, sign=key.sign
    )
    bundle = folder / "bundle"
    bundle.mkdir()
    for name, chunks in export:
        with (bundle / name).open("wb") as written:
            written.writelines(chunks)
    return verifier_key(ORIGIN, public)


def lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        for line in stream:
            yield line[:-1]


def kept(path: Path) -> Iterator[Kept]:
    for line in lines(path):
        seq, name, salt, value = orjson.loads(line)
        yield Kept(seq, name, bytes.fromhex(salt), value.encode())


def digest(bundle: Path) -> None:
    """SHA-256 of every file, in blocks of 4 MB: the file digests alone."""
    for path in sorted(bundle.iterdir()):
        with path.open("rb") as stream:
            hashlib.file_digest(stream, "sha256")


def limit(bundle: Path) -> None:
    """The file digests, and one bare hash for each leaf and for each node."""
    digest(bundle)
    sha256 = hashlib.sha256
    count = 0
    with (bundle / "entries.jsonl").open("rb") as stream:
        for line in stream:
            sha256(line).digest()
            count += 1
    node = bytes(65)
    for _ in range(count):
        sha256(node).digest()


def timed(work: Callable[[], object], repeat: int) -> float:
    """The best of `repeat` runs, in seconds."""
    best = float("inf")
    for _ in range(repeat):
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
    return best


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--disclosed", action="store_true", help="export the values as well, about as many bytes again")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        vkey = write_export(folder, options.entries, disclosed=options.disclosed)
        bundle = folder / "bundle"
        size = sum(path.stat().st_size for path in bundle.iterdir())
        print(f"{options.entries:,} entries, {size / 1e6:,.0f} MB")
        files = timed(lambda: digest(bundle), options.repeat)
        bare = timed(lambda: limit(bundle), options.repeat)
        print(f"  digest of the files        {files:7.2f} s")
        print(f"  limit: and leaves, nodes   {bare:7.2f} s")
        for word, deep, repeat in (("verify", False, options.repeat), ("verify --deep", True, 1)):
            report = verify_bundle(bundle, [vkey], deep=deep)
            if report.status != "verified":
                print(f"  {word}: {report.text()}")
                return 1
            spent = timed(lambda deep=deep: verify_bundle(bundle, [vkey], deep=deep), repeat)  # type: ignore[misc]
            print(f"  {word:<25} {spent:8.2f} s  {spent / bare:5.2f} x limit  {spent / files:5.2f} x digest")
    return 0


if __name__ == "__main__":
    sys.exit(main())
