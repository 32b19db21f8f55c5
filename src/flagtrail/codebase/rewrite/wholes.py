"""Objects and enums that are used as a whole, so that any of their members may be."""

from __future__ import annotations

import re

from flagtrail.codebase.rewrite.names import Names

_MEMBERS_OF = (
    rb"\b%s\s*(?:\.|::)\s*(?:values|entries|valueOf|__members__|class)\b|\b%s\s*\[|[\w.]+[(<]\s*%s\s*[)>]"
    rb"|\b(?:in|of|typeof)\s+%s\b|(?<!\bclass )\b%s\((?!\))"
)


def taken(names: Names, holder: bytes) -> bool:
    """Whether an object is read other than to look up a member by its name."""
    for mention in names.mentions(holder):
        above = mention.node.parent
        looked_up = names.language.member(above) if above is not None else None
        alone = looked_up is None or looked_up[0] != mention.node
        if mention.stands in ("read", "shorthand", "write", "text") and alone:
            return True
    return False


def enumerated(names: Names, holder: bytes) -> bool:
    """Whether the members of an enum are counted up, or looked up by a value; an object that extends it is neither."""
    name = re.escape(holder)
    data = re.sub(rb"\bobject\s+\w+\s*:\s*%s(?=\()" % name, b"", names.source.data)
    return bool(re.search(_MEMBERS_OF % (name, name, name, name, name), data))
