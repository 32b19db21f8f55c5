"""The history of a flag file: order, renames, deletions, merges, dates that lie, and files that do not parse."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from flagtrail.engine.check import check
from flagtrail.importers import ImportedVersion, Options, _git, load
from flagtrail.model.errors import SourceUnreadable

HISTORY = Path(__file__).parents[3] / ".." / "shared" / "data" / "otel-demo-flags"
PLAIN = Options(path="flags.json")


def _flags(*keys: str, default: str = "off") -> str:
    definition = {"state": "ENABLED", "variants": {"on": True, "off": False}, "defaultVariant": default}
    return json.dumps({"flags": dict.fromkeys(keys, definition)})


class Repository:
    """A repository made for one test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.git("init", "-q", "-b", "main")

    def git(self, *arguments: str, at: str = "2024-03-07T10:16:33-05:00", name: str = "Ada") -> str:
        config = ["-c", f"user.name={name}", "-c", "user.email=a@x.org", "-c", "commit.gpgsign=false"]
        done = subprocess.run(
            ["git", "-C", str(self.folder), *config, *arguments],
            check=True,
            capture_output=True,
            text=True,
            env={**os.environ, "GIT_AUTHOR_DATE": at},
        )
        return done.stdout.strip()

    def commit(
        self,
        content: str | None,
        message: str = "m",
        *,
        file: str = "flags.json",
        at: str = "2024-03-07T10:16:33-05:00",
    ) -> None:
        if content is None:
            self.git("rm", "-q", file)
        else:
            (self.folder / file).write_text(content)
            self.git("add", file)
        self.git("commit", "-q", "--allow-empty-message", "-m", message, at=at)

    def read(self, options: Options = PLAIN) -> list[ImportedVersion]:
        return list(load("git").read(str(self.folder), options))


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path)


def _keys(versions: Sequence[ImportedVersion]) -> list[set[str]]:
    return [set(version.flags) for version in versions]


def test_repository__commit__says_who_when_and_why(repository: Repository) -> None:
    repository.commit(_flags("a"), "Add a\n\nBILL-42: it was asked for")
    version = repository.read()[0]
    assert (version.author.name, version.author.email, version.occurred_at, version.message, version.reference) == (
        "Ada",
        "a@x.org",
        "2024-03-07T15:16:33.000000Z",
        "Add a\n\nBILL-42: it was asked for",
        repository.git("rev-parse", "HEAD"),
    )


@pytest.mark.parametrize(
    "message", ["", "M\n\nflags.json", "R100", "tab\there", "ümläut", "\x01\x02", "a" * 40, "x" * 5000], ids=repr
)
def test_repository__any_message__is_kept(repository: Repository, message: str) -> None:
    repository.commit(_flags("a"), message)
    repository.commit(_flags("b"))
    assert [version.message for version in repository.read()] == [message.strip(), "m"]


def test_repository__renamed_file__is_followed(repository: Repository) -> None:
    repository.commit(_flags("a"), file="old name.json")
    repository.git("mv", "old name.json", "flags.json")
    repository.git("commit", "-q", "-m", "rename")
    repository.commit(_flags("a", "b"))
    assert _keys(repository.read()) == [{"a"}, {"a"}, {"a", "b"}]


@pytest.mark.parametrize("name", ["ünï cödé.json", ":(glob)*.json", "-flag.json", '"quoted".json'])
def test_repository__odd_file_name__is_taken_as_it_is(repository: Repository, name: str) -> None:
    (repository.folder / name).write_text(_flags("a"))
    repository.git("add", "-A")
    repository.git("commit", "-q", "-m", "m")
    assert _keys(repository.read(Options(path=name))) == [{"a"}]


def test_repository__deleted_file__leaves_no_flags(repository: Repository) -> None:
    repository.commit(_flags("a"))
    repository.commit(None)
    repository.commit(_flags("b"))
    assert _keys(repository.read()) == [{"a"}, set(), {"b"}]


