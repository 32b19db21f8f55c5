"""JavaScript: as TypeScript's corpus is run, but only unknown and unused names count as errors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tests.support.corpus import Job, Ran
from tests.support.corpus.typescript import MISSING, driven

__all__ = ["MISSING", "run"]


def run(jobs: Sequence[Job], folder: Path) -> dict[str, Ran]:
    return driven("javascript", jobs, folder)
