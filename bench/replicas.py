"""OFREP bulk answers of 200 flags per second, by one replica and by two on the same PostgreSQL.

    python -m bench.production replicas

Each replica has a core of its own, and a load generator that shares it: with as many cores as replicas the generators
take the same share of both sides, so the ratio is what a second replica adds.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from bench import stores
from bench.load import Load, drive, in_turn, on_core, tell
from bench.server import BULK, NEW_BODY, furnish
from tests.support.server import running_server


def run(seconds: float) -> None:
    """Print the rates and their ratio."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(stores.open_folder()))
        database = stack.enter_context(stores.postgres(folder)).new_database("served")
        settings: dict[str, Any] = {"database": database, "key_file": str(folder / "key"), "log_level": "warning"}
        servers = []
        for core in range(2):
            own = folder / str(core)
            own.mkdir()
            with on_core(core):
                servers.append(
                    stack.enter_context(running_server(own, fresh=True, usage_flush_seconds="10", **settings))
                )
        token = furnish(servers[0])
        load = Load(
            "POST", BULK, (NEW_BODY,), {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}, 16
        )

        def at(core: int) -> float:
            with on_core(core):
                return drive(servers[core].url, load, seconds)

        def rate(count: int) -> float:
            with ThreadPoolExecutor(count) as pool:
                return sum(pool.map(at, range(count)))

        rate(2)
        rounds = in_turn(partial(rate, 2), partial(rate, 1))
        tell("OFREP bulk of 200, two replicas", rounds, "one replica", 1.7)