MOVED = (
    "flags.json was renamed to new flags.json here, which reads as the deletion of its flags;"
    " import --path 'new flags.json' instead"
)


@pytest.mark.parametrize("path", ["flags.json", "./flags.json"])
@pytest.mark.parametrize("content", [_flags("a", "b", "c"), _flags("a", "b", "c", "d")], ids=["as it was", "edited"])
def test_repository__file_that_was_renamed_away__names_its_new_path(
    repository: Repository, content: str, path: str
) -> None:
    repository.commit(_flags("a", "b", "c"))
    repository.commit("other", file="other.txt")
    repository.git("mv", "flags.json", "new flags.json")
    repository.git("rm", "-q", "other.txt")
    repository.commit(content, file="new flags.json")
    versions = repository.read(Options(path=path))
    assert _keys(versions) == [{"a", "b", "c"}, set()]
    assert [version.notes for version in versions] == [(), (MOVED.replace("flags.json was", f"{path} was", 1),)]


def test_repository__file_that_a_merge_renamed_away__names_its_new_path(repository: Repository) -> None:
    repository.commit(_flags("a"))
    repository.git("checkout", "-q", "-b", "side")
    repository.git("mv", "flags.json", "new flags.json")
    repository.commit("x", file="other.txt")
    repository.git("checkout", "-q", "main")
    repository.git("merge", "-q", "--no-ff", "-m", "merge", "side")
    assert repository.read()[-1].notes == (MOVED,)


def test_repository__file_that_was_deleted_for_good__has_no_note(repository: Repository) -> None:
    repository.commit("other", file="other.txt")
    repository.commit(_flags("a"))
    repository.git("mv", "other.txt", "another.txt")
    repository.commit(None)
    assert repository.read()[-1].notes == ()


def test_repository__merged_branch__counts_when_it_was_merged(repository: Repository) -> None:
    repository.commit(_flags("a"))
    repository.git("checkout", "-q", "-b", "topic")
    repository.commit(_flags("a", "b"))
    repository.git("checkout", "-q", "main")
    repository.commit("x", file="other")
    repository.git("merge", "-q", "--no-ff", "-m", "merge topic", "topic")
    versions = repository.read()
    assert [(version.message, set(version.flags)) for version in versions] == [
        ("m", {"a"}),
        ("merge topic", {"a", "b"}),
    ]


def test_repository__other_branch__is_read_on_demand(repository: Repository) -> None:
    repository.commit(_flags("a"))
    repository.git("checkout", "-q", "-b", "topic")
    repository.commit(_flags("b"))
    repository.git("checkout", "-q", "main")
    assert _keys(repository.read(Options(path="flags.json", branch="topic"))) == [{"a"}, {"b"}]


def test_repository__dates_that_run_backwards__are_held_and_noted(repository: Repository) -> None:
    repository.commit(_flags("a"), at="2024-03-07T10:00:00Z")
    repository.commit(_flags("b"), at="2024-03-01T10:00:00Z")
    repository.commit(_flags("c"), at="2024-03-05T10:00:00Z")
    versions = repository.read()
    assert [(version.occurred_at, len(version.notes)) for version in versions] == [
        ("2024-03-07T10:00:00.000000Z", 0),
        ("2024-03-07T10:00:00.000000Z", 1),
        ("2024-03-07T10:00:00.000000Z", 1),
    ]


@pytest.mark.parametrize("content", ["{", "<<<<<<< HEAD", "[]", ""], ids=["half", "conflict", "list", "empty"])
def test_repository__file_that_does_not_parse__changes_nothing_and_is_noted(
    repository: Repository, content: str
) -> None:
    repository.commit(_flags("a"))
    repository.commit(content)
    repository.commit(_flags("a", "b"))
    versions = repository.read()
    assert (_keys(versions), [len(version.notes) for version in versions]) == ([{"a"}, {"a"}, {"a", "b"}], [0, 1, 0])


