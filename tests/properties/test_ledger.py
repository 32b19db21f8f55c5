"""Laws of the ledger, for any entry and any tree."""

from __future__ import annotations

import json
from typing import Any, get_args

import msgspec
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.ledger.making import ORIGIN, salts

from flagtrail.ledger import merkle
from flagtrail.ledger.canonical import canonical, profile_bytes
from flagtrail.ledger.deep import parse_canonical
from flagtrail.ledger.leaf import MAX_INTEGER, SUBJECT_PARTS, defect
from flagtrail.ledger.merkle import EMPTY_FRONTIER, EMPTY_ROOT
from flagtrail.ledger.seal import as_recorded, seal, unseal
from flagtrail.model.actor import Actor, ActorKind, Author, Via
from flagtrail.model.entry import ACTIONS, Entry, Group, Source
from flagtrail.model.subject import Subject

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
NAME = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
NUMBER = st.integers(-MAX_INTEGER, MAX_INTEGER)
TIME = st.datetimes().map(lambda time: time.strftime("%Y").zfill(4) + time.strftime("-%m-%dT%H:%M:%S.%fZ"))
VALUE = st.recursive(
    st.none() | st.booleans() | NUMBER | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda part: st.lists(part, max_size=4) | st.dictionaries(TEXT, part, max_size=4),
    max_leaves=12,
)
PROFILE = st.recursive(
    st.none() | st.booleans() | NUMBER | TEXT,
    lambda part: (
        st.lists(part, max_size=4) | st.dictionaries(st.from_regex(r"[a-z_]{1,24}", fullmatch=True), part, max_size=4)
    ),
    max_leaves=12,
)
HASHES = st.lists(st.binary(min_size=32, max_size=32), max_size=70)
AUTHOR = st.none() | st.builds(Author, TEXT, TEXT)
ACTOR = st.builds(
    Actor,
    kind=st.sampled_from(get_args(ActorKind)),
    id=NAME,
    name=TEXT,
    email=TEXT,
    auth=st.sampled_from(["session", "token", "os", "none"]),
    via=st.sampled_from(get_args(Via)),
    for_=AUTHOR,
)
SUBJECT = st.sampled_from(sorted(SUBJECT_PARTS)).flatmap(
    lambda kind: st.builds(Subject, **dict.fromkeys(SUBJECT_PARTS[kind] - {"kind"}, NAME), kind=st.just(kind))
)
GROUP = st.integers(1, 1000).flatmap(
    lambda count: st.builds(Group, id=NAME, index=st.integers(0, count - 1), count=st.just(count))
)
ENTRY = st.builds(
    Entry,
    seq=st.integers(0, MAX_INTEGER),
    id=NAME,
    time=TIME,
    occurred_at=st.none() | TIME,
    actor=ACTOR,
    subject=SUBJECT,
    version=st.integers(1, MAX_INTEGER),
    previous=st.integers(-1, MAX_INTEGER),
    actions=st.lists(st.sampled_from(ACTIONS), max_size=4).map(tuple),
    paths=st.lists(TEXT, max_size=4).map(tuple),
    before=VALUE,
    after=VALUE,
    why=TEXT,
    ticket=TEXT,
    group=GROUP,
    approval=st.none() | TEXT,
    reverts=st.none() | st.integers(0, MAX_INTEGER),
    source=st.builds(Source, TEXT, TEXT, TEXT),
    erased=st.just(()),
)


@given(ENTRY, st.data())
def test_seal__any_entry__comes_back_whole_or_with_what_was_erased_named(entry: Entry, data: st.DataObject) -> None:
    sealed = seal(entry, log=ORIGIN, prev_root=EMPTY_ROOT, salt=salts())
    disclosed = {each.name: each.value for each in sealed.committed}
    erased = data.draw(st.sets(st.sampled_from(sorted(disclosed)))) if disclosed else set()
    left = {name: value for name, value in disclosed.items() if name not in erased}
    assert (unseal(sealed.leaf, disclosed), set(unseal(sealed.leaf, left).erased)) == (entry, erased)


@given(ENTRY)
def test_as_recorded__of_any_entry__is_what_will_be_read_to_the_order_of_keys(entry: Entry) -> None:
    sealed = seal(entry, log=ORIGIN, prev_root=EMPTY_ROOT, salt=salts())
    read = unseal(sealed.leaf, {each.name: each.value for each in sealed.committed})

    assert msgspec.json.encode(as_recorded(entry, sealed)) == msgspec.json.encode(read)


@given(ENTRY)
def test_seal__of_any_entry__makes_a_leaf_inside_the_profile(entry: Entry) -> None:
    leaf = seal(entry, log=ORIGIN, prev_root=EMPTY_ROOT, salt=salts()).leaf

    assert profile_bytes(json.loads(leaf)) == leaf


@given(ENTRY)
def test_seal__any_leaf__is_one_that_the_offline_verifier_accepts(entry: Entry) -> None:
    leaf = seal(entry, log=ORIGIN, prev_root=EMPTY_ROOT, salt=salts()).leaf
    assert defect(parse_canonical(leaf, "the leaf")) is None


@given(VALUE)
@settings(max_examples=300)
def test_canonical__any_value__is_what_the_reference_implementation_writes(value: Any) -> None:  # noqa: ANN401 - any JSON
    assert canonical(value) == rfc8785.dumps(value)


@given(PROFILE)
@settings(max_examples=300)
def test_profile__any_value_inside__is_written_alike_by_all_three_encoders(value: Any) -> None:  # noqa: ANN401 - any JSON
    plain = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()
    assert {profile_bytes(value), rfc8785.dumps(value)} == {plain}


@given(HASHES, HASHES)
def test_frontier__extended_in_two_steps_or_one_by_one__is_the_same(first: list[bytes], second: list[bytes]) -> None:
    single = EMPTY_FRONTIER
    for each in first + second:
        single = single.append(each)
    assert EMPTY_FRONTIER.extend(first).extend(second) == single


@given(HASHES.filter(bool), st.data())
def test_proofs__of_any_tree__verify(hashes: list[bytes], data: st.DataObject) -> None:
    size, root = len(hashes), merkle.root_of(hashes)
    index = data.draw(st.integers(0, size - 1))
    old = data.draw(st.integers(1, size))
    low = data.draw(st.integers(0, size))
    high = data.draw(st.integers(low, size))
    assert (
        merkle.verify_inclusion(hashes[index], index, size, merkle.inclusion_proof(hashes, index), root),
        merkle.verify_consistency(old, merkle.root_of(hashes[:old]), size, root, merkle.consistency_proof(hashes, old)),
        merkle.verify_range(hashes[low:high], low, size, merkle.range_proof(hashes, low, high), root),
    ) == (True, True, True)
