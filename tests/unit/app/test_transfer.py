"""A real history comes in with its dates and authors, and the ledger goes out and verifies."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import msgspec
import pytest
from tests.support.shared import shared

from flagtrail import importers
from flagtrail.app.bootstrap import App
from flagtrail.app.identity import SYSTEM_IDENTITY
from flagtrail.app.settings import Settings
from flagtrail.app.transfer import Imported
from flagtrail.importers import ImportedVersion, Options
from flagtrail.ledger.proof import verify_receipt
from flagtrail.ledger.verify import verify_bundle
from flagtrail.model.actor import Author
from flagtrail.model.change import Change, Operation
from flagtrail.model.document import encode
from flagtrail.model.errors import HistoryOrder, InvalidQuery, NotFound
from flagtrail.model.flag import boolean_flag
from flagtrail.model.subject import flag_subject
from flagtrail.model.targeting import Serve, Targeting
from flagtrail.storage import EntryQuery


@pytest.fixture(params=["memory", "sqlite"])
def app(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[App]:
    url = "memory://" if request.param == "memory" else f"sqlite:///{tmp_path}/flagtrail.db"
    made = App(Settings(database=url))
    made.first_start()
    yield made
    made.close()


def bring_in(app: App, versions: list[ImportedVersion], *, dry_run: bool = False) -> Imported:
    return app.transfer.bring_in(
        SYSTEM_IDENTITY, versions, source="demo", project="default", environment="production", dry_run=dry_run
    )


def real_history() -> list[ImportedVersion]:
    return list(importers.load("git").read(str(shared("data/otel-demo-flags")), Options()))


def version(reference: str, occurred_at: str | None, *keys: str, served: str = "on") -> ImportedVersion:
    flags = {key: (boolean_flag(key), Targeting("off", Serve(variant=served), enabled=True)) for key in keys}
    return ImportedVersion(
        author=Author("ada", "ada@example.com"),
        occurred_at=occurred_at,
        message=f"commit {reference}",
        reference=reference,
        flags=flags,
        segments={},
    )


def test_bring_in__of_a_real_history__records_authors_messages_and_dates(app: App) -> None:
    done = bring_in(app, real_history())
    newest = app.ask.log(EntryQuery(project="default", flag="cartFailure", limit=1)).entries[0]

    assert (done.versions, newest.occurred_at, newest.actor.kind, newest.actor.for_, newest.actions) == (
        27,
        "2026-07-06T15:03:29.000000Z",
        "import",
        Author("author-16"),
        ("details_changed", "type_changed", "variants_changed"),
    )


def test_bring_in__of_a_real_history__stays_honest_about_when_the_ledger_learned_it(app: App) -> None:
    bring_in(app, real_history())
    entries = app.ask.log(EntryQuery(project="default", limit=100)).entries
    imported = [entry for entry in entries if entry.occurred_at is not None]

    assert (len(imported), min(entry.time for entry in imported) >= entries[-1].time) == (82, True)


def test_bring_in__of_the_same_source_again__skips_what_it_knows(app: App) -> None:
    bring_in(app, real_history())
    again = bring_in(app, real_history())

    assert (again.versions, again.skipped, again.entries) == (0, 27, 0)


def test_bring_in__as_a_dry_run__tells_and_does_nothing(app: App) -> None:
    before = app.storage.head().size
    done = bring_in(app, [version("a", None, "f")], dry_run=True)

    assert (done.entries, app.storage.head().size) == (2, before)


def test_bring_in__of_a_version_that_lacks_a_flag__deletes_it(app: App) -> None:
    bring_in(app, [version("a", "2024-01-01T00:00:00.000000Z", "x", "y")])
    bring_in(app, [version("b", "2024-02-01T00:00:00.000000Z", "y")])

    assert list(app.changes.state.flags("default")) == ["y"]


def test_bring_in__of_a_dateless_file_that_goes_back__is_three_versions(app: App) -> None:
    done = [
        bring_in(app, [version(key, None, "f", served=served)])
        for key, served in zip("abaa", ("on", "off", "on", "on"), strict=True)
    ]

    assert [each.versions for each in done] == [1, 1, 1, 0]


def test_bring_in__of_history_older_than_the_record__is_refused_whole(app: App) -> None:
    bring_in(app, [version("a", None, "f")])
    before = app.storage.head().size

    with pytest.raises(HistoryOrder):
        bring_in(app, [version("b", "2020-01-01T00:00:00.000000Z", "f", served="off")])
    assert app.storage.head().size == before


@pytest.mark.parametrize(("project", "environment"), [("mars", "production"), ("default", "mars")])
def test_bring_in__to_where_nothing_is__is_not_found(app: App, project: str, environment: str) -> None:
    with pytest.raises(NotFound):
        app.transfer.bring_in(SYSTEM_IDENTITY, [], source="s", project=project, environment=environment)


@pytest.mark.parametrize(("low", "high"), [(0, None), (3, 7), (2, None)])
def test_export_bundle__verifies_offline(app: App, tmp_path: Path, low: int, high: int | None) -> None:
    bring_in(app, [version("a", None, "f", "g")])
    bundle = tmp_path / "export.tar"
    bundle.write_bytes(b"".join(app.transfer.export_bundle(low, high)))

    report = verify_bundle(bundle, [app.signer.vkey], deep=True)

    assert (report.status, report.level, report.low) == ("verified", "A0", low)


def test_export_bundle__with_an_altered_byte__does_not_verify(app: App, tmp_path: Path) -> None:
    bundle = tmp_path / "export.tar"
    content = b"".join(app.transfer.export_bundle())
    bundle.write_bytes(content.replace(b'"created"', b'"deleted"', 1))

    assert verify_bundle(bundle, [app.signer.vkey]).status == "tampered"


def test_export_bundle__is_a_tar_that_anybody_can_open(app: App) -> None:
    with tarfile.open(fileobj=BytesIO(b"".join(app.transfer.export_bundle()))) as tar:
        names = tar.getnames()

    assert {"MANIFEST", "checkpoint", "entries.jsonl", "disclosures.jsonl", "verify.pyz"} <= set(names)


@pytest.mark.parametrize(("low", "high"), [(-1, None), (5, 3), (0, 10_000)])
def test_export__of_what_is_not_there__is_refused(app: App, low: int, high: int | None) -> None:
    with pytest.raises(InvalidQuery):
        list(app.transfer.export(low, high))


def test_proof__of_an_entry__is_a_receipt_that_verifies(app: App) -> None:
    receipt = app.transfer.proof(2)
    leaf = next(app.storage.leaves(2, 3))

    assert verify_receipt(receipt, leaf, app.signer.vkey).size == app.storage.head().size


def test_proof__of_what_never_was__is_not_found(app: App) -> None:
    with pytest.raises(NotFound):
        app.transfer.proof(10_000)


def test_export__holds_no_secret_and_every_disclosure(app: App) -> None:
    secret = app.access.login_link_secret("owner")
    files = {name: b"".join(chunks) for name, chunks in app.transfer.export()}
    disclosed = [msgspec.json.decode(line) for line in files["disclosures.jsonl"].splitlines()]

    assert (secret.encode() in b"".join(files.values()), any(each["name"] == "why" for each in disclosed)) == (
        False,
        True,
    )


def test_bring_in__of_more_flags_than_one_request_may_change__is_not_bounded(app: App) -> None:
    keys = [f"f{number}" for number in range(600)]

    assert bring_in(app, [version("a", None, *keys)]).entries == 1_200


def test_bring_in__after_somebody_deleted_one_of_its_flags__goes_on(app: App) -> None:
    bring_in(app, [version("a", None, "x", "y")])
    gone = Change(operations=(Operation(action="delete", subject=flag_subject("default", "x")),), why="by hand")
    app.changes.apply(SYSTEM_IDENTITY, gone)

    assert bring_in(app, [version("b", None, "y", "z")]).flags == ("z",)


def test_bring_in__of_a_flag_that_it_did_not_bring__is_refused(app: App) -> None:
    mine = Operation(action="create", subject=flag_subject("default", "x"), value=encode(boolean_flag("x")))
    app.changes.apply(SYSTEM_IDENTITY, Change(operations=(mine,), why="by hand"))

    with pytest.raises(HistoryOrder, match="flags/x"):
        bring_in(app, [version("a", "2024-01-01T00:00:00.000000Z", "x")])


def into(app: App, environment: str, *versions: ImportedVersion) -> Imported:
    return app.transfer.bring_in(
        SYSTEM_IDENTITY, list(versions), source="files", project="default", environment=environment
    )


def test_bring_in__of_a_second_environments_file__says_how_the_same_flags_are_served_there(app: App) -> None:
    into(app, "production", version("a", None, "x", "y"))
    done = into(app, "staging", version("b", None, "x", "z", served="off"))

    state = app.changes.state
    assert (
        done.flags,
        list(state.targetings("default", "staging")),
        list(state.targetings("default", "production")),
    ) == (
        ("x", "z"),
        ["x", "z"],
        ["x", "y"],
    )


def test_bring_in__of_a_second_file_without_a_flag__leaves_the_flag_to_the_first(app: App) -> None:
    into(app, "production", version("a", None, "x", "y"))
    into(app, "staging", version("b", None, "x", "y"))
    into(app, "staging", version("c", None, "y"))
    into(app, "production", version("d", None, "x"))

    state = app.changes.state
    assert (list(state.flags("default")), list(state.targetings("default", "staging"))) == (["x"], [])


def test_bring_in__of_an_endless_commit_message__keeps_its_beginning(app: App) -> None:
    long = msgspec.structs.replace(version("a", None, "x"), message="x" * 20_000)
    bring_in(app, [long])

    assert len(app.ask.log(EntryQuery(project="default", limit=1)).entries[0].why) == 10_000


def test_bring_in__keeps_the_source_out_of_the_ledger(app: App) -> None:
    app.transfer.bring_in(
        SYSTEM_IDENTITY,
        [version("a", None, "x")],
        source="https://user:s3cret@example.com/flags.git",
        project="default",
        environment="production",
    )

    assert b"s3cret" not in b"".join(app.storage.leaves(0, 100))
