"""Cells of a table that a spreadsheet may open."""

from __future__ import annotations

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for the start of a formula (OWASP, CSV injection)."""


def neutral(cell: str) -> str:
    """The cell as text: an apostrophe keeps spreadsheets from calculating it."""
    return f"'{cell}" if cell.startswith(FORMULA) else cell
