"""Units of work that a store's writer finds waiting together, so that they share a commit."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from flagtrail.storage import Storage, Transaction

Outcomes = dict[str, type[BaseException] | None]


def in_one_commit(storage: Storage, works: Mapping[str, Callable[[Transaction], object]]) -> Outcomes:
    """Have these units of work wait until the writer takes all of them at once; what each came to, by name.

    A store without a writer runs them one after the other.
    """
    outcomes: Outcomes = {}
    entered, queued = threading.Event(), threading.Event()
    writer: Any = getattr(storage, "_writer", None)

    def hold(transaction: Transaction) -> None:
        del transaction
        entered.set()
        queued.wait(60)

    def run(name: str, work: Callable[[Transaction], object]) -> None:
        try:
            storage.write(work)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told
            outcomes[name] = type(error)
        else:
            outcomes[name] = None

    holding = threading.Thread(target=storage.write, args=(hold,))
    holding.start()
    entered.wait(60)
    if writer is None:
        queued.set()
    threads = [holding]
    for item in works.items():
        threads.append(threading.Thread(target=run, args=item))
        threads[-1].start()
        if writer is None:
            threads[-1].join()
        while writer is not None and writer._thread._queue.qsize() < len(threads) - 1:
            pass
    queued.set()
    for thread in threads:
        thread.join()
    return outcomes
