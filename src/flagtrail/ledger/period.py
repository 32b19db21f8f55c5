"""A period of the ledger, told without a gap: every entry from one checkpoint to another is there, or counted over.

Standard library only. What a report tells of each entry hangs on that entry's leaf hash; what
it passes over (another project's entries, say) is covered by the roots of whole subtrees. Put
together they must be the tree of the later checkpoint: an entry that was dropped, added,
exchanged or moved makes another root.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from flagtrail.ledger.adding import Addition
from flagtrail.ledger.checkpoint import (
    NoteError,
    NoteUnsigned,
    VerifierKey,
    hash_from,
    parse_checkpoint,
    parse_vkey,
    verify_note,
)
from flagtrail.ledger.draw import Draw, seeded_with
from flagtrail.ledger.leaf import NAMES, commitment
from flagtrail.ledger.merkle import EMPTY_ROOT, Frontier, verify_consistency, widths
from flagtrail.ledger.proof import verify_receipt
from flagtrail.ledger.report import EXIT_CODES


class PeriodRefuted(ValueError):
    """The report is not what the ledger holds for its period; says where it differs."""


@dataclass(frozen=True, slots=True)
class PeriodProof:
    """What a report has to fit: entries [low, high), the peaks of the tree before them, and the roots at both ends.

    `consistency` leads from the tree of size `low` to that of size `high` (RFC 9162, section 2.1.4); it is empty for
    a period that begins with the log.
    """

    low: int
    high: int
    left: tuple[bytes, ...]
    begin_root: bytes
    end_root: bytes
    consistency: tuple[bytes, ...]


Part = tuple[int, int, Sequence[bytes]]
"""From a seq on and before another: one entry with its leaf hash, or a run of them with the roots of its subtrees."""


def verify_period(proof: PeriodProof, parts: Iterable[Part]) -> None:
    """Raise PeriodRefuted unless the parts, in order, are all there is between both ends."""
    try:
        frontier = Frontier(proof.low, proof.left)
    except ValueError as error:
        raise PeriodRefuted(f"the peaks before the period do not fit: {error}") from error
    if frontier.root() != proof.begin_root:
        raise PeriodRefuted(f"the peaks before the period do not hash to the root of size {proof.low}")
    for low, high, roots in parts:
        if low != frontier.size or high <= low:
            raise PeriodRefuted(f"entry {frontier.size} is missing: what follows is {low}")
        spans = list(widths(low, high))
        if len(spans) != len(roots):
            raise PeriodRefuted(f"entries {low} to {high} need {len(spans)} roots, not {len(roots)}")
        for width, root in zip(spans, roots, strict=True):
            frontier = frontier.append_subtree(root, width)
    if frontier.size != proof.high:
        raise PeriodRefuted(f"the report ends at entry {frontier.size}, the period at {proof.high}")
    if frontier.root() != proof.end_root:
        raise PeriodRefuted(f"the entries do not hash to the root of size {proof.high}")
    if proof.low and not verify_consistency(proof.low, proof.begin_root, proof.high, proof.end_root, proof.consistency):
        raise PeriodRefuted(f"the proof does not lead from size {proof.low} to size {proof.high}")


@dataclass(frozen=True, slots=True)
class Verified:
    """What a report's file was found to be: complete for entries [low, high), with so many told and so many sampled."""

    kind: str
    low: int
    high: int
    root: bytes
    changes: int
    samples: int

    def text(self) -> str:
        """The finding in words."""
        return (
            f"The report {self.kind} is complete: it tells {self.changes:,} of the entries {self.low} to {self.high} "
            f"(exclusive) and passes over the rest, none is missing, and they lead to the signed root.\n"
            f"{self.samples} sampled entries were checked value by value.\n"
        )


