from __future__ import annotations

import io
import json
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from tests.unit.ledger.making import (
    IMPORTED,
    KEY,
    ORIGIN,
    PUBLIC,
    VKEY,
    Ledger,
    entry,
    ledger,
    private_key,
    signed,
    story,
    write,
)

from flagtrail.ledger import merkle, proof
from flagtrail.ledger import verify as verifier
from flagtrail.ledger.checkpoint import NoteError, verifier_key
from flagtrail.ledger.export import VERIFIER_MODULES, Export, verifier_archive
from flagtrail.ledger.manifest import parse_manifest
from flagtrail.ledger.merkle import RangeProof
from flagtrail.ledger.report import Report
from flagtrail.ledger.verify import main, verify_bundle
from flagtrail.model.entry import Group
from flagtrail.model.errors import LedgerBroken

LEDGER = story(12)
FILES = LEDGER.export()
OTHER_KEY = private_key("other")
OTHER_VKEY = verifier_key(ORIGIN, OTHER_KEY.public_key().public_bytes_raw())


def checked(files: dict[str, bytes], folder: Path, *, deep: bool = True) -> Report:
    return verify_bundle(write(files, folder / "bundle"), [VKEY], deep=deep)


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize(
    ("low", "high", "size"),
    [(0, 12, 12), (0, 5, 12), (5, 12, 12), (3, 8, 11), (4, 4, 12), (0, 0, 12), (12, 12, 12), (7, 8, 8)],
)
def test_verify__an_honest_export_of_any_range__is_verified(
    tmp_path: Path, low: int, high: int, size: int, *, deep: bool
) -> None:
    report = checked(LEDGER.export(low, high, size), tmp_path, deep=deep)
    assert (report.status, report.problem, report.low, report.high, report.size) == ("verified", "", low, high, size)


def test_verify__an_export_of_an_empty_ledger__is_verified(tmp_path: Path) -> None:
    report = checked(ledger([]).export(), tmp_path)
    assert (report.status, report.oldest, report.exit_code) == ("verified", "none", 0)


def test_verify__erased_values__are_counted_and_named_as_a_limit(tmp_path: Path) -> None:
    report = checked(LEDGER.export(erased=[(4, "why"), (5, "actor_name")]), tmp_path)
    assert (report.status, report.erased, report.limits[-1]) == ("verified", 2, "what the 2 erased values were")


def test_verify__an_imported_entry__is_verified(tmp_path: Path) -> None:
    one = ledger([entry(0, actor=IMPORTED, occurred_at="2024-01-01T00:00:00.000000Z", group=Group("g"))])
    assert checked(one.export(), tmp_path).status == "verified"


def packed(archive: Path, files: dict[str, bytes], folders: tuple[str, ...] = ()) -> Path:
    """A tar of files by their whole names, after its folders."""
    with tarfile.open(archive, "w") as tar:
        for name in folders:
            folder = tarfile.TarInfo(name)
            folder.type = tarfile.DIRTYPE
            tar.addfile(folder)
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return archive


@pytest.mark.parametrize(
    ("top", "folders"),
    [
        pytest.param("", (), id="of its files"),
        pytest.param("exp/", ("exp",), id="of its folder"),
        pytest.param("exp/", (), id="of its folder, without an own member"),
        pytest.param("./", (".",), id="made inside of it"),
        pytest.param("./exp/", ("./exp",), id="of its folder, by a path"),
    ],
)
def test_verify__a_tar_of_the_export__is_verified(tmp_path: Path, top: str, folders: tuple[str, ...]) -> None:
    archive = packed(tmp_path / "export.tar", {top + name: content for name, content in FILES.items()}, folders)
    assert verify_bundle(archive, [VKEY], deep=True).status == "verified"


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        pytest.param({"exp/MANIFEST": b""}, "extra file exp/MANIFEST: remove it", id="one beside a folder"),
        pytest.param({"/MANIFEST": b""}, "extra file /MANIFEST: remove it", id="a name from the root"),
        pytest.param({"\x1b[2J": b""}, r"extra file '\x1b[2J': remove it", id="a name that a terminal obeys"),
        pytest.param({".DS_Store": b"", "notes": b""}, "extra files .DS_Store, notes: remove them", id="two"),
        pytest.param({f"f{i:02}": b"" for i in range(12)}, "f09 and 2 more: remove them", id="many"),
    ],
)
def test_verify__extra_files_in_a_tar__are_named_and_undecided(
    tmp_path: Path, files: dict[str, bytes], problem: str
) -> None:
    report = verify_bundle(packed(tmp_path / "export.tar", {**FILES, **files}), [VKEY])
    assert (report.status, problem in report.problem) == ("undecided", True)


