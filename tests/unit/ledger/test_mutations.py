"""No single mutation of an export goes undetected: bytes, lines and files, one at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.unit.ledger.making import VKEY, story, write

from flagtrail.ledger import ed25519
from flagtrail.ledger.verify import verify_bundle

FILES = story(4).export(1, 4)
NAMES = sorted(FILES)
SAMPLED = {"verify.pyz": 997, "README.txt": 13}
"""These two are covered by a plain digest only; every so-many-th byte of them is enough."""


def byte_mutations(content: bytes, step: int) -> Iterator[bytes]:
    """Each byte with one bit flipped (each of the eight in turn), deleted, doubled, and with a space before it."""
    for i in range(0, len(content), step):
        yield content[:i] + bytes([content[i] ^ 1 << i % 8]) + content[i + 1 :]
        yield content[:i] + content[i + 1 :]
        yield content[:i] + content[i : i + 1] + content[i:]
        yield content[:i] + b" " + content[i:]


def line_mutations(content: bytes) -> Iterator[bytes]:
    """Each line removed, doubled, swapped with each other; cut off after each line and inside of it."""
    lines = content.splitlines(keepends=True)
    for i, line in enumerate(lines):
        yield b"".join(lines[:i] + lines[i + 1 :])
        yield b"".join([*lines[:i], line, *lines[i:]])
        yield b"".join(lines[:i])
        yield b"".join(lines[:i]) + line[: len(line) // 2]
        for j in range(i):
            swapped = [*lines]
            swapped[i], swapped[j] = swapped[j], swapped[i]
            yield b"".join(swapped)


def undetected(folder: Path, name: str, mutations: Iterator[bytes], *, deep: bool) -> list[bytes]:
    write(FILES, folder)
    missed = []
    for content in mutations:
        (folder / name).write_bytes(content)
        if content != FILES[name] and verify_bundle(folder, [VKEY], deep=deep).exit_code == 0:
            missed.append(content)
    return missed


def test_mutations__of_the_unaltered_export__is_verified(tmp_path: Path) -> None:
    assert verify_bundle(write(FILES, tmp_path), [VKEY], deep=True).status == "verified"


@pytest.mark.parametrize("name", NAMES)
def test_mutations__of_bytes_here_and_there__none_is_undetected(tmp_path: Path, name: str) -> None:
    step = max(1, len(FILES[name]) // 40)
    assert undetected(tmp_path, name, byte_mutations(FILES[name], step), deep=True) == []


@pytest.mark.parametrize("name", [name for name in NAMES if name != "verify.pyz"])
def test_mutations__of_lines__none_is_undetected(tmp_path: Path, name: str) -> None:
    assert undetected(tmp_path, name, line_mutations(FILES[name]), deep=False) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_mutations__of_every_byte__none_is_undetected(tmp_path: Path, name: str) -> None:
    assert undetected(tmp_path, name, byte_mutations(FILES[name], SAMPLED.get(name, 1)), deep=False) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", ["MANIFEST", "checkpoint"])
def test_mutations__of_signed_notes_without_cryptography__none_is_undetected(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ed25519, "verify", ed25519.verify_pure)
    assert undetected(tmp_path, name, byte_mutations(FILES[name], 3), deep=False) == []


@pytest.mark.parametrize("one", NAMES)
@pytest.mark.parametrize("other", NAMES)
def test_mutations__two_files_with_each_others_names__is_not_verified(tmp_path: Path, one: str, other: str) -> None:
    swapped = {**FILES, one: FILES[other], other: FILES[one]}
    expected = one == other
    assert (verify_bundle(write(swapped, tmp_path), [VKEY]).exit_code == 0) is expected
