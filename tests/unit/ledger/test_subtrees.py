"""Proofs of a large tree whose hashes are fetched as they are needed."""

from __future__ import annotations

from hashlib import sha256

import pytest

from flagtrail.ledger import merkle
from flagtrail.ledger.subtrees import BLOCK, Subtrees

SIZES = [1, 2, BLOCK - 1, BLOCK, BLOCK + 1, 17 * BLOCK + 3]


def hashes(size: int) -> list[bytes]:
    return [sha256(str(seq).encode()).digest() for seq in range(size)]


def tree(size: int) -> Subtrees:
    whole = hashes(size)
    return Subtrees(lambda low, high: whole[low:high], size)


@pytest.mark.parametrize("size", SIZES)
def test_frontier__of_any_size__is_that_of_the_leaves(size: int) -> None:
    found = tree(size)
    for part in {0, 1, size // 2, size}:
        assert found.frontier(part) == merkle.EMPTY_FRONTIER.extend(hashes(part))


@pytest.mark.parametrize("size", SIZES)
def test_inclusion__of_any_leaf__is_the_proof_over_all_hashes(size: int) -> None:
    found = tree(size)
    for index in {0, size // 2, size - 1}:
        assert found.inclusion(index, size) == merkle.inclusion_proof(hashes(size), index)


@pytest.mark.parametrize("size", SIZES)
def test_consistency__from_any_size__is_the_proof_over_all_hashes(size: int) -> None:
    found = tree(size)
    for old in {1, (size + 1) // 2, size}:
        assert found.consistency(old, size) == merkle.consistency_proof(hashes(size), old)


def test_roots__of_a_run__go_on_where_the_frontier_ends() -> None:
    found, frontier = tree(3000), merkle.EMPTY_FRONTIER.extend(hashes(777))
    for width, root in zip(merkle.widths(777, 2999), found.roots(777, 2999), strict=True):
        frontier = frontier.append_subtree(root, width)
    assert frontier == merkle.EMPTY_FRONTIER.extend(hashes(2999))


def test_subtrees__fewer_hashes_than_asked_for__refused() -> None:
    with pytest.raises(ValueError, match=r"1023 leaf hashes came where \[0, 1024\)"):
        Subtrees(lambda low, high: hashes(high)[low : high - 1], BLOCK)
