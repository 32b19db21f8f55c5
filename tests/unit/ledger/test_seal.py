from __future__ import annotations

from itertools import repeat
from typing import Any, get_args, get_type_hints

import msgspec
import pytest
from tests.unit.ledger.making import IMPORTED, ORIGIN, entry, salts

from flagtrail.ledger import leaf as form
from flagtrail.ledger.merkle import EMPTY_ROOT, leaf_hash
from flagtrail.ledger.seal import Sealed, as_recorded, seal, unseal
from flagtrail.model import subject as subjects
from flagtrail.model.actor import Actor, ActorKind, Author, Via
from flagtrail.model.entry import ACTIONS, Entry, Group
from flagtrail.model.errors import LedgerBroken
from flagtrail.model.subject import Kind, Subject


def sealed(one: Entry) -> Sealed:
    return seal(one, log=ORIGIN, prev_root=EMPTY_ROOT, salt=salts())


def disclosed(of: Sealed) -> dict[str, bytes]:
    return {each.name: each.value for each in of.committed}


SUBJECTS = [
    subjects.project_subject("p"),
    subjects.environment_subject("p", "e"),
    subjects.flag_subject("p", "f"),
    subjects.targeting_subject("p", "f", "e"),
    subjects.segment_subject("p", "s"),
    subjects.subscription_subject("p", "s"),
    subjects.policy_subject("p"),
    subjects.member_subject("m"),
    subjects.token_subject("t"),
    subjects.signin_subject("s"),
]

ENTRIES = [
    pytest.param(entry(0), id="a creation"),
    pytest.param(entry(4), id="a change"),
    pytest.param(entry(4, after=None, actions=("deleted",)), id="a deletion"),
    pytest.param(entry(0, actor=IMPORTED, occurred_at="2024-01-01T00:00:00.000000Z"), id="an import"),
    pytest.param(entry(0, actor=msgspec.structs.replace(IMPORTED, for_=Author(""))), id="for somebody without a name"),
    pytest.param(entry(0, actor=Actor(kind="system", id="act_system")), id="no names"),
    pytest.param(entry(4, before={}, after=[], why=""), id="empty values are values"),
    pytest.param(entry(4, before=[53555777122590512.0, -1e18, 2**53 - 1], after=9007199254740993.0), id="large floats"),
    pytest.param(entry(4, before=0, after=False), id="values that are false"),
    pytest.param(entry(4, approval="req_1", reverts=2, paths=(), ticket=""), id="a revert"),
    pytest.param(entry(0, group=Group("g", 1, 3)), id="one of a group"),
    *(pytest.param(entry(0, subject=each), id=each.kind) for each in SUBJECTS),
]


@pytest.mark.parametrize("one", ENTRIES)
def test_unseal__a_sealed_entry_with_all_disclosures__is_the_entry(one: Entry) -> None:
    it = sealed(one)
    assert unseal(it.leaf, disclosed(it)) == one


@pytest.mark.parametrize("one", ENTRIES)
def test_unseal__without_any_disclosure__names_all_that_was_erased(one: Entry) -> None:
    it = sealed(one)
    assert unseal(it.leaf, {}).erased == tuple(each.name for each in it.committed)


@pytest.mark.parametrize("name", form.NAMES)
def test_unseal__one_value_erased__names_it_and_nothing_else(name: str) -> None:
    it = sealed(
        entry(4, actor=Actor(kind="person", id="act_1", name="n", email="e", for_=Author("a", "b")), before={"a": 1})
    )
    left = {key: value for key, value in disclosed(it).items() if key != name}
    assert unseal(it.leaf, left).erased == (name,)


def test_unseal__the_person_acted_for_erased__still_says_that_there_was_one() -> None:
    assert unseal(sealed(entry(0, actor=IMPORTED)).leaf, {}).actor.for_ == Author("")


def test_seal__the_leaf__holds_no_value_and_no_personal_data() -> None:
    it = sealed(entry(4, actor=IMPORTED, why="because of Ann", before={"owner": "Ann"}, after={"owner": "Bob"}))
    assert [word for word in (b"Ann", b"ann@", b"Bob", b'owner":', b"because") if word in it.leaf] == []


