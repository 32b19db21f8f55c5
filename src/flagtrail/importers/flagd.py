"""flagd flag definitions: one JSON file (https://flagd.dev/schema/v0/flags.json) is one version.

What cannot be expressed is never dropped in silence. A flag whose targeting
has no equal here is imported with its default variant for everybody and a
note; a flag that flagd itself would refuse is left out with a note. With
`Options.strict` either refuses the file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import msgspec

from flagtrail.importers import ImportedVersion, Options, Snapshot
from flagtrail.importers._files import check_size, read_file
from flagtrail.importers._flagd_logic import Conditions, Unsupported, bounded
from flagtrail.importers._flagd_targeting import TargetingReader, is_truth
from flagtrail.model.actor import Author
from flagtrail.model.document import (
    MAX_DEPTH,
    MAX_DOCUMENT_BYTES,
    decode,
    encode,
    is_key,
    is_variant_key,
    pointer,
)
from flagtrail.model.errors import InvalidDocument, SourceUnreadable
from flagtrail.model.flag import Flag, FlagType, Json
from flagtrail.model.segment import Segment
from flagtrail.model.subject import flag_subject, segment_subject, targeting_subject
from flagtrail.model.targeting import Serve, Targeting

KIND = "flagd"
SUMMARY = "one flagd JSON file: the flags as they stand now"

MAX_VARIANTS = 100
GENERATIONS = ("flagd_v1", "flagd_v2")


def read(source: str, options: Options) -> Iterator[ImportedVersion]:
    """The file's one version; a file does not say who wrote it, nor when."""
    path = Path(source)
    data = read_file(path)
    found = parse(data, options)
    yield ImportedVersion(
        author=Author(name=""),
        occurred_at=None,
        message=f"Import of {path.name}",
        # The digest, because a file that was edited since the last import is another version.
        reference=f"{path.name}@{hashlib.sha256(data).hexdigest()[:12]}",
        flags=found.flags,
        segments=found.segments,
        notes=found.notes,
    )


def parse(data: bytes, options: Options) -> Snapshot:
    """The flag set in `data`; raises SourceUnreadable where it is no flagd file."""
    if options.bucketing not in GENERATIONS:
        raise SourceUnreadable(f"{options.bucketing!r} is not one of {', '.join(GENERATIONS)}", setting="bucketing")
    check_size(len(data), "the flag file")
    try:
        document = msgspec.json.decode(data.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.DecodeError, RecursionError) as error:
        raise SourceUnreadable(f"the flag file is not JSON: {error}") from error
    if not isinstance(document, dict) or "flags" not in document:
        raise SourceUnreadable("the flag file is no flagd file: it is not an object with the key 'flags'")
    return _File(document, options).snapshot()


class _Refused(Exception):
    """A flag that flagd itself would refuse."""


