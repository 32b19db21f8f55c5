"""Being called when a process ends, also one that was forked and leaves without the interpreter's own end."""

from __future__ import annotations

import atexit
import sys
from collections.abc import Callable
from typing import Any

FORKING = ("multiprocessing.util", "billiard.util")
"""What runs functions in worker processes: the standard library's, and Celery's. Both end them by `os._exit`."""
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
        for name in FORKING:
            util = sys.modules.get(name)
            if util is not None:
                util.register_after_fork(self, Ending._join)

    def _join(self) -> None:
        for name in FORKING:
            util = sys.modules.get(name)
            if util is not None:
                self._finalizers.append(util.Finalize(None, self._act, exitpriority=PRIORITY))

    def cancel(self) -> None:
        """Call it no more."""
        atexit.unregister(self._act)
        for finalizer in self._finalizers:
            finalizer.cancel()
