"""The deep check: every entry of an export read, not only hashed.

Standard library only; where `orjson` is installed it parses, in half of the time.
Whoever holds the signing key could sign anything that hashes; this is what shows
whether it is also a ledger that Flagtrail could have written.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from flagtrail.ledger.checkpoint import NoteMalformed, strict_base64
from flagtrail.ledger.leaf import SALT_BYTES, commitment, defect

Leaf: TypeAlias = dict[str, Any]

_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")).encode


def rewrite_plain(line: bytes) -> tuple[object, bytes]:
    """The value of a line, and the value written anew, with the standard library alone. Raises ValueError."""
    value = json.loads(line.decode())
    return value, _encode(value).encode()


def rewrite_fast(line: bytes) -> tuple[object, bytes]:
    """The same with orjson. The two differ for floats and huge integers only, which no form here holds."""
    value = orjson.loads(line)
    return value, orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


try:
    import orjson
except ImportError:
    rewrite = rewrite_plain
else:
    rewrite = rewrite_fast


class Defective(Exception):
    """An entry or a disclosure is not what a ledger holds; says which and why."""


def parse_canonical(line: bytes, what: str) -> object:
    """The value of one line. Written anew it must give the same bytes: so keys are sorted, and none stands twice.

    Raises Defective.
    """
    try:
        value, anew = rewrite(line)
        if anew == line:
            return value
    except (ValueError, TypeError, RecursionError) as error:
        raise Defective(f"{what} is not JSON: {error}") from error
    raise Defective(f"{what} is not in canonical form")


@dataclass(frozen=True, slots=True)
class Disclosure:
    """One line of disclosures.jsonl."""

    seq: int
    name: str
    salt: bytes
    value: bytes


def parse_disclosure(line: bytes) -> Disclosure:
    """Read one disclosure; raises Defective."""
    value = parse_canonical(line, "a disclosure")
    match value:
        case {"seq": int(seq), "name": str(name), "salt": str(salt), "value": str(text), **rest} if not rest:
            try:
                return Disclosure(seq, name, strict_base64(salt), text.encode())
            except NoteMalformed as error:
                raise Defective(f"the salt of {name!r} of entry {seq}: {error}") from error
        case _:
            raise Defective("a disclosure does not have exactly the keys seq, name, salt and value")


@dataclass(slots=True)
class DeepCheck:
    """Checks entries one by one, in order, with their disclosures; raises Defective at the first that is wrong.

    `disclosures` come sorted by seq. `low` is the first entry's seq: what is before it is unknown.
    """

    origin: str
    low: int
    disclosures: Iterator[Disclosure]
    disclosed: int = 0
    erased: int = 0
    _last_time: str = ""
    _subjects: dict[tuple[str, ...], tuple[int, int]] = field(default_factory=dict)
    _group: tuple[str, int, int] | None = None
    _next: Disclosure | None = None

    def __post_init__(self) -> None:
        self._next = next(self.disclosures, None)

    def check(self, line: bytes, seq: int, prev_root: bytes) -> None:
        """Check the entry at `seq`; `prev_root` is the root of all before it."""
        leaf = parse_canonical(line, f"entry {seq}")
        wrong = defect(leaf)
        if wrong is not None:
            raise Defective(f"entry {seq}: {wrong}")
        assert isinstance(leaf, dict)  # noqa: S101 - `defect` has just said so
        if leaf["log"] != self.origin:
            raise Defective(f"entry {seq} is of the log {leaf['log']!r}")
        if leaf["seq"] != seq:
            raise Defective(f"entry {seq} calls itself {leaf['seq']}")
        if leaf["prev_root"] != b64encode(prev_root).decode():
            raise Defective(f"entry {seq} was written after another history: its prev_root is not the root before it")
        if leaf["time"] < self._last_time:
            raise Defective(f"entry {seq} has the time {leaf['time']}, before that of the entry before it")
        self._last_time = leaf["time"]
        self._check_chain(leaf, seq)
        self._check_group(leaf["group"], seq)
        self._check_disclosures(leaf["commitments"], seq)

    def finish(self, *, at_end: bool) -> None:
        """Check what only the end shows. `at_end`: the entries reach the end of the ledger, so no group may be open."""
        if self._next is not None:
            raise Defective(
                f"a value is disclosed of entry {self._next.seq}, which is not in the range or not in order"
            )
        if at_end and self._group is not None and self._group[1] + 1 != self._group[2]:
            raise Defective(f"the ledger ends in the middle of the group {self._group[0]!r}")

    def _check_chain(self, leaf: Leaf, seq: int) -> None:
        """Each document counts its own entries from 1, and each entry names the one before it."""
        subject = tuple(leaf["subject"].values())  # canonical order, and the kind is among them
        version, previous = leaf["version"], leaf["previous"]
        known = self._subjects.get(subject)
        if known is not None:
            whole = version == known[0] + 1 and previous == known[1]
        elif previous == -1:
            whole = version == 1
        else:
            whole = version > 1 and previous < self.low
        if not whole:
            raise Defective(
                f"entry {seq} (version {version} after entry {previous}) does not follow its document's last"
            )
        self._subjects[subject] = (version, seq)

    def _check_group(self, group: Leaf, seq: int) -> None:
        """Entries of one group stand next to each other, from index 0 to count - 1."""
        current = (group["id"], group["index"], group["count"])
        last, self._group = self._group, current
        if last is None:
            follows = current[1] == 0 or 0 < current[1] <= self.low
        elif last[1] + 1 == last[2]:
            follows = current[1] == 0
        else:
            follows = current == (last[0], last[1] + 1, last[2])
        if not follows:
            raise Defective(f"entry {seq} is not the next of its group, or breaks up another")

    def _check_disclosures(self, commitments: dict[str, str | None], seq: int) -> None:
        missing = {name for name, found in commitments.items() if found is not None}
        while self._next is not None and self._next.seq == seq:
            value = self._next
            if value.name not in missing:
                raise Defective(f"{value.name!r} of entry {seq} is disclosed twice, or was never committed to")
            if (
                len(value.salt) != SALT_BYTES
                or commitment(value.name, value.salt, value.value) != commitments[value.name]
            ):
                raise Defective(f"{value.name!r} of entry {seq} is not what the entry committed to")
            missing.remove(value.name)
            self.disclosed += 1
            self._next = next(self.disclosures, None)
        self.erased += len(missing)