@pytest.mark.parametrize(
    "tops",
    [pytest.param(("a/", "b/"), id="two folders"), pytest.param(("/",), id="the root")],
)
def test_verify__a_tar_of_anything_but_one_folder__is_not_verified(tmp_path: Path, tops: tuple[str, ...]) -> None:
    files = {top + name: content for top in tops for name, content in FILES.items()}
    assert verify_bundle(packed(tmp_path / "export.tar", files), [VKEY]).status == "undecided"


def test_verify__a_file_twice_in_a_tar_by_two_names__is_tampering(tmp_path: Path) -> None:
    archive = packed(tmp_path / "export.tar", {**FILES, "./checkpoint": b""})
    assert verify_bundle(archive, [VKEY]).status == "tampered"


def test_verify__a_file_twice_in_a_tar__is_tampering(tmp_path: Path) -> None:
    archive = tmp_path / "export.tar"
    with tarfile.open(archive, "w") as tar:
        for name in [*FILES, "checkpoint"]:
            info = tarfile.TarInfo(name)
            info.size = len(FILES[name])
            tar.addfile(info, io.BytesIO(FILES[name]))
    assert verify_bundle(archive, [VKEY]).status == "tampered"


def test_verify__progress__ends_at_the_number_of_entries(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    verify_bundle(write(FILES, tmp_path), [VKEY], progress=lambda done, total: seen.append((done, total)))
    assert seen == [(12, 12)]


def test_verify__entries_over_several_blocks__is_verified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verifier, "_BLOCK_BYTES", 100)
    assert [checked(FILES, tmp_path, deep=deep).status for deep in (False, True)] == ["verified", "verified"]


# What cannot be decided.


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        pytest.param([], "no verifier key", id="none"),
        pytest.param(["nonsense"], "cannot be used", id="one that is none"),
    ],
)
def test_verify__without_a_key__is_undecided(tmp_path: Path, keys: list[str], problem: str) -> None:
    report = verify_bundle(write(FILES, tmp_path), keys)
    assert (report.status, problem in report.problem, report.exit_code) == ("undecided", True, 2)


def test_verify__no_such_path__is_undecided(tmp_path: Path) -> None:
    assert verify_bundle(tmp_path / "nowhere", [VKEY]).status == "undecided"


def test_verify__a_file_that_is_no_tar__is_undecided(tmp_path: Path) -> None:
    (tmp_path / "export.tar").write_bytes(b"no tar")
    assert verify_bundle(tmp_path / "export.tar", [VKEY]).status == "undecided"


def test_verify__an_empty_folder__is_undecided(tmp_path: Path) -> None:
    assert verify_bundle(tmp_path, [VKEY]).status == "undecided"


# Forgeries without the key.


@pytest.mark.parametrize("name", sorted(FILES))
def test_verify__any_file_removed__is_not_verified(tmp_path: Path, name: str) -> None:
    assert checked({key: value for key, value in FILES.items() if key != name}, tmp_path).exit_code != 0


