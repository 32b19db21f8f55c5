from __future__ import annotations

import json
from base64 import b64decode, b64encode
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.unit.ledger.making import KEY, ORIGIN, PUBLIC, VKEY, private_key, story

from flagtrail.ledger import checkpoint, ed25519, merkle
from flagtrail.ledger.checkpoint import Note, NoteError, NoteForged, NoteMalformed, NoteUnsigned, Signer
from flagtrail.model.errors import LedgerBroken

FOLDER = Path(__file__).parents[2] / "vectors" / "ledger"
NOTES: dict[str, Any] = json.loads((FOLDER / "notes.json").read_text(encoding="utf-8"))
RFC8032: list[dict[str, str]] = json.loads((FOLDER / "rfc8032.json").read_text(encoding="utf-8"))["signatures"]
SIGNED: dict[str, str] = NOTES["signed"]
ROOT = bytes(range(32))
NOTE = checkpoint.sign_note(checkpoint.note_text(ORIGIN, 7, ROOT), ORIGIN, PUBLIC, KEY.sign)
OTHER = private_key("other")


def test_verify_note__the_published_note__is_its_text() -> None:
    assert checkpoint.verify_note(SIGNED["note"], SIGNED["vkey"]) == SIGNED["text"]


def test_sign_note__with_the_published_key__is_the_published_note() -> None:
    key = Ed25519PrivateKey.from_private_bytes(b64decode(SIGNED["seed_and_type"])[1:])
    public = key.public_key().public_bytes_raw()
    assert checkpoint.sign_note(SIGNED["text"], "PeterNeumann", public, key.sign) == SIGNED["note"]


def test_verifier_key__of_the_published_key__is_the_published_text() -> None:
    key = checkpoint.parse_vkey(SIGNED["vkey"])
    assert checkpoint.verifier_key(key.name, key.public_key) == SIGNED["vkey"]


def test_parse_note__the_example_with_an_empty_line__ends_its_text_at_the_last_one() -> None:
    assert checkpoint.parse_note(NOTES["note"]).text.endswith("raggio di sole:\n\ned è subito sera.\n")


def test_parse_checkpoint__the_example_of_the_specification__is_read() -> None:
    read = checkpoint.parse_checkpoint(NOTES["checkpoint"])
    assert (read.origin, read.size, read.root.hex()[:8], read.signatures[0].key_id.hex()) == (
        "example.com/behind-the-sofa",
        20852163,
        "0ac5186a",
        "033de0ae",
    )


@pytest.mark.parametrize("text", NOTES["refused_keys"])
def test_parse_vkey__published_wrong_keys__are_refused(text: str) -> None:
    with pytest.raises(NoteMalformed):
        checkpoint.parse_vkey(text)


def test_parse_vkey__every_shorter_part_of_a_key__is_refused() -> None:
    vkey, accepted = SIGNED["vkey"], []
    for start in range(len(vkey)):
        for end in range(start + 1, len(vkey) + 1):
            try:
                checkpoint.parse_vkey(vkey[start:end])
            except NoteMalformed:
                continue
            accepted.append(vkey[start:end])
    assert accepted == [vkey]


def test_parse_checkpoint__our_own__has_what_was_put_in() -> None:
    read = checkpoint.parse_checkpoint(NOTE)
    assert (read.origin, read.size, read.root) == (ORIGIN, 7, ROOT)


LAST = NOTE.rindex("=") - 1
TEXT = checkpoint.note_text(ORIGIN, 7, ROOT)
LINE = NOTE.removeprefix(TEXT + "\n")


