from __future__ import annotations

import gc
from typing import Any

import msgspec
import pytest

from flagtrail.engine import references as module
from flagtrail.engine.references import References, closure, references, segment_closure
from flagtrail.model.segment import Segment
from flagtrail.model.targeting import Targeting

X = {"attribute": "x", "operator": "exists"}


def targeting(*whens: dict[str, Any], needs: tuple[str, ...] = ()) -> Targeting:
    return msgspec.convert(
        {
            "off_variant": "off",
            "fallthrough": {"variant": "on"},
            "prerequisites": [{"flag": flag, "variants": ["on"]} for flag in needs],
            "rules": [{"id": f"r{n}", "when": when, "serve": {"variant": "on"}} for n, when in enumerate(whens)],
        },
        Targeting,
    )


def segment(key: str, when: dict[str, Any]) -> Segment:
    return msgspec.convert({"key": key, "when": when}, Segment)


def refs(flags: str = "", segments: str = "") -> References:
    return References(frozenset(flags), frozenset(segments))


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        pytest.param(targeting(), refs(), id="none"),
        pytest.param(targeting(X), refs(), id="attributes only"),
        pytest.param(targeting(needs=("a", "b")), refs("ab"), id="prerequisites"),
        pytest.param(targeting({"flag": "a", "variants": ["on"]}, {"segment": "s"}), refs("a", "s"), id="conditions"),
        pytest.param(
            targeting({"all": [X, {"any": [{"not": {"segment": "s"}}, {"flag": "c", "variants": []}]}]}),
            refs("c", "s"),
            id="nested",
        ),
        pytest.param(
            segment("s", {"any": [{"segment": "t"}, {"flag": "a", "variants": []}]}), refs("a", "t"), id="segment"
        ),
    ],
)
def test_references__document__names_flags_and_segments(document: Targeting | Segment, expected: References) -> None:
    assert references(document) == expected


TARGETINGS = {
    "a": targeting(needs=("b",)),
    "b": targeting({"segment": "s"}),
    "c": targeting(),
    "d": targeting(needs=("e",)),
    "e": targeting(needs=("d", "unknown")),
}
SEGMENTS = {
    "s": segment("s", {"not": {"segment": "t"}}),
    "t": segment("t", {"flag": "c", "variants": ["on"]}),
    "u": segment("u", {"segment": "u"}),
}


@pytest.mark.parametrize(
    ("flag", "expected"),
    [
        ("a", References(frozenset("bc"), frozenset("st"))),
        ("b", References(frozenset("c"), frozenset("st"))),
        ("c", References()),
        ("d", References(frozenset({"d", "e", "unknown"}))),
        ("unknown", References()),
    ],
)
def test_closure__flag__is_everything_it_depends_on(flag: str, expected: References) -> None:
    assert closure(flag, TARGETINGS, SEGMENTS) == expected


@pytest.mark.parametrize(("key", "expected"), [("s", refs("c", "t")), ("u", refs("", "u")), ("x", refs())])
def test_segment_closure__segment__is_everything_it_depends_on(key: str, expected: References) -> None:
    assert segment_closure(key, TARGETINGS, SEGMENTS) == expected


def test_references__document_gone__is_forgotten() -> None:
    document = targeting(needs=("a",))
    references(document)
    before = len(module._remembered)
    del document
    gc.collect()
    assert len(module._remembered) < before


def test_references__asked_twice__is_the_same_answer() -> None:
    document = targeting(needs=("a",))
    assert references(document) is references(document)
