"""What the command line tells of an interval of exposure."""

from __future__ import annotations

import pytest
from tests.unit.analysis.histories import ENTERPRISE, ENV, History, P, at, rule, split, targeting

from flagtrail.analysis.exposure import exposure
from flagtrail.cli.exposure import tell_interval


def test_interval__that_depends_on_more__tells_each_variant_and_who_approved(
    capsys: pytest.CaptureFixture[str],
) -> None:
    history = History()
    history.flag("f", at(1))
    history.target("f", targeting(split(on=25_000, off=75_000), rule(ENTERPRISE)), at(2), why="pilot", approval="req-1")
    tell_interval(exposure(history.entries, P, ENV, "f", {}).intervals[-1])
    assert [line.strip() for line in capsys.readouterr().out.splitlines()] == [
        "2026-01-02 00:00:00Z to now                   if plan in [enterprise]: on 100 %; else on 25 %, off 75 %",
        "off: none if plan in [enterprise], else 75 %",
        "on: all if plan in [enterprise], else 25 %",
        (
            "Alice, entry 1: created; enabled; off variant off; rule 'r1': on where plan in [enterprise]; "
            "everybody else gets on 25 %, off 75 %"
        ),
        "why: pilot",
        "approved: req-1",
    ]
