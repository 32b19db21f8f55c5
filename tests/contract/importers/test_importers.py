"""What every importer owes: typed versions in order, and one kind of refusal for what cannot be read."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from flagtrail import importers
from flagtrail.importers import ImportedVersion, Options
from flagtrail.model.document import decode, encode
from flagtrail.model.errors import SourceUnreadable
from flagtrail.model.subject import flag_subject, segment_subject, targeting_subject

FIRST = {
    "flags": {
        "checkout": {
            "state": "ENABLED",
            "variants": {"on": True, "off": False},
            "defaultVariant": "off",
            "targeting": {"if": [{"$ref": "staff"}, "on", {"fractional": [["on", 1], ["off", 3]]}]},
        },
        "limit": {"state": "DISABLED", "variants": {"low": 1, "high": 2.5}, "defaultVariant": "low"},
    },
    "$evaluators": {"staff": {"ends_with": [{"var": "email"}, "@example.com"]}},
}
SECOND = {"flags": {"checkout": {"state": "ENABLED", "variants": {"on": True, "off": False}, "defaultVariant": "on"}}}


def _flagd(folder: Path, data: bytes | None = None) -> tuple[str, Options]:
    path = folder / "flags.json"
    path.write_bytes(json.dumps(FIRST).encode() if data is None else data)
    return str(path), Options()


def _folder(folder: Path, data: bytes | None = None) -> tuple[str, Options]:
    times = ["2024-03-07T10:16:33-05:00", "2024-03-08T00:00:00+05:30"]
    for index, document in enumerate((FIRST, SECOND)):
        (folder / f"{index}.json").write_bytes(json.dumps(document).encode() if data is None else data)
    lines = [
        json.dumps({"file": f"{index}.json", "committed_at": at, "author": "ada", "message": f"m{index}"})
        for index, at in enumerate(times)
    ]
    (folder / "commits.jsonl").write_text("\n".join(lines))
    return str(folder), Options()


def _repository(folder: Path, data: bytes | None = None) -> tuple[str, Options]:
    def git(*arguments: str) -> None:
        identity = ["-c", "user.name=ada", "-c", "user.email=ada@example.com", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", "-C", str(folder), *identity, *arguments], check=True, capture_output=True)

    git("init", "-q")
    for document in (FIRST, SECOND):
        (folder / "flags.json").write_bytes(json.dumps(document).encode() if data is None else data)
        git("add", "flags.json")
        git("commit", "-q", "--allow-empty", "-m", "change the flags")
    return str(folder), Options(path="flags.json")


SOURCES: dict[str, tuple[str, Callable[[Path, bytes | None], tuple[str, Options]]]] = {
    "flagd": ("flagd", _flagd),
    "git, a folder of versions": ("git", _folder),
    "git, a repository": ("git", _repository),
}


@pytest.fixture(params=list(SOURCES.values()), ids=list(SOURCES))
def importer(request: pytest.FixtureRequest) -> tuple[str, Callable[[Path, bytes | None], tuple[str, Options]]]:
    found: tuple[str, Callable[[Path, bytes | None], tuple[str, Options]]] = request.param
    return found


Made = tuple[str, Callable[[Path, bytes | None], tuple[str, Options]]]


def _read(kind: str, source: str, options: Options) -> list[ImportedVersion]:
    return list(importers.load(kind).read(source, options))


def test_kinds__every_importer__has_sources_here() -> None:
    assert {kind for kind, _ in SOURCES.values()} == set(importers.kinds())


def test_kinds__every_importer__is_told_in_one_line() -> None:
    assert [summary for summary in importers.kinds().values() if not summary or "\n" in summary] == []


def test_load__unknown_kind__names_the_known_ones() -> None:
    with pytest.raises(SourceUnreadable, match="known are flagd, git"):
        importers.load("carrier-pigeon")


def test_load_format__unknown_format__names_the_known_ones() -> None:
    with pytest.raises(SourceUnreadable, match="known are flagd"):
        importers.load_format("git")


def test_read__good_source__yields_the_flags_as_they_stood(importer: Made, tmp_path: Path) -> None:
    kind, make = importer
    assert set(_read(kind, *make(tmp_path, None))[0].flags) == {"checkout", "limit"}


def test_read__good_source__yields_the_segments(importer: Made, tmp_path: Path) -> None:
    kind, make = importer
    assert set(_read(kind, *make(tmp_path, None))[0].segments) == {"staff"}


def test_read__several_versions__come_oldest_first(importer: Made, tmp_path: Path) -> None:
    kind, make = importer
    times = [version.occurred_at or "" for version in _read(kind, *make(tmp_path, None))]
    assert times == sorted(times)


def test_read__times__are_utc_with_microseconds(importer: Made, tmp_path: Path) -> None:
    kind, make = importer
    times = [version.occurred_at for version in _read(kind, *make(tmp_path, None)) if version.occurred_at is not None]
    form = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
    assert [time for time in times if not form.fullmatch(time)] == []


def test_read__every_version__has_a_reference(importer: Made, tmp_path: Path) -> None:
    kind, make = importer
    assert all(version.reference for version in _read(kind, *make(tmp_path, None)))


def test_read__every_document__decodes(importer: Made, tmp_path: Path) -> None:
    kind, make = importer
    for version in _read(kind, *make(tmp_path, None)):
        for key, (flag, targeting) in version.flags.items():
            assert decode(flag_subject("p", key), encode(flag)) == flag
            assert decode(targeting_subject("p", key, "e"), encode(targeting)) == targeting
        for key, segment in version.segments.items():
            assert decode(segment_subject("p", key), encode(segment)) == segment


def test_read__every_targeting__names_only_variants_and_segments_there_are(importer: Made, tmp_path: Path) -> None:
    kind, make = importer
    version = _read(kind, *make(tmp_path, None))[0]
    flag, targeting = version.flags["checkout"]
    split = targeting.fallthrough.split or ()
    assert {share.variant for share in split} == set(flag.variants)


@pytest.mark.parametrize(
    "data",
    [b"", b"not json", b"\x00\xff\xfe\x80binary", b"[]", b'{"flags": 7}', b'"' * 9, b"[" * 100_000],
    ids=["empty", "not JSON", "binary", "no object", "flags of a wrong type", "quotes", "nested too deeply"],
)
def test_read__file_that_is_no_flag_file__is_refused(importer: Made, tmp_path: Path, data: bytes) -> None:
    kind, make = importer
    with pytest.raises(SourceUnreadable):
        _read(kind, *make(tmp_path, data))


def test_read__huge_file__is_refused(importer: Made, tmp_path: Path) -> None:
    kind, make = importer
    with pytest.raises(SourceUnreadable):
        _read(kind, *make(tmp_path, b" " * (importers.MAX_SOURCE_BYTES + 1)))


@pytest.mark.parametrize("kind", ["flagd", "git"])
@pytest.mark.parametrize(
    "source", ["missing", "missing\0", "-v", "--upload-pack=x", "x" * 5000], ids=lambda name: name[:9]
)
def test_read__missing_source__is_refused(kind: str, tmp_path: Path, source: str) -> None:
    with pytest.raises(SourceUnreadable):
        _read(kind, str(tmp_path / source), Options(path="flags.json"))


@pytest.mark.parametrize("kind", ["flagd", "git"])
def test_read__empty_folder__is_refused(kind: str, tmp_path: Path) -> None:
    with pytest.raises(SourceUnreadable):
        _read(kind, str(tmp_path), Options(path="flags.json"))


def test_read__refusal__has_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(SourceUnreadable) as refusal:
        _read("flagd", str(tmp_path / "missing"), Options())
    assert refusal.value.remedy
