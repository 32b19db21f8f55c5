"""What a version conflict tells, out of how long a history ever."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tests.support.ledgers import Draft, fill

from flagtrail.app.conflict import explained
from flagtrail.model.errors import VersionConflict
from flagtrail.model.subject import flag_subject
from flagtrail.storage import Storage, load

PATH = flag_subject("default", "checkout").path
VERSIONS = 60


@pytest.fixture(scope="module")
def storage() -> Iterator[Storage]:
    """Versions of one document, with ever more of others between them."""
    opened = load("memory:")
    for version in range(1, VERSIONS + 1):
        fill(opened, Draft(after={"description": str(version)}))
        fill(opened, *[Draft(subject=flag_subject("default", f"other_{n}")) for n in range(version % 7)])
    yield opened
    opened.close()


@pytest.mark.parametrize("expected", range(VERSIONS + 3))
def test_explained__against_any_version__tells_the_newest_changes_and_both_documents(
    storage: Storage, expected: int
) -> None:
    history = storage.history([PATH])

    facts: dict[str, Any] = explained(storage, VersionConflict("moved", subject=PATH, expected=expected)).facts

    since = history[expected:]
    assert [told["seq"] for told in facts["diff"]] == [entry.seq for entry in since[-20:]]
    assert facts["theirs"] == (since[-1].after if since else None)
    seen = history[expected - 1].after if 1 <= expected <= VERSIONS else None
    assert facts["yours_was_based_on"] == seen


@pytest.mark.parametrize("expected", [0, 1, 30, VERSIONS - 1])
def test_explained__of_a_long_history__reads_little_of_it(
    storage: Storage, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int | None] = []
    as_of = storage.as_of

    def counted(path: str, *, time: str | None = None, seq: int | None = None) -> object:
        read.append(seq)
        return as_of(path, time=time, seq=seq)

    monkeypatch.setattr(storage, "as_of", counted)
    monkeypatch.setattr(storage, "history", pytest.fail)

    explained(storage, VersionConflict("moved", subject=PATH, expected=expected))

    assert len(read) <= 21 + storage.head().size.bit_length()


def test_explained__of_a_document_that_never_was__tells_of_nothing(storage: Storage) -> None:
    facts = explained(storage, VersionConflict("moved", subject="projects/default/flags/never", expected=3)).facts

    assert (facts["diff"], facts["theirs"], facts["yours_was_based_on"]) == ([], None, None)
