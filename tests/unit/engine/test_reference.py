"""docs/reference/evaluation.md names every reason, error code and strategy that an evaluation can give."""

from __future__ import annotations

from pathlib import Path

import pytest

from flagtrail.engine.bucketing import STRATEGIES
from flagtrail.model.resolution import ErrorCode, Reason

REFERENCE = Path(__file__).parents[3] / "docs" / "reference" / "evaluation.md"
ELSEWHERE = {Reason.CACHED, Reason.STALE, Reason.UNKNOWN, ErrorCode.TYPE_MISMATCH, ErrorCode.PROVIDER_NOT_READY}
"""What a provider around the engine may say, and the engine never does."""


@pytest.mark.parametrize("word", [*Reason, *ErrorCode])
def test_reference__reason_and_error_code__is_described_where_the_engine_gives_it(word: Reason | ErrorCode) -> None:
    assert (f"`{word.value}`" in REFERENCE.read_text()) is (word not in ELSEWHERE)


@pytest.mark.parametrize("name", STRATEGIES)
def test_reference__strategy__is_described(name: str) -> None:
    assert f"| `{name}` | `" in REFERENCE.read_text()
