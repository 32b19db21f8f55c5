"""How long an SDK takes from its document to ready, and what that costs in memory: in a process of its own."""

from __future__ import annotations

import gc
import importlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast

from bench.peers import Peer
from bench.peers.workloads import contexts, flags

_STATM = Path("/proc/self/statm")
_PAGE = 4096


@dataclass(frozen=True, slots=True)
class Loaded:
    """Milliseconds to ready, and for the first evaluation of all flags one by one; megabytes for both together."""

    ready: float
    first: float
    megabytes: float


def peer(name: str) -> Peer:
    """The adapter of that name. Raises ImportError where its SDK is not installed."""
    return cast("Peer", importlib.import_module(f"bench.peers.{name}"))


def load(names: Sequence[str], count: int, repeats: int) -> dict[str, Loaded]:
    """Each of the SDKs with `count` flags; the best of several processes, the SDKs in turn."""
    specs = flags(count)
    found: dict[str, list[Loaded]] = {name: [] for name in names}
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            (Path(folder) / name).write_bytes(peer(name).document(specs))
        for _ in range(repeats):
            for name in names:
                found[name].append(_in_a_process(name, Path(folder) / name, count))
    return {
        name: Loaded(*(min(values) for values in zip(*(asdict(one).values() for one in some), strict=True)))
        for name, some in found.items()
    }


def _in_a_process(name: str, document: Path, count: int) -> Loaded:
    command = [sys.executable, "-m", "bench.peers.loading", name, str(document), str(count)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    return Loaded(**json.loads(done.stdout.splitlines()[-1]))


def _here(name: str, path: Path, count: int) -> Loaded:
    """In this process, which has done nothing else: no memory that was freed before can hide what is taken."""
    module, document = peer(name), path.read_bytes()
    asked = contexts(1)[0]
    keys = [f"flag-{number:04}" for number in range(count)]
    gc.collect()
    before = _resident()
    started = time.perf_counter()
    engine = module.load(document)
    ready = time.perf_counter()
    made = [engine.context(asked)]
    for key in keys:
        engine.booleans(key, made)
    first = time.perf_counter()
    gc.collect()
    return Loaded((ready - started) * 1e3, (first - ready) * 1e3, (_resident() - before) / 1e6)


def _resident() -> int:
    """Bytes of memory that this process holds; 0 where the system does not tell."""
    return int(_STATM.read_text().split()[1]) * _PAGE if _STATM.exists() else 0


if __name__ == "__main__":
    print(json.dumps(asdict(_here(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])))), flush=True)
