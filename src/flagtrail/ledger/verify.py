"""The offline verifier: does an export hold exactly the entries that its ledger committed to?

Standard library only, so that nothing but this has to be trusted:
`python -m flagtrail.ledger.verify DIRECTORY --key VKEY`, or the `verify.pyz` of an export.
"""

from __future__ import annotations

import argparse
import json
import sys
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path

from flagtrail.ledger.bundle import Bundle, Irregular, Unreadable, open_bundle, read_kept
from flagtrail.ledger.checkpoint import (
    Checkpoint,
    Note,
    NoteError,
    VerifierKey,
    hash_from,
    parse_checkpoint,
    parse_note,
    parse_vkey,
    verify_note,
)
from flagtrail.ledger.deep import DeepCheck, Defective, Disclosure, parse_canonical, parse_disclosure
from flagtrail.ledger.evidence import Contradicted, Evidence, Inapplicable, read_evidence
from flagtrail.ledger.leaf import MAX_LEAF_BYTES, is_time
from flagtrail.ledger.manifest import CHECKPOINT, DISCLOSURES, ENTRIES, MANIFEST, PROOF, Manifest, parse_manifest
from flagtrail.ledger.merkle import Frontier, RangeProof, leaf_hashes, range_root
from flagtrail.ledger.period import check_report
from flagtrail.ledger.report import Report, with_limits

REPORT_SUFFIX = ".jsonl"
_BLOCK_BYTES = 1 << 22

Progress = Callable[[int, int], None]
"""Told how many entries are verified, and of how many."""


class _Tampered(Exception):
    """The bundle is not what its ledger's key signed."""


def verify_bundle(
    path: str | Path,
    keys: Sequence[str],
    held: Sequence[str | Path] = (),
    *,
    deep: bool = False,
    progress: Progress | None = None,
) -> Report:
    """Verify the export in a directory or an uncompressed tar; never raises for what the files hold.

    `keys` are the verifier keys (vkey texts) that are trusted: they come from
    the auditor, never from the export. `held` are files with checkpoints,
    receipts or entries that the auditor kept. `deep` reads every entry as well.
    """
    try:
        trusted = [parse_vkey(key) for key in keys]
        if not trusted:
            return Report("undecided", "no verifier key was given")
    except NoteError as error:
        return Report("undecided", f"a verifier key cannot be used: {error}")
    try:
        with open_bundle(Path(path)) as bundle:
            return _Verification(bundle, trusted, progress).run([Path(each) for each in held], deep=deep)
    except (_Tampered, Contradicted, Defective, Irregular) as error:
        return Report("tampered", str(error))
    except (Unreadable, Inapplicable) as error:
        return Report("undecided", str(error))


