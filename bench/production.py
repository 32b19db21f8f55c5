"""The figures of a server in production: PostgreSQL, many entries, replicas, streams; all, or those that are named.

    python -m bench.production [changes] [log] [replicas] [propagation] [footprint]

See bench/README.md for what each measures, and how long it takes.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench import footprint, log, postgres, propagation, replicas


def main() -> None:
    """Run the parts, each with its time."""
    arguments = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    arguments.add_argument("parts", nargs="*", metavar="PART")
    arguments.add_argument("--seconds", type=float, default=2.0, help="of each measurement")
    arguments.add_argument("--entries", type=int, default=1_000_000, help="in the log")
    arguments.add_argument("--asked", type=int, default=200, help="how often each question of the log is asked")
    arguments.add_argument("--made", type=int, default=150, help="changes of which the propagation is measured")
    arguments.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "flagtrail-bench")
    chosen = arguments.parse_args()
    parts: dict[str, Callable[[], None]] = {
        "changes": lambda: postgres.run(chosen.seconds),
        "log": lambda: log.run(chosen.folder, chosen.entries, chosen.asked),
        "replicas": lambda: replicas.run(chosen.seconds),
        "propagation": lambda: propagation.replicas(chosen.made, ("postgresql",)),
        "footprint": lambda: footprint.run(chosen.seconds),
    }
    unknown = set(chosen.parts) - parts.keys()
    if unknown:
        arguments.error(f"no part is called {min(unknown)}; there are {', '.join(parts)}")
    chosen.folder.mkdir(parents=True, exist_ok=True)
    for name in chosen.parts or parts:
        began = time.perf_counter()
        parts[name]()
        print(f"-- {name} took {time.perf_counter() - began:.0f} s\n", flush=True)


if __name__ == "__main__":
    main()
