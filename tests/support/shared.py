"""The folder of real data and public vectors beside the project; never part of it."""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED = Path(__file__).parents[3] / "shared"


def shared(path: str) -> Path:
    """A file or folder of the shared data; skips the test plainly where it is absent."""
    found = SHARED / path
    if not found.exists():
        pytest.skip(f"shared data is not beside the project: {path}")
    return found