class _File:
    """One flagd file on its way into a snapshot."""

    def __init__(self, document: dict[str, Json], options: Options) -> None:
        self._options = options
        self._definitions = _definitions(document["flags"])
        self._evaluators = _object(document.get("$evaluators"), "$evaluators")
        self._metadata = _object(document.get("metadata"), "metadata")
        self._segments: dict[str, Segment] = {}
        self._reading: list[str] = []
        self._notes: list[str] = []
        self._refused: set[str] = set()

    def snapshot(self) -> Snapshot:
        flags: dict[str, tuple[Flag, Targeting]] = {}
        for key, definition in self._definitions:
            try:
                flags[key] = self._flag(key, definition, known=key in flags)
            except _Refused as refused:
                self._loss(f"flag {key!r} was left out: it {refused}")
                self._refused.add(key)
        for name in self._evaluators:
            self._unused(name)
        return Snapshot(
            flags=flags,
            segments=self._segments,
            notes=tuple(self._notes),
            refused=frozenset(self._refused - set(flags)),
        )

    def _loss(self, note: str) -> None:
        if self._options.strict:
            raise SourceUnreadable(f"{note} (and nothing may be lost in a strict import)")
        self._notes.append(note)

    def _flag(self, key: str, definition: Json, *, known: bool) -> tuple[Flag, Targeting]:
        if known:
            raise _Refused("stands in the file twice")
        if not is_key(key):
            raise _Refused("has a key that is not 1 to 256 of the characters A-Z a-z 0-9 . _ -")
        if not isinstance(definition, dict):
            raise _Refused("is no object")
        variants = _variants(definition)
        default = definition.get("defaultVariant")
        if default is not None and default not in variants:
            raise _Refused(f"has the default variant {default!r}, which is not one of its variants")
        if definition.get("state") not in {"ENABLED", "DISABLED"}:
            raise _Refused(f"has the state {definition.get('state')!r}, which is neither ENABLED nor DISABLED")
        flag = self._definition(key, definition, variants)
        targeting = self._targeting(flag, definition, default)
        try:
            decode(flag_subject("p", key), encode(flag))
            decode(targeting_subject("p", key, "e"), encode(targeting))
        except InvalidDocument as error:
            raise _Refused(f"has defects: {error.detail}") from error
        except RecursionError as error:
            raise _Refused("is nested too deeply") from error
        if max(len(msgspec.json.encode(document)) for document in (flag, targeting)) > MAX_DOCUMENT_BYTES:
            raise _Refused(f"is larger than {MAX_DOCUMENT_BYTES} bytes")
        return flag, targeting

    def _definition(self, key: str, definition: dict[str, Json], variants: dict[str, Json]) -> Flag:
        metadata = {**self._metadata, **_object(definition.get("metadata"), f"metadata of the flag {key!r}")}
        carried = {name: value for name, value in metadata.items() if isinstance(value, (str, int, float))}
        for name in metadata.keys() - carried.keys():
            self._loss(f"flag {key!r}: its metadata {name!r} is no text, number or boolean and was left out")
        description = carried.pop("description", "") if "description" not in definition else definition["description"]
        owner = carried.pop("owner", "")
        return Flag(
            key=key,
            type=_type(variants),
            variants=variants,
            description=_text(description),
            owner=_text(owner),
            tags=tuple(sorted(f"{name}={_text(value)}" for name, value in carried.items())),
        )

    def _targeting(self, flag: Flag, definition: dict[str, Json], default: str | None) -> Targeting:
        off = _off(flag, default)
        served = off if default is None else default
        enabled = definition["state"] == "ENABLED"
        if not enabled or default is None:
            missing = "is disabled" if not enabled else "has no default variant"
            variant = off if not enabled else served
            self._notes.append(
                f"flag {flag.key!r} {missing}: flagd leaves the value to the application; here {variant!r} is served"
            )
        targeting = Targeting(off_variant=off, fallthrough=Serve(variant=served), enabled=enabled)
        if not definition.get("targeting"):
            return targeting
        reader = TargetingReader(flag.key, flag.variants, served, self._evaluators, Conditions(self._segment))
        try:
            logic = reader.read(definition["targeting"], self._options.bucketing)
        except Unsupported as why:
            self._loss(
                f"flag {flag.key!r}: its targeting was not carried over and everybody is served {served!r}; {why}"
            )
            return targeting
        self._notes.extend(f"flag {flag.key!r}: {note}" for note in logic.notes)
        return msgspec.structs.replace(targeting, rules=logic.rules, fallthrough=logic.fallthrough)

    def _segment(self, name: str, path: str) -> bool:
        """Whether the evaluator is a condition; reads it into a segment where it is and was not yet."""
        if name not in self._evaluators:
            raise Unsupported(path, f"refers to the evaluator {name!r}, which does not exist")
        if name in self._reading or len(self._reading) >= MAX_DEPTH:
            circle = "in a circle" if name in self._reading else f"deeper than {MAX_DEPTH}"
            raise Unsupported(path, f"refers {circle}: {' -> '.join([*self._reading, name])}")
        if name not in self._segments:
            self._reading.append(name)
            try:
                when = Conditions(self._segment).read(self._evaluators[name], f"/$evaluators/{pointer(name)}")
                segment = Segment(key=name, when=bounded(when, f"/$evaluators/{pointer(name)}"))
                decode(segment_subject("p", name), encode(segment))
                if len(msgspec.json.encode(segment)) > MAX_DOCUMENT_BYTES:
                    raise Unsupported(path, f"the evaluator {name!r} is larger than {MAX_DOCUMENT_BYTES} bytes")
            except InvalidDocument as error:
                raise Unsupported(f"/$evaluators/{pointer(name)}", error.detail) from error
            finally:
                self._reading.pop()
            self._segments[name] = segment
        return True

    def _unused(self, name: str) -> None:
        """Evaluators that no flag refers to are segments too, where they are conditions."""
        if name in self._segments or not is_key(name) or not is_truth(self._evaluators[name]):
            return
        try:
            self._segment(name, f"/$evaluators/{pointer(name)}")
        except Unsupported as why:
            self._loss(f"evaluator {name!r}, which no imported flag uses, was not carried over; {why}")


def _definitions(flags: Json) -> list[tuple[str, Json]]:
    """(key, definition) of both of flagd's forms: an object by key, and a list of objects that hold their key."""
    if isinstance(flags, dict):
        return list(flags.items())
    if isinstance(flags, list) and all(isinstance(flag, dict) and isinstance(flag.get("key"), str) for flag in flags):
        return [(flag["key"], flag) for flag in flags]
    raise SourceUnreadable(
        "the flag file is no flagd file: 'flags' is neither an object nor a list of objects with a key"
    )


def _object(value: Json, name: str) -> dict[str, Json]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise SourceUnreadable(f"the flag file is no flagd file: {name!r} is not an object")
    return value


def _variants(definition: dict[str, Json]) -> dict[str, Json]:
    variants = definition.get("variants")
    if not isinstance(variants, dict) or not variants:
        raise _Refused("has no variants")
    if len(variants) > MAX_VARIANTS or not all(map(is_variant_key, variants)):
        raise _Refused(f"has more than {MAX_VARIANTS} variants, or one without a printable name")
    return variants


def _type(variants: dict[str, Json]) -> FlagType:
    """The type of the variants, as flagd names none; whole and other numbers together are floats."""
    found = {type(value) for value in variants.values()}
    types: list[tuple[set[type], FlagType]] = [
        ({bool}, "boolean"),
        ({str}, "string"),
        ({int}, "integer"),
        ({int, float}, "float"),
        ({dict}, "object"),
    ]
    for allowed, name in types:
        if found <= allowed:
            return name
    raise _Refused("has variants of different types, or of no type that a flag can have")


def _off(flag: Flag, default: str | None) -> str:
    """The variant that means off: `false`, or one that is called off; else the default, else the first."""
    for name, value in flag.variants.items():
        if value is False:
            return name
    if "off" in flag.variants:
        return "off"
    return default if default is not None else next(iter(flag.variants))


def _text(value: Json) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