def test_seal__the_leaf__is_canonical_and_names_log_and_root() -> None:
    assert sealed(entry(0)).leaf.startswith(b'{"actions":["created"],"actor":{"auth":"session","id":"act_0"')


def test_seal__the_hash__is_that_of_the_leaf() -> None:
    it = sealed(entry(0))
    assert it.leaf_hash == leaf_hash(it.leaf)


def test_seal__each_value__has_a_salt_of_its_own() -> None:
    it = sealed(entry(4))
    assert len({each.salt for each in it.committed}) == len(it.committed)


@pytest.mark.parametrize(
    ("one", "message"),
    [
        pytest.param(entry(0, time="2026-11-22T07:00:00Z"), "'time'", id="a time without microseconds"),
        pytest.param(entry(0, time="2026-11-22T07:00:00.000000+01:00"), "'time'", id="a time of another zone"),
        pytest.param(entry(0, time="2026-13-22T07:00:00.000000Z"), "'time'", id="a thirteenth month"),
        pytest.param(entry(0, occurred_at="2024-01-01"), "'occurred_at'", id="a date for a time"),
        pytest.param(entry(0, v=2), "'v'", id="another version"),
        pytest.param(entry(0, v=True), "'v'", id="true for a version"),
        pytest.param(entry(-1), "'seq'", id="a negative seq"),
        pytest.param(entry(0, seq=2**53), "'seq'", id="a seq beyond 2^53-1"),
        pytest.param(entry(0, seq=1.0), "'seq'", id="a float for a seq"),
        pytest.param(entry(0, id=""), "'id'", id="no id"),
        pytest.param(entry(0, version=0), "'version'", id="a version of 0"),
        pytest.param(entry(0, previous=-2), "'previous'", id="a previous below -1"),
        pytest.param(entry(0, actions=("exploded",)), "'actions'", id="an unknown action"),
        pytest.param(entry(0, paths=(1,)), "'paths'", id="a path that is no text"),
        pytest.param(entry(0, ticket=None), "'ticket'", id="no ticket text"),
        pytest.param(entry(0, approval=1), "'approval'", id="an approval that is no text"),
        pytest.param(entry(0, reverts=-1), "'reverts'", id="a revert of nothing"),
        pytest.param(entry(0, group=Group("g", 2, 2)), "'group'", id="an index beyond the group"),
        pytest.param(entry(0, group=Group("", 0, 1)), "'group'", id="a group without an id"),
        pytest.param(entry(0, subject=Subject("flag", "p")), "'subject'", id="half an address"),
        pytest.param(entry(0, subject=Subject("flag", "p", "")), "'subject'", id="an empty part of an address"),
        pytest.param(entry(0, actor=Actor(kind="person", id="")), "'actor'", id="an actor without an id"),
        pytest.param(entry(0, erased=("why",)), "erased values", id="an entry that has lost values"),
        pytest.param(entry(0, paths=tuple(repeat("/a" * 100, 400))), "65535 is the limit", id="a leaf too long"),
        pytest.param(entry(0, id="\ud800"), "no canonical form", id="an id that is not Unicode"),
        pytest.param(entry(0, after={"a": float("nan")}), "not representable", id="a value that is no JSON"),
    ],
)
def test_seal__what_no_verifier_would_accept__is_refused(one: Entry, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        sealed(one)


def test_seal__a_salt_that_is_too_short__is_refused() -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        seal(entry(0), log=ORIGIN, prev_root=EMPTY_ROOT, salt=lambda: b"short")


def test_seal__a_leaf_of_exactly_65535_bytes__is_sealed() -> None:
    room = form.MAX_LEAF_BYTES - len(sealed(entry(0, ticket="")).leaf)
    assert len(sealed(entry(0, ticket="t" * room)).leaf) == form.MAX_LEAF_BYTES


@pytest.mark.parametrize(
    "leaf",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"{}", id="no keys"),
        pytest.param(sealed(entry(0)).leaf[:-1], id="cut off"),
        pytest.param(sealed(entry(0)).leaf.replace(b'"v":1', b'"v":2'), id="another version"),
        pytest.param(sealed(entry(0)).leaf.replace(b'"v":1', b'"v":1,"w":1'), id="a key too many"),
    ],
)
def test_unseal__bytes_that_are_no_leaf__says_that_the_ledger_is_broken(leaf: bytes) -> None:
    with pytest.raises(LedgerBroken):
        unseal(leaf, {})


