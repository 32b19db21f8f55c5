from __future__ import annotations

from base64 import b64encode

import pytest
from tests.unit.ledger.making import VKEY, ledger, private_key, story

from flagtrail.ledger import merkle, proof
from flagtrail.ledger.checkpoint import NoteForged, NoteMalformed, NoteUnsigned
from flagtrail.ledger.proof import ReceiptRefuted

LEDGER = story(9)
LEAVES = [each.leaf for each in LEDGER.sealed]
CHECKPOINT = LEDGER.checkpoint()
HASH = b64encode(bytes(32)).decode()


def receipt(index: int, extra: bytes = b"") -> str:
    return proof.write_receipt(index, merkle.inclusion_proof(LEDGER.hashes, index), CHECKPOINT, extra)


@pytest.mark.parametrize("index", range(9))
def test_receipt__of_every_entry__verifies(index: int) -> None:
    assert proof.verify_receipt(receipt(index), LEAVES[index], VKEY).size == 9


@pytest.mark.parametrize("extra", [b"", b"request r_1"])
def test_receipt__written_and_read__is_the_same(extra: bytes) -> None:
    read = proof.parse_receipt(receipt(3, extra))
    assert proof.write_receipt(read.index, read.proof, read.checkpoint, read.extra) == receipt(3, extra)


def test_receipt__its_text__has_the_form_of_c2sp_tlog_proof() -> None:
    lines = receipt(8, b"x").split("\n")
    expected = [
        "c2sp.org/tlog-proof@v1",
        "extra eA==",
        "index 8",
        b64encode(merkle.root_of(LEDGER.hashes[:8])).decode(),
    ]
    assert lines[:5] == [*expected, ""]


@pytest.mark.parametrize("leaf", [LEAVES[4], LEAVES[3] + b" ", b""])
def test_verify_receipt__another_leaf__is_refuted(leaf: bytes) -> None:
    with pytest.raises(ReceiptRefuted):
        proof.verify_receipt(receipt(3), leaf, VKEY)


def test_verify_receipt__another_index__is_refuted() -> None:
    with pytest.raises(ReceiptRefuted):
        proof.verify_receipt(receipt(3).replace("index 3", "index 2"), LEAVES[3], VKEY)


def test_verify_receipt__an_altered_checkpoint__is_forged() -> None:
    with pytest.raises(NoteForged):
        proof.verify_receipt(receipt(3).replace("\n9\n", "\n8\n"), LEAVES[3], VKEY)


def test_verify_receipt__of_another_key__is_unsigned() -> None:
    stranger = ledger([], key=private_key("other"))
    with pytest.raises(NoteUnsigned):
        proof.verify_receipt(
            receipt(3).replace(CHECKPOINT, stranger.sign(CHECKPOINT.partition("\n\n")[0] + "\n")), b"", VKEY
        )


@pytest.mark.parametrize("index", [-1, 9])
def test_write_receipt__an_index_beyond_the_checkpoint__is_refused(index: int) -> None:
    with pytest.raises(NoteMalformed):
        proof.write_receipt(index, [], CHECKPOINT)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param(receipt(3).replace("@v1", "@v2"), id="another version"),
        pytest.param("c2sp.org/tlog-proof@v1\n\n" + CHECKPOINT, id="no index"),
        pytest.param(receipt(3).replace("index 3", "index 03"), id="a leading zero"),
        pytest.param(receipt(3).replace("index 3", "place 3"), id="another word"),
        pytest.param(receipt(3).replace("index", "extra \nindex"), id="an empty extra"),
        pytest.param(receipt(3).replace("index", "extra !\nindex"), id="an extra that is not base64"),
        pytest.param(receipt(3).replace("index 3\n", "index 3\nAAAA\n"), id="a hash that is too short"),
        pytest.param(receipt(3).replace("index 3\n", "index 3\n" + f"{HASH}\n" * 64), id="a proof of 64 hashes"),
        pytest.param(receipt(3).split("\n\n")[0], id="no checkpoint"),
    ],
)
def test_parse_receipt__what_is_no_receipt__is_refused(text: str) -> None:
    with pytest.raises(NoteMalformed):
        proof.parse_receipt(text)
