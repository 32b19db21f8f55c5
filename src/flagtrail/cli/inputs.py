"""Reading what people type: contexts, values, files of JSON."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click
import msgspec

from flagtrail.model.flag import Json

MAX_BYTES = 1 << 20


def context(text: str) -> dict[str, Json]:
    """A context as JSON, or as `k=v,k=v`; numbers, true, false and "quoted texts" are read as JSON.

    >>> context('targetingKey=u1,plan=pro,seats=25')
    {'targetingKey': 'u1', 'plan': 'pro', 'seats': 25}
    """
    if text.lstrip().startswith("{"):
        value = json_text(text, "--context")
        if not isinstance(value, dict):
            raise click.UsageError("--context must be a JSON object.")
        return value
    found: dict[str, Json] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, equals, value = part.partition("=")
        if not equals or not name.strip():
            raise click.UsageError(f"--context: {part!r} is not attribute=value.")
        found[name.strip()] = scalar(value.strip())
    return found


def scalar(text: str) -> Json:
    """A value as JSON where it is some (other than null), else the text itself."""
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError):
        return text
    return text if value is None else value


def named_values(given: tuple[str, ...], option: str) -> dict[str, Json]:
    """`name=value` options as a mapping."""
    found: dict[str, Json] = {}
    for each in given:
        name, equals, value = each.partition("=")
        if not equals or not name:
            raise click.UsageError(f"{option}: {each!r} is not name=value.")
        found[name] = scalar(value)
    return found


def json_file(path: str) -> Any:  # noqa: ANN401 - a JSON value
    """A JSON file (`-`: standard input); raises click.UsageError for what cannot be read."""
    try:
        content = sys.stdin.buffer.read(MAX_BYTES + 1) if path == "-" else _read(Path(path))
    except OSError as error:
        raise click.UsageError(f"{path}: {error.strerror or error}.") from error
    if len(content) > MAX_BYTES:
        raise click.UsageError(f"{path}: larger than 1 MiB.")
    return json_text(content, path)


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MAX_BYTES + 1)


def json_text(content: str | bytes, name: str) -> Any:  # noqa: ANN401 - a JSON value
    """JSON that people wrote; raises click.UsageError, naming where it stood, for what is none."""
    try:
        return msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise click.UsageError(f"{name}: not JSON: {error}.") from error
