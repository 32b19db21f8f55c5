"""Teams' cards and PagerDuty's events: plain text where markup is read, and within what they take."""

from __future__ import annotations

from typing import Any

import httpx2
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flagtrail import notify
from flagtrail.model.actor import Actor
from flagtrail.model.subject import member_subject, segment_subject, targeting_subject
from flagtrail.notify import DeliveryFailed, Message, pagerduty, teams

PLAIN = Message(
    id="0199-entry",
    seq=41,
    time="2026-11-22T07:00:00.123456Z",
    headline="Ada enabled f in production",
    subject=targeting_subject("shop", "f", "production"),
    flags=("f",),
    actor=Actor(kind="person", id="act_1", name="Ada"),
    actions=("enabled", "rollout_changed"),
    words=("rollout 25 % to 50 %",),
    why="go live",
    ticket="BILL-42",
    link="http://flags.example.com/changes/41",
)
TEXTS = st.one_of(
    st.text(max_size=20), st.sampled_from(["😀", '"', "\\", "\x01", "é"]).flatmap(lambda sign: st.just(sign * 9_000))
)


def _with(**parts: Any) -> Message:  # noqa: ANN401 - fields of a message
    return msgspec.structs.replace(PLAIN, **parts)


def _card(message: Message = PLAIN) -> dict[str, Any]:
    card: dict[str, Any] = teams.payload(message)["attachments"][0]["content"]
    return card


def _lines(message: Message = PLAIN) -> list[str]:
    return ["".join(run["text"] for run in block["inlines"]) for block in _card(message)["body"]]


def test_teams_card__change__says_who_what_where_why_and_how_to_take_it_back() -> None:
    assert _lines() == [
        "Ada enabled f in production",
        "Who: Ada",
        "Environment: production",
        "When: 2026-11-22 07:00:00 UTC",
        "Flags: f",
        "Ticket: BILL-42",
        "• rollout 25 % to 50 %",
        "Why: go live",
        'Take it back: flagtrail revert 41 --project shop --why "..."',
    ]


def test_teams_card__change_that_cannot_be_taken_back__does_not_say_how() -> None:
    assert [line for line in _lines(_with(subject=member_subject("eve"))) if "Take it back" in line] == []


def test_teams_card__link__opens_the_change_and_where_it_can_be_taken_back() -> None:
    there = "http://flags.example.com/changes/41"
    assert _card()["actions"] == [
        {"type": "Action.OpenUrl", "title": "Change 41", "url": there},
        {"type": "Action.OpenUrl", "title": "Take it back", "url": f"{there}#take-back"},
    ]


def test_teams_card__digest_of_the_longest_changes__stays_within_what_teams_takes() -> None:
    long = "\N{GRINNING FACE}" * 2_000
    change = _with(headline=long, why=long, words=(long,) * 50, link=f"http://flags.example.com/{'x' * 250}")
    card = teams.payload(notify.digest([change] * 200, project="p" * 256, subscription="s" * 256, link="http://f"))
    assert len(msgspec.json.encode(card)) <= teams.MAX_BYTES


@pytest.mark.parametrize("link", ["", "http://" + "x" * 1_000])
def test_teams_card__no_link_or_one_too_long__has_no_action(link: str) -> None:
    assert "actions" not in _card(_with(link=link))


def test_teams_card__no_reason__says_so() -> None:
    assert "Why: no reason was given" in _lines(_with(why=""))


def test_teams_card__blocks__are_all_of_runs_that_read_no_markdown() -> None:
    kinds = {(block["type"], run["type"]) for block in _card()["body"] for run in block["inlines"]}
    assert kinds == {("RichTextBlock", "TextRun")}


@given(headline=TEXTS, why=TEXTS, ticket=TEXTS, words=st.lists(TEXTS, max_size=40), flags=st.lists(TEXTS, max_size=9))
def test_teams_card__anything__stays_within_what_teams_takes(
    headline: str, why: str, ticket: str, words: list[str], flags: list[str]
) -> None:
    message = _with(headline=headline, why=why, ticket=ticket, words=tuple(words), flags=tuple(flags))
    assert len(msgspec.json.encode(teams.payload(message))) <= teams.MAX_BYTES


def test_pagerduty_event__change__joins_its_own_alert() -> None:
    event = pagerduty.payload(PLAIN, "key")
    assert (event["routing_key"], event["event_action"], event["dedup_key"]) == ("key", "trigger", "0199-entry")


def test_pagerduty_event__payload__names_the_flag_and_where() -> None:
    payload = pagerduty.payload(PLAIN, "key")["payload"]
    named = [payload[name] for name in ("summary", "source", "severity", "component", "group", "class")]
    assert named == [
        "Ada enabled f in production",
        "flagtrail/shop",
        "warning",
        "f",
        "production",
        "enabled rollout_changed",
    ]


def test_pagerduty_event__details__say_what_why_and_how_to_take_it_back() -> None:
    details = pagerduty.payload(PLAIN, "key")["payload"]["custom_details"]
    assert [details[name] for name in ("Who", "What", "Why", "Take it back")] == [
        "Ada",
        "rollout 25 % to 50 %",
        "go live",
        'flagtrail revert 41 --project shop --why "..."',
    ]


def test_pagerduty_event__segment__is_the_component_everywhere() -> None:
    payload = pagerduty.payload(_with(subject=segment_subject("shop", "beta")), "key")["payload"]
    assert (payload["component"], payload["group"]) == ("beta", "all environments")


def test_pagerduty_event__test_message__has_neither_link_nor_way_back() -> None:
    event = pagerduty.payload(_with(actions=(), link="", why=""), "key")
    details = event["payload"]["custom_details"]
    assert ("links" in event, "Take it back" in details, details["Why"]) == (False, False, "no reason was given")


@given(headline=TEXTS, why=TEXTS, ticket=TEXTS, words=st.lists(TEXTS, max_size=200))
def test_pagerduty_event__anything__stays_within_what_pagerduty_takes(
    headline: str, why: str, ticket: str, words: list[str]
) -> None:
    event = pagerduty.payload(_with(headline=headline, why=why, ticket=ticket, words=tuple(words)), "key")
    assert len(event["payload"]["summary"]) <= 1_024
    assert len(msgspec.json.encode(event)) <= 512 * 1_024


@pytest.mark.parametrize("secret", [None, ""])
def test_pagerduty__without_a_key__fails_for_good(secret: str | None) -> None:
    with httpx2.Client(trust_env=False) as client, pytest.raises(DeliveryFailed, match="no integration key") as failure:
        pagerduty.send(client, "http://127.0.0.1:9/", PLAIN, secret=secret)
    assert failure.value.permanent