def test_repository__file_that_does_not_parse_and_strict__is_refused_with_its_commit(repository: Repository) -> None:
    repository.commit(_flags("a"))
    repository.commit("{")
    with pytest.raises(SourceUnreadable, match=repository.git("rev-parse", "HEAD")):
        repository.read(Options(path="flags.json", strict=True))


def test_repository__flag_that_cannot_be_read_any_more__stays_as_it_was(repository: Repository) -> None:
    repository.commit(_flags("a", "b"))
    repository.commit(_flags("a").replace("ENABLED", "ON"))
    before, after = repository.read()
    assert (set(after.flags), after.flags["a"] == before.flags["a"], len(after.notes)) == ({"a"}, True, 2)


def test_repository__note_that_still_holds__is_made_once(repository: Repository) -> None:
    repository.commit(_flags("a").replace("ENABLED", "DISABLED"))
    repository.commit(_flags("a", "b").replace("ENABLED", "DISABLED"))
    assert [[("'a'" in note) for note in version.notes] for version in repository.read()] == [[True], [False]]


def test_repository__shallow_clone__is_noted(repository: Repository, tmp_path_factory: pytest.TempPathFactory) -> None:
    repository.commit(_flags("a"))
    repository.commit(_flags("b"))
    clone = tmp_path_factory.mktemp("clone")
    repository.git("clone", "-q", "--depth", "1", repository.folder.as_uri(), str(clone))
    versions = list(load("git").read(str(clone), PLAIN))
    assert [version.notes for version in versions] == [
        ("the repository is a shallow clone: versions before this one are missing",)
    ]


def test_repository__bare__is_read(repository: Repository, tmp_path_factory: pytest.TempPathFactory) -> None:
    repository.commit(_flags("a"))
    bare = tmp_path_factory.mktemp("bare")
    repository.git("clone", "-q", "--bare", str(repository.folder), str(bare))
    assert _keys(list(load("git").read(str(bare), PLAIN))) == [{"a"}]


def test_repository__configuration_that_prints_more__does_no_harm(repository: Repository) -> None:
    repository.commit(_flags("a"))
    for name, value in {
        "log.showSignature": "true",
        "color.ui": "always",
        "diff.renames": "false",
        "diff.relative": "true",
        "log.date": "raw",
        "core.quotePath": "true",
    }.items():
        repository.git("config", name, value)
    assert _keys(repository.read()) == [{"a"}]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (Options(), "which file"),
        (Options(path="none.json"), "relative to the repository's root"),
        (Options(path="flags.json", branch="none"), "that the branch exists"),
        (Options(path="flags.json", branch="--output=x"), "that the branch exists"),
        (Options(path="/elsewhere"), "git"),
        (Options(path="nul\0"), "git log"),
        (Options(path="flags.json", format="toml"), "known are flagd"),
    ],
    ids=["no path", "no such file", "no such branch", "branch like an option", "outside", "NUL", "format"],
)
def test_repository__cannot_be_asked__is_refused_with_a_remedy(
    repository: Repository, options: Options, words: str
) -> None:
    repository.commit(_flags("a"))
    with pytest.raises(SourceUnreadable, match=words):
        repository.read(options)


