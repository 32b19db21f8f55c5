"""The words of a message, and the waits between attempts."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flagtrail import notify
from flagtrail.model.actor import Actor, Author
from flagtrail.model.entry import ACTIONS, Action, Entry, Group, Source
from flagtrail.model.subject import Subject, flag_subject, member_subject, segment_subject, targeting_subject

ADA = Actor(kind="person", id="act_1", name="Ada")


def _entry(subject: Subject, *actions: Action, actor: Actor = ADA) -> Entry:
    return Entry(
        seq=1,
        id="id",
        time="2026-11-22T07:00:00.000000Z",
        actor=actor,
        subject=subject,
        version=1,
        actions=actions,
        paths=(),
        group=Group("g"),
        source=Source("api"),
    )


@pytest.mark.parametrize(
    ("subject", "actions", "headline"),
    [
        (targeting_subject("p", "f", "production"), ("enabled",), "Ada enabled f in production"),
        (
            targeting_subject("p", "f", "staging"),
            ("disabled", "rollout_changed"),
            "Ada disabled and changed the rollout of f in staging",
        ),
        (flag_subject("p", "f"), ("archived",), "Ada archived f"),
        (segment_subject("p", "enterprise"), ("targeting_changed",), "Ada changed the targeting of segment enterprise"),
        (member_subject("eve"), ("access_changed",), "Ada changed the access of member eve"),
        (flag_subject("p", "f"), (), "Ada changed f"),
    ],
    ids=["targeting", "two actions", "flag", "segment", "member", "no action"],
)
def test_message__headline__says_who_did_what_where(
    subject: Subject, actions: tuple[Action, ...], headline: str
) -> None:
    assert notify.message(_entry(subject, *actions), words=()).headline == headline


def test_digests__of_two_subscriptions__share_an_id_only_where_they_tell_the_same() -> None:
    one = notify.message(_entry(flag_subject("p", "f")), words=())
    first, second, third = (msgspec.structs.replace(one, id=name, seq=seq) for seq, name in enumerate("abc"))

    def name(*changes: notify.Message, subscription: str = "hourly") -> str:
        return notify.digest(changes, project="p", subscription=subscription).id

    assert name(first, second) == name(first, second, subscription="daily")
    assert name(first, second) != name(first, third, subscription="daily")
    assert len({name(first, second), name(first, third), name(first, second, third), name(second, third)}) == 4


def test_done__every_action__has_words() -> None:
    assert set(notify.DONE) == set(ACTIONS)


@pytest.mark.parametrize(
    ("actor", "name"),
    [
        (Actor(kind="person", id="act_1", name="Ada", email="a@x.org"), "Ada"),
        (Actor(kind="person", id="act_1", email="a@x.org"), "a@x.org"),
        (Actor(kind="token", id="act_1"), "act_1"),
        (Actor(kind="import", id="i", name="git", for_=Author("Bob")), "git for Bob"),
        (Actor(kind="import", id="i", name="git", for_=Author("", "b@x.org")), "git for b@x.org"),
    ],
    ids=["name", "e-mail", "id", "on behalf of", "on behalf of an address"],
)
def test_who__actor__is_named_as_people_would(actor: Actor, name: str) -> None:
    assert notify.who(actor) == name


def test_message__entry_of_a_whole_project__has_no_environment() -> None:
    assert notify.message(_entry(flag_subject("p", "f"), "created"), words=()).environment == ""


@given(attempts=st.integers(1, 10_000), dice=st.floats(0, 1, exclude_max=True))
def test_back_off__any_attempt__waits_between_half_a_second_and_five_minutes(attempts: int, dice: float) -> None:
    assert 0.5 <= notify.back_off(attempts, dice) <= 300


@given(attempts=st.integers(1, 100), dice=st.floats(0, 1, exclude_max=True))
def test_back_off__later_attempts__wait_no_less_for_the_same_dice(attempts: int, dice: float) -> None:
    assert notify.back_off(attempts + 1, dice) >= notify.back_off(attempts, dice)


def test_back_off__different_dice__spread_the_attempts() -> None:
    assert notify.back_off(5, 0.0) < notify.back_off(5, 0.5) < notify.back_off(5, 0.99)
