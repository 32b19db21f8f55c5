"""Time travel against recordings: what the live engine answered while a random history ran, asked again afterwards."""

from __future__ import annotations

import random

import pytest
from tests.support.lives import CONTEXTS, ENVIRONMENTS, PROJECT, Answers, live

from flagtrail.analysis.as_of import At
from flagtrail.app.as_of import Past
from flagtrail.model.context import Context
from flagtrail.model.errors import NotFound

ASKED = 0.25
"""How many of the answers are also asked for one by one: that reads each document by itself."""


def explained(past: Past, environment: str, at: At, contexts: list[Context]) -> list[Answers]:
    """What each context got then, from the documents of then and the interpreter that explains."""
    try:
        ruleset = past.ruleset(PROJECT, environment, at)
    except NotFound:
        return [None] * len(contexts)
    living = [key for key, flag in ruleset.flags.items() if not flag.archived]
    return [{key: ruleset.explain(key, context).resolution for key in living} for context in contexts]


def asked(past: Past, environment: str, context: Context, at: At) -> Answers:
    """The same for one context, as the surfaces ask: every flag, and each flag by itself."""
    try:
        answers = past.evaluate_all(PROJECT, environment, context, at)
    except NotFound:
        return None
    for answer in answers:
        alone = past.evaluate(PROJECT, environment, answer.resolution.flag, context, at)
        assert (alone.resolution, alone.because) == (answer.resolution, answer.because)
    return {answer.resolution.flag: answer.resolution for answer in answers}


def replay(seed: int, steps: int, contexts: int) -> int:
    """Every answer of one history, asked again by time or by seq; how many (history, context, time) that were."""
    dice = random.Random(seed)
    shop, moments = live(dice, steps)
    past = Past(shop.storage, lambda: shop.changes.state, shop.clock)
    triples = 0
    for moment in moments:
        for environment in ENVIRONMENTS:
            chosen = dice.sample(range(len(CONTEXTS)), contexts)
            at = dice.choice((At(time=moment.time), At(seq=moment.seq)))
            expected = [moment.live[environment][number] for number in chosen]
            assert explained(past, environment, at, [CONTEXTS[number] for number in chosen]) == expected
            if dice.random() < ASKED:
                assert asked(past, environment, CONTEXTS[chosen[0]], at) == expected[0]
            triples += contexts
    return triples


@pytest.mark.parametrize("seed", range(8))
def test_time_travel__recorded_answers__are_answered_again(seed: int) -> None:
    assert replay(seed, steps=20, contexts=4) == 20 * 2 * 4


@pytest.mark.slow
def test_time_travel__hundred_thousand_recorded_answers__are_answered_again() -> None:
    assert sum(replay(seed, steps=50, contexts=len(CONTEXTS)) for seed in range(100, 172)) >= 100_000