class _Verification:
    """One run over one bundle. The steps are numbered in `run`."""

    def __init__(self, bundle: Bundle, trusted: Sequence[VerifierKey], progress: Progress | None) -> None:
        self._bundle = bundle
        self._trusted = trusted
        self._progress = progress
        self._roots: dict[int, bytes] = {}
        self._hashes: dict[int, bytes] = {}
        self._first = self._last = b""

    def run(self, held: Sequence[Path], *, deep: bool) -> Report:
        # 1. The manifest is signed by trusted keys only, and 2. lists the files that are there.
        manifest = self._manifest()
        extra = self._check_files(manifest)
        # 3. So is the checkpoint, and both are of one log and one size.
        checkpoint = self._checkpoint(manifest)
        # 4. What the auditor kept is about this log.
        evidence = [read_evidence(str(path), read_kept(path), manifest.origin, self._verify_kept) for path in held]
        # 5. The entries, on from the peaks before them and with the subtrees after them, have the signed root.
        proof = self._range_proof()
        check = DeepCheck(manifest.origin, manifest.low, self._disclosures()) if deep else None
        frontier = self._entries(manifest, proof, evidence, check)
        if range_root(frontier, proof.right, checkpoint.size) != checkpoint.root:
            raise _Tampered("the entries do not hash to the root that the checkpoint signs")
        self._roots[checkpoint.size] = checkpoint.root
        # 6. Every other file has the bytes that the manifest signs.
        for file in manifest.files:
            if file.name != ENTRIES:  # its digest was taken on the way
                self._check_digest(file.name, self._digest_of(file.name), manifest)
        # 7. The entries read as a ledger, and the disclosures are what they committed to.
        if check is not None:
            self._finish_deep(check, manifest)
        # 8. What the auditor kept agrees.
        pinned = [each.hold_against(self._roots, self._hashes, checkpoint.size) for each in evidence]
        # 9. Nothing lies beside it whose bytes nobody signed. Last, so that it never hides what was tampered with.
        if extra:
            files, them = ("file", "it") if len(extra) == 1 else ("files", "them")
            raise Unreadable(f"extra {files} {_shown(extra)}: remove {them}; the manifest does not list {them}")
        return self._report(manifest, checkpoint, pinned, deep=deep)

    def _verify(self, content: bytes, what: str) -> str:
        """The text of a note in the bundle. Every signature line must be of a trusted key, stand once, and verify.

        On the wire unknown lines are ignored; in a bundle their bytes would be unprotected.
        """
        try:
            note = content.decode()
            parsed = parse_note(note)
            unused = {(key.name, key.key_id): key for key in self._trusted}
            for line in parsed.signatures:
                key = unused.pop((line.name, line.key_id), None)
                if key is None:
                    raise _Tampered(f"{what} is signed by a key that is not trusted, or twice by one: {line.name}")
                verify_note(note, key)
        except ValueError as error:  # NoteError and UnicodeDecodeError are
            raise _Tampered(f"{what}: {error}") from error
        if any(line.name != _origin(parsed, what) for line in parsed.signatures):
            raise _Tampered(f"{what} is not signed by the key of its own log")
        return parsed.text

    def _verify_kept(self, note: str) -> str:
        """The text of a note that the auditor kept, with whichever of the trusted keys signed it."""
        for key in self._trusted[:-1]:
            try:
                return verify_note(note, key)
            except NoteError:
                continue
        return verify_note(note, self._trusted[-1])

    def _manifest(self) -> Manifest:
        if MANIFEST not in self._bundle.sizes:
            raise Unreadable("there is no MANIFEST: this is no export, or the file was removed")
        text = self._verify(self._bundle.read(MANIFEST), MANIFEST)
        try:
            return parse_manifest(text)
        except NoteError as error:
            raise _Tampered(f"{MANIFEST}: {error}") from error

    def _check_files(self, manifest: Manifest) -> list[str]:
        """Every listed file is there with its size; the names of those that the manifest does not list."""
        listed = {file.name: file.size for file in manifest.files}
        found = self._bundle.sizes
        wrong = sorted(name for name, size in listed.items() if found.get(name) != size)
        if wrong:
            raise _Tampered(f"missing, or of another size than the manifest lists: {', '.join(wrong)}")
        return sorted(found.keys() - listed.keys() - {MANIFEST})

    def _checkpoint(self, manifest: Manifest) -> Checkpoint:
        content = self._bundle.read(CHECKPOINT)
        self._verify(content, CHECKPOINT)
        try:
            checkpoint = parse_checkpoint(content.decode())
        except NoteError as error:
            raise _Tampered(f"{CHECKPOINT}: {error}") from error
        if (checkpoint.origin, checkpoint.size) != (manifest.origin, manifest.size):
            raise _Tampered("the checkpoint is not the one that the manifest names")
        return checkpoint

    def _range_proof(self) -> RangeProof:
        content = self._bundle.read(PROOF)
        value = parse_canonical(content.removesuffix(b"\n"), PROOF)
        match value:
            case [[*left], [*right]]:
                try:
                    return RangeProof(tuple(map(_hash, left)), tuple(map(_hash, right)))
                except NoteError as error:
                    raise _Tampered(f"{PROOF}: {error}") from error
            case _:
                raise _Tampered(f"{PROOF} is not two lists of hashes")

    def _entries(
        self, manifest: Manifest, proof: RangeProof, evidence: Sequence[Evidence], check: DeepCheck | None
    ) -> Frontier:
        """Hash every line, on from the proof's left peaks; note the roots and hashes that evidence speaks of."""
        try:
            frontier = Frontier(manifest.low, proof.left)
        except ValueError as error:
            raise _Tampered(f"{PROOF}: {error}") from error
        wanted = {each.size for each in evidence}
        indices = {each.index for each in evidence if each.index is not None}
        for lines in self._lines(ENTRIES, manifest):
            if max(map(len, lines)) > MAX_LEAF_BYTES:
                raise _Tampered(f"an entry after {frontier.size} is longer than any leaf")
            self._first, self._last = self._first or lines[0], lines[-1]
            hashes = leaf_hashes(lines)
            base = frontier.size
            self._hashes.update({index: hashes[index - base] for index in indices if 0 <= index - base < len(hashes)})
            if check is None:
                frontier = self._extend(frontier, hashes, wanted)
            else:
                for line, hashed in zip(lines, hashes, strict=True):
                    root = frontier.root()
                    check.check(line, frontier.size, root)
                    if frontier.size in wanted:
                        self._roots[frontier.size] = root
                    frontier = frontier.append(hashed)
            if self._progress is not None:
                self._progress(frontier.size - manifest.low, manifest.high - manifest.low)
        if frontier.size != manifest.high:
            raise _Tampered(f"{ENTRIES} ends at entry {frontier.size}, not at {manifest.high}")
        self._roots[frontier.size] = frontier.root()
        return frontier

    def _extend(self, frontier: Frontier, hashes: list[bytes], wanted: set[int]) -> Frontier:
        """The frontier after more leaves; the roots of the wanted sizes on the way are noted."""
        base, done = frontier.size, 0
        for cut in sorted(size - base for size in wanted if 0 <= size - base < len(hashes)):
            frontier = frontier.extend(hashes[done:cut])
            self._roots[frontier.size] = frontier.root()
            done = cut
        return frontier.extend(hashes[done:])

    def _lines(self, name: str, manifest: Manifest) -> Iterator[list[bytes]]:
        """The file's lines in blocks; at the end its digest is checked, and that its last line is whole."""
        digest = sha256()
        rest = b""
        with self._bundle.open(name) as stream:
            while block := stream.read(_BLOCK_BYTES):
                digest.update(block)
                lines = (rest + block).split(b"\n")
                rest = lines.pop()
                if lines:
                    yield lines
        if rest:
            raise _Tampered(f"{name} ends in the middle of a line")
        self._check_digest(name, digest.hexdigest(), manifest)

    def _digest_of(self, name: str) -> str:
        digest = sha256()
        with self._bundle.open(name) as stream:
            while block := stream.read(_BLOCK_BYTES):
                digest.update(block)
        return digest.hexdigest()

    def _check_digest(self, name: str, digest: str, manifest: Manifest) -> None:
        if digest not in {file.digest for file in manifest.files if file.name == name}:
            raise _Tampered(f"{name} does not have the bytes that the manifest signs")

    def _disclosures(self) -> Iterator[Disclosure]:
        with self._bundle.open(DISCLOSURES) as stream:
            for line in stream:
                yield parse_disclosure(line.removesuffix(b"\n"))

    def _finish_deep(self, check: DeepCheck, manifest: Manifest) -> None:
        check.finish(at_end=manifest.high == manifest.size)
        if (check.disclosed, check.erased) != (manifest.disclosures, manifest.erased):
            raise _Tampered("the manifest miscounts the disclosed and the erased values")

    def _report(self, manifest: Manifest, checkpoint: Checkpoint, pinned: list[int], *, deep: bool) -> Report:
        report = Report(
            status="verified",
            level="A1" if pinned else "A0",
            origin=manifest.origin,
            low=manifest.low,
            high=manifest.high,
            size=manifest.size,
            root=b64encode(checkpoint.root).decode(),
            disclosures=manifest.disclosures,
            erased=manifest.erased,
            oldest=_time_of(self._first),
            newest=_time_of(self._last),
            held=len(pinned),
            pinned=max(pinned, default=0),
            deep=deep,
        )
        return with_limits(report)


