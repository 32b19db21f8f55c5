from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from flagtrail.ledger import merkle
from flagtrail.ledger.merkle import EMPTY_FRONTIER, EMPTY_ROOT, Frontier, RangeProof

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "vectors" / "ledger" / "rfc6962.json").read_text(encoding="utf-8")
)
LEAVES = [bytes.fromhex(leaf) for leaf in VECTORS["leaves"]]
HASHES = [bytes.fromhex(each) for each in VECTORS["leaf_hashes"]]
ROOTS = [bytes.fromhex(root) for root in VECTORS["roots"]]
MANY = [sha256(bytes([n >> 8, n & 255])).digest() for n in range(301)]


def naive_root(hashes: list[bytes]) -> bytes:
    """RFC 6962, section 2.1, word for word."""
    if not hashes:
        return sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    split = 1
    while split * 2 < len(hashes):
        split *= 2
    return sha256(b"\x01" + naive_root(hashes[:split]) + naive_root(hashes[split:])).digest()


def proof_of(case: dict[str, Any]) -> list[bytes]:
    return [bytes.fromhex(each) for each in case["proof"]]


def test_leaf_hash__published_leaves__are_the_published_hashes() -> None:
    assert [merkle.leaf_hash(leaf) for leaf in LEAVES] == HASHES


def test_leaf_hashes__many_at_once__are_those_of_each() -> None:
    assert merkle.leaf_hashes(LEAVES) == HASHES


@pytest.mark.parametrize("size", range(9))
def test_root_of__published_trees__is_the_published_root(size: int) -> None:
    assert merkle.root_of(HASHES[:size]) == ROOTS[size]


@pytest.mark.parametrize("case", VECTORS["inclusion"], ids=lambda case: f"{case['index']} in {case['size']}")
def test_inclusion_proof__published_cases__is_the_published_proof(case: dict[str, Any]) -> None:
    assert merkle.inclusion_proof(HASHES[: case["size"]], case["index"]) == proof_of(case)


@pytest.mark.parametrize("case", VECTORS["inclusion"], ids=lambda case: f"{case['index']} in {case['size']}")
def test_verify_inclusion__published_cases__hold(case: dict[str, Any]) -> None:
    index, size = case["index"], case["size"]
    assert merkle.verify_inclusion(HASHES[index], index, size, proof_of(case), ROOTS[size])


@pytest.mark.parametrize("case", VECTORS["consistency"], ids=lambda case: f"{case['old']} to {case['new']}")
def test_consistency_proof__published_cases__is_the_published_proof(case: dict[str, Any]) -> None:
    assert merkle.consistency_proof(HASHES[: case["new"]], case["old"]) == proof_of(case)


@pytest.mark.parametrize("case", VECTORS["consistency"], ids=lambda case: f"{case['old']} to {case['new']}")
def test_verify_consistency__published_cases__hold(case: dict[str, Any]) -> None:
    old, new = case["old"], case["new"]
    assert merkle.verify_consistency(old, ROOTS[old], new, ROOTS[new], proof_of(case))


def test_root_of__every_size_to_300__is_the_naive_recursive_root() -> None:
    assert [merkle.root_of(MANY[:n]) for n in range(301)] == [naive_root(MANY[:n]) for n in range(301)]


def test_frontier__appending_one_by_one__has_the_root_of_every_size() -> None:
    frontier, roots = EMPTY_FRONTIER, []
    for each in MANY:
        roots.append(frontier.root())
        frontier = frontier.append(each)
    assert roots == [naive_root(MANY[:n]) for n in range(301)]


def test_frontier__extended_from_any_size__is_that_of_single_appends() -> None:
    expected = EMPTY_FRONTIER.extend(MANY[:70])
    assert {EMPTY_FRONTIER.extend(MANY[:n]).extend(MANY[n:70]) for n in range(71)} == {expected}


def test_frontier__extended_by_an_iterator__is_that_of_a_list() -> None:
    assert EMPTY_FRONTIER.extend(iter(MANY)) == EMPTY_FRONTIER.extend(MANY)


def test_frontier__empty__has_the_hash_of_nothing() -> None:
    assert EMPTY_FRONTIER.root() == EMPTY_ROOT


@pytest.mark.parametrize(("size", "peaks"), [(-1, 0), (3, 1), (4, 2), (0, 1)])
def test_frontier__peaks_that_do_not_fit_the_size__is_refused(size: int, peaks: int) -> None:
    with pytest.raises(ValueError, match="peaks"):
        Frontier(size, tuple(MANY[:peaks]))


@pytest.mark.parametrize("width", [0, -1, 2, 3])
def test_append_subtree__one_that_cannot_start_there__is_refused(width: int) -> None:
    with pytest.raises(ValueError, match="cannot start"):
        EMPTY_FRONTIER.append(MANY[0]).append_subtree(MANY[1], width)


@pytest.mark.parametrize("index", [-1, 3])
def test_inclusion_proof__of_a_leaf_beyond_the_tree__is_refused(index: int) -> None:
    with pytest.raises(IndexError):
        merkle.inclusion_proof(MANY[:3], index)


@pytest.mark.parametrize("old", [-1, 0, 4])
def test_consistency_proof__from_nothing_or_beyond__is_refused(old: int) -> None:
    with pytest.raises(ValueError, match="no consistency proof"):
        merkle.consistency_proof(MANY[:3], old)


def test_inclusion__all_indices_of_all_sizes_to_70__verify() -> None:
    roots = [naive_root(MANY[:n]) for n in range(71)]
    assert all(
        merkle.verify_inclusion(MANY[i], i, n, merkle.inclusion_proof(MANY[:n], i), roots[n])
        for n in range(71)
        for i in range(n)
    )