@pytest.mark.parametrize("value", [b"{", b"{1234567890123456", b"\xff1234567890123456"])
def test_unseal__a_disclosure_that_is_no_json__says_that_the_ledger_is_broken(value: bytes) -> None:
    with pytest.raises(LedgerBroken):
        unseal(sealed(entry(0)).leaf, {"after": value})


@pytest.mark.parametrize(
    ("words", "model"),
    [
        pytest.param(form.ACTIONS, ACTIONS, id="actions"),
        pytest.param(form.ACTOR_KINDS, get_args(ActorKind), id="kinds of actors"),
        pytest.param(form.VIAS, get_args(Via), id="surfaces"),
        pytest.param(form.AUTHS, get_args(get_type_hints(Actor)["auth"]), id="ways to sign in"),
        pytest.param(set(form.SUBJECT_PARTS), get_args(Kind), id="kinds of subjects"),
    ],
)
def test_leaf__the_verifiers_closed_lists__are_the_models(words: frozenset[str], model: tuple[str, ...]) -> None:
    assert words == set(model)


@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda subject: subject.kind)
def test_leaf__the_verifiers_parts_of_an_address__are_the_models(subject: Subject) -> None:
    assert form.SUBJECT_PARTS[subject.kind] == set(msgspec.to_builtins(subject))


LEAF: dict[str, Any] = msgspec.json.decode(sealed(entry(4)).leaf)


@pytest.mark.parametrize("key", LEAF)
def test_leaf__a_key_missing__is_a_defect(key: str) -> None:
    assert form.defect({name: value for name, value in LEAF.items() if name != key}) is not None


OTHER_FORMS: list[Any] = [[], {}, [None], {"kind": []}, -7, 1.5, float("inf")]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        pytest.param(key, value, id=f"{key} {value!r}")
        for key in LEAF
        for value in OTHER_FORMS
        if value != [] or key not in {"paths", "actions"}
    ],
)
def test_leaf__a_value_of_another_form__is_a_defect(key: str, value: object) -> None:
    assert form.defect({**LEAF, key: value}) is not None


@pytest.mark.parametrize(
    ("key", "part", "value"),
    [
        ("actor", "kind", "robot"),
        ("actor", "kind", []),
        ("actor", "auth", "magic"),
        ("actor", "via", "telepathy"),
        ("actor", "mfa", True),
        ("subject", "kind", "universe"),
        ("subject", "key", "k"),
        ("group", "count", 0),
        ("group", "index", -1),
        ("group", "more", 1),
        ("source", "via", None),
        ("source", "more", ""),
        ("commitments", "after", "A" * 43 + "="),
        ("commitments", "after", "short"),
        ("commitments", "more", None),
        ("commitments", "why", 1),
    ],
)
def test_leaf__a_part_of_another_form__is_a_defect(key: str, part: str, value: object) -> None:
    broken = {**LEAF, key: {**LEAF[key], part: value}}
    expected = None if value == "A" * 43 + "=" else f"{key!r} does not have the form that version 1 demands"
    assert form.defect(broken) == expected


def test_leaf__a_hash_whose_spare_bits_are_set__is_a_defect() -> None:
    assert form.is_hash("A" * 42 + "B=") is False


def test_leaf__no_object__is_a_defect() -> None:
    assert form.defect([]) is not None


def test_as_recorded__of_keys_in_any_order__is_what_will_be_read() -> None:
    one = entry(4, before={"b": 1.0, "a": -0.0}, after={"z": {"y": 1, "x": 2}, "k": []})
    of = sealed(one)

    assert repr(as_recorded(one, of)) == repr(unseal(of.leaf, disclosed(of)))