def _hash(value: object) -> bytes:
    return hash_from(value if isinstance(value, str) else "")


def _origin(note: Note, what: str) -> str:
    """The log that a note of the bundle is about: the first line of a checkpoint, the second of a manifest."""
    return [*note.text.split("\n"), ""][1 if what == MANIFEST else 0]


def _shown(names: Sequence[str]) -> str:
    """The names, at most ten, with what a terminal would act upon escaped."""
    shown = [name if name.isprintable() else ascii(name) for name in names[:10]]
    return ", ".join(shown) + (f" and {len(names) - 10} more" if len(names) > 10 else "")  # noqa: PLR2004 - as said


def _time_of(line: bytes) -> str:
    """The time of an entry, or `unknown` where a line that hashes right is none."""
    if not line:
        return "none"
    try:
        found = json.loads(line)["time"]
    except (ValueError, KeyError, TypeError):
        return "unknown"
    return found if is_time(found) else "unknown"


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="verify",
        description="Verify an export of a Flagtrail ledger, or a report of a period of it, offline.",
        epilog="Exit code: 0 verified, 1 tampered with, 2 cannot be decided.",
    )
    parser.add_argument("path", help="the export: a directory or an uncompressed tar of one; or a report (.jsonl)")
    parser.add_argument(
        "--key", action="append", required=True, help="a trusted verifier key (name+id+base64); repeatable"
    )
    parser.add_argument(
        "--held", action="append", default=[], help="a checkpoint, receipt or entry that you kept; repeatable"
    )
    parser.add_argument("--deep", action="store_true", help="read every entry and every disclosed value as well")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    options = parser.parse_args(arguments)
    path = Path(options.path)
    if path.suffix == REPORT_SUFFIX and not options.held and not options.deep:
        outcome = check_report(path, options.key)
        sys.stdout.write(json.dumps(outcome.facts(), indent=2) + "\n" if options.json else outcome.text())
        return outcome.exit_code
    report = verify_bundle(path, options.key, options.held, deep=options.deep)
    if options.json:
        sys.stdout.write(json.dumps({**asdict(report), "exit_code": report.exit_code}, indent=2) + "\n")
    else:
        sys.stdout.write(report.text())
    return report.exit_code


if __name__ == "__main__":
    sys.exit(main())
