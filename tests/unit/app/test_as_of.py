"""Time travel on every store: environments of that moment, all flags, and the entry that made an answer so."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.installation import ADA, CHECKOUT, LIVE, Shop, patch, put
from tests.support.ledgers import stores, url_in

from flagtrail.analysis.as_of import At
from flagtrail.app import as_of as flow
from flagtrail.app.as_of import Past
from flagtrail.model.change import Change, Operation
from flagtrail.model.environment import Environment
from flagtrail.model.errors import BeforeRecord, NotFound
from flagtrail.model.flag import boolean_flag
from flagtrail.model.subject import environment_subject, flag_subject, targeting_subject

QA = environment_subject("shop", "qa")
IN_QA = targeting_subject("shop", "checkout", "qa")
OLD = targeting_subject("shop", "imported", "qa")


def day(number: int) -> At:
    return At(time=f"2026-01-{number:02}T12:00:00.000000Z")


class Told:
    """A change a day; `seqs` are the newest entry of each."""

    def __init__(self, url: str) -> None:
        self.shop = Shop(url).set_up()
        self.past = Past(self.shop.storage, lambda: self.shop.changes.state, self.shop.clock)
        self.seqs = [self.shop.changes.state.size - 1]
        self.step(patch(LIVE, {"enabled": True}))
        self.step(put(QA, Environment("qa", "QA")))
        self.step(patch(IN_QA, {"enabled": True}), put(flag_subject("shop", "later"), boolean_flag("later")))
        self.step(patch(CHECKOUT, {"description": "new"}))
        self.step(Operation(action="delete", subject=QA))
        self.step(patch(CHECKOUT, {"archived": True}))

    def step(self, *operations: Operation) -> None:
        self.shop.clock.now = self.shop.clock.now.replace(hour=0, minute=0, second=0, microsecond=0)
        self.shop.clock.move(days=1)
        self.seqs.append(self.shop.apply(*operations).size - 1)

    def got(self, environment: str, at: At | None = None) -> dict[str, tuple[str | None, int | None]]:
        answers = self.past.evaluate_all("shop", environment, {}, at)
        return {each.resolution.flag: (each.resolution.variant, each.because) for each in answers}


@pytest.fixture(params=[scheme for scheme, _ in stores()])
def told(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Told]:
    made = Told(url_in(request.param, tmp_path))
    yield made
    made.shop.storage.close()


def test_evaluate_all__a_past_instant__is_of_the_flags_and_documents_of_then(told: Told) -> None:
    assert told.got("production", day(1)) == {"checkout": ("off", told.seqs[0])}
    assert told.got("production", day(2)) == {"checkout": ("on", told.seqs[1])}
    assert told.got("production", day(4)) == {"checkout": ("on", told.seqs[1]), "later": ("off", told.seqs[3])}
    assert told.got("production", At(seq=told.seqs[1])) == told.got("production", day(2))


def test_evaluate_all__now__leaves_archived_flags_out(told: Told) -> None:
    assert told.got("production") == {"later": ("off", told.seqs[3])}


@pytest.mark.parametrize(
    ("at", "refusal"),
    [
        pytest.param(None, NotFound, id="deleted by now"),
        pytest.param(day(6), NotFound, id="deleted then"),
        pytest.param(day(2), NotFound, id="not made yet"),
        pytest.param(At(seq=1), NotFound, id="not made yet, by seq"),
        pytest.param(At(time="2025-01-01T00:00:00.000000Z"), BeforeRecord, id="before the record"),
    ],
)
def test_evaluate__environment_that_there_was_not__is_refused(
    told: Told, at: At | None, refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        told.past.evaluate("shop", "qa", "checkout", {}, at)
    with pytest.raises(refusal):
        told.past.evaluate_all("shop", "qa", {}, at)


def test_evaluate__environment_that_there_was__is_answered(told: Told) -> None:
    assert told.past.evaluate("shop", "qa", "checkout", {}, day(4)).resolution.variant == "on"
    assert told.got("qa", day(3)) == {"checkout": ("off", told.seqs[0])}


@pytest.mark.parametrize(("project", "environment"), [("nowhere", "production"), ("shop", "moon")])
def test_evaluate__never_heard_of__is_refused_at_any_time(told: Told, project: str, environment: str) -> None:
    for at in (None, day(4), At(seq=told.seqs[3])):
        with pytest.raises(NotFound):
            told.past.evaluate(project, environment, "checkout", {}, at)


def test_evaluate__an_entry_beyond_the_ledgers_end__is_refused(told: Told) -> None:
    last = told.seqs[-1]
    assert told.past.evaluate("shop", "production", "later", {}, At(seq=last), trace=True).because == told.seqs[3]
    assert told.past.state_at("shop", At(seq=last)).flags("shop")
    beyond = At(seq=last + 1)
    for ask in (
        lambda: told.past.evaluate("shop", "production", "later", {}, beyond),
        lambda: told.past.evaluate_all("shop", "production", {}, beyond),
        lambda: told.past.state_at("shop", beyond),
    ):
        with pytest.raises(NotFound, match=f"there is no entry {last + 1}"):
            ask()


@pytest.mark.parametrize("at", [day(5), day(31), None])
def test_evaluate__with_a_trace__finds_the_entry_however_far_back(told: Told, at: At | None) -> None:
    answer = told.past.evaluate("shop", "production", "later", {}, at, trace=True)
    assert answer.because == told.seqs[3]


@pytest.mark.parametrize("at", [day(5), day(31), None])
def test_evaluate_all__with_a_trace__finds_the_entry_of_each(told: Told, at: At | None) -> None:
    told.shop.patch(CHECKOUT, {"archived": False})
    told.shop.patch(CHECKOUT, {"owner": "growth"})
    answers = told.past.evaluate_all("shop", "production", {}, at, trace=True)
    alone = [
        told.past.evaluate("shop", "production", answer.resolution.flag, {}, at, trace=True).because
        for answer in answers
    ]
    assert [answer.because for answer in answers] == alone
    assert len(alone) == 2


def test_evaluate_all__entries_too_far_back__are_the_newest_instead(
    told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flow, "MAX_ENTRIES", 1)
    answers = told.past.evaluate_all("shop", "production", {}, day(5), trace=True)
    assert {answer.resolution.flag: answer.because for answer in answers} == {
        "checkout": told.seqs[4],
        "later": told.seqs[3],
    }


def test_evaluate__with_a_trace__is_the_first_entry_where_nothing_came_before(told: Told) -> None:
    answer = told.past.evaluate("shop", "staging", "checkout", {}, day(5), trace=True)
    assert (answer.resolution.variant, answer.because) == ("off", told.seqs[0])


def test_evaluate__history_brought_into_a_younger_environment__is_answered(told: Told) -> None:
    told.shop.apply(put(QA, Environment("qa", "QA")))
    flag, targeting = put(flag_subject("shop", "imported"), boolean_flag("imported")), patch(OLD, {"enabled": True})
    early = "2026-01-02T00:00:00.000000Z"
    told.shop.changes.apply(ADA, Change(operations=(flag, targeting), why="our past", occurred_at=early))
    assert told.past.evaluate("shop", "qa", "imported", {}, day(2)).resolution.variant == "on"
