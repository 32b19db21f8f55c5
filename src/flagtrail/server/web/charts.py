"""Charts as SVG, made here: shapes only. Words stand beside them in HTML, so that they wrap, scale and can be read out.

Shapes are stretched to the width of the page (`preserveAspectRatio="none"`); classes colour them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Protocol

import msgspec
from markupsafe import Markup, escape

WIDTH, HEIGHT = 1_000, 100
OFF = 1
"""The place of what means "off": it stands on top of the others."""
WHOLE = 100_000
_GAP = 12
"""So many buckets without a value part a band: whoever samples every five minutes leaves most minutes empty."""


class Bar(msgspec.Struct, frozen=True):
    """One bar: its label (told on hover) and its value."""

    label: str
    value: int


class Stack(msgspec.Struct, frozen=True):
    """One bar made of parts, from below: each a class that colours it, and its value; `label` is told on hover."""

    label: str
    parts: Sequence[tuple[str, int]]


class Step(msgspec.Struct, frozen=True):
    """From `at` (a stamp) on, each variant has this weight in 1/100,000; `label` is told on hover."""

    at: str
    weights: Sequence[tuple[int, int]]
    """(the variant's place, its weight); places are colours, see `words.places`."""
    label: str
    enabled: bool = True


class Mark(msgspec.Struct, frozen=True):
    """Something that happened at a stamp: where it leads, and what is told of it."""

    at: str
    href: str
    label: str


class Band(msgspec.Struct, frozen=True):
    """An interval `[start, end)` of stamps: its share (0..1, None where it depends), and what is told on hover."""

    start: str
    end: str
    share: float | None
    label: str


class Stretch(msgspec.Struct, frozen=True):
    """An interval `[start, end)` of stamps: the class that colours it, and what is told on hover."""

    start: str
    end: str
    css: str
    label: str


def bars(values: Sequence[Bar], *, title: str) -> Markup:
    """Bars of equal width from left to right; the highest fills the height."""
    if not values:
        return Markup("")
    most = max(bar.value for bar in values) or 1
    each = WIDTH / len(values)
    shapes = []
    for index, bar in enumerate(values):
        height = max(bar.value / most * HEIGHT, 1.5) if bar.value else 1.5
        css = "bar" if bar.value else "bar none"
        shapes.append(
            f'<rect class="{css}" x="{index * each + each * 0.14:.2f}" y="{HEIGHT - height:.2f}" '
            f'width="{each * 0.72:.2f}" height="{height:.2f}" rx="2"><title>{escape(bar.label)}</title></rect>'
        )
    return _chart("bars", title, "".join(shapes))


def stacks(values: Sequence[Stack], *, title: str) -> Markup:
    """Bars of equal width, each divided into its parts; the highest fills the height. Where nothing was is nothing."""
    most = max((sum(value for _, value in stack.parts) for stack in values), default=0) or 1
    each = WIDTH / max(len(values), 1)
    shapes = []
    for index, stack in enumerate(values):
        low, parts = 0.0, []
        for css, value in stack.parts:
            height = value / most * HEIGHT
            parts.append(
                f'<rect class="{escape(css)}" x="{index * each + each * 0.1:.2f}" y="{HEIGHT - low - height:.2f}" '
                f'width="{each * 0.8:.2f}" height="{height:.2f}"/>'
            )
            low += height
        if parts:
            shapes.append(f"<g><title>{escape(stack.label)}</title>{''.join(parts)}</g>")
    return _chart("stacks", title, f'{"".join(shapes)}<path class="base" d="M0 {HEIGHT}H{WIDTH}"/>')


def share_bar(parts: Sequence[tuple[int, int]], *, title: str, off: bool = False) -> Markup:
    """One bar divided by (place of the variant, weight), as thick as a line of text."""
    shapes = []
    left = 0.0
    for place, weight in parts:
        width = weight / WHOLE * WIDTH
        gap = 4 if left else 0
        shapes.append(
            f'<rect class="v{place % 6}" x="{left + gap:.2f}" y="0" width="{max(width - gap, 0):.2f}" height="10"/>'
        )
        left += width
    css = "share-bar off" if off else "share-bar"
    return _chart(css, title, "".join(shapes), height=10)


def steps(values: Sequence[Step], *, start: str, end: str, title: str) -> Markup:
    """Shares over time, stacked, "off" on top; empty before the first step."""
    shapes = []
    for index, step in enumerate(values):
        left = _across(max(step.at, start), start, end)
        right = _across(values[index + 1].at, start, end) if index + 1 < len(values) else float(WIDTH)
        if right <= left:
            continue
        low = 0.0
        for place, weight in sorted(step.weights, key=lambda part: (part[0] == OFF, part[0])):
            height = weight / WHOLE * HEIGHT
            css = f"v{place % 6}" if step.enabled else f"v{place % 6} dim"
            shapes.append(
                f'<rect class="{css}" x="{left:.2f}" y="{HEIGHT - low - height:.2f}" width="{right - left:.2f}" '
                f'height="{height:.2f}"><title>{escape(step.label)}</title></rect>'
            )
            low += height
        if index and list(step.weights) != list(values[index - 1].weights):
            shapes.append(f'<path class="tick" d="M{left:.2f} 0V{HEIGHT}"/>')
    grid = "".join(f'<path class="grid" d="M0 {y}H{WIDTH}"/>' for y in (25, 50, 75))
    return _chart("steps", title, "".join(shapes) + grid)


def bands(values: Sequence[Band], *, start: str, end: str, title: str) -> Markup:
    """Intervals on a line: as high as their share; those that depend on more are hatched."""
    hatch = (
        '<defs><pattern id="hatch" width="9" height="9" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
        '<rect class="hatch-ground" width="9" height="9"/><path class="hatch-line" d="M0 0V9"/></pattern></defs>'
    )
    shapes = []
    for band in values:
        left, right = _across(max(band.start, start), start, end), _across(min(band.end, end), start, end)
        share = 1.0 if band.share is None else band.share
        height = max(share * 40, 2.0)
        css = "band depends" if band.share is None else "band none" if band.share == 0 else "band"
        fill = ' fill="url(#hatch)"' if band.share is None else ""
        shapes.append(
            f'<rect class="{css}"{fill} x="{left:.2f}" y="{40 - height:.2f}" width="{max(right - left, 1.5):.2f}" '
            f'height="{height:.2f}"><title>{escape(band.label)}</title></rect>'
        )
    return _chart("bands", title, hatch + "".join(shapes), height=40)


def track(stretches: Sequence[Stretch], edges: Sequence[Mark], *, start: str, end: str, title: str) -> Markup:
    """What held over time, side by side; each edge between is a link."""
    shapes = []
    for each in stretches:
        left, right = _across(max(each.start, start), start, end), _across(min(each.end, end), start, end)
        shapes.append(
            f'<rect class="{escape(each.css)}" x="{left:.2f}" y="3" width="{max(right - left, 1.5):.2f}" height="18">'
            f"<title>{escape(each.label)}</title></rect>"
        )
    for edge in edges:
        at = _across(edge.at, start, end)
        shapes.append(
            f'<a href="{escape(edge.href)}" aria-label="{escape(edge.label)}"><title>{escape(edge.label)}</title>'
            f'<rect x="{at - 7:.2f}" y="0" width="14" height="24"/><path d="M{at:.2f} 0V24"/></a>'
        )
    return _chart("track", title, "".join(shapes), height=24, role="group")


def marks(values: Sequence[Mark], *, start: str, end: str, title: str) -> Markup:
    """Small ticks on the time axis, each a link."""
    shapes = []
    for mark in values:
        at = min(max(_across(mark.at, start, end), 3.0), WIDTH - 3.0)
        shapes.append(
            f'<a href="{escape(mark.href)}" aria-label="{escape(mark.label)}"><title>{escape(mark.label)}</title>'
            f'<rect x="{at - 6:.2f}" y="0" width="12" height="14"/><path d="M{at:.2f} 2V12"/></a>'
        )
    return _chart("marks", title, "".join(shapes), height=14, role="group")


class Bucket(Protocol):
    """What stands at a moment (Unix milliseconds): a value, and the band of other days; None where nothing is known."""

    @property
    def at(self) -> int:
        """When it begins."""

    @property
    def value(self) -> float | None:
        """The day's own value."""

    @property
    def low(self) -> float | None:
        """The band's lower edge."""

    @property
    def high(self) -> float | None:
        """The band's upper edge."""


def trend(
    buckets: Sequence[Bucket], *, at: int, step: int, low: float, high: float, means: Sequence[float], title: str
) -> Markup:
    """A value over time with the band of other days behind it, a line where something changed, shaded before and after.

    `means` are of the time before and of the time after, where they are known.
    """
    if not buckets:
        return Markup("")
    start, end = buckets[0].at, buckets[-1].at + step

    def across(moment: float) -> float:
        return (moment - start) / (end - start) * WIDTH

    def up(value: float) -> float:
        return HEIGHT - (value - low) / (high - low) * HEIGHT

    line = across(at)
    shapes = [
        f'<rect class="window" x="0" y="0" width="{line:.2f}" height="{HEIGHT}"/>',
        f'<rect class="window after" x="{line:.2f}" y="0" width="{max(WIDTH - line, 0):.2f}" height="{HEIGHT}"/>',
    ]
    middle = step / 2
    for run in _runs(buckets, lambda each: each.low is not None and each.high is not None):
        there = [f"{across(each.at + middle):.2f} {up(each.high or 0.0):.2f}" for each in run]
        back = [f"{across(each.at + middle):.2f} {up(each.low or 0.0):.2f}" for each in reversed(run)]
        shapes.append(f'<path class="usual" d="M{"L".join([*there, *back])}Z"/>')
    for mean, (left, right) in zip(means, ((0.0, line), (line, float(WIDTH))), strict=False):
        shapes.append(f'<path class="mean" d="M{left:.2f} {up(mean):.2f}H{right:.2f}"/>')
    known = [each for each in buckets if each.value is not None]
    points = [f"{across(each.at + middle):.2f} {up(each.value or 0.0):.2f}" for each in known]
    if points:
        shapes.append(f'<path class="line" d="M{"L".join(points)}"/>')
    shapes.append(f'<path class="moment" d="M{line:.2f} 0V{HEIGHT}"/>')
    return _chart("trend", title, "".join(shapes))


def _runs(buckets: Sequence[Bucket], known: Callable[[Bucket], bool]) -> Iterator[list[Bucket]]:
    """Stretches of neighbours of which something is known, single ones left out; gaps of one do not part them."""
    run: list[Bucket] = []
    missed = 0
    for bucket in buckets:
        if known(bucket):
            run.append(bucket)
            missed = 0
        else:
            missed += 1
            if missed > _GAP:
                if len(run) > 1:
                    yield run
                run = []
    if len(run) > 1:
        yield run


def ticks(start: str, end: str, count: int = 5) -> list[str]:
    """Stamps at equal distances from `start` to `end`, both included: what an axis names."""
    first, last = datetime.fromisoformat(start), datetime.fromisoformat(end)
    return [(first + (last - first) * index / (count - 1)).isoformat() for index in range(count)]


def _across(stamp: str, start: str, end: str) -> float:
    first, last = datetime.fromisoformat(start).timestamp(), datetime.fromisoformat(end).timestamp()
    at = datetime.fromisoformat(stamp).timestamp()
    return 0.0 if last <= first else min(max((at - first) / (last - first), 0.0), 1.0) * WIDTH


def _chart(css: str, title: str, shapes: str, *, height: int = HEIGHT, role: str = "img") -> Markup:
    """Everything in `shapes` is made of numbers, of our own words and of what was escaped."""
    return Markup(  # noqa: S704 - see above
        f'<svg class="chart {css}" viewBox="0 0 {WIDTH} {height}" preserveAspectRatio="none" role="{role}" '
        f'aria-label="{escape(title)}">{shapes}</svg>'
    )
