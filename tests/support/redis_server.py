"""A real Redis (or Valkey) on a free port, which can be killed, hung, and started again on the same port."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, RedisError
from redis.retry import Retry
from tests.support.server import free_port

START_SECONDS = 60.0


def redis_program() -> str | None:
    """What serves Redis on this machine, if anything: what REDIS_PROGRAM names, else what is installed."""
    named = os.environ.get("REDIS_PROGRAM")
    if named:
        return shutil.which(named)
    return shutil.which("redis-server") or shutil.which("valkey-server")


class RunningRedis:
    """One Redis process without persistence; `options` are of its command line."""

    def __init__(self, folder: Path, options: Sequence[str] = ()) -> None:
        self.port = free_port()
        self._folder = folder
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start, and wait until it accepts connections."""
        program = redis_program()
        assert program is not None
        usual = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        command = [program, *usual, "--dir", str(self._folder), *self._options]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            assert time.monotonic() < deadline, "Redis did not start"
            threading.Event().wait(0.01)

    def _answers(self) -> bool:
        """Whether it answers; a refusal (no credential) is an answer, too."""
        with Redis(port=self.port, retry=Retry(NoBackoff(), 0), socket_timeout=1.0) as client:
            try:
                client.ping()
            except AuthenticationError:
                return True
            except RedisError:
                return False
            return True

    def signal(self, number: signal.Signals) -> None:
        """Send the process a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        """End it as a crash would; it may hang just now."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def hang(self) -> None:
        """Keep its connections open and answer nothing."""
        self.signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Answer again."""
        self.signal(signal.SIGCONT)


@contextmanager
def running_redis(folder: Path, *options: str) -> Iterator[RunningRedis]:
    """A Redis that runs until the block ends; where there is none the test is skipped."""
    if redis_program() is None:
        pytest.skip("there is no redis-server: make redis")
    server = RunningRedis(folder, options)
    server.start()
    try:
        yield server
    finally:
        server.kill()
