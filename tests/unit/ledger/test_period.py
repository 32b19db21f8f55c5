"""A period told without a gap: what fits between two roots, and what does not. Forged reports: tests/unit/app."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from hashlib import sha256

import pytest

from flagtrail.ledger import merkle
from flagtrail.ledger.checkpoint import note_text, sign_note, verifier_key
from flagtrail.ledger.period import Part, PeriodProof, PeriodRefuted, Verified, verify_period, verify_report
from flagtrail.ledger.subtrees import Subtrees

HASHES = [sha256(str(seq).encode()).digest() for seq in range(40)]
TREE = Subtrees(lambda low, high: HASHES[low:high], len(HASHES))


def proof(low: int = 7, high: int = 33) -> PeriodProof:
    begin, end = TREE.frontier(low), TREE.frontier(high)
    consistency = tuple(TREE.consistency(low, high)) if low else ()
    return PeriodProof(low, high, begin.peaks, begin.root(), end.root(), consistency)


def parts(low: int = 7, high: int = 33, told: Sequence[int] = (7, 8, 20)) -> list[Part]:
    found: list[Part] = []
    position = low
    for seq in [*told, high]:
        if position < seq:
            found.append((position, seq, TREE.roots(position, seq)))
        if seq < high:
            found.append((seq, seq + 1, [HASHES[seq]]))
        position = seq + 1
    return found


@pytest.mark.parametrize(("low", "high", "told"), [(7, 33, (7, 8, 20)), (0, 40, ()), (0, 3, (0, 1, 2)), (9, 9, ())])
def test_verify_period__all_there_is__is_taken(low: int, high: int, told: Sequence[int]) -> None:
    verify_period(proof(low, high), parts(low, high, told))


@pytest.mark.parametrize(
    "forge",
    [
        pytest.param(lambda p: (replace(p, left=()), parts()), id="no peaks"),
        pytest.param(lambda p: (replace(p, begin_root=p.end_root), parts()), id="another beginning"),
        pytest.param(lambda p: (replace(p, end_root=p.begin_root), parts()), id="another end"),
        pytest.param(lambda p: (replace(p, consistency=()), parts()), id="no consistency"),
        pytest.param(lambda p: (replace(p, high=34), parts()), id="ends too early"),
        pytest.param(lambda p: (p, parts()[1:]), id="the first part dropped"),
        pytest.param(lambda p: (p, parts()[:-1]), id="the last part dropped"),
        pytest.param(lambda p: (p, [*parts(), (33, 33, [])]), id="a part of nothing"),
        pytest.param(lambda p: (p, [(7, 33, [HASHES[7]])]), id="one hash for all"),
        pytest.param(lambda p: (p, [(low, high, roots[::-1]) for low, high, roots in parts()]), id="roots exchanged"),
    ],
)
def test_verify_period__what_does_not_fit__is_refused(
    forge: Callable[[PeriodProof], tuple[PeriodProof, list[Part]]],
) -> None:
    with pytest.raises(PeriodRefuted):
        verify_period(*forge(proof()))


def test_verify_report__with_a_root_that_its_note_does_not_sign__is_refused() -> None:
    key = bytes(range(32))
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    private = Ed25519PrivateKey.from_private_bytes(key)
    public = private.public_key().public_bytes_raw()
    note = sign_note(note_text("log.example", 3, merkle.root_of(HASHES[:3])), "log.example", public, private.sign)
    empty = '{"size": 0, "root": "", "note": ""}'
    head = (
        '{"type": "report", "scope": {"kind": "soc2", "since": "", "until": ""},'
        ' "found": {"sampling": {"asked": 0, "seqs": []}}, "proof": {"left": [], "consistency": [],'
        f' "begin": {empty}, "end": {{"size": 4, "root": "{"A" * 43}=", "note": {note!r}}}}}}}'
    ).replace("'", '"')
    with pytest.raises(PeriodRefuted, match="is not that of the period's end"):
        verify_report([head.encode()], verifier_key("log.example", public))


def test_verified__in_words__tells_what_was_found() -> None:
    told = Verified("soc2", 7, 33, b"", 12, 3).text()
    assert told.startswith("The report soc2 is complete: it tells 12 of the entries 7 to 33 (exclusive)")
