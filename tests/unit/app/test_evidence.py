"""Reports of a period: the same on every store and ever after, complete by proof, refused where they cannot be made."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from tests.support.evidence import Calendar, P, company, copied, january, put, rendered
from tests.support.ledgers import stores, url_in

from flagtrail.analysis.evidence import Change
from flagtrail.app import evidence
from flagtrail.app.bootstrap import App
from flagtrail.app.evidence import Asked
from flagtrail.app.identity import Identity
from flagtrail.ledger.checkpoint import NoteError
from flagtrail.ledger.export import verifier_archive
from flagtrail.ledger.period import PeriodRefuted, check_report, verify_report
from flagtrail.ledger.verify import main
from flagtrail.model.actor import Actor, Author
from flagtrail.model.errors import FlagtrailError, InvalidQuery, LedgerBroken, NotFound, TooManyRequests
from flagtrail.model.flag import boolean_flag
from flagtrail.model.subject import flag_subject
from flagtrail.storage import load

Lines = list[dict[str, Any]]
Value = Any
MIDDLE: dict[str, Any] = {"since": "2026-01-08", "until": "2026-01-25"}


@pytest.fixture
def clock() -> Calendar:
    return Calendar()


@pytest.fixture
def app(tmp_path: Path, clock: Calendar) -> Iterator[App]:
    made = company(tmp_path, clock=clock)
    january(made, clock)
    yield made
    made.close()


def asked(**about: Value) -> Asked:
    return Asked(**{"kind": "soc2", "project": P, **about})


def lines(app: App, **about: Value) -> Lines:
    return [json.loads(line) for line in rendered(app.evidence.report(asked(**about)), "jsonl").splitlines()]


def seqs(app: App, **about: Value) -> list[int]:
    return [row.seq for row in app.evidence.report(asked(**about)).rows() if isinstance(row, Change)]


@pytest.mark.parametrize(
    ("about", "expected"),
    [
        pytest.param({}, [1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 13, 14, 15], id="the whole record"),
        pytest.param(MIDDLE, [8, 9, 12, 13, 14], id="a period"),
        pytest.param({"since": "2026-01-08T12:00:00Z", "until": "2026-01-20T12:00:00Z"}, [8, 9, 12, 13], id="edges"),
        pytest.param({"since": "2026-01-16", "until": "2026-01-18"}, [], id="a period without entries"),
        pytest.param({"since": "2025-01-01", "until": "2025-02-01"}, [], id="a period before the record"),
        pytest.param({"kind": "flag", "flag": "pricing", **MIDDLE}, [8, 9, 13, 14], id="a flag"),
        pytest.param(
            {"kind": "flag", "flag": "pricing", "environment": "staging", **MIDDLE}, [9], id="a flag in staging"
        ),
        pytest.param({"kind": "access", **MIDDLE}, [10, 11], id="access"),
    ],
)
def test_report__of_a_period__tells_its_changes(app: App, about: dict[str, Any], expected: list[int]) -> None:
    assert seqs(app, **about) == expected


@pytest.mark.parametrize("kind", ["soc2", "iso27001", "pci", "access", "flag"])
@pytest.mark.parametrize("period", [{}, MIDDLE, {"since": "2026-01-16", "until": "2026-01-18"}], ids=str)
def test_report__of_any_kind__verifies_offline(app: App, kind: str, period: dict[str, Any]) -> None:
    about = {"kind": kind, **period, **({"flag": "pricing", "where": {"plan": "pro"}} if kind == "flag" else {})}
    file = rendered(app.evidence.report(asked(**about)), "jsonl")
    assert verify_report(file.splitlines(), app.signer.vkey).changes == len(seqs(app, **about))


@pytest.mark.parametrize("kind", ["jsonl", "csv", "html"])
def test_report__made_again_after_more_changes__has_the_same_bytes(app: App, clock: Calendar, kind: str) -> None:
    before = rendered(app.evidence.report(asked(**MIDDLE)), kind)
    clock.day(60)
    put(app, flag_subject(P, "later"), boolean_flag("later"))
    assert rendered(app.evidence.report(asked(**MIDDLE)), kind) == before


def test_report__without_an_end__ends_with_the_last_entry(app: App, clock: Calendar) -> None:
    before = rendered(app.evidence.report(asked()), "jsonl")
    clock.day(200)
    assert rendered(app.evidence.report(asked(until="2027-01-01")), "jsonl") == before


@pytest.mark.parametrize(
    ("until", "ends"),
    [
        pytest.param("2026-01-31T11:59:00Z", "2026-01-31T11:59:00.000000Z", id="over for a minute"),
        pytest.param("2026-01-31T11:59:30Z", "2026-01-20T12:00:00.000001Z", id="not yet"),
        pytest.param("2026-01-15T00:00:00Z", "2026-01-15T00:00:00.000000Z", id="long over"),
    ],
)
def test_report__whose_end_is_near__ends_where_no_entry_can_be_added(
    tmp_path: Path, clock: Calendar, until: str, ends: str
) -> None:
    app = company(tmp_path, clock=clock)
    january(app, clock, last=20)
    clock.day(31)
    assert app.evidence.report(asked(until=until)).summary.scope.until == ends
    app.close()


@pytest.mark.parametrize("scheme", [scheme for scheme, _ in stores()])
@pytest.mark.parametrize("kind", ["jsonl", "csv", "html"])
def test_report__from_another_store__has_the_same_bytes(
    app: App, clock: Calendar, tmp_path: Path, scheme: str, kind: str
) -> None:
    url = url_in(scheme, tmp_path)
    if scheme == "memory":
        return  # it is what the others are held against
    store = load(url)
    copied(app, store)
    store.close()
    other = company(tmp_path, url, clock)
    try:
        about = asked(kind="flag", flag="pricing", where={"plan": "pro"}, **MIDDLE)
        assert rendered(other.evidence.report(about), kind) == rendered(app.evidence.report(about), kind)
    finally:
        other.close()


def test_report__of_a_flag__says_when_it_was_on_for_whom(app: App) -> None:
    summary = app.evidence.report(asked(kind="flag", flag="pricing", where={"plan": "team"}, **MIDDLE)).summary
    production = next(each for each in summary.exposures if each.environment == "production")
    assert [(each.start[:10], each.answer.words) for each in production.intervals] == [
        ("2026-01-08", "off 100 %"),
        ("2026-01-15", "on 100 %"),
    ]
    assert [(each.environment, each.before, each.after) for each in summary.standings] == [
        ("production", "off 100 %", "on 100 %"),
        ("staging", "off 100 %", "on 100 %"),
        ("development", "off 100 %", "off 100 %"),
    ]


def test_report__of_a_flag__knows_nothing_that_the_ledger_learned_later(app: App, clock: Calendar) -> None:
    about = asked(kind="flag", flag="pricing", since="2026-01-01", until="2026-01-10")
    before = app.evidence.report(about).summary.exposures
    clock.day(60)
    put(app, flag_subject(P, "pricing"), None, "gone")
    assert app.evidence.report(about).summary.exposures == before


def test_report__of_access__names_who_could_change_production_at_both_ends(app: App) -> None:
    access = app.evidence.report(asked(kind="access", **MIDDLE)).summary.access
    assert access is not None
    assert [[each.key for each in group] for group in (access.before, access.after)] == [
        ["owner"],
        ["ana", "owner", "ci"],
    ]


def test_report__of_a_project__lists_what_serves_otherwise(app: App) -> None:
    found = app.evidence.report(asked(**MIDDLE)).summary.standings
    assert [(each.flag, each.environment) for each in found] == [
        ("other", "production"),
        ("other", "staging"),
        ("other", "development"),
        ("pricing", "production"),
        ("pricing", "staging"),
    ]


Forgery = Callable[[Lines], None]


def drop(seq: int) -> Forgery:
    def forge(told: Lines) -> None:
        told[:] = [line for line in told if line.get("seq") != seq or line["type"] != "change"]
        numbered(told)

    return forge


def move(told: Lines) -> None:
    told[1], told[2] = told[2], told[1]


def exchange(name: str, value: object, kind: str = "change") -> Forgery:
    def forge(told: Lines) -> None:
        next(line for line in told if line["type"] == kind)[name] = value

    return forge


def claim(told: Lines) -> None:
    told[0]["proof"]["end"] = told[0]["proof"]["begin"]


def behead(told: Lines) -> None:
    del told[0]


def cut(told: Lines) -> None:
    told.pop()


def widen(told: Lines) -> None:
    gap = next(line for line in told if line["type"] == "elsewhere")
    gap["to"] += 1


def numbered(told: Lines) -> None:
    """Let the last line count the others as they are now: whoever forges a report would think of that."""
    told[-1]["lines"] = len(told)


def choose(told: Lines) -> None:
    told[0]["found"]["sampling"]["seqs"] = told[0]["found"]["sampling"]["seqs"][1:]
    told[:] = [line for line in told if line["type"] != "sample" or line["seq"] in told[0]["found"]["sampling"]["seqs"]]
    numbered(told)


def twice(told: Lines) -> None:
    told.insert(-1, next(line for line in told if line["type"] == "sample"))
    numbered(told)


def salted(told: Lines) -> None:
    sample = next(line for line in told if line["type"] == "sample")
    sample["values"][0]["salt"] = "AAAAAAAAAAAAAAAAAAAAAA=="


def hidden(told: Lines) -> None:
    next(line for line in told if line["type"] == "sample")["values"].pop()


def spoken_for(told: Lines) -> None:
    receipts = [line for line in told if line["type"] == "sample"]
    receipts[0]["receipt"], receipts[1]["receipt"] = receipts[1]["receipt"], receipts[0]["receipt"]


def sampled(*path: str, value: object) -> Forgery:
    """Another value in the change that a sample is of."""

    def forge(told: Lines) -> None:
        wanted = {line["seq"] for line in told if line["type"] == "sample"}
        place: Any = next(line for line in told if line["type"] == "change" and line["seq"] in wanted)
        for name in path[:-1]:
            place = place[name]
        place[path[-1]] = value

    return forge


def summed(*path: str | int, value: object) -> Forgery:
    """Another figure in the report's first line."""

    def forge(told: Lines) -> None:
        place: Any = told[0]
        for name in path[:-1]:
            place = place[name]
        place[path[-1]] = value

    return forge


