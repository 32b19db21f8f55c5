"""In whose history an entry stands, held against looking at every document again and again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flagtrail.changes.touches import touches
from flagtrail.model.entry import Touch
from flagtrail.model.state import Mention, State, Versioned
from flagtrail.model.subject import Subject, flag_subject, segment_subject, targeting_subject

ENVIRONMENTS = ("production", "staging")
FLAGS, SEGMENTS = ("a", "b", "c"), ("s", "t")
TARGETINGS = tuple(targeting_subject("shop", flag, where) for flag in FLAGS for where in ENVIRONMENTS)
NAMED: tuple[Mention, ...] = (("flag", "a"), ("flag", "b"), ("flag", "c"), ("segment", "s"), ("segment", "t"))
DOCUMENTS = (*TARGETINGS, *(segment_subject("shop", key) for key in SEGMENTS))
ROOTS = (*DOCUMENTS, *(flag_subject("shop", flag) for flag in FLAGS))


def state_of(named: dict[Subject, frozenset[Mention]]) -> State:
    return State().having([Versioned(subject, None, 1, 0, "", who) for subject, who in named.items()], size=0)


def by_looking(named: dict[Subject, frozenset[Mention]], root: Mention, where: str) -> set[Touch]:
    """The flags that resolve by the root in one environment: documents are looked at until none is added."""
    reached: set[Mention] = {root}
    for _ in named:
        for subject, mentions in named.items():
            if mentions & reached and subject.environment in {None, where}:
                reached.add(("segment", subject.name) if subject.flag is None else ("flag", subject.flag))
    return {Touch("shop", key, where) for kind, key in reached - {root} if kind == "flag"}


@given(
    st.dictionaries(st.sampled_from(DOCUMENTS), st.frozensets(st.sampled_from(NAMED), max_size=2)),
    st.sampled_from(ROOTS),
)
def test_touches__of_any_document__are_what_looking_at_every_document_finds(
    named: dict[Subject, frozenset[Mention]], subject: Subject
) -> None:
    root: Mention = ("segment", subject.name) if subject.flag is None else ("flag", subject.flag)
    where = ENVIRONMENTS if subject.environment is None else (subject.environment,)
    own = set() if subject.flag is None else {Touch("shop", subject.flag, subject.environment or "")}

    expected = own.union(*(by_looking(named, root, each) for each in where))
    assert touches(state_of(named), subject) == tuple(sorted(expected))


@pytest.mark.parametrize(
    ("named", "touched"),
    [
        pytest.param({}, [], id="nobody"),
        pytest.param({TARGETINGS[1]: ("segment", "s")}, [("a", "staging")], id="a flag in one environment"),
        pytest.param(
            {TARGETINGS[0]: ("segment", "s"), TARGETINGS[2]: ("flag", "a"), TARGETINGS[3]: ("flag", "a")},
            [("a", "production"), ("b", "production")],
            id="a prerequisite in the environment where it counts",
        ),
        pytest.param(
            {TARGETINGS[0]: ("segment", "s"), TARGETINGS[2]: ("flag", "a"), DOCUMENTS[-2]: ("flag", "b")},
            [("a", "production"), ("b", "production")],
            id="a circle, once",
        ),
    ],
)
def test_touches__of_a_segment__are_the_flags_that_resolve_by_it(
    named: dict[Subject, Mention], touched: list[tuple[str, str]]
) -> None:
    state = state_of({subject: frozenset({mention}) for subject, mention in named.items()})

    assert touches(state, segment_subject("shop", "s")) == tuple(Touch("shop", *each) for each in touched)
