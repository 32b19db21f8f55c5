"""Questions over blocks of terms in PostgreSQL find what looking at every entry finds."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.ledgers import Draft, append, moment, person, seqs, url_in

from flagtrail.model.entry import Touch
from flagtrail.model.subject import flag_subject, segment_subject, targeting_subject
from flagtrail.storage import EntryQuery, Storage, load
from flagtrail.storage._postgres import blocks, questions
from flagtrail.storage._postgres.store import PostgresStorage

ENTRIES = 3 * blocks.SIZE + 700
FLAGS = ("checkout", "search", "pricing", "login")
NAMES = ("ada", "bob", "cy")
PLACES = ("production", "staging")
PATHS = ("/enabled", "/rules/0/when", "/rules/1", "/fallthrough/split/0/weight")
WHY = ("go live", "rollback of it", "because of an incident", "rare as zebras", "")


def drafts(dice: random.Random) -> Iterator[Draft]:
    """Made-up history, some of it imported; some texts stand nearly everywhere, some nearly nowhere."""
    for seq in range(ENTRIES):
        flag, place = dice.choice(FLAGS), dice.choice(PLACES)
        subject = targeting_subject("default", flag, place)
        touches: tuple[Touch, ...] = ()
        if seq % 11 == 0:
            subject = flag_subject("default", flag)
        elif seq % 97 == 0:
            subject = segment_subject("default", "beta")
            touches = (Touch("default", flag, place),)
        yield Draft(
            subject=subject,
            actor=person(dice.choices(NAMES, (60, 39, 1))[0]),
            occurred_at=moment(dice.randrange(seq + 1)) if seq % 5 == 0 else None,
            actions=(dice.choice(("enabled", "disabled", "rollout_changed")),),
            paths=tuple(dice.sample(PATHS, 2)),
            why=dice.choices(WHY, (700, 200, 90, 1, 9))[0],
            ticket=f"BILL-{dice.randrange(3_000)}",
            touches=touches,
        )


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Storage, Storage]]:
    """The same history in PostgreSQL and in the store that looks at every entry."""
    made = list(drafts(random.Random(5)))
    postgres = load(url_in("postgresql", tmp_path_factory.mktemp("blocks")))
    assert isinstance(postgres, PostgresStorage)
    memory = load("memory:")
    for storage in (postgres, memory):
        storage.write(lambda transaction: append(transaction, *made))
    postgres.settle()
    yield postgres, memory
    postgres.close()
    memory.close()


def maybe(values: st.SearchStrategy[str] | st.SearchStrategy[int]) -> st.SearchStrategy[str | int | None]:
    return st.none() | values


TEXTS = ("live", "go", "incident", "because of an inc", "zebra", "bill-7", "cy", "search/st", "of", "absent!", "ill")
QUERIES = st.builds(
    EntryQuery,
    project=st.just("default"),
    flag=maybe(st.sampled_from(FLAGS)),
    environment=maybe(st.sampled_from(PLACES)),
    segment=maybe(st.sampled_from(("beta", "nothing"))) | st.none(),
    actor=maybe(st.sampled_from((*NAMES, "act_cy", "nobody"))),
    action=maybe(st.sampled_from(("enabled", "disabled", "created"))),
    since=maybe(st.integers(-1, ENTRIES).map(moment)),
    until=maybe(st.integers(-1, ENTRIES).map(moment)),
    text=maybe(st.sampled_from(TEXTS)),
    field=maybe(st.sampled_from(("/rules", "/rules/1", "/enabled", "/f", "/x"))),
    before=maybe(st.integers(0, ENTRIES + 1)),
    limit=st.sampled_from((1, 50, ENTRIES)),
)


def test_blocks__of_a_settled_ledger__hold_all_but_the_newest(both: tuple[Storage, Storage]) -> None:
    postgres, _ = both
    assert isinstance(postgres, PostgresStorage)

    assert postgres._pool.ask(blocks.built) == 3 * blocks.SIZE


@given(query=QUERIES)
@settings(deadline=None)
def test_entries__any_combination_over_many_blocks__equals_looking_at_every_entry(
    both: tuple[Storage, Storage], query: EntryQuery
) -> None:
    postgres, memory = both

    assert seqs(postgres.entries(query)) == seqs(memory.entries(query))


@given(query=QUERIES)
@settings(deadline=None)
def test_entries__blocks_read_one_by_one_and_rows_few_by_few__equals_looking_at_every_entry(
    both: tuple[Storage, Storage], query: EntryQuery
) -> None:
    postgres, memory = both

    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("_FIRST_STEP", 1), ("_STEP_GROWS", 1), ("_FIRST_LOOK", 7), ("_LOOK_PRICE", 0)):
            patch.setattr(questions, name, value)
        found = seqs(postgres.entries(query))

    assert found == seqs(memory.entries(query))


@given(st.sets(st.integers(0, blocks.SIZE - 1)))
def test_pack__any_set__is_unpacked_as_it_was(offsets: set[int]) -> None:
    assert blocks.unpack(blocks.pack(sorted(offsets))) == sum(1 << offset for offset in offsets)


@pytest.mark.parametrize("count", [0, 1, 255, 256, 257, blocks.SIZE])
def test_pack__sets_of_every_form__are_unpacked_as_they_were(count: int) -> None:
    assert blocks.unpack(blocks.pack(range(count))) == (1 << count) - 1
