"""Methods of Go that interfaces outside of the repository may demand, so that they are called without being named."""

from __future__ import annotations

import re

from tree_sitter import Node

from flagtrail.codebase.source import Source

_DEMANDED = frozenset(
    b"Accept Addr As BlockSize Close Collect Columns Deadline Describe Done Enabled Err Error Exec Fire Flush"
    b" Format GoString GobDecode GobEncode Handle Header Hijack Is IsDir Len Less Levels LocalAddr Lock LogValue"
    b" MarshalBinary MarshalJSON MarshalText MarshalXML MarshalYAML ModTime Mode Name Network Next Open Ping Pop"
    b" Push Query Read ReadAt ReadByte ReadDir ReadFile ReadFrom ReadRune Reconcile RemoteAddr Reset RoundTrip"
    b" Scan Seek ServeHTTP Set SetDeadline SetReadDeadline SetWriteDeadline Size Stat String Sub Sum Swap Sys"
    b" TableName Temporary Timeout Type Unlock UnmarshalBinary UnmarshalJSON UnmarshalText UnmarshalXML UnmarshalYAML"
    b" UnreadByte UnreadRune Unwrap Value WithAttrs WithGroup Write WriteAt WriteByte WriteHeader WriteString"
    b" WriteTo".split()
)
"""By interfaces of the library that many types are made for, and of the best known modules."""
_HOOK = re.compile(rb"(?:Before|After)(?:Create|Save|Update|Delete|Find)\Z|(?:SetUp|TearDown)(?:Sub)?(?:Suite|Test)\Z")
"""Of gorm's models, and testify's suites."""
_SAYS_SO = re.compile(rb"\b(?:implements?|implementing|satisf(?:y|ies))\b")
_RECEIVER = re.compile(rb"(\w+)(?:\[[^\]]*\])?\s*\)\Z")
_ASSERTED = rb"^\s*(?:var\s+)?_\s+\w+(?:\.\w+)?\s*=\s*(?:\(\s*\*|&|new\()?%s\b"
"""`var _ plugin.Handler = (*Server)(nil)`."""


def demanded(source: Source, method: Node) -> bool:
    """Whether an interface may demand a method: by its name, by what is written above it, or of its type."""
    name, receiver = method.child_by_field_name("name"), method.child_by_field_name("receiver")
    if name is None or receiver is None or not source.text(name)[:1].isupper():
        return False
    above = method.prev_named_sibling
    says = above is not None and above.type == "comment" and _SAYS_SO.search(source.text(above)) is not None
    owner = _RECEIVER.search(source.text(receiver))
    form = _ASSERTED % re.escape(owner[1]) if owner is not None else b""
    asserted = bool(form) and re.search(form, source.data, re.MULTILINE) is not None
    called = source.text(name)
    return called in _DEMANDED or _HOOK.match(called) is not None or says or asserted
