"""One percentage: the winner keeps its end of the range."""

from __future__ import annotations

import pytest

from flagtrail.changes.rollout import roll_out
from flagtrail.model.errors import InvalidDocument
from flagtrail.model.flag import Flag, boolean_flag
from flagtrail.model.targeting import Serve, Share, Targeting

BOOLEAN = boolean_flag("f")
COLOUR = Flag("f", "string", {"red": "r", "blue": "b", "none": ""})
ON_OFF = Serve(variant="on")


def split(*shares: tuple[str, int]) -> Serve:
    return Serve(split=tuple(Share(variant, weight) for variant, weight in shares))


@pytest.mark.parametrize(
    ("flag", "off", "fallthrough", "value", "expected"),
    [
        pytest.param(BOOLEAN, "off", ON_OFF, {"percent": 25}, [("on", 25_000), ("off", 75_000)], id="from one variant"),
        pytest.param(BOOLEAN, "off", ON_OFF, {"percent": 0.001}, [("on", 1), ("off", 99_999)], id="the finest step"),
        pytest.param(BOOLEAN, "off", ON_OFF, {"percent": 100}, [("on", 100_000), ("off", 0)], id="everybody"),
        pytest.param(BOOLEAN, "off", ON_OFF, {"percent": 0}, [("on", 0), ("off", 100_000)], id="nobody"),
        pytest.param(
            BOOLEAN,
            "off",
            split(("on", 25_000), ("off", 75_000)),
            {"percent": 50},
            [("on", 50_000), ("off", 50_000)],
            id="raised",
        ),
        pytest.param(
            BOOLEAN,
            "off",
            split(("off", 75_000), ("on", 25_000)),
            {"percent": 50},
            [("off", 50_000), ("on", 50_000)],
            id="raised from the far end, where it stays",
        ),
        pytest.param(
            COLOUR, "none", Serve(variant="blue"), {"percent": 10}, [("blue", 10_000), ("none", 90_000)], id="as served"
        ),
        pytest.param(
            COLOUR, "none", Serve(variant="none"), {"percent": 10}, [("blue", 10_000), ("none", 90_000)], id="the first"
        ),
        pytest.param(
            COLOUR,
            "none",
            Serve(variant="blue"),
            {"percent": 10, "variant": "red"},
            [("red", 10_000), ("blue", 90_000)],
            id="a named winner against what is served",
        ),
        pytest.param(
            COLOUR, "none", split(("none", 100_000)), {"percent": 100}, [("none", 100_000)], id="only the off variant"
        ),
        pytest.param(
            COLOUR,
            "none",
            split(("red", 100_000)),
            {"percent": 20},
            [("red", 20_000), ("none", 80_000)],
            id="a split of one",
        ),
    ],
)
def test_roll_out__of_a_percentage__divides_the_fallthrough(
    flag: Flag, off: str, fallthrough: Serve, value: dict[str, object], expected: list[tuple[str, int]]
) -> None:
    targeting = roll_out(flag, Targeting(off, fallthrough), value)

    assert [(share.variant, share.weight) for share in targeting.fallthrough.split or ()] == expected


@pytest.mark.parametrize(
    ("fallthrough", "value"),
    [
        pytest.param(ON_OFF, {"percent": 100.5}, id="over 100"),
        pytest.param(ON_OFF, {"percent": -1}, id="below 0"),
        pytest.param(ON_OFF, {"percent": 1.00005}, id="too fine"),
        pytest.param(ON_OFF, {"percent": "half"}, id="a text"),
        pytest.param(ON_OFF, {"percent": float("nan")}, id="not a number"),
        pytest.param(ON_OFF, {"percent": float("inf")}, id="infinite"),
        pytest.param(ON_OFF, {}, id="nothing"),
        pytest.param(ON_OFF, {"percent": 5, "variant": "green"}, id="an unknown variant"),
        pytest.param(ON_OFF, {"percent": 5, "varaint": "on"}, id="a typo"),
        pytest.param(Serve(variant="off"), {"percent": 5, "variant": "off"}, id="the off variant against itself"),
        pytest.param(split(("on", 1), ("off", 2), ("x", 99_997)), {"percent": 5}, id="a split of three"),
        pytest.param(split(("x", 50_000), ("off", 50_000)), {"percent": 5, "variant": "on"}, id="one without a share"),
    ],
)
def test_roll_out__of_what_is_no_percentage__is_refused(fallthrough: Serve, value: dict[str, object]) -> None:
    with pytest.raises(InvalidDocument):
        roll_out(BOOLEAN, Targeting("off", fallthrough), value)
