"""Being called when a process ends, also a worker of multiprocessing, which leaves by `os._exit`."""

from __future__ import annotations

import atexit
import sys
from collections.abc import Callable
from typing import Any

PRIORITY = 0
"""The least at which a finalizer runs before a worker's own children are waited for."""


class Ending:
    """Calls `act` once or more when this process ends, unless cancelled.

    Made in a child before its worker has begun, it is heard all the same: a
    worker forgets what its parent wanted to be called for, and then asks anew.
    """

    def __init__(self, act: Callable[[], object]) -> None:
        self._act = act
        self._finalizers: list[Any] = []
        atexit.register(act)
        self._join()
        if (util := _multiprocessing()) is not None:
            util.register_after_fork(self, Ending._join)

    def _join(self) -> None:
        if (util := _multiprocessing()) is not None:
            self._finalizers.append(util.Finalize(None, self._act, exitpriority=PRIORITY))

    def cancel(self) -> None:
        """Call it no more."""
        atexit.unregister(self._act)
        for finalizer in self._finalizers:
            finalizer.cancel()


def _multiprocessing() -> Any:  # noqa: ANN401 - a module
    """What ends the workers of multiprocessing; None where nobody loaded it, so that there are none."""
    return sys.modules.get("multiprocessing.util")
