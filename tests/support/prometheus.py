"""A real Prometheus on a free port, with the past that a test gives it (`promtool tsdb create-blocks-from`)."""

from __future__ import annotations

import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
from tests.support.server import free_port

START_SECONDS = 60.0


def prometheus_program() -> str | None:
    """What serves Prometheus on this machine, if anything."""
    return shutil.which("prometheus")


class RunningPrometheus:
    """One Prometheus process that scrapes nothing."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def remember(self, samples: Iterable[tuple[str, float, float]]) -> None:
        """Write its past, before it is started: (series as PromQL names it, Unix seconds, value)."""
        lines = [f"{series} {value} {at}" for series, at, value in sorted(samples)]
        names = {line.partition("{")[0].partition(" ")[0] for line in lines}
        told = "".join(
            f"# TYPE {name} gauge\n"
            + "".join(f"{line}\n" for line in lines if line.partition("{")[0].partition(" ")[0] == name)
            for name in sorted(names)
        )
        source = self._folder / "past.om"
        source.write_text(f"{told}# EOF\n")
        command = ["promtool", "tsdb", "create-blocks-from", "openmetrics", str(source), str(self._folder / "data")]
        subprocess.run(command, check=True, capture_output=True)

    def start(self) -> None:
        """Start, and wait until it is ready."""
        program = prometheus_program()
        assert program is not None
        config = self._folder / "prometheus.yml"
        config.write_text("global: {scrape_interval: 1m}\n")
        command = [
            program,
            f"--config.file={config}",
            f"--storage.tsdb.path={self._folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{self.port}",
            "--storage.tsdb.retention.time=10y",
            "--log.level=error",
        ]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + START_SECONDS
        while not self._ready():
            assert time.monotonic() < deadline, "Prometheus did not start"
            threading.Event().wait(0.05)

    def _ready(self) -> bool:
        try:
            return httpx2.get(f"{self.url}/-/ready", timeout=2.0).is_success
        except httpx2.HTTPError:
            return False

    def signal(self, number: signal.Signals) -> None:
        """Send the process a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    def stop(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@contextmanager
def running_prometheus(folder: Path, samples: Iterable[tuple[str, float, float]]) -> Iterator[RunningPrometheus]:
    """A Prometheus that knows these samples."""
    running = RunningPrometheus(folder)
    running.remember(samples)
    running.start()
    try:
        yield running
    finally:
        running.stop()
