"""Classes of an attribute's values: bounded in memory, and the same however much was forgotten."""

from __future__ import annotations

import pytest

from flagtrail.engine import classes
from flagtrail.engine.classes import Classifier
from flagtrail.model.condition import Condition

STARTS = Condition(attribute="email", operator="ends_with", values=("@example.com",))


def test_classifier__of_more_texts_than_it_remembers__forgets_and_answers_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(classes, "MAX_REMEMBERED", 2)
    classifier = Classifier("email", [STARTS])
    texts = ["a@example.com", "b@example.com", "c@example.org", "d@example.org", "a@example.com"]

    found = [classifier({"email": text}) for text in texts]

    assert (len(set(found)), found[0] == found[1] == found[4], found[2] == found[3]) == (2, True, True)


@pytest.mark.parametrize("length", [classes.MAX_REMEMBERED_LENGTH, classes.MAX_REMEMBERED_LENGTH + 1])
def test_classifier__of_a_long_text__does_not_hold_on_to_it(length: int) -> None:
    classifier = Classifier("email", [STARTS])
    text = "x" * length

    assert classifier({"email": text}) == classifier({"email": text})
    assert (text in classifier._remembered) == (length <= classes.MAX_REMEMBERED_LENGTH)
