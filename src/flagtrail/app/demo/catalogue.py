"""The flags of Northwind Ledger, as `flags.txt` lists them."""

from __future__ import annotations

from importlib.resources import files

import msgspec

TICKETS = {
    "billing": "BILL",
    "payments": "PAY",
    "checkout": "CHK",
    "accounts": "ACC",
    "platform": "PLAT",
    "data": "DATA",
    "growth": "GROW",
    "mobile": "MOB",
    "support": "SUP",
    "product": "PROD",
}
"""Each team's project in the tracker."""


class Row(msgspec.Struct, frozen=True):
    """One flag: `life` names the function that tells its life (after a colon: the type of its values)."""

    key: str
    life: str
    team: str
    tags: tuple[str, ...]
    description: str


def rows() -> list[Row]:
    """Every flag of the story, in the order of the file."""
    text = files(__package__).joinpath("flags.txt").read_text("utf-8")
    return [_row(line) for line in text.splitlines() if line and not line.startswith("#")]


def _row(line: str) -> Row:
    key, life, team, tags, description = (part.strip() for part in line.split("|", 4))
    return Row(key, life, team, tuple(sorted(tag for tag in tags.split(",") if tag)), description)