def created(told: Lines) -> None:
    """Say that something stood before what was created."""
    next(line for line in told if line["type"] == "change" and line["before"] is None)["before"] = {"enabled": True}


FORGERIES: dict[str, Forgery] = {
    "a dropped change": drop(13),
    "the first change dropped": drop(8),
    "the last change dropped": drop(14),
    "changes out of order": move,
    "another leaf hash": exchange("leaf_hash", "ab" * 21 + "A="),
    "a reason that nobody gave": exchange("why", "approved by the board"),
    "another ticket": exchange("ticket", "SEC-1"),
    "another time": exchange("time", "2026-01-09T00:00:00.000000Z"),
    "an approval that nobody gave": exchange("approval", "req-1"),
    "another document": exchange("after", {"enabled": True}),
    "another author": exchange("actor", {"name": "Ana", "email": "", "for": None}),
    "a change hidden among others": widen,
    "another checkpoint": claim,
    "a file that broke off": cut,
    "a sample of one's own": choose,
    "a sampled entry twice": twice,
    "another salt": salted,
    "a value withheld": hidden,
    "a receipt of another entry": spoken_for,
    "lines of no known type": exchange("type", "chanje"),
    "a change without a number": exchange("seq", None),
    "no head": behead,
    "an empty file": lambda told: told.clear(),
    "another name for who": sampled("who", value="Eve"),
    "another pseudonym": sampled("actor", "id", value="act_1"),
    "another credential": sampled("actor", "auth", value="token"),
    "another surface": sampled("source", "via", value="schedule"),
    "a change said to take another back": sampled("reverts", value=3),
    "a change said to be of a larger group": sampled("group", "count", value=9),
    "a value said to be erased and shown": sampled("erased", value=["why"]),
    "another document's name": sampled("document", value="flag other"),
    "a lack that is left out": sampled("exceptions", value=[]),
    "a time outside of the period": exchange("time", "2026-03-09T00:00:00.000000Z"),
    "another project": summed("scope", "project", value="other"),
    "another ledger's name": summed("origin", value="other"),
    "fewer entries": summed("found", "entries", value=1),
    "fewer changes": summed("found", "changes", value=1),
    "nothing that reached production": summed("found", "reached", value=0),
    "nobody who changed anything": summed("found", "people", value=[]),
    "no change without an approval": summed("found", "checks", 1, "count", value=0),
    "a check that is left out": lambda told: told[0]["found"]["checks"].pop(),
    "another population": summed("found", "sampling", "population", value=1),
    "another seed": summed("found", "sampling", "seed", value=""),
    "a document before there was one": created,
    "lines after the last": lambda told: told.append({"type": "end", "lines": len(told) + 1}),
    "another number of lines": lambda told: told[-1].update(lines=3),
    "a salt that is none": lambda told: told[-2]["values"][0].update(salt="AA=="),
    "a number beyond all numbers": exchange("seq", 2**70),
    "peaks that do not fit": lambda told: told[0]["proof"].update(left=[]),
    "another proof between the checkpoints": lambda told: told[0]["proof"].update(consistency=[]),
}


