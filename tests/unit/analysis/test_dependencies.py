"""What could have mattered to a flag: read from documents as they are written."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from tests.unit.analysis.histories import BETA, ENV, GERMAN, OFF, History, P, at, rule, targeting
from tests.unit.analysis.stories import story

from flagtrail.analysis.dependencies import gather, named
from flagtrail.model.condition import Condition
from flagtrail.model.entry import Entry
from flagtrail.model.state import held_after
from flagtrail.model.subject import flag_subject, targeting_subject


@pytest.mark.parametrize("seed", range(60))
def test_named__random_documents__is_what_the_documents_mention(seed: int) -> None:
    for entry in story(random.Random(seed)):
        assert named(entry.subject, entry.after) == held_after(entry).mentions


def test_named__conditions_in_conditions__are_all_found() -> None:
    deep = Condition(
        any=(GERMAN, Condition(all=(Condition(segment="s"), Condition(not_=Condition(flag="g", variants=("on",))))))
    )
    entry = History().target("f", targeting(OFF, rule(deep), needs=["p"]), at(1))
    assert named(entry.subject, entry.after) == {("segment", "s"), ("flag", "g"), ("flag", "p")}


def test_named__document_without_its_optional_parts__names_nothing() -> None:
    bare = {"off_variant": "off", "fallthrough": {"variant": "on"}}
    assert named(targeting_subject(P, "f", "production"), bare) == set()
    assert named(flag_subject(P, "f"), {"key": "f"}) == set()


def test_gather__what_was_depended_on_at_any_time__is_read_once() -> None:
    history = History()
    history.flag("p", at(1))
    history.segment("beta", GERMAN, at(2))
    history.target("p", targeting(OFF, rule(BETA)), at(3))
    history.flag("f", at(4))
    history.target("f", targeting(needs=["p"]), at(5))
    history.target("f", targeting(), at(6))
    history.flag("other", at(7))
    asked: list[str] = []

    def read(paths: Sequence[str]) -> list[Entry]:
        asked.extend(paths)
        return [entry for entry in history.entries if entry.subject.path in paths]

    found = gather(read, P, ENV, "f")
    assert [entry.seq for entry in found] == [0, 1, 2, 3, 4, 5]
    assert len(asked) == len(set(asked)) == 5
