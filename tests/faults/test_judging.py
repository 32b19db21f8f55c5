"""The judge of the faults sees what it is there to see: each case is a ledger or a receiver with one thing wrong."""

from __future__ import annotations

from typing import Any, cast

import msgspec
import pytest
from tests.support import judging
from tests.support.receiver import Received
from tests.support.server import RunningServer
from tests.support.writing import Acknowledged, Writer


def entry(seq: int, why: str, **parts: Any) -> judging.Entry:  # noqa: ANN401 - JSON
    group = {"id": why, "index": 0, "count": 1}
    return {"seq": seq, "why": why, "time": f"2026-03-05T12:00:0{seq}Z", "group": group, **parts}


LEDGER = [entry(0, "a"), entry(1, "b"), entry(2, "c")]


def writer(acknowledged: dict[str, tuple[int, ...]], *, refused: tuple[str, ...] = ()) -> Writer:
    one = Writer(4, lambda _: cast("RunningServer", None))
    one.acknowledged = [Acknowledged(why, seqs) for why, seqs in acknowledged.items()]
    one.refused = list(refused)
    return one


@pytest.mark.parametrize(
    ("entries", "told"),
    [
        pytest.param(LEDGER, "", id="nothing"),
        pytest.param([LEDGER[0], LEDGER[2]], "seqs have a gap", id="a gap"),
        pytest.param([LEDGER[0], entry(1, "b", time="2026-03-05T11:59:59Z")], "follows", id="time goes back"),
        pytest.param([entry(0, "a", group={"id": "g", "index": 0, "count": 2})], "not whole", id="half a group"),
    ],
)
def test_order__of_a_ledger__is_judged(entries: list[judging.Entry], told: str) -> None:
    found = list(judging.out_of_order(entries))

    assert (len(found), told in "".join(found)) == (int(bool(told)), True)


@pytest.mark.parametrize(
    ("one", "told"),
    [
        pytest.param(writer({"a": (0,), "b": (1,)}, refused=("d",)), "", id="nothing"),
        pytest.param(writer({"d": (3,)}), "(3,) were acknowledged, but there are []", id="lost"),
        pytest.param(writer({"a": (1,)}), "(1,) were acknowledged", id="told wrongly"),
        pytest.param(writer({"a": (0,)}, refused=("b",)), "refused, but made", id="refused and made"),
        pytest.param(writer({"a": (0,)}, refused=("a",)), "", id="refused, repeated and made"),
        pytest.param(writer({}), "never made a change", id="idle"),
    ],
)
def test_writers__are_believed_to_what_they_were_told(one: Writer, told: str) -> None:
    found = list(judging.misrecorded([one], LEDGER))

    assert (len(found), told in "".join(found)) == (int(bool(told)), True)


@pytest.mark.parametrize(
    ("seqs", "told"),
    [
        pytest.param([1, 2, 3], "", id="nothing"),
        pytest.param([1, 3], "[2] were lost", id="lost"),
        pytest.param([1, 2, 2, 3], "came again", id="twice"),
        pytest.param([2, 1, 3], "out of order", id="out of order"),
    ],
)
def test_alerts__are_counted(seqs: list[int], told: str) -> None:
    taken = [Received("/", {"webhook-id": f"entry-{seq}"}, msgspec.json.encode({"data": {"seq": seq}})) for seq in seqs]
    found = list(judging.misalerted([1, 2, 3], taken, repeats=0))

    assert (len(found), told in "".join(found)) == (int(bool(told)), True)
