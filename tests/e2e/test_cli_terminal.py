"""What people see in a terminal of 80 columns."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest
from tests.support.command_line import flagtrail_in

WIDTH = 80
COLOURS = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")
LONG_KEY = "recommendation_service_cache_failure_rate_2026"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("terminal")
    words = "a description that is much longer than any line of any terminal that anybody has in front of them, really"
    assert flagtrail_in(folder, "flags", "create", LONG_KEY, "--description", words, "--owner", "data").code == 0
    assert flagtrail_in(folder, "enable", LONG_KEY, "--why", words).code == 0
    return folder


def seen(folder: Path, *arguments: str) -> str:
    """What a terminal shows, with its control codes."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, WIDTH, 0, 0))
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("FLAGTRAIL_", "COLUMNS"))}
    environ |= {"TERM": "xterm-256color"}
    with subprocess.Popen(
        [sys.executable, "-m", "flagtrail", *arguments], cwd=folder, env=environ, stdout=theirs, stderr=theirs
    ) as process:
        os.close(theirs)
        content = b""
        while True:
            try:
                part = os.read(ours, 65_536)
            except OSError:  # Linux: the other side was closed
                break
            if not part:
                break
            content += part
    os.close(ours)
    assert process.returncode == 0
    return content.decode()


@pytest.mark.parametrize(
    "line",
    [
        "flags list",
        f"flags show {LONG_KEY}",
        "log",
        "show 7",
        f"history {LONG_KEY}",
        f"exposure {LONG_KEY}",
        "stale",
        "stale thresholds",
        "stale health",
        "dashboard",
        "members list",
        "--help",
        "log --help",
    ],
)
def test_terminal__eighty_columns__no_line_is_longer_and_no_key_is_cut(folder: Path, line: str) -> None:
    shown = COLOURS.sub("", seen(folder, *line.split()))
    assert [row for row in shown.splitlines() if len(row.rstrip()) > WIDTH] == []
    assert LONG_KEY[:12] not in shown or LONG_KEY in shown


def test_terminal__colours__are_shown(folder: Path) -> None:
    assert COLOURS.search(seen(folder, "log")) is not None


def test_terminal__progress__is_gone_when_the_work_is_done(folder: Path) -> None:
    shown = seen(folder, "export", "--out", "audit")
    assert "Exporting" in shown
    assert "\x1b[2K" in shown
