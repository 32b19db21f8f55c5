"""A client's threads: what fetches, follows and reports, made, started and stopped together.

All that they need is imported with this module, before any of them runs.
"""

from __future__ import annotations

import encodings.idna  # noqa: F401 - the socket module reads names of hosts with it, and would import it late
import threading

from flagtrail.sdk.options import Options
from flagtrail.sdk.report import Reporter
from flagtrail.sdk.sample import Sampler
from flagtrail.sdk.served import Served
from flagtrail.sdk.sync import Synchronizer
from flagtrail.sdk.transport import Transport
from flagtrail.sdk.usage import Tallies


class Workers:
    """One process's work for a client. A forked child makes its own."""

    def __init__(self, options: Options, served: Served, tallies: Tallies | None, sampler: Sampler | None) -> None:
        self._transport = Transport(options)
        self._synchronizer = Synchronizer(options, served, self._transport)
        self._reporter: Reporter | None = None
        if tallies is not None:
            self._reporter = Reporter(options, tallies, self._transport, sampler)
        self._turning = threading.RLock()
        """Held while they are started or stopped; again by a handler, or a signal's, that stops what just starts."""

    def start(self) -> None:
        """Start the threads; not after `stop`."""
        with self._turning:
            self._synchronizer.start()
            if self._reporter is not None:
                self._reporter.start()

    def stop(self) -> None:
        """Stop them; what was counted is reported first, for two seconds at most."""
        with self._turning:
            self._synchronizer.stop()
            if self._reporter is not None:
                self._reporter.stop(flush=True)
            self._transport.close()
