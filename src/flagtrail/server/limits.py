"""Bounds on what a client may make the server do: how large a body may be, and how deep JSON may nest."""

from __future__ import annotations

import re
from itertools import accumulate

from flagtrail.model.errors import MalformedRequest

MAX_BODY = 1 << 20
MAX_IMPORT_BODY = 32 << 20
MAX_PUSH_BODY = 4 << 20
MAX_SCAN_BODY = 16 << 20
MAX_DEPTH = 100
"""A condition of depth 20 nests three levels each, inside a rule inside a targeting inside a body."""

_STRINGS_AND_REST = re.compile(rb'(?:"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[^][{}"]++)++', re.DOTALL)
"""Possessive, so that a run of texts and what stands between them is one match: four times as fast as one by one."""
_STEPS = [(byte in b"[{") - (byte in b"]}") for byte in range(256)]


def refuse_deep(body: bytes) -> None:
    """Raise MalformedRequest where JSON nests deeper than `MAX_DEPTH`. Looks at brackets alone, in linear time.

    >>> refuse_deep(b'{"a": ["]]]]", {}]}')
    """
    if body.count(b"[") + body.count(b"{") <= MAX_DEPTH:
        return
    # No loop of our own: a body may be brackets alone, and a few packed bytes of it would hold up everybody.
    if max(accumulate(map(_STEPS.__getitem__, _STRINGS_AND_REST.sub(b"", body))), default=0) > MAX_DEPTH:
        raise MalformedRequest(f"the body is nested deeper than {MAX_DEPTH}")