def verify_report(lines: Iterable[bytes], vkey: str | VerifierKey) -> Verified:
    """Check a report as JSON Lines against the log's key, offline.

    Both checkpoints bear the key's signature; all entries between them are told or passed over
    (`verify_period`); what the first line adds up is what the changes say; each sampled entry's receipt leads from
    its leaf to the later checkpoint, its leaf hash is the one its change gives, and every value of that change is the
    one that the leaf holds or commits to.
    Raises PeriodRefuted, or NoteError where a signature or receipt is not what it should be.
    """
    try:
        return _Reading(parse_vkey(vkey) if isinstance(vkey, str) else vkey).read(lines)
    except (PeriodRefuted, NoteError):
        raise
    except (LookupError, TypeError, AttributeError, ArithmeticError, ValueError, RecursionError) as error:
        raise PeriodRefuted(f"this is not a report as JSON Lines: {error!r}") from error


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of checking a report's file; `found` where it is verified, else `problem`."""

    status: Literal["verified", "tampered", "undecided"]
    problem: str = ""
    found: Verified | None = None

    @property
    def exit_code(self) -> int:
        """0 verified, 1 tampered with, 2 cannot be decided."""
        return EXIT_CODES[self.status]

    def facts(self) -> dict[str, object]:
        """The outcome for machines."""
        found = {} if self.found is None else {**asdict(self.found), "root": b64encode(self.found.root).decode()}
        return {"status": self.status, "problem": self.problem, **found, "exit_code": self.exit_code}

    def text(self) -> str:
        """The outcome for people."""
        if self.found is not None:
            return f"VERIFIED: {self.found.text()}"
        return f"{'TAMPERED WITH' if self.status == 'tampered' else 'CANNOT BE DECIDED'}: {self.problem}\n"


def check_report(path: Path, keys: Sequence[str]) -> Outcome:
    """Check a report's file against the keys that are trusted; never raises for what it holds.

    After a change of keys several may be trusted: the report has to be signed by one of them.
    """
    outcome = Outcome("undecided", "no verifier key was given")
    for text in keys:
        try:
            key = parse_vkey(text)
        except NoteError as error:
            return Outcome("undecided", f"a verifier key cannot be used: {error}")
        try:
            with path.open("rb") as lines:
                return Outcome("verified", found=verify_report(lines, key))
        except NoteUnsigned as error:
            outcome = Outcome("tampered", str(error))
        except (PeriodRefuted, NoteError) as error:
            return Outcome("tampered", str(error))
        except OSError as error:
            return Outcome("undecided", f"{path} cannot be read: {error}")
    return outcome


