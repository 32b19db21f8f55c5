"""The Merkle tree of RFC 6962 (section 2.1) and RFC 9162 (section 2.1): roots, proofs, and proofs of a whole range.

Standard library only: the offline verifier is built on it. A leaf hash is
SHA-256(0x00 || leaf), a node SHA-256(0x01 || left || right), so no leaf can pose as a node.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256

HASH_BYTES = 32
EMPTY_ROOT = sha256().digest()
"""The root of the tree with no leaves: the hash of nothing (RFC 6962, section 2.1)."""

_LEAF = sha256(b"\x00")


def leaf_hash(leaf: bytes) -> bytes:
    """The hash of one leaf's bytes."""
    # A copy of a hasher that has seen the prefix avoids a copy of the leaf: a fifth faster over a million leaves.
    hasher = _LEAF.copy()
    hasher.update(leaf)
    return hasher.digest()


def leaf_hashes(leaves: Iterable[bytes]) -> list[bytes]:
    """The hash of each leaf, in order: `leaf_hash` without the price of a call."""
    fresh = _LEAF.copy
    hashes = []
    for leaf in leaves:
        hasher = fresh()
        hasher.update(leaf)
        hashes.append(hasher.digest())
    return hashes


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of the node above two subtrees."""
    return sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True, slots=True)
class Frontier:
    """All of a tree that is needed to go on appending to it, and to know its root.

    `peaks` are the roots of the perfect subtrees that the tree of `size` leaves
    is made of, largest first: one for each 1 in the binary form of `size`.
    """

    size: int = 0
    peaks: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if self.size < 0 or self.size.bit_count() != len(self.peaks):
            raise ValueError(f"a tree of {self.size} leaves does not have {len(self.peaks)} peaks")

    def append(self, leaf_hash: bytes) -> Frontier:
        """The frontier after one more leaf."""
        return self.append_subtree(leaf_hash, 1)

    def append_subtree(self, root: bytes, width: int) -> Frontier:
        """The frontier after a perfect subtree of `width` leaves; `width` is a power of two that divides `size`."""
        if width < 1 or width & (width - 1) or self.size % width:
            raise ValueError(f"a subtree of {width} leaves cannot start at {self.size}")
        peaks = list(self.peaks)
        size, carried = self.size, width
        while size & carried:
            root = sha256(b"\x01" + peaks.pop() + root).digest()
            carried <<= 1
        peaks.append(root)
        return Frontier(size + width, tuple(peaks))

    def extend(self, hashes: Iterable[bytes]) -> Frontier:
        """The frontier after more leaves. Hashes level by level, so a long run costs half of single appends."""
        rest = hashes if isinstance(hashes, list) else list(hashes)
        frontier, position = self, 0
        for width in widths(self.size, self.size + len(rest)):
            frontier = frontier.append_subtree(perfect_root(rest[position : position + width]), width)
            position += width
        return frontier

    def root(self) -> bytes:
        """The root of the tree."""
        if not self.peaks:
            return EMPTY_ROOT
        root = self.peaks[-1]
        for peak in self.peaks[-2::-1]:
            root = sha256(b"\x01" + peak + root).digest()
        return root


EMPTY_FRONTIER = Frontier()


def widths(low: int, high: int) -> Iterator[int]:
    """Widths of the perfect, aligned subtrees that [low, high) is made of, from left to right."""
    while low < high:
        width = 1 << ((high - low).bit_length() - 1)
        if low:
            width = min(width, low & -low)
        yield width
        low += width


def perfect_root(level: list[bytes]) -> bytes:
    """The root over 2^k leaf hashes."""
    while len(level) > 1:
        each = iter(level)
        level = [sha256(b"\x01" + left + right).digest() for left, right in zip(each, each, strict=True)]
    return level[0]


def root_of(hashes: Iterable[bytes]) -> bytes:
    """The root of the tree over these leaf hashes."""
    return EMPTY_FRONTIER.extend(hashes).root()


def _split(count: int) -> int:
    """The largest power of two smaller than `count` (RFC 9162, section 2.1.1)."""
    return 1 << ((count - 1).bit_length() - 1)


def inclusion_parts(index: int, size: int) -> list[tuple[int, int]]:
    """The parts [low, high) of the tree whose roots prove that it holds the leaf, from its sibling up.

    Raises IndexError where the tree has no such leaf (RFC 9162, section 2.1.3.1).
    """
    if not 0 <= index < size:
        raise IndexError(f"a tree of {size} leaves has no leaf {index}")
    low, high = 0, size
    parts = []
    while high - low > 1:
        middle = low + _split(high - low)
        if index < middle:
            parts.append((middle, high))
            high = middle
        else:
            parts.append((low, middle))
            low = middle
    return parts[::-1]


def inclusion_proof(hashes: Sequence[bytes], index: int) -> list[bytes]:
    """The proof that the leaf at `index` is in the tree over `hashes`, from its sibling up (RFC 9162, section 2.1.3.1).

    Raises IndexError where the tree has no such leaf. Costs one pass over the hashes.
    """
    return [root_of(hashes[low:high]) for low, high in inclusion_parts(index, len(hashes))]


def consistency_parts(old_size: int, size: int) -> list[tuple[int, int]]:
    """The parts [low, high) of the tree whose roots prove that it extends its own first `old_size` leaves.

    Raises ValueError for size 0 (it proves nothing, so nobody may rely on it) and for a size beyond the tree.
    """
    if not 1 <= old_size <= size:
        raise ValueError(f"no consistency proof from size {old_size} to size {size}")
    low, high = 0, size
    parts = []
    while old_size != high:
        middle = low + _split(high - low)
        if old_size <= middle:
            parts.append((middle, high))
            high = middle
        else:
            parts.append((low, middle))
            low = middle
    if low:  # the old tree's last subtree is not the old root itself, so the verifier has to be told it
        parts.append((low, high))
    return parts[::-1]


def consistency_proof(hashes: Sequence[bytes], old_size: int) -> list[bytes]:
    """The proof that the tree over `hashes` extends its own first `old_size` leaves (RFC 9162, section 2.1.4.1).

    Raises ValueError as `consistency_parts` does.
    """
    return [root_of(hashes[low:high]) for low, high in consistency_parts(old_size, len(hashes))]


def verify_inclusion(leaf_hash: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether `proof` shows the leaf at `index` of the tree with this size and root (RFC 9162, section 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    first, second = index, size - 1
    computed = leaf_hash
    for sibling in proof:
        if second == 0:
            return False
        if first & 1 or first == second:
            computed = node_hash(sibling, computed)
            while first and not first & 1:
                first >>= 1
                second >>= 1
        else:
            computed = node_hash(computed, sibling)
        first >>= 1
        second >>= 1
    return second == 0 and computed == root


def verify_consistency(old_size: int, old_root: bytes, new_size: int, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether `proof` shows that the new tree extends the old one (RFC 9162, section 2.1.4.2).

    Size 0 is refused: every tree extends the empty one, so such a proof proves nothing.
    """
    if not 1 <= old_size <= new_size:
        return False
    if old_size == new_size:
        return not proof and old_root == new_root
    path = list(proof)
    if old_size & (old_size - 1) == 0:
        path.insert(0, old_root)
    if not path:
        return False
    first, second = old_size - 1, new_size - 1
    while first & 1:
        first >>= 1
        second >>= 1
    old = new = path[0]
    for sibling in path[1:]:
        if second == 0:
            return False
        if first & 1 or first == second:
            old = node_hash(sibling, old)
            new = node_hash(sibling, new)
            while first and not first & 1:
                first >>= 1
                second >>= 1
        else:
            new = node_hash(new, sibling)
        first >>= 1
        second >>= 1
    return second == 0 and old == old_root and new == new_root


