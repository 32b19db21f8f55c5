"""Precedence of versions: Semantic Versioning 2.0.0, section 11."""

from __future__ import annotations

import re
from typing import TypeAlias

Precedence: TypeAlias = tuple[float, float, float, bool, tuple[tuple[bool, int, str], ...]]
"""Orders as the versions do. Build metadata has no part in it (section 10)."""

MAX_VERSION_LENGTH = 256
MAX_CACHED = 4096

_NUMBER = r"(0|[1-9][0-9]*)"
_IDENTIFIER = r"(?:0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
_VERSION = re.compile(
    rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}(?:-({_IDENTIFIER}(?:\.{_IDENTIFIER})*))?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?\Z"
)


def precedence(text: str) -> Precedence | None:
    """The version's place in the order, or None where the text is no version of at most 256 characters.

    >>> precedence("1.0.0-rc.1") < precedence("1.0.0")
    True
    """
    if len(text) > MAX_VERSION_LENGTH:
        return None
    found = _VERSION.match(text)
    if found is None:
        return None
    major, minor, patch, pre = found.groups()
    # A release follows all of its pre-releases (11.3); numeric identifiers come before others (11.4.3).
    identifiers = () if pre is None else tuple(_identifier(part) for part in pre.split("."))
    return int(major), int(minor), int(patch), pre is None, identifiers


def _identifier(text: str) -> tuple[bool, int, str]:
    return (False, int(text), "") if text.isdecimal() else (True, 0, text)


_NEVER: Precedence = (float("nan"), 0, 0, False, ())
"""Neither equal to, nor before, nor after any version."""


class Versions(dict[str, Precedence]):
    """A bounded memory of precedences by text: the same few versions are asked for again and again.

    What is no version gets a place that compares false with every other.
    """

    def __missing__(self, text: str) -> Precedence:
        found = precedence(text)
        if found is None:
            return _NEVER
        if len(self) >= MAX_CACHED:
            self.clear()
        self[text] = found
        return found


VERSIONS = Versions()
