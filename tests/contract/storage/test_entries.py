from __future__ import annotations

import msgspec
import pytest
from tests.support.ledgers import Draft, fill, moment, person, seqs, targeting_draft

from flagtrail.model.actor import Actor, Author
from flagtrail.model.entry import Touch
from flagtrail.model.errors import InvalidQuery
from flagtrail.model.subject import (
    environment_subject,
    flag_subject,
    member_subject,
    project_subject,
    segment_subject,
    targeting_subject,
)
from flagtrail.storage import EntryQuery, Storage

IMPORT = Actor(kind="import", id="act_import", for_=Author("Grace Hopper", "grace@example.org"))

HISTORY = (
    Draft(subject=project_subject("default"), actions=("created",), paths=("",)),  # 0
    Draft(subject=environment_subject("default", "production"), actions=("created",)),  # 1
    Draft(subject=flag_subject("default", "checkout"), actions=("created",), ticket="BILL-7"),  # 2
    targeting_draft("checkout", "production", actions=("created",), paths=("/enabled", "/rules/0/when/values/1")),  # 3
    targeting_draft("checkout", "staging", actions=("enabled", "rollout_changed"), actor=person("bob")),  # 4
    Draft(
        subject=segment_subject("default", "enterprise"),
        actor=person("bob"),
        touches=(Touch("default", "checkout", "production"), Touch("default", "search", "staging")),
        why="Löwe GmbH signed: 100% of them, really_all",
    ),  # 5
    Draft(subject=flag_subject("other", "checkout"), actor=IMPORT, occurred_at=moment(-3600)),  # 6
    Draft(subject=member_subject("carol"), actions=("access_changed",), actor=person("carol_x")),  # 7
    targeting_draft("search", "production", why='He said "go" to it', paths=("/rules/10/serve",)),  # 8
    Draft(subject=segment_subject("other", "enterprise"), paths=("/when", "/fallthrough~1x")),  # 9
)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param(EntryQuery(), [9, 8, 7, 6, 5, 4, 3, 2, 1, 0], id="all"),
        pytest.param(EntryQuery(limit=3), [9, 8, 7], id="a page"),
        pytest.param(EntryQuery(limit=0), [], id="an empty page"),
        pytest.param(EntryQuery(before=2), [1, 0], id="before a cursor"),
        pytest.param(EntryQuery(before=0), [], id="before the first"),
        pytest.param(EntryQuery(before=-5), [], id="before what never was"),
        pytest.param(EntryQuery(before=2**70, limit=1), [9], id="before a cursor far beyond the end"),
        pytest.param(EntryQuery(project="other"), [9, 6], id="project"),
        pytest.param(EntryQuery(project="othe"), [], id="project, a part of its key"),
        pytest.param(EntryQuery(project="default", flag="checkout"), [5, 4, 3, 2], id="flag, with its touches"),
        pytest.param(EntryQuery(project="other", flag="checkout"), [6], id="flag of another project"),
        pytest.param(EntryQuery(project="default", flag="check"), [], id="flag, a part of its key"),
        pytest.param(
            EntryQuery(project="default", flag="checkout", environment="production"),
            [5, 3, 2],
            id="flag and environment: also what concerns all environments",
        ),
        pytest.param(
            EntryQuery(project="default", flag="search", environment="staging"), [5], id="flag only touched there"
        ),
        pytest.param(EntryQuery(environment="production"), [8, 3, 1], id="environment alone: the subject's"),
        pytest.param(EntryQuery(segment="enterprise"), [9, 5], id="segment"),
        pytest.param(EntryQuery(segment="enterprise", project="default"), [5], id="segment of a project"),
        pytest.param(EntryQuery(kind="targeting"), [8, 4, 3], id="kind"),
        pytest.param(EntryQuery(action="rollout_changed"), [4], id="action"),
        pytest.param(EntryQuery(action="created", project="default"), [3, 2, 1, 0], id="action and project"),
        pytest.param(EntryQuery(actor="act_bob"), [5, 4], id="actor by id"),
        pytest.param(EntryQuery(actor="bob"), [5, 4], id="actor by name, without case"),
        pytest.param(EntryQuery(actor="BOB@example.com"), [5, 4], id="actor by e-mail"),
        pytest.param(EntryQuery(actor="bo"), [], id="actor, a part of the name"),
        pytest.param(EntryQuery(actor="Grace Hopper"), [6], id="the author an import acts for"),
        pytest.param(EntryQuery(actor="act_import"), [6], id="the import itself"),
        pytest.param(EntryQuery(actor="nobody"), [], id="actor unknown"),
        pytest.param(EntryQuery(field="/rules"), [8, 3], id="field at the top"),
        pytest.param(EntryQuery(field="/rules/1"), [8], id="field, text prefix"),
        pytest.param(EntryQuery(field="/enabled"), [3], id="field, whole"),
        pytest.param(EntryQuery(field="/enabled/0"), [], id="field below a whole one"),
        pytest.param(EntryQuery(field="/fallthrough~1"), [9], id="field with an escape"),
        pytest.param(EntryQuery(field="/%"), [], id="field with a wildcard of SQL"),
        pytest.param(EntryQuery(field=""), [9, 8, 7, 6, 5, 4, 3, 2, 1, 0], id="field, any"),
        pytest.param(EntryQuery(since=moment(8)), [9, 8], id="since is inclusive"),
        pytest.param(EntryQuery(until=moment(2)), [6, 1, 0], id="until is exclusive, and time is the effective one"),
        pytest.param(EntryQuery(since=moment(2), until=moment(4)), [3, 2], id="a window"),
        pytest.param(EntryQuery(since=moment(3), until=moment(3)), [], id="an empty window"),
        pytest.param(EntryQuery(since=moment(8.000001)), [9], id="since, a microsecond later"),
        pytest.param(EntryQuery(until=moment(1.000001)), [6, 1, 0], id="until, a microsecond later"),
        pytest.param(EntryQuery(since="2026-03-05T12:00:09Z"), [9], id="since, written without microseconds"),
        pytest.param(EntryQuery(since="2026-03-05T14:00:09+02:00"), [9], id="since, with an offset"),
        pytest.param(EntryQuery(actor="bob", environment="staging"), [4], id="actor and environment"),
        pytest.param(EntryQuery(project="default", flag="checkout", text="signed"), [5], id="flag and text"),
        pytest.param(EntryQuery(project="default", flag="search", actor="ada"), [8], id="flag and actor"),
        pytest.param(EntryQuery(actor="ada", action="created", until=moment(3)), [2, 1, 0], id="three filters"),
    ],
)
def test_entries__a_filter__finds_exactly_what_matches(
    storage: Storage, query: EntryQuery, expected: list[int]
) -> None:
    fill(storage, *HISTORY)

    assert seqs(storage.entries(query)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("bill-7", [2], id="ticket, without case"),
        pytest.param("ILL", [2], id="a part of three characters"),
        pytest.param("löwe", [5], id="letters beyond ASCII, without case"),
        pytest.param("LÖWE", [5], id="the same in capitals"),
        pytest.param("Hopper", [6], id="the author of an import"),
        pytest.param("carol_x@example", [7], id="an actor's e-mail address"),
        pytest.param("carol", [7], id="subject and actor"),
        pytest.param("search/production", [8], id="subject as an address"),
        pytest.param("100%", [5], id="percent sign"),
        pytest.param("0%%", [], id="percent signs that are not there"),
        pytest.param("really_all", [5], id="underscore"),
        pytest.param("really-all", [], id="underscore is no wildcard"),
        pytest.param('"go"', [8], id="double quotes"),
        pytest.param("'; DROP TABLE document; --", [], id="SQL"),
        pytest.param("said OR carol", [], id="an operator of the text index"),
        pytest.param("said*", [], id="a wildcard of the text index"),
        pytest.param("words:said", [], id="a column of the text index"),
        pytest.param("NEAR(said go)", [], id="a function of the text index"),
        pytest.param("go", [8], id="two characters, a whole word"),
        pytest.param("He", [8], id="two characters, without case"),
        pytest.param("sa", [], id="two characters, no whole word"),
        pytest.param("%", [], id="one character that is no word"),
        pytest.param('"', [], id="one double quote"),
        pytest.param("  said  ", [8], id="blanks around"),
        pytest.param("", [9, 8, 7, 6, 5, 4, 3, 2, 1, 0], id="no text"),
        pytest.param("  ", [9, 8, 7, 6, 5, 4, 3, 2, 1, 0], id="only blanks"),
        pytest.param("\x00\x1e\x1f", [9, 8, 7, 6, 5, 4, 3, 2, 1, 0], id="only our separators"),
        pytest.param("bill-7\x1f", [2], id="a separator at the end"),
        pytest.param("\ud800", [], id="not Unicode"),
        pytest.param("🦁" * 3, [], id="beyond the basic plane"),
    ],
)
def test_entries__a_text__is_taken_literally(storage: Storage, text: str, expected: list[int]) -> None:
    fill(storage, *HISTORY)

    assert seqs(storage.entries(EntryQuery(text=text))) == expected