@pytest.mark.parametrize("forgery", sorted(FORGERIES))
def test_verify_report__of_what_was_tampered_with__refuses(app: App, forgery: str) -> None:
    told = lines(app, **MIDDLE)
    FORGERIES[forgery](told)
    with pytest.raises((PeriodRefuted, NoteError)):
        verify_report([json.dumps(line).encode() for line in told], app.signer.vkey)


def root_by_hand(hashes: list[bytes]) -> bytes:
    """RFC 9162, section 2.1.1, word by word."""
    if len(hashes) == 1:
        return hashes[0]
    half = 1
    while half * 2 < len(hashes):
        half *= 2
    return hashlib.sha256(b"\1" + root_by_hand(hashes[:half]) + root_by_hand(hashes[half:])).digest()


def leaf_hashes_told(told: Lines) -> list[bytes]:
    """The leaf hashes of a report over the whole record that passes over single entries only."""
    return [
        base64.b64decode(line["leaf_hash"] if line["type"] == "change" else line["roots"][0])
        for line in told
        if line["type"] == "change" or (line["type"] == "elsewhere" and line["to"] == line["from"] + 1)
    ]


def test_report__its_leaf_hashes__make_the_signed_root_by_hand(app: App) -> None:
    told = lines(app)
    root = base64.b64decode(told[0]["proof"]["end"]["note"].splitlines()[2])
    found = [line for line in told if line["type"] == "elsewhere"]
    assert [(line["from"], line["to"]) for line in found] == [(0, 1), (10, 12)]
    pair = base64.b64decode(found[1]["roots"][0])
    hashes = leaf_hashes_told(told)
    assert [hashlib.sha256(b"\0" + leaf).digest() for leaf in app.storage.leaves(0, 10)] == hashes[:10]
    own = [hashlib.sha256(b"\0" + leaf).digest() for leaf in app.storage.leaves(10, 12)]
    assert hashlib.sha256(b"\1" + own[0] + own[1]).digest() == pair
    assert root_by_hand([*hashes[:10], *own, *hashes[10:]]) == root
    assert root_by_hand([*hashes[:9], *own, *hashes[10:]]) != root