@dataclass(frozen=True, slots=True)
class RangeProof:
    """What is needed beside the leaves of [low, high) to compute the root of the whole tree.

    `left` are the peaks of the first `low` leaves, `right` the roots of the
    perfect subtrees of what follows `high`, from left to right.
    """

    left: tuple[bytes, ...] = ()
    right: tuple[bytes, ...] = ()


def range_proof(hashes: Sequence[bytes], low: int, high: int) -> RangeProof:
    """The proof that leaves [low, high) are where they say in the tree over `hashes`: at most 2 log2 n hashes."""
    size = len(hashes)
    if not 0 <= low <= high <= size:
        raise ValueError(f"[{low}, {high}) is no range of a tree of {size} leaves")
    right, position = [], high
    for width in widths(high, size):
        right.append(perfect_root(list(hashes[position : position + width])))
        position += width
    return RangeProof(EMPTY_FRONTIER.extend(hashes[:low]).peaks, tuple(right))


def range_root(frontier: Frontier, right: Sequence[bytes], size: int) -> bytes | None:
    """The root of the tree of `size` leaves whose first ones are `frontier` and whose rest is `right`.

    None where `right` does not have the form that these sizes demand. At size 0 with nothing to add: `high == size`.
    """
    parts = list(widths(frontier.size, size))
    if frontier.size > size or len(parts) != len(right):
        return None
    for root, width in zip(right, parts, strict=True):
        frontier = frontier.append_subtree(root, width)
    return frontier.root()


def verify_range(hashes: Iterable[bytes], low: int, size: int, proof: RangeProof, root: bytes) -> bool:
    """Whether these leaf hashes are the leaves of the tree with this size and root, from `low` on and without a gap."""
    if low < 0 or low.bit_count() != len(proof.left):
        return False
    return range_root(Frontier(low, proof.left).extend(hashes), proof.right, size) == root