@pytest.mark.parametrize(
    "note",
    [
        pytest.param("", id="nothing"),
        pytest.param(TEXT, id="no signature"),
        pytest.param(TEXT + "\n", id="no signature line"),
        pytest.param("\n\n" + LINE, id="no text"),
        pytest.param(NOTE[:-1], id="no newline at the end"),
        pytest.param(NOTE + "\n", id="an empty line at the end"),
        pytest.param(NOTE.replace("\n", "\r\n"), id="carriage returns"),
        pytest.param(NOTE.replace("\n7\n", "\n7\x00\n"), id="a control character"),
        pytest.param(NOTE.replace("—", "-"), id="a hyphen for the dash"),
        pytest.param(NOTE.replace("— ", "—  "), id="two spaces"),
        pytest.param(NOTE.replace(f"— {ORIGIN}", "— a+b"), id="a plus in a name"),
        pytest.param(TEXT + "\n— name AAAA\n", id="no signature in the line"),
        pytest.param(TEXT + "\n— name AAAAA\n", id="no base64 in the line"),
        pytest.param(TEXT + "\n— name ÄÄÄÄ\n", id="no ASCII in the line"),
        pytest.param(NOTE[:LAST] + chr(ord(NOTE[LAST]) + 1) + NOTE[LAST + 1 :], id="spare bits of base64 set"),
        pytest.param(TEXT + "\n" + LINE * 17, id="17 signatures"),
    ],
)
def test_parse_note__what_is_no_signed_note__is_refused(note: str) -> None:
    with pytest.raises(NoteMalformed):
        checkpoint.parse_note(note)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f"{ORIGIN}\n07\n{b64encode(ROOT).decode()}\n", id="a leading zero"),
        pytest.param(f"{ORIGIN}\n-7\n{b64encode(ROOT).decode()}\n", id="a sign"),
        pytest.param(f"{ORIGIN}\n٧\n{b64encode(ROOT).decode()}\n", id="a digit that is not ASCII"),
        pytest.param(f"{ORIGIN}\n{10**19}\n{b64encode(ROOT).decode()}\n", id="20 digits"),
        pytest.param(f"{ORIGIN}\n7\n{b64encode(ROOT[:31]).decode()}\n", id="a root of 31 bytes"),
        pytest.param(f"{ORIGIN}\n7\n{b64encode(ROOT).decode()}\nmore\n", id="an extension line"),
        pytest.param(f"{ORIGIN}\n7\n", id="no root"),
        pytest.param(f"\n7\n{b64encode(ROOT).decode()}\n", id="no origin"),
    ],
)
def test_parse_checkpoint__a_note_that_is_no_checkpoint__is_refused(text: str) -> None:
    with pytest.raises(NoteMalformed):
        checkpoint.parse_checkpoint(checkpoint.sign_note(text, ORIGIN, PUBLIC, KEY.sign))


@pytest.mark.parametrize(
    ("origin", "size", "root"),
    [
        ("", 1, ROOT),
        ("a b", 1, ROOT),
        ("a\u2003b", 1, ROOT),
        ("a+b", 1, ROOT),
        ("a\nb", 1, ROOT),
        ("a", -1, ROOT),
        ("a", 1, b""),
    ],
)
def test_note_text__what_no_checkpoint_can_say__is_refused(origin: str, size: int, root: bytes) -> None:
    with pytest.raises(NoteMalformed):
        checkpoint.note_text(origin, size, root)


@pytest.mark.parametrize("text", ["no newline", "a\tb\n"])
def test_sign_note__a_text_that_no_note_can_hold__is_refused(text: str) -> None:
    with pytest.raises(NoteMalformed):
        checkpoint.sign_note(text, ORIGIN, PUBLIC, KEY.sign)


def test_verifier_key__of_31_bytes__is_refused() -> None:
    with pytest.raises(NoteMalformed):
        checkpoint.verifier_key(ORIGIN, PUBLIC[:31])


def test_verify_note__by_a_key_that_did_not_sign__is_unsigned() -> None:
    with pytest.raises(NoteUnsigned):
        checkpoint.verify_note(NOTE, checkpoint.verifier_key(ORIGIN, OTHER.public_key().public_bytes_raw()))


def test_verify_note__another_text_under_the_signature__is_forged() -> None:
    with pytest.raises(NoteForged):
        checkpoint.verify_note(NOTE.replace("\n7\n", "\n8\n"), VKEY)


def test_verify_note__a_further_line_of_an_unknown_key__is_ignored() -> None:
    witness = checkpoint.sign_note(TEXT, "w", OTHER.public_key().public_bytes_raw(), OTHER.sign).removeprefix(
        TEXT + "\n"
    )
    assert checkpoint.verify_note(NOTE + witness, checkpoint.parse_vkey(VKEY)) == TEXT


def test_note__every_refusal__is_a_note_error() -> None:
    assert all(issubclass(each, NoteError) for each in (NoteMalformed, NoteUnsigned, NoteForged))


def test_parse_note__a_signature__is_taken_apart() -> None:
    (line,) = checkpoint.parse_note(NOTE).signatures
    assert (line.name, line.key_id, line.signature) == (
        ORIGIN,
        checkpoint.key_id(ORIGIN, PUBLIC),
        KEY.sign(TEXT.encode()),
    )


def test_parse_note__text_and_signatures__are_a_note() -> None:
    assert isinstance(checkpoint.parse_note(NOTE), Note)


# The signer: attacks of the ledger's specification, section 7.1.

HASHES = story(12).hashes


def signed_at(size: int) -> Signer:
    signer = Signer(ORIGIN, PUBLIC, KEY.sign)
    return signer.advance(HASHES[:size], size=size, root=merkle.root_of(HASHES[:size]))[0]