def test_entries__a_text__does_not_reach_from_ticket_into_why(storage: Storage) -> None:
    fill(storage, Draft(ticket="abc", why="def"))

    assert seqs(storage.entries(EntryQuery(text="cde"))) == []


def test_entries__microseconds_apart__are_told_apart(storage: Storage) -> None:
    fill(storage, *(Draft(time=moment(step / 1_000_000)) for step in range(5)))

    found = storage.entries(EntryQuery(since=moment(1 / 1_000_000), until=moment(3 / 1_000_000)))

    assert seqs(found) == [2, 1]


@pytest.mark.parametrize(
    "query",
    [
        pytest.param(EntryQuery(since="yesterday"), id="since is no time"),
        pytest.param(EntryQuery(until="2026-03-05T12:00:00"), id="until without an offset"),
        pytest.param(EntryQuery(flag="checkout"), id="flag without project"),
        pytest.param(EntryQuery(field="/\ud800"), id="field is not Unicode"),
        pytest.param(EntryQuery(environment="\ud800"), id="environment is not Unicode"),
    ],
)
def test_entries__a_query_that_cannot_be_read__is_refused(storage: Storage, query: EntryQuery) -> None:
    with pytest.raises(InvalidQuery):
        storage.entries(query)


def test_entries__following_the_cursor__visits_each_once(storage: Storage) -> None:
    fill(storage, *HISTORY, *HISTORY[2:], *HISTORY[2:])
    query = EntryQuery(project="default", flag="checkout", limit=2)
    visited: list[int] = []

    while page := seqs(storage.entries(query)):
        visited += page
        query = msgspec.structs.replace(query, before=page[-1])

    assert visited == [21, 20, 19, 18, 13, 12, 11, 10, 5, 4, 3, 2]


def test_entries__an_actor_with_two_names__is_found_by_either(storage: Storage) -> None:
    renamed = msgspec.structs.replace(person("bob"), name="Robert")
    fill(storage, Draft(actor=person("bob")), Draft(actor=renamed))

    found = [seqs(storage.entries(EntryQuery(actor=name))) for name in ("act_bob", "bob", "robert")]

    assert found == [[1, 0], [0], [1]]


def test_entries__a_path_with_control_characters__is_found(storage: Storage) -> None:
    fill(storage, targeting_draft(paths=("/variants/a\x1fb", "/variants/c\nd")))

    found = [seqs(storage.entries(EntryQuery(field=field))) for field in ("/variants/a\x1fb", "/variants/c\n", "b")]

    assert found == [[0], [0], []]


def test_entries__subject_of_a_targeting__is_its_flags_history(storage: Storage) -> None:
    fill(storage, Draft(subject=targeting_subject("p", "f", "e")))

    found = [
        seqs(storage.entries(EntryQuery(project="p", flag="f", environment=environment)))
        for environment in ("e", "other", None)
    ]

    assert found == [[0], [], [0]]
