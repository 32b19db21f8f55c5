"""Places of keys in files of any kind: how they are told, and what they are where no syntax tree says it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePosixPath

from flagtrail.codebase.files import shown
from flagtrail.codebase.keys import Hit
from flagtrail.codebase.patterns import Patterns
from flagtrail.model.reference import MAX_PATH, MAX_SYMBOL, CodeReference, ReferenceKind

MOST_OF_LINE = 200
"""Characters of a line that are told, around the key."""
PROSE = frozenset((".adoc", ".md", ".mdx", ".rst", ".txt"))
SETTINGS = frozenset(
    f".{name}"
    for name in (
        *("cfg", "conf", "csv", "env", "hcl", "ini", "json", "json5", "jsonc", "jsonl", "plist", "properties"),
        *("sql", "tf", "tfvars", "toml", "tsv", "xml", "yaml", "yml"),
    )
)

_PLAIN = re.compile(r"[a-z]+|[A-Z][a-z]*|[A-Z]+|[0-9]+")
_TEST = re.compile(
    r"(?:^|/)(?:tests?|__tests__|specs?|e2e|testdata|fixtures)/"
    r"|(?:^|/)(?:test_[^/]*|conftest\.py|[^/]*(?:_test|_spec|[.-]test|[.-]spec|Tests?|Spec|IT)\.[a-z]+)$"
)
_COMMENT = re.compile(
    rb"\s*(?:#|//|--|;|\*|/\*|<!--|\{#|\{/\*|\"\"\"|rem\s)|.*?(?:\s//\s|\s#\s|/\*|<!--)", re.IGNORECASE
)
_CALL = re.compile(rb"([A-Za-z_][\w]*)[?!]?\s*\(?\s*(?:[\w.:$>@-]+\s*,\s*)?[\"'`:]?$")
_TAG = re.compile(rb"\{%-?\s*(?:flag|switch|sample)\s+[\"']?$")
_SECRET = re.compile(r"(?=[A-Za-z0-9+/_=-]*[0-9])(?=[A-Za-z0-9+/_=-]*[A-Za-z])[A-Za-z0-9+/_=-]{24,}")
_QUOTES = b"\"'`"
_KINDS: Mapping[str, ReferenceKind] = {
    "override": "test_stub",
    "combinations": "test_stub",
    "definition": "definition",
}
"""What a call is that no syntax tree tells, by its pattern's kind; an evaluation, if not told."""


def is_plain(key: str) -> bool:
    """Whether a key is a word of any language: then it stands in prose and code without meaning the flag.

    >>> [is_plain(key) for key in ("search", "new-search", "newSearch", "search2")]
    [True, False, False, False]
    """
    return _PLAIN.fullmatch(key) is not None


def quoted(data: bytes, hit: Hit) -> bool:
    """Whether quotes stand right before and after it."""
    around = data[hit.start - 1 : hit.start], data[hit.end : hit.end + 1]
    return all(side and side in _QUOTES for side in around)


def in_test(path: str) -> bool:
    """Whether a path is that of a test, by the customs of all languages.

    >>> [in_test(path) for path in ("tests/a.py", "src/cart_test.go", "src/Cart.test.tsx", "src/contest.py")]
    [True, True, True, False]
    """
    return _TEST.search(path) is not None


def kind_in(path: str, data: bytes, hit: Hit, patterns: Patterns) -> ReferenceKind | None:
    """What a place is in a file whose language cannot be read, by its line; None where a plain word means nothing."""
    pure = PurePosixPath(path)
    start = data.rfind(b"\n", 0, hit.start) + 1
    line_end = data.find(b"\n", hit.end)
    before, after = data[start : hit.start], data[hit.end : line_end if line_end >= 0 else len(data)]
    apart = quoted(data, hit)
    if pure.suffix in PROSE:
        return "comment" if apart or not is_plain(hit.word) else None
    if is_plain(hit.word) and not apart and not _is_setting(before, after):
        return None
    settings = pure.suffix in SETTINGS or pure.name.startswith(".") or not pure.suffix
    if not (apart and settings) and _COMMENT.match(before):
        return "comment"
    if settings:
        return "configuration"
    return _in_code(path, before, patterns)


def _is_setting(before: bytes, after: bytes) -> bool:
    """Whether a word is all of a key or value: `search: true`, `- search`, `flag = search`."""
    key = before.strip(b" \t-") == b"" and after.strip()[:1] in (b"", b":", b"=")
    return key or before.rstrip()[-1:] in (b"=", b":")


def _in_code(path: str, before: bytes, patterns: Patterns) -> ReferenceKind:
    if any(before.endswith(each.call.encode()) for each in patterns if each.kind == "address") or _TAG.search(before):
        return "evaluation"
    called = _CALL.search(before)
    for pattern in patterns.called(called.group(1)) if called is not None else ():
        return _KINDS.get(pattern.kind, "evaluation")
    return "test_stub" if in_test(path) else "unknown"


def reference(
    flag: str, kind: ReferenceKind, path: str, data: bytes, at: int, *, symbol: str = "", language: str = ""
) -> CodeReference:
    """A place as it is told: its line, without what looks like a secret, and bounded."""
    start = data.rfind(b"\n", 0, at) + 1
    end = data.find(b"\n", at)
    line = data[start : end if end >= 0 else len(data)].decode("utf-8", "replace")
    column = len(data[start:at].decode("utf-8", "replace"))
    return CodeReference(
        flag=flag,
        path=printable(shown(path))[:MAX_PATH],
        line=data.count(b"\n", 0, at) + 1,
        column=column + 1,
        kind=kind,
        snippet=_snippet(line, column, flag),
        symbol=printable(symbol)[:MAX_SYMBOL],
        language=language,
    )


def _snippet(line: str, column: int, flag: str) -> str:
    if len(line) > MOST_OF_LINE:
        first = max(0, min(column - MOST_OF_LINE // 4, len(line) - MOST_OF_LINE))
        last = first + MOST_OF_LINE
        line = f"{'…' if first else ''}{line[first:last]}{'…' if last < len(line) else ''}"
    masked = _SECRET.sub(lambda match: match.group() if flag in match.group() else "…", line)
    return printable(masked.strip())


def printable(text: str) -> str:
    """Text without what would move a cursor: tabs as blanks, other controls as escapes."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else " " if char == "\t" else char.encode("unicode_escape", "replace").decode()
        for char in text
    )
