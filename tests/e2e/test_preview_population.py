"""A population out of a file: what each format holds, what is drawn, and how a bad file is refused."""

from __future__ import annotations

import math
import sys
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.support.command_line import Outcome, flagtrail_in

Json = Any


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with one flag, which is on and gives everybody `off`."""
    made = tmp_path_factory.mktemp("population")
    for arguments in (("flags", "create", "shop"), ("rollout", "shop", "0"), ("enable", "shop")):
        assert flagtrail_in(made, *arguments, "--why", "a test").code == 0
    return made


def run(folder: Path, *arguments: str) -> Outcome:
    return flagtrail_in(folder, "preview", *arguments)


CSV = 'targetingKey,plan,seats,beta,code\n1001,pro,25,true,"""7"""\n1002,free,,false,x\n'
JSONL = '{"targetingKey": "1001", "plan": "pro"}\n\n{"targetingKey": "1002", "plan": "free"}\n'


@pytest.mark.parametrize(
    ("name", "content"), [("p.csv", CSV), ("p.CSV", "\ufeff" + CSV), ("p.jsonl", JSONL), ("p.ndjson", JSONL)]
)
def test_population__from_a_file__is_what_it_is_tried_on(folder: Path, tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)
    found: Json = run(
        folder, "shop", "--rollout", "100", "--population", str(tmp_path / name), "--json", "--by", "plan"
    ).json
    assert (found["population"]["source"], found["population"]["of"]) == ("given", 2)
    assert [row["value"] for row in found["flags"][0]["breakdowns"][0]["rows"]] == ["free", "pro"]


def test_population__csv_cells__are_read_as_contexts_on_the_command_line_are(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text(CSV)
    found: Json = run(folder, "shop", "--rollout", "100", "--population", str(tmp_path / "p.csv"), "--json").json
    assert found["flags"][0]["transitions"][0]["examples"] == [
        {"targetingKey": "1001", "plan": "pro", "seats": 25, "beta": True, "code": "7"},
        {"targetingKey": "1002", "plan": "free", "beta": False, "code": "x"},
    ]


def test_population__a_large_file__is_drawn_from_and_comes_out_the_same_again(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("targetingKey\n" + "".join(f"u{n}\n" for n in range(30_000)))
    arguments = ("shop", "--rollout", "50", "--population", str(tmp_path / "p.csv"), "--json")
    first, second = (run(folder, *arguments).json for _ in range(2))
    assert first == second
    found: Json = first
    assert (found["population"]["size"], found["population"]["of"]) == (10_000, 30_000)
    assert 0.47 < found["flags"][0]["changed"]["share"] < 0.53


def test_population__of_large_contexts__sends_as_many_as_the_server_takes(folder: Path, tmp_path: Path) -> None:
    lines = [f'{{"targetingKey": "u{n}", "note": "{"x" * 2_000}"}}\n' for n in range(4_000)]
    (tmp_path / "p.jsonl").write_text("".join(lines))
    outcome = run(folder, "shop", "--rollout", "100", "--population", str(tmp_path / "p.jsonl"), "--json")
    population: Json = outcome.json
    assert population["population"]["of"] == 4_000
    assert 1_000 < population["population"]["size"] < 4_000


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        pytest.param(
            "p.csv", b"a,b\n1,2\n1\n3,4,5\n", ["line 3: has 1 cells, the header 2", "line 4: has 3"], id="cells"
        ),
        pytest.param("p.csv", b"a,a\n1,2\n", ["line 1: the header must name each column once"], id="header"),
        pytest.param("p.csv", b"a,\n1,2\n", ["line 1: the header must name each column once"], id="no name"),
        pytest.param("p.csv", b"a\n\xff\n", ["line 2: is not UTF-8"], id="bytes"),
        pytest.param("p.csv", b'a\n"x"y\n', ["line 2: is not CSV"], id="quotes"),
        pytest.param("p.csv", b"", ["holds no context"], id="empty"),
        pytest.param(
            "p.jsonl",
            b'{"a": 1}\n[1]\n{\n{"targetingKey": 5}\n',
            ["2: is not a JSON object", "3: is not JSON", "4: targetingKey must be a text"],
            id="lines",
        ),
        pytest.param(
            "p.jsonl", b'{"a": "' + b"x" * 9_000 + b'"}\n', ["line 1: is larger than 8,192 bytes"], id="large"
        ),
        pytest.param("p.jsonl", b"[\n" * 500, ["line 20: is not JSON"], id="all of it"),
    ],
)
def test_population__bad_population__is_refused_with_the_lines(
    folder: Path, tmp_path: Path, name: str, content: bytes, told: list[str]
) -> None:
    (tmp_path / name).write_bytes(content)
    outcome = run(folder, "shop", "--rollout", "100", "--population", str(tmp_path / name))
    assert (outcome.code, outcome.out) == (1, "")
    assert [each for each in told if each not in " ".join(outcome.err.split())] == []


def parquet(path: Path, columns: dict[str, list[Json]]) -> None:
    pyarrow = pytest.importorskip("pyarrow", reason="needs the extra [parquet]")
    written = pytest.importorskip("pyarrow.parquet")
    written.write_table(pyarrow.table(columns), path)


def test_population__parquet__is_read_with_its_types_and_without_its_nulls(folder: Path, tmp_path: Path) -> None:
    columns: dict[str, list[Json]] = {
        "targetingKey": [1001, 1002],
        "plan": ["pro", None],
        "seats": [25, None],
        "score": [0.5, math.nan],
        "price": [Decimal("9.90"), Decimal("12.00")],
        "beta": [True, False],
        "tags": [["a", "b"], []],
        "user": [{"tier": "a", "since": date(2026, 1, 2)}, None],
        "seen": [datetime(2026, 11, 1, 9, 30)] * 2,  # noqa: DTZ001 - a column without a time zone
    }
    parquet(tmp_path / "p.parquet", columns)
    found: Json = run(folder, "shop", "--rollout", "100", "--population", str(tmp_path / "p.parquet"), "--json").json
    assert found["flags"][0]["transitions"][0]["examples"] == [
        {
            "targetingKey": "1001",
            "plan": "pro",
            "seats": 25,
            "score": 0.5,
            "price": 9.9,
            "beta": True,
            "tags": ["a", "b"],
            "user": {"tier": "a", "since": "2026-01-02"},
            "seen": "2026-11-01T09:30:00+00:00",
        },
        {"targetingKey": "1002", "price": 12, "beta": False, "tags": [], "seen": "2026-11-01T09:30:00+00:00"},
    ]


def test_population__parquet_with_a_column_of_bytes__is_refused_with_the_row(folder: Path, tmp_path: Path) -> None:
    parquet(tmp_path / "p.parquet", {"a": ["x", "y"], "b": [None, b"\x00"]})
    outcome = run(folder, "shop", "--rollout", "100", "--population", str(tmp_path / "p.parquet"))
    assert outcome.code == 1
    assert "row 2: b holds a bytes, which is no JSON value" in " ".join(outcome.err.split())


@pytest.mark.parametrize("content", [b"", b"a,b\n1,2\n", b"PAR1" + b"x" * 40 + b"PAR1"])
def test_population__no_parquet__is_refused(folder: Path, tmp_path: Path, content: bytes) -> None:
    pytest.importorskip("pyarrow", reason="needs the extra [parquet]")
    (tmp_path / "p.parquet").write_bytes(content)
    outcome = run(folder, "shop", "--rollout", "100", "--population", str(tmp_path / "p.parquet"))
    assert outcome.code == 1
    assert "is not Parquet that can be read" in " ".join(outcome.err.split())


def test_population__cut_parquet__is_refused_where_it_ends(folder: Path, tmp_path: Path) -> None:
    parquet(tmp_path / "p.parquet", {"a": [f"value {n}" for n in range(5_000)]})
    whole = (tmp_path / "p.parquet").read_bytes()
    (tmp_path / "p.parquet").write_bytes(whole[:100] + b"\xff" * 400 + whole[500:])
    outcome = run(folder, "shop", "--rollout", "100", "--population", str(tmp_path / "p.parquet"))
    assert (outcome.code, outcome.out) == (1, "")


def test_population__parquet_without_its_library__names_the_extra(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    (tmp_path / "p.parquet").write_bytes(b"PAR1")
    outcome = run(folder, "shop", "--rollout", "100", "--population", str(tmp_path / "p.parquet"))
    assert outcome.code == 1
    assert "pip install 'flagtrail[parquet]'" in " ".join(outcome.err.split())
