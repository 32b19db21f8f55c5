"""Blame over a small story, on every store."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from tests.support.installation import LIVE, Shop, patch, put
from tests.support.ledgers import stores, url_in

from flagtrail.analysis.blame import Asked, Blame
from flagtrail.app import blame as flow
from flagtrail.app.blame import Blames
from flagtrail.app.clock import stamp
from flagtrail.model.condition import Condition
from flagtrail.model.environment import Environment
from flagtrail.model.errors import BeforeRecord, FlagtrailError, InvalidQuery, NotFound, TooLarge
from flagtrail.model.flag import Json, boolean_flag
from flagtrail.model.segment import Segment
from flagtrail.model.subject import environment_subject, flag_subject, segment_subject
from flagtrail.model.usage import SampledContext

BETA = segment_subject("shop", "beta")
RULE = {"id": "r1", "when": {"segment": "beta"}, "serve": {"variant": "on"}}
Question = Callable[..., Blame]


def plan(*values: str) -> Segment:
    return Segment("beta", Condition(attribute="plan", operator="in", values=values))


def day(number: int, hour: int = 0) -> str:
    return f"2026-01-{number:02}T{hour:02}:00:00.000000Z"


@pytest.fixture(params=[scheme for scheme, _ in stores()])
def question(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Question]:
    """One step a day: the flag, its rule and segment together, the segment widened, the flag off; asked on the 9th."""
    shop = Shop(url_in(request.param, tmp_path)).set_up()
    for operations in (
        (
            put(BETA, plan("enterprise")),
            patch(LIVE, {"enabled": True, "rules": [RULE], "fallthrough": {"variant": "off"}}),
        ),
        (patch(BETA, {"when": {"values": ["enterprise", "pro"]}}),),
        (put(flag_subject("shop", "other"), boolean_flag("other")),),
        (patch(LIVE, {"enabled": False}),),
    ):
        shop.clock.move(days=1)
        shop.apply(*operations)
    shop.clock.move(days=4)
    blames = Blames(shop.storage, lambda: shop.changes.state, shop.clock)
    base = Asked(project="shop", environment="production", context={"plan": "pro"})

    def ask(**more: Json) -> Blame:
        return blames.blame(msgspec.structs.replace(base, **more))

    yield ask
    shop.storage.close()


def answers(found: Blame) -> dict[str, list[object]]:
    return {
        each.flag: [None if band.got is None else band.got.error or band.got.variant for band in each.bands]
        for each in found.flags
    }


def test_blame__one_flag__is_traced_to_the_segment(question: Question) -> None:
    found = question(flag="checkout", since=day(2, 12))
    assert answers(found) == {"checkout": ["off", "on", "off"]}
    widened, disabled = found.flags[0].edges
    assert (widened.trace, widened.cause.subject, widened.cause.why) == (
        ("segment beta", "flag checkout"),
        BETA,
        "because",
    )
    assert (disabled.trace, disabled.cause.subject) == ((), LIVE)
    assert found.seqs == (widened.cause.seq, disabled.cause.seq)


def test_blame__all_flags__agree_with_one(question: Question) -> None:
    found = question(since=day(2, 12))
    assert answers(found) == {"checkout": ["off", "on", "off"], "other": ["FLAG_NOT_FOUND", "off"]}
    assert [each for each in found.flags if each.flag == "checkout"] == list(
        question(flag="checkout", since=day(2, 12)).flags
    )


def test_blame__without_since__begins_with_the_flags_first_entry(question: Question) -> None:
    assert answers(question(flag="other")) == {"other": ["off"]}
    assert question(flag="other").since == question(flag="other").flags[0].edges[0].time
    assert answers(question()) == {"checkout": ["off", "on", "off"], "other": ["FLAG_NOT_FOUND", "off"]}


@pytest.mark.parametrize("flag", [None, "checkout"])
def test_blame__window_that_is_over__ends_there(question: Question, flag: str | None) -> None:
    found = question(flag=flag, since=day(2, 12), until=day(3, 12))
    assert answers(found) == {"checkout": ["off", "on"]}
    assert found.flags[0].bands[-1].end == day(3, 12)


def test_blame__window_that_goes_on__is_open(question: Question) -> None:
    assert question(flag="checkout", since=day(6), until=day(20)).flags[0].bands[-1].end is None


@pytest.mark.parametrize("flag", [None, "checkout"])
def test_blame__window_that_begins_before_the_record__is_unknown_until_then(
    question: Question, flag: str | None
) -> None:
    found = question(flag=flag, since="2020-01-01T00:00:00.000000Z", until=day(1, 1))
    (checkout,) = found.flags
    assert [band.got is None for band in checkout.bands] == [True, False]
    assert checkout.bands[0].end == checkout.edges[0].time
    assert checkout.edges[0].before is None


@pytest.mark.parametrize(
    ("asked", "refusal"),
    [
        pytest.param({"project": "nowhere"}, NotFound, id="no such project"),
        pytest.param({"flag": "unheard"}, NotFound, id="no such flag"),
        pytest.param({"environment": "moon"}, NotFound, id="no such environment"),
        pytest.param({"since": day(3), "until": day(3)}, InvalidQuery, id="empty"),
        pytest.param({"since": day(20)}, InvalidQuery, id="not begun"),
        pytest.param({"since": "2020-01-01T00:00:00.000000Z", "until": "2021-01-01T00:00:00.000000Z"}, BeforeRecord),
    ],
)
def test_blame__question_without_an_answer__is_refused(
    question: Question, asked: dict[str, Json], refusal: type[FlagtrailError]
) -> None:
    with pytest.raises(refusal):
        question(**asked)


@pytest.mark.parametrize("flag", [None, "checkout"])
def test_blame__too_many_changes__are_refused(
    question: Question, flag: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flow, "MAX_ENTRIES", 1)
    assert answers(question(flag=flag, since=day(2, 12), until=day(3, 12))) == {"checkout": ["off", "on"]}
    with pytest.raises(TooLarge, match="more than 1 changes"):
        question(flag=flag, since=day(1))


@pytest.mark.parametrize("flag", [None, "checkout"])
def test_blame__before_the_environment_was_made__is_unknown(tmp_path: Path, flag: str | None) -> None:
    shop = Shop(url_in("sqlite", tmp_path)).set_up()
    shop.clock.move(days=1)
    shop.apply(put(environment_subject("shop", "qa"), Environment("qa", "QA")))
    shop.clock.move(days=1)
    asked = Asked(project="shop", environment="qa", context={}, flag=flag, since=day(1, 12))
    (found,) = Blames(shop.storage, lambda: shop.changes.state, shop.clock).blame(asked).flags
    assert [band.got and band.got.variant for band in found.bands] == [None, "off"]
    with pytest.raises(BeforeRecord, match="'qa'"):
        Blames(shop.storage, lambda: shop.changes.state, shop.clock).blame(
            msgspec.structs.replace(asked, until=day(1, 13))
        )
    shop.storage.close()


@pytest.mark.parametrize("scheme", [scheme for scheme, _ in stores()])
def test_suspects__with_sampled_contexts__tell_how_many_a_change_altered(tmp_path: Path, scheme: str) -> None:
    shop = Shop(url_in(scheme, tmp_path)).set_up()
    shop.clock.move(days=1)
    shop.apply(
        put(BETA, plan("pro")), patch(LIVE, {"enabled": True, "rules": [RULE], "fallthrough": {"variant": "off"}})
    )
    shop.clock.move(hours=1)
    blames = Blames(shop.storage, lambda: shop.changes.state, shop.clock)
    at = stamp(shop.clock())
    alone = blames.suspects("shop", "production", at, timedelta(hours=2))
    shop.storage.add_usage(
        (), contexts=[SampledContext("shop", "production", at, {"plan": p}) for p in ("pro", "team")]
    )
    counted = blames.suspects("shop", "production", "2999-01-01T00:00:00.000000Z", timedelta(hours=2))
    assert (alone.source, [each.share for each in alone.suspects]) == ("rules", [None])
    assert (counted.source, [each.share for each in counted.suspects]) == ("sampled", [0.5])
    assert blames.suspects("shop", "staging", at, timedelta(hours=2)).suspects == ()
    assert blames.suspects("shop", "production", at, timedelta(minutes=30)).suspects == ()
    shop.storage.close()


@pytest.mark.parametrize(
    ("environment", "at", "within", "refusal"),
    [
        pytest.param("moon", day(1, 1), timedelta(hours=2), NotFound, id="no such environment"),
        pytest.param(
            "production", "2020-01-01T00:00:00.000000Z", timedelta(hours=2), BeforeRecord, id="before the record"
        ),
        pytest.param("production", day(1, 1), timedelta(0), InvalidQuery, id="no time"),
        pytest.param("production", day(1, 1), timedelta(days=91), InvalidQuery, id="too long"),
    ],
)
def test_suspects__question_without_an_answer__is_refused(
    environment: str, at: str, within: timedelta, refusal: type[FlagtrailError]
) -> None:
    shop = Shop().set_up()
    with pytest.raises(refusal):
        Blames(shop.storage, lambda: shop.changes.state, shop.clock).suspects("shop", environment, at, within)
