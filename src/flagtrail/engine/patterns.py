"""Regular expressions in RE2's syntax: linear time, whatever the pattern and the text."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import re2


class PatternInvalid(ValueError):
    """RE2 refuses the pattern; the message is RE2's."""


@lru_cache(maxsize=1024)
def pattern(text: str, *, case_sensitive: bool = True) -> Callable[[str], object]:
    """A search for the pattern anywhere in a text; raises PatternInvalid.

    The search raises UnicodeEncodeError for a text with a lone surrogate.
    """
    options = re2.Options()
    options.log_errors = False  # RE2 would write to standard error
    options.case_sensitive = case_sensitive
    try:
        search: Callable[[str], object] = re2.compile(text, options).search
    except re2.error as error:
        reason = error.args[0]
        raise PatternInvalid(reason.decode() if isinstance(reason, bytes) else str(reason)) from error
    except UnicodeEncodeError as error:
        raise PatternInvalid("is not valid Unicode") from error
    return search


def found(search: Callable[[str], object], text: str) -> bool:
    """Whether the search finds something; a text that is not Unicode holds nothing."""
    try:
        return search(text) is not None
    except UnicodeEncodeError:
        return False