@pytest.mark.parametrize("name", ["report.html", ".DS_Store"])
def test_verify__a_file_added__is_named_and_undecided(tmp_path: Path, name: str) -> None:
    report = checked({**FILES, name: b"<p>All is well."}, tmp_path)
    told = f"extra file {name}: remove it; the manifest does not list it"
    assert (report.status, report.exit_code, report.problem) == ("undecided", 2, told)


def test_verify__a_folder_added__is_named_and_undecided(tmp_path: Path) -> None:
    (tmp_path / "bundle" / "more").mkdir(parents=True)
    report = checked(FILES, tmp_path)
    assert (report.status, "more/" in report.problem) == ("undecided", True)


@pytest.mark.parametrize("name", ["README.txt", "entries.jsonl"])
def test_verify__a_file_added_to_a_forgery__does_not_hide_it(tmp_path: Path, name: str) -> None:
    forged = {**FILES, name: b"x" + FILES[name][1:], ".DS_Store": b""}
    assert checked(forged, tmp_path).status == "tampered"


def test_verify__a_folder_for_a_file__is_tampering(tmp_path: Path) -> None:
    folder = write(FILES, tmp_path / "bundle")
    (folder / "checkpoint").unlink()
    (folder / "checkpoint").mkdir()
    assert verify_bundle(folder, [VKEY]).status == "tampered"


def test_verify__a_link_for_a_file__is_tampering(tmp_path: Path) -> None:
    folder = write(FILES, tmp_path / "bundle")
    (folder / "checkpoint").rename(tmp_path / "checkpoint")
    (folder / "checkpoint").symlink_to(tmp_path / "checkpoint")
    assert verify_bundle(folder, [VKEY]).status == "tampered"


@pytest.mark.parametrize("name", ["MANIFEST", "range-proof.json"])
def test_verify__a_small_file_made_huge__is_tampering(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flagtrail.ledger.bundle._MAX_SMALL_BYTES", len(FILES["MANIFEST"]) + 1)
    huge = {**FILES, name: FILES[name] + b" " * 2000}
    assert checked(huge if name == "MANIFEST" else signed(huge, LEDGER), tmp_path).status == "tampered"


def test_verify__signed_by_another_key__is_tampering(tmp_path: Path) -> None:
    assert checked(ledger([entry(0)], key=OTHER_KEY).export(), tmp_path).status == "tampered"


def test_verify__a_second_signature_of_an_unknown_key__is_tampering(tmp_path: Path) -> None:
    stranger = Ledger(LEDGER.sealed, OTHER_KEY)
    text = FILES["MANIFEST"].decode().partition("\n\n")[0] + "\n"
    line = stranger.sign(text).removeprefix(text + "\n")
    assert checked({**FILES, "MANIFEST": FILES["MANIFEST"] + line.encode()}, tmp_path).status == "tampered"


def test_verify__the_same_signature_twice__is_tampering(tmp_path: Path) -> None:
    line = FILES["MANIFEST"].partition(b"\n\n")[2]
    assert checked({**FILES, "MANIFEST": FILES["MANIFEST"] + line}, tmp_path).status == "tampered"


def test_verify__signed_by_two_trusted_keys__is_verified(tmp_path: Path) -> None:
    text = FILES["MANIFEST"].decode().partition("\n\n")[0] + "\n"
    line = Ledger([], OTHER_KEY).sign(text).removeprefix(text + "\n")
    write({**FILES, "MANIFEST": FILES["MANIFEST"] + line.encode()}, tmp_path)
    assert verify_bundle(tmp_path, [VKEY, OTHER_VKEY], deep=True).status == "verified"


def test_verify__a_manifest_that_is_not_text__is_tampering(tmp_path: Path) -> None:
    assert checked({**FILES, "MANIFEST": b"\xff" + FILES["MANIFEST"]}, tmp_path).status == "tampered"


# Forgeries with the key: what the form demands, whoever signed it.


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param("flagtrail-export/v1", "flagtrail-export/v2", id="another version"),
        pytest.param(ORIGIN, "example.com/other", id="another log"),
        pytest.param("range 0 12", "range 12 0", id="a range backwards"),
        pytest.param("range 0 12", "range 0 13", id="a range beyond the checkpoint"),
        pytest.param("range 0 12", "range 0 11", id="a range that is too short"),
        pytest.param("range 0 12", "range 1 12", id="a range that starts later"),
        pytest.param("range 0 12", "range 0", id="half a range"),
        pytest.param("range 0 12", "reach 0 12", id="another word"),
        pytest.param("size 12", "size 13", id="another size"),
        pytest.param("size 12", "size 012", id="a leading zero"),
        pytest.param("erased 0", "erased 1", id="one erased too many"),
        pytest.param("disclosures 53", "disclosures 52", id="one disclosed too few"),
        pytest.param("erased 0", "erased 0\nfiler x", id="a line of another kind"),
        pytest.param("erased 0", "erased 0\n\nmore", id="an empty line"),
    ],
)
def test_verify__a_signed_manifest_that_says_something_else__is_tampering(tmp_path: Path, old: str, new: str) -> None:
    assert old in FILES["MANIFEST"].decode()
    assert checked(signed(FILES, LEDGER, alter=lambda text: text.replace(old, new)), tmp_path).status == "tampered"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("flagtrail-export/v1\no\nrange 0 0\nsize 0\n", id="too short"),
        pytest.param("", id="empty"),
    ],
)
def test_parse_manifest__a_short_text__is_refused(text: str) -> None:
    with pytest.raises(NoteError):
        parse_manifest(text)


