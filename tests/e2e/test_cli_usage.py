"""`flagtrail usage`: how a flag is used, on the command line."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.support.command_line import flagtrail_in

from flagtrail.app.clock import stamp
from flagtrail.model.usage import Usage
from flagtrail.storage import load

NOW = datetime.now(UTC)


def row(hours_ago: int, variant: str, count: int, application: str = "shop/1.4.2", **parts: str) -> Usage:
    at = stamp((NOW - timedelta(hours=hours_ago)).replace(minute=0, second=0, microsecond=0))
    place = {"environment": "production", "flag": "checkout", "client": "flagtrail-python/0.1.0", **parts}
    environment, flag, client = place["environment"], place["flag"], place["client"]
    return Usage("default", environment, flag, variant, "", at, count, at, client, application)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("usage")
    assert flagtrail_in(made, "flags", "create", "checkout").code == 0
    assert flagtrail_in(made, "flags", "create", "quiet").code == 0
    storage = load(f"sqlite:///{made / 'flagtrail.db'}")
    storage.add_usage(
        [
            row(2, "on", 1_200),
            row(2, "", 3),
            row(3, "off", 40, "shop/1.3.0"),
            row(24 * 30, "on", 5, "", client="ofrep"),
            row(2, "on", 7, environment="staging"),
            row(2, "", 9, flag="no_such"),
        ]
    )
    storage.close()
    return made


def test_usage__of_a_flag__tells_counts_by_variant_and_who_asks(folder: Path) -> None:
    outcome = flagtrail_in(folder, "usage", "checkout", "--env", "production", "--by", "hour")
    lines = [line.split() for line in outcome.out.splitlines() if line]
    last = (NOW - timedelta(hours=2)).strftime("%Y-%m-%d %H:00").split()

    assert (outcome.code, outcome.err, lines[0]) == (0, "", ["checkout", "in", "production"])
    assert ["UTC", "(caller's", "default)", "off", "on"] in lines
    assert [*last, "3", "0", "1,200"] in lines
    assert [line[0] for line in lines if "flagtrail-python/0.1.0" in line] == ["shop/1.4.2", "shop/1.3.0"]
    assert any(line[:3] == ["not", "named", "ofrep"] for line in lines)


def test_usage__of_the_last_days__has_a_line_for_each_day(folder: Path) -> None:
    days = {count["time"][10:] for count in flagtrail_in(folder, "usage", "checkout", "--json").json["counts"]}  # type: ignore[index]  # the API's JSON

    assert days == {"T00:00:00Z"}


def test_usage__by_the_day__has_a_line_for_each(folder: Path) -> None:
    since = (NOW - timedelta(days=40)).strftime("%Y-%m-%d")
    outcome = flagtrail_in(
        folder, "usage", "checkout", "--env", "production", "--since", since, "--by", "day", "--json"
    )
    days = {count["time"] for count in outcome.json["counts"]}  # type: ignore[index]  # the API's JSON

    assert (NOW - timedelta(days=30)).strftime("%Y-%m-%dT00:00:00Z") in days


def test_usage__of_every_environment__tells_each(folder: Path) -> None:
    out = flagtrail_in(folder, "usage", "checkout").out

    assert [line for line in out.splitlines() if line.startswith("checkout in")] == [
        "checkout in production",
        "checkout in staging",
    ]


def test_usage__of_a_period_without_any__says_so(folder: Path) -> None:
    outcome = flagtrail_in(folder, "usage", "checkout", "--since", "2020-01-01", "--until", "2020-01-02")

    assert "None from 2020-01-01 00:00:00Z to 2020-01-02 00:00:00Z." in outcome.out


def test_usage__of_a_flag_that_nobody_reported__is_no_proof(folder: Path) -> None:
    outcome = flagtrail_in(folder, "usage", "quiet")

    assert outcome.out == "No evaluations were reported. That is no proof that nobody evaluates it.\n"


def test_usage__without_a_flag__lists_what_is_asked_for_in_vain(folder: Path) -> None:
    outcome = flagtrail_in(folder, "usage")

    assert (outcome.code, [line.split()[0] for line in outcome.out.splitlines()[2:]]) == (0, ["no_such"])


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        pytest.param(("nothing",), 1, id="no such flag"),
        pytest.param(("checkout", "--since", "soon"), 2, id="an unreadable time"),
        pytest.param(("checkout", "--by", "week"), 2, id="another span"),
        pytest.param(("--env", "production"), 2, id="an environment of no flag"),
    ],
)
def test_usage__that_cannot_be_asked__is_refused(folder: Path, arguments: tuple[str, ...], code: int) -> None:
    assert flagtrail_in(folder, "usage", *arguments).code == code