def test_verify_report__of_what_is_nested_too_deep__refuses(app: App) -> None:
    with pytest.raises(PeriodRefuted, match="not a report"):
        verify_report([b"[" * 100_000], app.signer.vkey)


def test_verify_report__signed_by_another_key__refuses(app: App, tmp_path: Path, clock: Calendar) -> None:
    file = rendered(app.evidence.report(asked(**MIDDLE)), "jsonl")
    (tmp_path / "other").mkdir()
    other = company(tmp_path / "other", clock=clock)
    with pytest.raises(NoteError):
        verify_report(file.splitlines(), other.signer.vkey)
    other.close()


@pytest.mark.parametrize("first", [[b"\0" * 32], []], ids=["exchanged", "removed"])
def test_report__of_a_ledger_whose_tree_is_another__is_refused(
    app: App, monkeypatch: pytest.MonkeyPatch, first: list[bytes]
) -> None:
    app.signer.checkpoint()
    hashes = app.storage.leaf_hashes
    monkeypatch.setattr(app.storage, "leaf_hashes", lambda low, high: [*first, *hashes(low, high)[1:]])
    with pytest.raises(LedgerBroken):
        app.evidence.report(asked())


def checked(app: App, folder: Path, *keys: str, forgery: str | None = None) -> tuple[int, str]:
    told = lines(app, **MIDDLE)
    if forgery is not None:
        FORGERIES[forgery](told)
    file = folder / "report.jsonl"
    file.write_text("".join(f"{json.dumps(line)}\n" for line in told))
    outcome = check_report(file, keys)
    return outcome.exit_code, outcome.text()


def test_check_report__by_the_keys_that_are_trusted__says_what_it_found(
    app: App, tmp_path: Path, clock: Calendar
) -> None:
    (tmp_path / "other").mkdir()
    other = company(tmp_path / "other", clock=clock)
    key, strange = app.signer.vkey, other.signer.vkey
    other.close()
    assert checked(app, tmp_path, key)[1].startswith("VERIFIED: The report soc2 is complete")
    assert checked(app, tmp_path, strange, key)[0] == 0
    assert checked(app, tmp_path, strange) == (
        1,
        f"TAMPERED WITH: there is no signature of flags.example.org with key {strange.split('+')[1]}\n",
    )
    assert checked(app, tmp_path, key, forgery="a dropped change")[1].startswith("TAMPERED WITH: entry 13 is missing")
    assert checked(app, tmp_path, "no key")[1].startswith("CANNOT BE DECIDED: a verifier key cannot be used")
    assert checked(app, tmp_path)[1] == "CANNOT BE DECIDED: no verifier key was given\n"
    assert check_report(tmp_path, [key]).exit_code == 2