MANIFEST_TEXT = FILES["MANIFEST"].decode().partition("\n\n")[0] + "\n"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(MANIFEST_TEXT.replace(" README.txt", " ../README.txt"), id="a path for a name"),
        pytest.param(MANIFEST_TEXT.replace(" README.txt", " MANIFEST"), id="itself"),
        pytest.param(MANIFEST_TEXT.replace(" README.txt", " zz.txt"), id="out of order"),
        pytest.param(MANIFEST_TEXT.replace(" entries.jsonl", " entries.json"), id="a required file missing"),
        pytest.param(MANIFEST_TEXT.replace("file ", "FILE "), id="another word"),
        pytest.param(MANIFEST_TEXT.replace("\nfile ", "\nfile 0 "), id="a part too many"),
        pytest.param(MANIFEST_TEXT.upper().replace("FILE", "file"), id="digests in capitals"),
        pytest.param(MANIFEST_TEXT[:-1], id="no newline at the end"),
        pytest.param(MANIFEST_TEXT[:-1] + "x", id="a name cut off"),
    ],
)
def test_parse_manifest__any_other_form__is_refused(text: str) -> None:
    with pytest.raises(NoteError):
        parse_manifest(text)


PROOFED = LEDGER.export(3, 8)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"[[],[]]\n", id="empty"),
        pytest.param(b"[[]]\n", id="one list"),
        pytest.param(b"{}\n", id="an object"),
        pytest.param(b"[", id="no JSON"),
        pytest.param(b'[["AAAA"],["AAAA"]]\n', id="hashes that are too short"),
        pytest.param(b"[[1,2],[3]]\n", id="numbers"),
        pytest.param(PROOFED["range-proof.json"].replace(b",", b", "), id="not canonical"),
        pytest.param(FILES["range-proof.json"], id="of another range"),
    ],
)
def test_verify__a_signed_range_proof_of_another_form__is_tampering(tmp_path: Path, content: bytes) -> None:
    assert checked(signed({**PROOFED, "range-proof.json": content}, LEDGER), tmp_path).status == "tampered"


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(LEDGER.checkpoint(11), id="of another size"),
        pytest.param(LEDGER.sign("no checkpoint\n"), id="none"),
        pytest.param(LEDGER.sign(f"{ORIGIN}\ntwelve\n"), id="none of this log"),
        pytest.param(Ledger(story(12).sealed[::-1]).checkpoint(), id="of another history"),
    ],
)
def test_verify__a_signed_checkpoint_of_something_else__is_tampering(tmp_path: Path, content: str) -> None:
    assert checked(signed({**FILES, "checkpoint": content.encode()}, LEDGER), tmp_path).status == "tampered"


