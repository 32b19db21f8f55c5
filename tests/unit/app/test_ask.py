"""Questions about a real history, and about one of our own."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.support.installation import ADA, Clock, make, patch, put
from tests.support.shared import shared

from flagtrail import importers
from flagtrail.app.ask import At, read_at
from flagtrail.app.bootstrap import App
from flagtrail.app.identity import SYSTEM_IDENTITY
from flagtrail.app.settings import Settings
from flagtrail.importers import Options
from flagtrail.model.condition import Condition
from flagtrail.model.errors import BeforeRecord, InvalidQuery, NotFound
from flagtrail.model.flag import boolean_flag
from flagtrail.model.segment import Segment
from flagtrail.model.subject import flag_subject, segment_subject, targeting_subject
from flagtrail.model.usage import Usage
from flagtrail.storage import EntryQuery

PRICING = flag_subject("default", "new_pricing")
LIVE = targeting_subject("default", "new_pricing", "production")
BETA = segment_subject("default", "beta")


class Told:
    """A small story: new_pricing created, limited to a segment, the segment widened, switched off."""

    def __init__(self, url: str) -> None:
        self.clock = Clock(datetime(2026, 3, 1, tzinfo=UTC))
        self.app = App(Settings(database=url), clock=self.clock)
        self.app.first_start()
        self.step(put(PRICING, boolean_flag("new_pricing", owner="billing")))
        self.step(put(BETA, Segment("beta", Condition(attribute="plan", operator="in", values=("pro",)))))
        rule = {"id": "r1", "description": "beta first", "when": {"segment": "beta"}, "serve": {"variant": "on"}}
        self.step(patch(LIVE, {"enabled": True, "rules": [rule], "fallthrough": {"variant": "off"}}))
        self.step(patch(BETA, {"when": {"values": ["pro", "enterprise"]}}))
        self.step(patch(LIVE, {"enabled": False}))

    def step(self, *operations: object) -> None:
        """One change a day, at midnight."""
        self.clock.now = self.clock.now.replace(hour=0, minute=0, second=0, microsecond=0)
        self.clock.move(days=1)
        self.app.changes.apply(ADA, make(*operations))  # type: ignore[arg-type]


@pytest.fixture(params=["memory", "sqlite"])
def told(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Told]:
    made = Told("memory://" if request.param == "memory" else f"sqlite:///{tmp_path}/flagtrail.db")
    yield made
    made.app.close()


@pytest.fixture
def real(tmp_path: Path) -> Iterator[App]:
    app = App(Settings(database=f"sqlite:///{tmp_path}/real.db"))
    app.first_start()
    versions = list(importers.load("git").read(str(shared("data/otel-demo-flags")), Options()))
    app.transfer.bring_in(SYSTEM_IDENTITY, versions, source="s", project="default", environment="production")
    yield app
    app.close()


@pytest.mark.parametrize(
    ("at", "value"),
    [
        pytest.param("2024-12-19T10:59:48.999999Z", None, id="a microsecond before it was created"),
        pytest.param("2024-12-19T10:59:49Z", False, id="when it was created"),
        pytest.param("2026-07-06T15:03:28.999999Z", False, id="a microsecond before its type changed"),
        pytest.param("2026-07-06T15:03:29Z", 0.0, id="when its type changed"),
        pytest.param("2026-07-06T17:03:29+02:00", 0.0, id="the same instant elsewhere"),
    ],
)
def test_evaluate__of_the_real_cart_failure__answers_with_the_type_of_its_time(
    real: App, at: str, value: object
) -> None:
    answer = real.past.evaluate("default", "production", "cartFailure", {"targetingKey": "u"}, read_at(at))

    assert (type(answer.resolution.value), answer.resolution.value) == (type(value), value)


def test_exposure__of_a_real_flag__finds_the_weeks_when_a_commit_had_switched_it_on(real: App) -> None:
    found = real.ask.exposure("default", "production", "adFailure", {})

    assert [(each.start, each.end, each.answer.words) for each in found.intervals] == [
        ("2024-12-19T05:14:19.000000Z", "2024-12-19T10:07:12.000000Z", "off 100 %"),
        ("2024-12-19T10:07:12.000000Z", "2025-01-13T09:34:37.000000Z", "on 100 %"),
        ("2025-01-13T09:34:37.000000Z", None, "off 100 %"),
    ]


def test_log__of_the_real_history__finds_a_person_whatever_the_import_is_called(real: App) -> None:
    found = real.ask.log(EntryQuery(project="default", actor="author-16", limit=100)).entries

    assert {entry.actor.for_.name for entry in found if entry.actor.for_ is not None} == {"author-16"}


def test_exposure__of_a_segment__is_exact_and_says_who_began_each_interval(told: Told) -> None:
    found = told.app.ask.exposure("default", "production", "new_pricing", {"plan": "enterprise"})
    shares = [(each.start[:10], (each.end or "")[:10], each.answer.words) for each in found.intervals]

    assert shares[-3:] == [
        ("2026-03-02", "2026-03-05", "off 100 %"),
        ("2026-03-05", "2026-03-06", "on 100 %"),
        ("2026-03-06", "", "off 100 %"),
    ]


def test_timeline__of_a_flag__holds_the_segment_edit_that_turned_it_on(told: Told) -> None:
    rows = told.app.ask.timeline("default", "new_pricing", environment="production").rows

    assert [(row.via, row.actions) for row in rows][:2] == [
        (None, ("disabled",)),
        ("segment beta", ("targeting_changed",)),
    ]


@pytest.mark.parametrize(
    ("at", "plan", "variant"),
    [
        pytest.param("2026-03-04T12:00:00Z", "pro", "on", id="the segment as it was"),
        pytest.param("2026-03-04T12:00:00Z", "enterprise", "off", id="not yet in the segment"),
        pytest.param("2026-03-05T12:00:00Z", "enterprise", "on", id="in the widened segment"),
        pytest.param("2026-03-07", "enterprise", "off", id="switched off"),
        pytest.param("9", "enterprise", "on", id="by seq"),
        pytest.param(None, "pro", "off", id="now"),
    ],
)
def test_evaluate__at_an_instant__takes_every_document_as_it_was(
    told: Told, at: str | None, plan: str, variant: str
) -> None:
    context = {"targetingKey": "u", "plan": plan}

    assert (
        told.app.past.evaluate("default", "production", "new_pricing", context, read_at(at)).resolution.variant
        == variant
    )


def test_evaluate__with_a_trace__names_the_entry_that_altered_the_answer(told: Told) -> None:
    context = {"targetingKey": "u", "plan": "pro"}
    at = At(time="2026-03-05T12:00:00.000000Z")
    rests_on, made_so = (
        told.app.past.evaluate("default", "production", "new_pricing", context, at, trace=trace).because
        for trace in (False, True)
    )

    assert [told.app.ask.entry(seq or 0).subject for seq in (rests_on, made_so)] == [BETA, LIVE]


def test_evaluate__now_with_a_trace__names_the_switch(told: Told) -> None:
    context = {"targetingKey": "u", "plan": "pro"}
    answer = told.app.past.evaluate("default", "production", "new_pricing", context, trace=True)

    assert told.app.ask.entry(answer.because or 0).actions == ("disabled",)


def test_evaluate__before_the_record__is_an_error_and_no_guess(told: Told) -> None:
    with pytest.raises(BeforeRecord):
        told.app.past.evaluate("default", "production", "new_pricing", {}, At(time="2025-01-01T00:00:00.000000Z"))


def test_evaluate__of_a_flag_before_it_was_made__is_flag_not_found(told: Told) -> None:
    answer = told.app.past.evaluate("default", "production", "new_pricing", {}, At(time="2026-03-01T12:00:00.000000Z"))

    assert answer.resolution.error == "FLAG_NOT_FOUND"


def test_state_at__an_instant__is_what_stood_then(told: Told) -> None:
    then = told.app.past.state_at("default", At(time="2026-03-04T12:00:00.000000Z"))
    targeting = then.targeting("default", "new_pricing", "production")

    assert targeting is not None
    assert targeting.enabled


def test_state_at__now__is_the_live_state(told: Told) -> None:
    then = told.app.past.state_at("default", At(time="2099-01-01T00:00:00.000000Z"))

    assert (then.flags("default"), then.segments("default"), then.targetings("default", "production")) == (
        told.app.ask.state.flags("default"),
        told.app.ask.state.segments("default"),
        told.app.ask.state.targetings("default", "production"),
    )


def test_state_at__before_the_record__is_an_error(told: Told) -> None:
    with pytest.raises(BeforeRecord):
        told.app.past.state_at("default", At(time="2025-01-01T00:00:00.000000Z"))


def test_log__in_pages__meets_every_entry_once_newest_first(told: Told) -> None:
    seqs: list[int] = []
    cursor: int | None = None
    while True:
        page = told.app.ask.log(EntryQuery(limit=3, before=cursor))
        seqs += [entry.seq for entry in page.entries]
        cursor = page.next
        if cursor is None:
            break

    assert seqs == list(range(told.app.storage.head().size - 1, -1, -1))


@pytest.mark.parametrize("limit", [0, -1, 501])
def test_log__with_a_limit_out_of_bounds__is_refused(told: Told, limit: int) -> None:
    with pytest.raises(InvalidQuery):
        told.app.ask.log(EntryQuery(limit=limit))


def test_log__keeps_the_reason_that_was_sent_with_each_change(told: Told) -> None:
    assert {entry.why for entry in told.app.ask.log(EntryQuery(project="default", flag="new_pricing")).entries} == {
        "because"
    }


def test_stale__of_a_flag_at_one_variant__counts_from_its_last_configuration_change(told: Told) -> None:
    told.clock.move(days=31)
    busy = Usage(
        "default",
        "production",
        "new_pricing",
        "off",
        "",
        "2026-04-06T00:00:00.000000Z",
        9_999,
        "2026-04-06T00:10:00.000000Z",
    )
    told.app.storage.add_usage([busy])

    (flag,) = told.app.ask.stale("default").flags
    assert [(reason.code, reason.since[:10]) for reason in flag.reasons] == [("off_everywhere", "2026-03-06")]


def test_dashboard__counts_what_there_is(told: Told) -> None:
    board = told.app.ask.dashboard("default")

    assert (
        board.flags,
        board.segments,
        [each.enabled for each in board.enabled],
        sum(day.changes for day in board.days),
    ) == (
        1,
        1,
        [0, 0, 0],
        10,
    )


@pytest.mark.parametrize("question", ["stale", "dashboard"])
def test_question__about_an_unknown_project__is_not_found(told: Told, question: str) -> None:
    with pytest.raises(NotFound):
        getattr(told.app.ask, question)("mars")


def test_exposure__of_a_flag_never_heard_of__is_not_found(told: Told) -> None:
    with pytest.raises(NotFound):
        told.app.ask.exposure("default", "production", "no_such_flag", {})


def test_entry__beyond_the_end__is_not_found(told: Told) -> None:
    with pytest.raises(NotFound):
        told.app.ask.entry(10_000)