def test_verifier__called_for_a_report__prints_what_it_found(
    app: App, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checked(app, tmp_path, app.signer.vkey)
    arguments = [str(tmp_path / "report.jsonl"), "--key", app.signer.vkey]
    assert (main(arguments), capsys.readouterr().out[:8]) == (0, "VERIFIED")
    assert (main([*arguments, "--json"]), json.loads(capsys.readouterr().out)["changes"]) == (0, 5)


def test_verify_report__of_what_was_imported__checks_the_author_behind_it(app: App, clock: Calendar) -> None:
    clock.day(33)
    author = Author("Bob", "bob@example.org")
    importing = Actor(kind="import", id="act_7", name="importer", auth="token", via="import", for_=author)
    flag = flag_subject(P, "pricing")
    put(app, flag, boolean_flag("pricing", archived=True), "imported", Identity(importing, role="admin"))
    told = lines(app, since="2026-02-01")
    assert [line["actor"]["for"]["name"] for line in told if line["type"] == "change"] == ["Bob"]
    assert verify_report([json.dumps(line).encode() for line in told], app.signer.vkey).samples == 1
    told[2]["values"][0]["value"] = '"Eve"'
    with pytest.raises(PeriodRefuted):
        verify_report([json.dumps(line).encode() for line in told], app.signer.vkey)


def test_verifier_of_an_export__without_flagtrail__checks_a_report(app: App, tmp_path: Path) -> None:
    checked(app, tmp_path, app.signer.vkey)
    (tmp_path / "verify.pyz").write_bytes(verifier_archive())
    command = [sys.executable, "-I", "-S", "verify.pyz", "report.jsonl", "--key", app.signer.vkey]
    told = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert told.startswith("VERIFIED: The report soc2 is complete: it tells 5 of the entries 8 to 15 (exclusive)")
    facts = json.loads(subprocess.run([*command, "--json"], cwd=tmp_path, capture_output=True, check=True).stdout)
    assert (facts["status"], facts["kind"], facts["samples"], facts["exit_code"]) == ("verified", "soc2", 3, 0)


def test_report__of_a_ledger_that_lost_an_entry__is_refused(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = app.storage.entry
    monkeypatch.setattr(app.storage, "entry", lambda seq: None if seq == 8 else entry(seq))
    with pytest.raises(LedgerBroken):
        app.evidence.report(asked(**MIDDLE))


def test_report__while_others_take_long__is_put_off(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evidence, "WAIT_SECONDS", 0)
    with ExitStack() as others:
        for _ in range(evidence.AT_ONCE):
            others.enter_context(app.evidence._turns)
        with pytest.raises(TooManyRequests, match="reports are being made"):
            app.evidence.report(asked())
    assert app.evidence.report(asked()).summary.found.changes == 13


@pytest.mark.parametrize(
    ("about", "error", "told"),
    [
        pytest.param({"project": "nope"}, NotFound, "there is no project", id="no such project"),
        pytest.param({"kind": "flag"}, InvalidQuery, "needs a flag", id="a flag is not named"),
        pytest.param({"kind": "flag", "flag": "nope"}, NotFound, "there never was a flag 'nope'", id="no such flag"),
        pytest.param(
            {"kind": "flag", "flag": "pricing", "environment": "moon"}, NotFound, "'moon'", id="no such environment"
        ),
        pytest.param({"flag": "pricing"}, InvalidQuery, "covers all of a project", id="a flag where none belongs"),
        pytest.param({"environment": "staging"}, InvalidQuery, "covers all", id="an environment where none belongs"),
        pytest.param({"where": {"plan": "pro"}}, InvalidQuery, "covers all", id="contexts where none belong"),
        pytest.param({"since": "2026-02-01", "until": "2026-01-01"}, InvalidQuery, "is empty", id="inverted"),
        pytest.param({"since": "2026-03-01"}, InvalidQuery, "is to come", id="to come"),
        pytest.param({"since": "soon"}, InvalidQuery, "is not a time", id="no time"),
        pytest.param({"sample": 101}, InvalidQuery, "0 to 100", id="too large a sample"),
    ],
)
def test_report__that_cannot_be_made__is_refused(
    app: App, about: dict[str, Any], error: type[FlagtrailError], told: str
) -> None:
    with pytest.raises(error, match=told):
        app.evidence.report(asked(**about))
