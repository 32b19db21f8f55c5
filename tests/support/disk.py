"""A small disk of one's own that can be full: a tmpfs mount, where these tests may mount one."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

LEFT_BYTES = 128 * 1024
"""What is left when it is filled: some changes find room, and then none."""


class Disk:
    """A mounted disk of so many megabytes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"

    def fill(self) -> None:
        """Use up all but `LEFT_BYTES`, among writers who take of it meanwhile."""
        with self._ballast.open("wb") as ballast:
            while True:
                free = os.statvfs(self.folder)
                size = max(free.f_bavail * free.f_frsize - LEFT_BYTES, 0)
                try:
                    os.posix_fallocate(ballast.fileno(), 0, max(size, 1))
                except OSError as error:
                    if error.errno != errno.ENOSPC or size == 0:
                        raise
                else:
                    return

    def free(self) -> None:
        """Give it back."""
        self._ballast.unlink()


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Disk]:
    """A disk mounted in a new folder of this one; the test is skipped where that is not allowed."""
    place = folder / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0755", "tmpfs", str(place)]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"a disk can be mounted by root alone: {mounted.stderr.strip()}")
    try:
        yield Disk(place)
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)
