"""Shares of variants over time as text: a row of blocks for each variant, as high as its share."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from math import ceil

from flagtrail.analysis.rollout import Step

_BLOCKS = " ▁▂▃▄▅▆▇█"
_WHOLE = 100.0


def step_chart(steps: Sequence[Step], *, end: str, width: int) -> list[str]:
    """The lines of a chart of so many columns from the first step up to `end`, a stamp.

    A column shows what was served at its end; the line below has a mark in each column in which a step begins.
    Nothing is shown as full that is not all, nor as empty that is not nothing.
    """
    variants = list(dict.fromkeys(portion.variant or "-" for step in steps for portion in step.portions))
    if not variants:
        return []
    starts = [_seconds(step.start) for step in steps]
    first, last = starts[0], max(_seconds(end), starts[0] + 1)
    ends = [first + (last - first) * (column + 1) / width for column in range(width)]
    shown = [max(index for index, start in enumerate(starts) if start <= at) for at in ends]
    label = max(map(len, variants))
    rows = [
        f"{variant:<{label}}  {''.join(_block(steps[index], variant) for index in shown)}".rstrip()
        for variant in sorted(variants, key=lambda each: each != "on")
    ]
    begun = {min(int((start - first) / (last - first) * width), width - 1) for start in starts}
    marks = "".join("^" if column in begun else " " for column in range(width))
    indent = " " * (label + 2)
    return [*rows, f"{indent}{marks}".rstrip(), f"{indent}{_axis(steps[0].start, end, width)}".rstrip()]


def _block(step: Step, variant: str) -> str:
    percent = next((each.percent for each in step.portions if (each.variant or "-") == variant), 0.0)
    if percent in {0.0, _WHOLE}:
        return _BLOCKS[0 if percent == 0 else -1]
    return _BLOCKS[min(max(ceil(percent / _WHOLE * 8), 1), 7)]


def _axis(start: str, end: str, width: int) -> str:
    """The days at both ends and in the middle, where there is room."""
    first, last = start[:10], end[:10]
    if width < len(first) * 4:
        return first
    middle = datetime.fromtimestamp((_seconds(start) + _seconds(end)) / 2, tz=UTC)
    return f"{first.ljust(width // 2 - 5)}{middle:%Y-%m-%d}".ljust(width - len(last)) + last


def _seconds(stamp: str) -> float:
    return datetime.fromisoformat(stamp).timestamp()
