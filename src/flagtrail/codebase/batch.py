"""Files one behind the other in the same memory, so that words are looked for in many of them at once."""

from __future__ import annotations

import mmap
from collections.abc import Callable, Iterable, Iterator

import msgspec

BATCH_BYTES = 256 << 10
"""Of a batch: little enough to be still in the processor's cache when they are looked at."""
ROOM_BYTES = 32 << 20
"""Of memory that is asked for at once. Of what is not filled nothing is taken."""
BETWEEN = b"\n\0\n"
"""Between two files: no word goes over it."""

Fill = Callable[[str, memoryview, int], int | str]
"""Puts a file's bytes into memory, from some byte on: how many they are; or why it has none for us. There is room for
one byte more than the largest file has.
"""


class Batch(msgspec.Struct, frozen=True):
    """Files: each is `data` from its place in `starts` up to `BETWEEN`, which stands before the next place."""

    paths: list[str]
    data: memoryview
    starts: list[int]

    @classmethod
    def of(cls, files: dict[str, bytes]) -> Batch:
        """Of files in memory."""
        starts = [0]
        for data in files.values():
            starts.append(starts[-1] + len(data) + len(BETWEEN))
        return cls(list(files), memoryview(BETWEEN.join([*files.values(), b""])), starts)

    def file(self, number: int) -> bytes:
        """One of the files."""
        return bytes(self.data[self.starts[number] : self.starts[number + 1] - len(BETWEEN)])


def filled(paths: Iterable[str], most: int, fill: Fill, skip: Callable[[str], None]) -> Iterator[Batch]:
    """The files in batches. None may have more than `most` bytes; of each that is none of ours `skip` is told why."""
    room, at = memoryview(b""), 0
    batch = Batch([], room, [0])
    for path in paths:
        begin = batch.starts[-1]
        if begin + at + most + len(BETWEEN) > len(room):
            yield from _closed(batch, room[at:])
            room, at = _room(max(ROOM_BYTES, most + len(BETWEEN))), 0
            batch, begin = Batch([], room, [0]), 0
        size = fill(path, room, at + begin)
        if isinstance(size, str):
            skip(size)
            continue
        end = begin + size + len(BETWEEN)
        room[at + end - len(BETWEEN) : at + end] = BETWEEN
        batch.paths.append(path)
        batch.starts.append(end)
        if end > BATCH_BYTES:
            yield from _closed(batch, room[at:])
            at += end
            batch = Batch([], room, [0])
    yield from _closed(batch, room[at:])


def _closed(batch: Batch, room: memoryview) -> Iterator[Batch]:
    if batch.paths:
        yield Batch(batch.paths, room[: batch.starts[-1]], batch.starts)


def _room(size: int) -> memoryview:
    """Memory in large pages, where the system has them: it is filled sooner."""
    if not hasattr(mmap, "MADV_HUGEPAGE"):
        return memoryview(mmap.mmap(-1, size))
    found = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    found.madvise(mmap.MADV_HUGEPAGE)
    return memoryview(found)
