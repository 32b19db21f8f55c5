"""The MANIFEST of an export: a signed note that names the range, the counts, and the digest of every other file.

Standard library only. Form (each line once, files sorted by name):
`flagtrail-export/v1`, the origin, `range LOW HIGH`, `size N`, `disclosures N`, `erased N`, `file SHA256 BYTES NAME`...
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from flagtrail.ledger.checkpoint import NoteMalformed, size_from

HEADER = "flagtrail-export/v1"
CHECKPOINT, ENTRIES, PROOF, DISCLOSURES = "checkpoint", "entries.jsonl", "range-proof.json", "disclosures.jsonl"
MANIFEST = "MANIFEST"
REQUIRED = frozenset((CHECKPOINT, ENTRIES, PROOF, DISCLOSURES))

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}").fullmatch
_DIGEST = re.compile(r"[0-9a-f]{64}").fullmatch
_HEAD_LINES = 6


@dataclass(frozen=True, slots=True)
class ListedFile:
    """One file of the export: the hex SHA-256 of its bytes, how many they are, and its name."""

    digest: str
    size: int
    name: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an export says of itself: entries [low, high) of the ledger's first `size`.

    `disclosures` counts the values that travel with the entries, `erased` those
    that are committed to but do not.
    """

    origin: str
    low: int
    high: int
    size: int
    disclosures: int
    erased: int
    files: tuple[ListedFile, ...]

    def render(self) -> str:
        """The text that is signed."""
        lines = [
            HEADER,
            self.origin,
            f"range {self.low} {self.high}",
            f"size {self.size}",
            f"disclosures {self.disclosures}",
            f"erased {self.erased}",
            *(f"file {file.digest} {file.size} {file.name}" for file in self.files),
        ]
        return "\n".join(lines) + "\n"


def is_file_name(name: str) -> bool:
    """Whether an export may hold a file of this name: plain ASCII, no folders."""
    return _NAME(name) is not None and name != MANIFEST


def parse_manifest(text: str) -> Manifest:
    """Read the text of a manifest; NoteMalformed for any but the one text that says the same."""
    lines = text.split("\n")
    if len(lines) < _HEAD_LINES or lines[0] != HEADER:
        raise NoteMalformed(f"a manifest starts with {HEADER!r}")
    low, high = _numbers(lines[2], "range", 2)
    manifest = Manifest(
        origin=lines[1],
        low=low,
        high=high,
        size=_numbers(lines[3], "size", 1)[0],
        disclosures=_numbers(lines[4], "disclosures", 1)[0],
        erased=_numbers(lines[5], "erased", 1)[0],
        files=tuple(_file(line) for line in lines[_HEAD_LINES:-1]),
    )
    names = [file.name for file in manifest.files]
    if names != sorted(set(names)) or not REQUIRED.issubset(names):
        raise NoteMalformed("the files of a manifest are sorted, each stands once, and none of the required is missing")
    if not manifest.low <= manifest.high <= manifest.size:
        raise NoteMalformed(f"[{manifest.low}, {manifest.high}) is no range of {manifest.size} entries")
    if manifest.render() != text:
        raise NoteMalformed("the manifest is not written in its one form")
    return manifest


def _numbers(line: str, word: str, count: int) -> list[int]:
    first, *numbers = line.split(" ")
    if first != word or len(numbers) != count:
        raise NoteMalformed(f"{line[:80]!r} is not the {word!r} line of a manifest")
    return [size_from(number) for number in numbers]


def _file(line: str) -> ListedFile:
    parts = line.split(" ")
    if len(parts) != 4 or parts[0] != "file" or _DIGEST(parts[1]) is None or not is_file_name(parts[3]):  # noqa: PLR2004 - as the form says
        raise NoteMalformed(f"{line[:80]!r} is not a file line of a manifest")
    return ListedFile(parts[1], size_from(parts[2]), parts[3])