def test_repository__git_missing__is_refused_with_a_remedy(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(SourceUnreadable, match="install it"):
        load("git").read(str(repository.folder), PLAIN).__next__()


def test_repository__git_hangs__is_refused(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_git, "TIMEOUT_SECONDS", 0)
    with pytest.raises(SourceUnreadable, match="took longer"):
        repository.read()


def test_repository__environment_of_a_hook__is_ignored(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    repository.commit(_flags("a"))
    monkeypatch.setenv("GIT_DIR", str(tmp_path_factory.mktemp("other")))
    assert _keys(repository.read()) == [{"a"}]


def _folder(folder: Path, *lines: dict[str, Any] | str) -> list[ImportedVersion]:
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    (folder / "commits.jsonl").write_text("\n".join(texts))
    return list(load("git").read(str(folder), Options()))


LINE = {"file": "1.json", "committed_at": "2024-03-07T10:16:33-05:00", "author": "ada"}


def test_folder__line__says_who_when_and_why(tmp_path: Path) -> None:
    (tmp_path / "1.json").write_text(_flags("a"))
    (version,) = _folder(tmp_path, {**LINE, "message": "m", "commit": "c0ffee", "email": "a@x.org", "n": 1})
    assert (version.author.name, version.author.email, version.message, version.reference) == (
        "ada",
        "a@x.org",
        "m",
        "c0ffee",
    )


def test_folder__version_without_a_file__leaves_no_flags(tmp_path: Path) -> None:
    (tmp_path / "1.json").write_text(_flags("a"))
    versions = _folder(tmp_path, LINE, "", {**LINE, "file": None})
    assert (_keys(versions), versions[1].reference) == ([{"a"}, set()], "line 3")


@pytest.mark.parametrize("at", ["yesterday", "2024-03-07", "2024-03-07T10:00:00", "0001-01-01T00:00:00+23:00", ""])
def test_folder__date_that_cannot_be_read__is_noted(tmp_path: Path, at: str) -> None:
    (tmp_path / "1.json").write_text(_flags("a"))
    first, second = _folder(tmp_path, LINE, {**LINE, "committed_at": at})
    assert (second.occurred_at, len(second.notes)) == (first.occurred_at, 1)


def test_folder__date_that_cannot_be_read_and_strict__is_refused(tmp_path: Path) -> None:
    (tmp_path / "1.json").write_text(_flags("a"))
    (tmp_path / "commits.jsonl").write_text(json.dumps({**LINE, "committed_at": "soon"}))
    with pytest.raises(SourceUnreadable, match="cannot be read"):
        list(load("git").read(str(tmp_path), Options(strict=True)))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", "line 1"),
        ('{"file": "1.json"}', "line 1"),
        ({**LINE, "file": "../secret.json"}, "no file's name"),
        ({**LINE, "file": "/etc/hostname"}, "no file's name"),
        ({**LINE, "file": ".."}, "is not a file"),
        ({**LINE, "file": ""}, "no file's name"),
        ({**LINE, "file": "2.json"}, "does not exist"),
        ("", "lists no version"),
    ],
    ids=[
        "no JSON",
        "too little",
        "path upwards",
        "absolute path",
        "the folder above",
        "no name",
        "no such file",
        "empty",
    ],
)
def test_folder__line_that_is_none__is_refused(tmp_path: Path, line: dict[str, Any] | str, words: str) -> None:
    with pytest.raises(SourceUnreadable, match=words):
        _folder(tmp_path, line)


@pytest.fixture(scope="module")
def history() -> list[ImportedVersion]:
    if not HISTORY.is_dir():
        pytest.skip("the real history is not beside the project")
    return list(load("git").read(str(HISTORY), Options(strict=True)))


def test_real_history__is_whole(history: list[ImportedVersion]) -> None:
    assert (len(history), len({version.author.name for version in history})) == (27, 17)


def test_real_history__cart_failure__changes_type_in_july_2026(history: list[ImportedVersion]) -> None:
    types = [
        (version.occurred_at or "", version.flags["cartFailure"][0].type)
        for version in history
        if "cartFailure" in version.flags
    ]
    changes = [later for earlier, later in itertools.pairwise(types) if earlier[1] != later[1]]
    assert changes == [("2026-07-06T15:03:29.000000Z", "float")]


def test_real_history__renamed_flag__is_gone_under_its_old_name(history: list[ImportedVersion]) -> None:
    assert [("cartServiceFailure" in version.flags) for version in (history[12], history[-1])] == [True, False]


def test_real_history__every_version__has_no_defects(history: list[ImportedVersion]) -> None:
    found = []
    for version in history:
        flags = {key: flag for key, (flag, _) in version.flags.items()}
        targetings = {(key, "production"): targeting for key, (_, targeting) in version.flags.items()}
        touched = [path for key in flags for path in (f"flags/{key}", f"flags/{key}/environments/production")]
        found += check(flags, targetings, version.segments, touched)
    assert found == []