def test_consistency__all_pairs_of_sizes_to_70__verify() -> None:
    roots = [naive_root(MANY[:n]) for n in range(71)]
    assert all(
        merkle.verify_consistency(m, roots[m], n, roots[n], merkle.consistency_proof(MANY[:n], m))
        for n in range(71)
        for m in range(1, n + 1)
    )


def altered(proof: list[bytes]) -> list[list[bytes]]:
    """The proof with each hash altered, each left out, and one too many."""
    without = [proof[:i] + proof[i + 1 :] for i in range(len(proof))]
    other = [[*proof[:i], MANY[300], *proof[i + 1 :]] for i in range(len(proof))]
    return [*without, *other, [*proof, MANY[300]], [MANY[300], *proof]]


def test_verify_inclusion__any_altered_proof__does_not_hold() -> None:
    assert not any(
        merkle.verify_inclusion(MANY[i], i, n, wrong, naive_root(MANY[:n]))
        for n in range(1, 20)
        for i in range(n)
        for wrong in altered(merkle.inclusion_proof(MANY[:n], i))
    )


def test_verify_inclusion__another_index_or_size__does_not_hold() -> None:
    proof, root = merkle.inclusion_proof(MANY[:13], 5), naive_root(MANY[:13])
    places = [(i, n) for n in range(14) for i in range(-1, 15) if (i, n) != (5, 13)]
    # Sizes with the same path to the leaf give the same root: sizes are bound by the checkpoint, not by the proof.
    same_path = {(5, n) for n in range(9, 17)}
    wrong = [place for place in places if place not in same_path]
    assert not any(merkle.verify_inclusion(MANY[5], i, n, proof, root) for i, n in wrong)


def test_verify_consistency__any_altered_proof__does_not_hold() -> None:
    roots = [naive_root(MANY[:n]) for n in range(20)]
    assert not any(
        merkle.verify_consistency(m, roots[m], n, roots[n], wrong)
        for n in range(1, 20)
        for m in range(1, n + 1)
        for wrong in altered(merkle.consistency_proof(MANY[:n], m))
    )


@pytest.mark.parametrize(
    ("old", "new", "old_root", "new_root", "proof"),
    [
        pytest.param(0, 3, EMPTY_ROOT, naive_root(MANY[:3]), [], id="from size 0, which proves nothing"),
        pytest.param(3, 2, naive_root(MANY[:3]), naive_root(MANY[:2]), [], id="to a smaller tree"),
        pytest.param(3, 3, naive_root(MANY[:3]), naive_root(MANY[1:4]), [], id="same size, another root"),
        pytest.param(3, 3, naive_root(MANY[:3]), naive_root(MANY[:3]), MANY[:1], id="same size with a proof"),
        pytest.param(3, 5, naive_root(MANY[:3]), naive_root(MANY[:5]), [], id="no proof where one is needed"),
    ],
)
def test_verify_consistency__edges__do_not_hold(
    old: int, new: int, old_root: bytes, new_root: bytes, proof: list[bytes]
) -> None:
    assert not merkle.verify_consistency(old, old_root, new, new_root, proof)


RANGES = [(low, high, size) for size in range(24) for low in range(size + 1) for high in range(low, size + 1)]


def test_range_proof__all_ranges_of_all_sizes_below_24__verify() -> None:
    assert all(
        merkle.verify_range(
            MANY[low:high], low, size, merkle.range_proof(MANY[:size], low, high), naive_root(MANY[:size])
        )
        for low, high, size in RANGES
    )


def test_range_proof__every_range__has_at_most_two_hashes_for_each_doubling() -> None:
    proofs = [(merkle.range_proof(MANY[:size], low, high), size) for low, high, size in RANGES]
    assert all(len(proof.left) + len(proof.right) <= 2 * size.bit_length() for proof, size in proofs)


def test_verify_range__one_hash_altered_missing_or_surplus__does_not_hold() -> None:
    proof, root = merkle.range_proof(MANY[:23], 5, 11), naive_root(MANY[:23])
    wrong = [
        *(RangeProof(tuple(left), proof.right) for left in altered(list(proof.left))),
        *(RangeProof(proof.left, tuple(right)) for right in altered(list(proof.right))),
    ]
    assert not any(merkle.verify_range(MANY[5:11], 5, 23, each, root) for each in wrong)


@pytest.mark.parametrize(
    ("hashes", "low", "size"),
    [
        pytest.param(MANY[5:10], 5, 23, id="one leaf short"),
        pytest.param(MANY[5:12], 5, 23, id="one leaf more"),
        pytest.param(MANY[6:12], 5, 23, id="another run of leaves"),
        pytest.param(MANY[5:11], 6, 23, id="another start"),
        pytest.param(MANY[5:11], -1, 23, id="a negative start"),
        pytest.param(MANY[5:11], 5, 8, id="a tree that is smaller than the range"),
    ],
)
def test_verify_range__what_the_proof_is_not_of__does_not_hold(hashes: list[bytes], low: int, size: int) -> None:
    proof = merkle.range_proof(MANY[:23], 5, 11)
    assert not merkle.verify_range(hashes, low, size, proof, naive_root(MANY[:23]))


@pytest.mark.parametrize(("low", "high"), [(-1, 2), (3, 2), (0, 6)])
def test_range_proof__of_no_range_of_the_tree__is_refused(low: int, high: int) -> None:
    with pytest.raises(ValueError, match="is no range"):
        merkle.range_proof(MANY[:5], low, high)