class _Reading:
    """One pass over the lines of a report."""

    def __init__(self, key: VerifierKey) -> None:
        self._key = key
        self._sampled: dict[int, Mapping[str, Any]] = {}
        self._lines = 0
        self._samples = 0
        self._ended = False

    def read(self, lines: Iterable[bytes]) -> Verified:
        told = self._counted(lines)
        head = next(told, None)
        if head is None or head["type"] != "report":
            raise PeriodRefuted("a report begins with a line of the type 'report'")
        proof = self._proof(head["proof"])
        scope, sampling = head["scope"], head["found"]["sampling"]
        seed = seeded_with(scope["kind"], scope["since"], scope["until"], head["proof"]["end"]["root"])
        draw = Draw(seed, sampling["asked"])
        wanted = frozenset(sampling["seqs"])
        added = Addition(scope, draw)
        verify_period(proof, self._parts(told, added, wanted, head["proof"]["end"]["note"]))
        if not self._ended:
            raise PeriodRefuted("the report breaks off: its last line is missing")
        if draw.taken() != tuple(sampling["seqs"]) or self._samples != len(wanted):
            raise PeriodRefuted("the sample is not the one that is drawn from these changes, or not all of it is shown")
        belied = "origin" if head["origin"] != self._key.name else added.belied(head["found"], proof.high - proof.low)
        if belied:
            raise PeriodRefuted(f"{belied} of the report is not what its entries say")
        return Verified(scope["kind"], proof.low, proof.high, proof.end_root, added.changes, self._samples)

    def _counted(self, lines: Iterable[bytes]) -> Iterator[Any]:
        for line in lines:
            if self._ended:
                raise PeriodRefuted("the report goes on after its last line")
            self._lines += 1
            yield json.loads(line)

    def _proof(self, told: Mapping[str, Any]) -> PeriodProof:
        ends = []
        for end in (told["begin"], told["end"]):
            if end["size"] == 0:  # before the first entry there is nothing to sign
                ends.append((0, EMPTY_ROOT))
                continue
            verify_note(end["note"], self._key)
            signed = parse_checkpoint(end["note"])
            if (signed.size, signed.origin, signed.root) != (end["size"], self._key.name, hash_from(end["root"])):
                raise PeriodRefuted(f"the checkpoint of size {signed.size} is not that of the period's end")
            ends.append((signed.size, signed.root))
        (low, begin_root), (high, end_root) = ends
        left, consistency = (tuple(map(hash_from, told[name])) for name in ("left", "consistency"))
        return PeriodProof(low, high, left, begin_root, end_root, consistency)

    def _parts(
        self, told: Iterable[Mapping[str, Any]], added: Addition, wanted: frozenset[int], note: str
    ) -> Iterable[Part]:
        for line in told:
            match line["type"]:
                case "change":
                    seq = line["seq"]
                    yield seq, seq + 1, (hash_from(line["leaf_hash"]),)
                    if belied := added.add(line):
                        raise PeriodRefuted(f"{belied} of entry {seq} does not fit what else is told of it")
                    if seq in wanted:
                        self._sampled[seq] = line
                case "elsewhere":
                    yield line["from"], line["to"], tuple(map(hash_from, line["roots"]))
                case "sample":
                    self._check_sample(line, note)
                case "end":
                    if line["lines"] != self._lines:
                        raise PeriodRefuted(f"the report has {self._lines} lines, its last one says {line['lines']}")
                    self._ended = True
                case other:
                    raise PeriodRefuted(f"a report has no lines of the type {other!r}")

    def _check_sample(self, sample: Mapping[str, Any], note: str) -> None:
        seq = sample["seq"]
        change = self._sampled.pop(seq, None)
        if change is None:
            raise PeriodRefuted(f"entry {seq} is shown as sampled, but is no sampled change of this report, or again")
        signed = verify_receipt(sample["receipt"], sample["leaf"].encode(), self._key)
        if signed != parse_checkpoint(note):
            raise PeriodRefuted(f"the receipt of entry {seq} is of another checkpoint")
        leaf = json.loads(sample["leaf"])
        values = {each["name"]: each for each in sample["values"]}
        committed = {name for name, value in leaf["commitments"].items() if value is not None}
        if leaf["seq"] != seq or committed - values.keys() != set(change["erased"]) or values.keys() - committed:
            raise PeriodRefuted(f"the leaf of entry {seq} does not fit what is shown of it")
        for name in NAMES:
            if not _is_proved(values.get(name), leaf["commitments"][name], _told(change, name)):
                raise PeriodRefuted(f"{name} of entry {seq} is not what its leaf commits to")
        for name in ("time", "occurred_at", "subject", "ticket", "approval", "actions", "reverts", "group", "source"):
            if not _same(leaf[name], change[name]):
                raise PeriodRefuted(f"{name} of entry {seq} is not what its leaf says")
        if any(leaf["actor"][name] != change["actor"][name] for name in leaf["actor"]):
            raise PeriodRefuted(f"actor of entry {seq} is not what its leaf says")
        self._samples += 1


def _is_proved(shown: Mapping[str, Any] | None, committed: str, told: object) -> bool:
    """Whether what is told of a value is what the leaf commits to; of one that is not shown nothing is told."""
    if shown is None:
        return told in {None, ""}
    text = shown["value"]
    return commitment(shown["name"], b64decode(shown["salt"]), text.encode()) == committed and _same(
        json.loads(text), told
    )


def _same(one: object, other: object) -> bool:
    """Whether two JSON values are written alike (Python takes `1` for `true`)."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def _told(change: Mapping[str, Any], name: str) -> object:
    """What a change's line says of one committed value."""
    actor = change["actor"]
    match name:
        case "actor_name" | "actor_email":
            return actor[name.removeprefix("actor_")]
        case "for_name" | "for_email":
            return (actor["for"] or {}).get(name.removeprefix("for_"))
        case _:
            return change[name]