def test_verify__a_key_of_another_log__does_not_vouch_for_this_one(tmp_path: Path) -> None:
    other = Ledger(LEDGER.sealed, OTHER_KEY, "example.com/other")
    vkey = verifier_key(other.origin, OTHER_KEY.public_key().public_bytes_raw())
    write(signed(FILES, other), tmp_path)
    assert verify_bundle(tmp_path, [VKEY, vkey]).status == "tampered"


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(FILES["entries.jsonl"][:-1], id="the last newline"),
        pytest.param(FILES["entries.jsonl"] + b"\n", id="an empty line more"),
        pytest.param(b"{}" + b" " * 65_534 + b"\n" + FILES["entries.jsonl"], id="a line longer than any leaf"),
    ],
)
def test_verify__signed_entries_of_another_form__is_tampering(tmp_path: Path, content: bytes) -> None:
    assert checked(signed({**FILES, "entries.jsonl": content}, LEDGER), tmp_path).status == "tampered"


def test_verify__entries_swapped_by_the_holder_of_the_key__is_tampering(tmp_path: Path) -> None:
    lines = FILES["entries.jsonl"].splitlines(keepends=True)
    assert checked(signed({**FILES, "entries.jsonl": b"".join(lines[::-1])}, LEDGER), tmp_path).status == "tampered"


# The archive, the command line.


def test_verifier_archive__under_isolated_python__verifies_without_any_package(tmp_path: Path) -> None:
    write(FILES, tmp_path / "bundle")
    (tmp_path / "own.pyz").write_bytes(verifier_archive())
    done = subprocess.run(
        [sys.executable, "-I", "-S", tmp_path / "own.pyz", tmp_path / "bundle", "--key", VKEY, "--deep"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert (done.returncode, done.stdout[:8], done.stderr) == (0, "VERIFIED", "")


def test_verifier_archive__its_imports__are_the_standard_library_and_itself(tmp_path: Path) -> None:
    (tmp_path / "own.pyz").write_bytes(verifier_archive())
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path / 'own.pyz')!r}); import flagtrail.ledger.verify;"
        "print(sorted(m for m in sys.modules if m.split('.')[0] not in sys.stdlib_module_names and m != '__main__'))"
    )
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True)
    modules = sorted(
        ["flagtrail", *("flagtrail." + m.replace("/", ".").removesuffix(".__init__") for m in VERIFIER_MODULES[1:])]
    )
    assert done.stdout.strip() == str(modules)


def test_verifier_archive__made_twice__is_the_same_bytes() -> None:
    assert verifier_archive() == verifier_archive()


def test_verifier_archive__its_modules__are_the_files_that_run_here() -> None:
    with zipfile.ZipFile(io.BytesIO(verifier_archive())) as archive:
        inside = archive.read("flagtrail/ledger/verify.py")
    assert inside == Path(verifier.__file__).read_bytes()


def test_main__a_verified_export__prints_level_range_and_limits(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main([str(write(FILES, tmp_path)), "--key", VKEY])
    printed = capsys.readouterr().out
    words = ["level A0", ORIGIN, "0 to 12 (exclusive) of 12", "Not proved:", "--held", "--deep"]
    assert (code, [word for word in words if word not in printed]) == (0, [])


@pytest.mark.parametrize(
    ("files", "code", "word"),
    [
        pytest.param({**FILES, "checkpoint": b""}, 1, "TAMPERED WITH", id="tampered"),
        pytest.param({}, 2, "CANNOT BE DECIDED", id="undecided"),
    ],
)
def test_main__anything_else__prints_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], files: dict[str, bytes], code: int, word: str
) -> None:
    assert (main([str(write(files, tmp_path)), "--key", VKEY]), word in capsys.readouterr().out) == (code, True)


