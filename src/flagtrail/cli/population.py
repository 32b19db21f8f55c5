"""A population of contexts out of a file: CSV, JSON lines or Parquet, read row by row, drawn from where it is large."""

from __future__ import annotations

import csv
import math
import random
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeAlias
from uuid import UUID

import click
import msgspec

from flagtrail.cli.inputs import scalar
from flagtrail.model.context import TARGETING_KEY
from flagtrail.model.errors import ExtraMissing, FlagtrailError
from flagtrail.model.flag import Json

MAX_FILE_BYTES = 256 << 20
MAX_CONTEXT_BYTES = 8_192
MAX_DRAWN = 10_000
MAX_SENT_BYTES = 3 << 20
"""Of all contexts together: the server takes 4 MiB in a body. Where they are large, fewer are sent."""
MAX_DEFECTS = 20

Row: TypeAlias = tuple[int, dict[str, Json] | str]
"""The line a context ends on (of Parquet its row), and the context, or what is wrong there."""


class PopulationUnreadable(FlagtrailError):
    """A file of contexts has defects, each named by its line."""

    code = "population_unreadable"
    title = "The population cannot be read"
    remedy = "Mend the lines that are named; docs/reference/preview.md says what each format holds."


class Drawn(msgspec.Struct, frozen=True):
    """Contexts of a population, and how many the file holds: beyond the bounds they are drawn at random."""

    contexts: tuple[dict[str, Json], ...]
    of: int


def population(path: str) -> Drawn:
    """The contexts of a file, by its ending; the same file gives the same ones.

    Raises PopulationUnreadable with every defect up to `MAX_DEFECTS`, ExtraMissing for Parquet without its library,
    click.UsageError for no readable file.
    """
    reader = _READERS.get(Path(path).suffix.lower())
    if reader is None:
        raise click.UsageError(f"{path}: a population is a file that ends in {', '.join(_READERS)}.")
    try:
        if Path(path).stat().st_size > MAX_FILE_BYTES:
            raise click.UsageError(f"{path}: larger than {MAX_FILE_BYTES >> 20} MiB.")
        return _drawn(path, reader(path))
    except OSError as error:
        raise click.UsageError(f"{path}: {error.strerror or error}.") from error


def _drawn(path: str, rows: Iterable[Row]) -> Drawn:
    """A uniform draw without repetition (Vitter's algorithm R), from a seed that is always the same."""
    unit = "row" if Path(path).suffix.lower() == _PARQUET else "line"
    dice = random.Random(0)  # noqa: S311 - a draw that must come out the same again
    kept: list[dict[str, Json]] = []
    defects: list[dict[str, str]] = []
    count = 0
    for line, context in rows:
        problem = context if isinstance(context, str) else _problem(context)
        if isinstance(context, str) or problem:
            defects.append({"path": f"{path}, {unit} {line}", "message": problem})
            if len(defects) >= MAX_DEFECTS:
                break
            continue
        count += 1
        if count <= MAX_DRAWN:
            kept.append(context)
        elif (place := dice.randrange(count)) < MAX_DRAWN:
            kept[place] = context
    if not defects and not kept:
        defects.append({"path": path, "message": "holds no context"})
    if defects:
        first = defects[0]
        more = "" if len(defects) == 1 else f" (and {len(defects) - 1} more)"
        raise PopulationUnreadable(f"{first['path']}: {first['message']}{more}", defects=defects)
    return Drawn(tuple(_sendable(kept)), count)


def _sendable(contexts: list[dict[str, Json]]) -> list[dict[str, Json]]:
    """As many of the contexts, at even distances, as may be sent."""
    size = len(msgspec.json.encode(contexts))
    most = len(contexts) * MAX_SENT_BYTES // max(size, MAX_SENT_BYTES)
    return [contexts[place * len(contexts) // most] for place in range(most)]


def _problem(context: dict[str, Json]) -> str:
    if not isinstance(context.get(TARGETING_KEY, ""), str):
        return f"{TARGETING_KEY} must be a text"
    if len(msgspec.json.encode(context)) > MAX_CONTEXT_BYTES:
        return f"is larger than {MAX_CONTEXT_BYTES:,} bytes"
    return ""


def _jsonl(path: str) -> Iterator[Row]:
    """One object a line; empty lines are passed over."""
    decode = msgspec.json.Decoder().decode
    with Path(path).open("rb") as file:
        for number, line in enumerate(file, 1):
            told = line.removeprefix(b"\xef\xbb\xbf").strip() if number == 1 else line.strip()
            if not told:
                continue
            try:
                value = decode(told)
            except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
                yield number, f"is not JSON: {error}"
                continue
            yield number, value if isinstance(value, dict) else "is not a JSON object"


def _csv(path: str) -> Iterator[Row]:
    """A header of attributes, then one context a row; an empty cell is an absent attribute."""
    with Path(path).open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        reader = csv.reader(file, strict=True)
        try:
            header = next(reader, [])
            if "" in header or len(set(header)) != len(header):
                yield 1, "the header must name each column once"
                return
            for row in reader:
                if row:
                    yield reader.line_num, _cells(header, row)
        except csv.Error as error:
            yield reader.line_num, f"is not CSV: {error}"


def _cells(header: list[str], row: list[str]) -> dict[str, Json] | str:
    if len(row) != len(header):
        return f"has {len(row)} cells, the header {len(header)}"
    try:
        "".join(row).encode()
    except UnicodeEncodeError:
        return "is not UTF-8"
    return {
        name: cell if name == TARGETING_KEY else scalar(cell) for name, cell in zip(header, row, strict=True) if cell
    }


def _parquet(path: str) -> Iterator[Row]:
    """One context a row; a null is an absent attribute."""
    try:
        import pyarrow as pa
        from pyarrow.parquet import ParquetFile
    except ModuleNotFoundError as error:
        told = "a Parquet file needs pyarrow, which comes with the extra [parquet]: pip install 'flagtrail[parquet]'"
        raise ExtraMissing(told, extra="parquet") from error
    number = 0
    with Path(path).open("rb") as source:
        try:
            for batch in ParquetFile(source).iter_batches(batch_size=1_000):
                for row in batch.to_pylist():
                    number += 1
                    yield number, _row(row)
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:  # of what the file holds: it is open
            yield number + 1, f"is not Parquet that can be read: {str(error).splitlines()[0]}"


def _row(row: dict[str, Any]) -> dict[str, Json] | str:
    found: dict[str, Json] = {}
    for name, value in row.items():
        try:
            told = _json(value)
        except TypeError:
            return f"{name} holds a {type(value).__name__}, which is no JSON value"
        if told is not None:
            found[name] = str(told) if name == TARGETING_KEY and type(told) is int else told
    return found


def _json(value: Any) -> Json:  # noqa: ANN401 - whatever a column holds
    """A column's value as a context holds it; raises TypeError for what is none. A number that is none is absent."""
    match value:
        case None | str() | bool() | int():
            return value
        case float() | Decimal():
            number = int(value) if isinstance(value, Decimal) and value == value.to_integral_value() else float(value)
            return number if math.isfinite(number) else None
        case datetime():
            return (value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)).isoformat()
        case date() | UUID():
            return str(value)
        case list():
            return [_json(part) for part in value]
        case dict():
            return {name: _json(part) for name, part in value.items()}
        case _:
            raise TypeError


_PARQUET = ".parquet"
_READERS = {".csv": _csv, ".jsonl": _jsonl, ".ndjson": _jsonl, _PARQUET: _parquet}
