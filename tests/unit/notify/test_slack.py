"""Slack's blocks: escaped, and within Slack's limits."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flagtrail.model.actor import Actor
from flagtrail.model.subject import targeting_subject
from flagtrail.notify import Message, slack

PLAIN = Message(
    id="id",
    seq=41,
    time="2026-11-22T07:00:00.123456Z",
    headline="Ada enabled f in production",
    subject=targeting_subject("p", "f", "production"),
    flags=("f",),
    actor=Actor(kind="person", id="act_1", name="Ada"),
    actions=("enabled",),
    words=("rollout 25 % to 50 %",),
    why="go live",
    ticket="BILL-42",
    link="http://flags.example.com/changes/41?a=1&b=2",
)


def _with(**parts: Any) -> Message:  # noqa: ANN401 - fields of a message
    return msgspec.structs.replace(PLAIN, **parts)


def _texts(part: object) -> list[str]:
    """Every text in the blocks, however deep."""
    if isinstance(part, list):
        return [text for value in part for text in _texts(value)]
    if not isinstance(part, dict):
        return []
    text = part.get("text")
    return [text] if isinstance(text, str) else [found for value in part.values() for found in _texts(value)]


@pytest.mark.parametrize("field", ["headline", "why", "ticket"])
def test_payload__control_characters__cannot_mention_or_link(field: str) -> None:
    blocks = slack.payload(_with(**{field: "<!channel> <http://evil|x> &"}))
    marked = [
        text
        for text in [*_texts(blocks["blocks"][1:]), blocks["text"]]
        if "<!channel" in text or "<http://evil" in text
    ]
    assert marked == []


def test_payload__words__cannot_mention() -> None:
    assert "<!here>" not in str(slack.payload(_with(words=("<!here>",))))


def test_payload__reason__is_shown() -> None:
    assert "*Why*\ngo live" in _texts(slack.payload(PLAIN)["blocks"])


def test_payload__no_reason__says_so() -> None:
    assert "*Why*\nno reason was given" in _texts(slack.payload(_with(why=""))["blocks"])


@pytest.mark.parametrize(
    ("parts", "leads"),
    [({}, True), ({"link": ""}, False), ({"actions": ()}, False)],
    ids=["a change", "no link", "a test"],
)
def test_payload__link__leads_to_where_the_change_can_be_taken_back(parts: dict[str, Any], leads: bool) -> None:
    told = " ".join(_texts(slack.payload(_with(**parts))["blocks"]))
    assert ("<http://flags.example.com/changes/41?a=1&amp;b=2#take-back|Take it back>" in told) is leads


def test_payload__link__leads_to_the_change() -> None:
    assert "<http://flags.example.com/changes/41?a=1&amp;b=2|Change 41>" in " ".join(
        _texts(slack.payload(PLAIN)["blocks"])
    )


@pytest.mark.parametrize(
    ("parts", "blocks"),
    [({}, 6), ({"link": ""}, 5), ({"words": ()}, 5), ({"actions": ()}, 5)],
    ids=["whole", "no link", "no words", "a test"],
)
def test_payload__parts_that_are_missing__leave_no_empty_block(parts: dict[str, Any], blocks: int) -> None:
    assert len(slack.payload(_with(**parts))["blocks"]) == blocks


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        ({}, 'Take it back with `flagtrail revert 41 --project p --why "..."`'),
        (
            {"link": "", "subject": targeting_subject("default", "f", "production")},
            'Take it back with `flagtrail revert 41 --why "..."`',
        ),
    ],
    ids=["a project", "the default project, no link"],
)
def test_payload__change__tells_how_to_take_it_back(parts: dict[str, Any], told: str) -> None:
    assert slack.payload(_with(**parts))["blocks"][-1]["elements"][0]["text"] == told


def test_payload__differences__stand_as_a_list() -> None:
    assert "*What changed*\n• rollout 25 % to 50 %" in _texts(slack.payload(PLAIN)["blocks"])


def test_payload__many_differences__are_counted() -> None:
    assert "• and 80 more" in str(slack.payload(_with(words=("x",) * 100)))


TEXTS = st.one_of(st.text(max_size=20), st.integers(0, 9000).map(lambda size: "&" * size))


@given(headline=TEXTS, why=TEXTS, ticket=TEXTS, words=st.lists(TEXTS, max_size=40), flags=st.lists(TEXTS, max_size=9))
def test_payload__anything__keeps_slacks_limits(
    headline: str, why: str, ticket: str, words: list[str], flags: list[str]
) -> None:
    message = _with(headline=headline, why=why, ticket=ticket, words=tuple(words), flags=tuple(flags))
    blocks = slack.payload(message)["blocks"]
    limits = {"header": 150, "section": 3000, "context": 3000}
    fields = [text for block in blocks for text in _texts(block.get("fields", []))]
    over = [text for block in blocks for text in _texts(block.get("text", [])) if len(text) > limits[block["type"]]]
    assert [*over, *(text for text in fields if len(text) > 2000)] == []


@given(text=st.text(), limit=st.integers(1, 30))
def test_escaped__cut_short__splits_no_escape(text: str, limit: int) -> None:
    cut = slack.escaped(text, limit)
    assert "&" not in cut.replace("&amp;", "").replace("&lt;", "").replace("&gt;", "")