def test_main__json__is_the_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main([str(write(FILES, tmp_path)), "--key", VKEY, "--json", "--deep"])
    printed = json.loads(capsys.readouterr().out)
    assert (printed["status"], printed["exit_code"], printed["high"], printed["deep"]) == ("verified", 0, 12, True)


def test_main__as_a_module__is_the_same_program(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "flagtrail.ledger.verify", str(tmp_path), "--key", VKEY]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 2


# Exporting.


def test_export__chunks_left_unread__are_counted_all_the_same() -> None:
    read = {name: next(iter(chunks)) for name, chunks in exporting(LEDGER, high=12) if name == "MANIFEST"}
    assert read["MANIFEST"] == FILES["MANIFEST"]


def exporting(of: Ledger, high: int, leaves: int | None = None, proofed: RangeProof = RangeProof()) -> Export:  # noqa: B008 - frozen
    return Export(
        (each.leaf for each in of.sealed[:leaves]),
        of.disclosures(0, len(of.sealed)),
        checkpoint=LEDGER.checkpoint(),
        low=0,
        high=high,
        public_key=PUBLIC,
        sign=KEY.sign,
        proof=proofed,
    )


@pytest.mark.parametrize(
    ("of", "high", "leaves"),
    [
        pytest.param(LEDGER, 12, 11, id="an entry missing"),
        pytest.param(ledger(entry(seq, ticket="X" if seq == 3 else "Y") for seq in range(12)), 12, 12, id="altered"),
        pytest.param(LEDGER, 11, 11, id="a range without its proof"),
    ],
)
def test_export__entries_that_do_not_hash_to_the_root__never_gets_a_manifest(
    of: Ledger, high: int, leaves: int
) -> None:
    names: list[str] = []
    with pytest.raises(LedgerBroken):
        names.extend(name for name, _ in exporting(of, high, leaves))
    assert "MANIFEST" not in names


@pytest.mark.parametrize("high", [-1, 13])
def test_export__a_range_beyond_the_checkpoint__is_refused(high: int) -> None:
    with pytest.raises(ValueError, match="is no range"):
        exporting(LEDGER, high)


def test_export__a_checkpoint_of_another_key__is_refused() -> None:
    with pytest.raises(NoteError):
        Export(
            [],
            [],
            checkpoint=LEDGER.checkpoint(),
            low=0,
            high=12,
            public_key=OTHER_KEY.public_key().public_bytes_raw(),
            sign=OTHER_KEY.sign,
        )


def test_export__more_than_a_chunk__streams_in_several(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flagtrail.ledger.export._CHUNK_BYTES", 1000)
    counts = {name: len(list(chunks)) for name, chunks in exporting(LEDGER, high=12)}
    assert (counts["entries.jsonl"], counts["disclosures.jsonl"], counts["MANIFEST"]) == (6, 5, 1)


def test_export__its_range_proof__is_that_of_the_tree() -> None:
    left, right = json.loads(PROOFED["range-proof.json"])
    expected = merkle.range_proof(LEDGER.hashes, 3, 8)
    assert (len(left), len(right)) == (len(expected.left), len(expected.right))


def test_receipt_and_export__of_one_ledger__agree(tmp_path: Path) -> None:
    kept = tmp_path / "receipt.tlog-proof"
    kept.write_text(proof.write_receipt(3, merkle.inclusion_proof(LEDGER.hashes[:9], 3), LEDGER.checkpoint(9)))
    assert verify_bundle(write(FILES, tmp_path / "b"), [VKEY], [kept]).level == "A1"