@pytest.mark.parametrize("size", [0, 5, 7, 12])
def test_signer__an_extension__is_signed(size: int) -> None:
    start = min(5, size)
    _, note = signed_at(start).advance(HASHES[start:size], size=size, root=merkle.root_of(HASHES[:size]))
    assert checkpoint.verify_note(note, VKEY) == checkpoint.note_text(ORIGIN, size, merkle.root_of(HASHES[:size]))


def test_signer__after_signing__remembers_what_it_signed() -> None:
    assert signed_at(7).frontier == merkle.EMPTY_FRONTIER.extend(HASHES[:7])


def test_signer__the_same_head_again__is_signed_as_a_heartbeat() -> None:
    signer = signed_at(5)
    assert signer.advance([], size=5, root=merkle.root_of(HASHES[:5]))[0] == signer


EDITED = [*HASHES[:2], HASHES[11], *HASHES[3:9]]


@pytest.mark.parametrize(
    ("hashes", "size", "root"),
    [
        pytest.param(EDITED[7:9], 9, merkle.root_of(EDITED), id="an old entry edited, the head rebuilt"),
        pytest.param([], 5, merkle.root_of(HASHES[:5]), id="the end cut off"),
        pytest.param(HASHES[9:11], 9, merkle.root_of([*HASHES[:5], *HASHES[9:11]]), id="cut off and padded"),
        pytest.param(HASHES[7:8], 9, merkle.root_of(HASHES[:9]), id="an entry missing"),
        pytest.param(HASHES[7:10], 9, merkle.root_of(HASHES[:9]), id="an entry too many"),
        pytest.param([], 7, merkle.root_of(EDITED[:7]), id="the same size, another root"),
    ],
)
def test_signer__whatever_is_no_extension__is_refused(hashes: list[bytes], size: int, root: bytes) -> None:
    with pytest.raises(LedgerBroken, match="signing refused"):
        signed_at(7).advance(hashes, size=size, root=root)


def test_signer__an_old_entry_edited_with_the_head_untouched__does_not_see_it() -> None:
    """The limit, asserted: the signer reads new entries only; a scrub and every export see it."""
    _, note = signed_at(7).advance(HASHES[7:9], size=9, root=merkle.root_of(HASHES[:9]))
    assert checkpoint.parse_checkpoint(note).size == 9


# Ed25519.

VERIFIERS = [pytest.param(ed25519.verify, id="cryptography"), pytest.param(ed25519.verify_pure, id="pure")]


@pytest.mark.parametrize("case", RFC8032, ids=lambda case: case["name"])
@pytest.mark.parametrize("verify", VERIFIERS)
def test_ed25519__published_signatures__verify(verify: Any, case: dict[str, str]) -> None:  # noqa: ANN401 - either
    parts = (bytes.fromhex(case[part]) for part in ("key", "message", "signature"))
    assert verify(*parts)


@pytest.mark.parametrize("verify", VERIFIERS)
def test_ed25519__any_byte_of_a_signature_altered__does_not_verify(verify: Any) -> None:  # noqa: ANN401 - either
    good = KEY.sign(b"message")
    altered = [good[:i] + bytes([good[i] ^ 1 << i % 8]) + good[i + 1 :] for i in range(64)]
    assert [i for i, wrong in enumerate(altered) if verify(PUBLIC, b"message", wrong)] == []


ORDER = 2**252 + 27742317777372353535851937790883648493
GOOD = KEY.sign(b"m")
MALLEATED = GOOD[:32] + (int.from_bytes(GOOD[32:], "little") + ORDER).to_bytes(32, "little")


@pytest.mark.parametrize("verify", VERIFIERS)
@pytest.mark.parametrize(
    ("key", "signature"),
    [
        pytest.param(PUBLIC[:31], GOOD, id="a short key"),
        pytest.param(PUBLIC, GOOD[:63], id="a short signature"),
        pytest.param(PUBLIC, MALLEATED, id="the same S plus the order: malleable"),
        pytest.param(b"\xff" * 32, GOOD, id="a key whose y is beyond the field"),
        pytest.param(b"\x02" + bytes(31), GOOD, id="a key that is no point"),
        pytest.param(b"\x01" + bytes(30) + b"\x80", GOOD, id="a key with the sign of x = 0"),
        pytest.param(PUBLIC, b"\x02" + bytes(31) + GOOD[32:], id="an R that is no point"),
    ],
)
def test_ed25519__keys_and_signatures_of_wrong_form__do_not_verify(
    verify: Any,  # noqa: ANN401 - either
    key: bytes,
    signature: bytes,
) -> None:
    assert not verify(key, b"m", signature)


def test_ed25519__without_cryptography__verifies_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "cryptography.exceptions", None)
    assert ed25519.verify(PUBLIC, b"m", GOOD)
