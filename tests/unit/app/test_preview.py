"""Asking for a preview: of one project, in turn, and never more than a process can bear."""

from __future__ import annotations

import threading

import pytest
from tests.support.installation import ADA, LIVE, Shop, make, patch, person, put

from flagtrail.analysis.preview import preview as compute
from flagtrail.app import preview as module
from flagtrail.app.preview import Previews, Trial
from flagtrail.model.access import Member
from flagtrail.model.errors import Forbidden, InvalidQuery, TooManyRequests
from flagtrail.model.subject import member_subject

TRIAL = Trial(environment="production")
ON = make(patch(LIVE, {"enabled": True}), why="")


@pytest.fixture
def shop() -> Shop:
    return Shop().set_up()


def test_preview__without_a_reason__is_answered_and_appends_nothing(shop: Shop) -> None:
    before = shop.changes.state
    found = Previews(shop.storage, shop.changes).preview(ADA, ON, TRIAL)
    assert found.words[0] == "Of all contexts, 100 % get on instead of off."
    assert (shop.changes.state, shop.storage.head().size) == (before, before.size)


def test_preview__of_what_belongs_to_no_project__is_refused(shop: Shop) -> None:
    change = make(put(member_subject("ada"), Member("ada", "Ada", "ada@example.com")))
    with pytest.raises(InvalidQuery, match="one project"):
        Previews(shop.storage, shop.changes).preview(ADA, change, TRIAL)


def test_preview__by_who_may_not_make_the_change__is_refused(shop: Shop) -> None:
    with pytest.raises(Forbidden):
        Previews(shop.storage, shop.changes).preview(person("eve", "viewer"), ON, TRIAL)


def test_preview__while_others_are_computed__waits_its_turn_and_is_refused_in_the_end(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WAIT_SECONDS", 0.05)
    previews = Previews(shop.storage, shop.changes)
    computing, over = threading.Barrier(module.AT_ONCE + 1), threading.Event()

    def slowly(*given: object, **named: object) -> object:
        computing.wait(timeout=60)
        over.wait(timeout=60)
        return compute(*given, **named)  # type: ignore[arg-type] # passed on as they are

    monkeypatch.setattr(module, "preview", slowly)
    others = [threading.Thread(target=previews.preview, args=(ADA, ON, TRIAL)) for _ in range(module.AT_ONCE)]
    for other in others:
        other.start()
    computing.wait(timeout=60)
    with pytest.raises(TooManyRequests):
        previews.preview(ADA, ON, TRIAL)
    over.set()
    for other in others:
        other.join()
    monkeypatch.setattr(module, "preview", compute)
    assert previews.preview(ADA, ON, TRIAL).words
