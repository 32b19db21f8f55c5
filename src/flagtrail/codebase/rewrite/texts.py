"""Whether a name in a text, or in a file of no known language, could be a use of what code defines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

_PROSE = frozenset({".md", ".rst", ".txt", ".adoc", ".po", ".pot", ".snap", ".lock", ".csv", ".svg"})
_TEMPLATES = frozenset(
    {
        ".html",
        ".htm",
        ".jinja",
        ".jinja2",
        ".j2",
        ".vue",
        ".svelte",
        ".astro",
        ".hbs",
        ".ejs",
        ".erb",
        ".jsp",
        ".ftl",
        ".xhtml",
        ".vm",
        ".mustache",
        ".mdx",
    }
)
_PROSE_NAMED = re.compile(
    r"(?:README|LICEN[CS]E|COPYING|NOTICE|AUTHORS|CONTRIBUTORS|CODEOWNERS|CHANGE\w*|HISTORY|TODO)(?:$|-)"
)
_TOKEN = re.compile(rb"[\w$./:#@\\-]*\Z")
_IN_TEMPLATE = re.compile(rb"\{\{[^{}]*\.\Z")
_BUILT = re.compile(rb"""["'](\w+_)(?:\{|%s|["']\s*[+%])""")
_CALLED = re.compile(rb"""getattr\([^,\n]+,\s*f?["'](\w+)(?:\{|["']\s*[+%])""")
_MODULES = re.compile(rb"""["']((?:\w+\.)+)(?:\{|\$|%s|["']\s*[+%.])""")
_MODULES_END = (b".{", b".$", b".%s", b'."', b".'")
_EVALUATED = re.compile(rb"(?<![.\w])(?:(?:eval|exec|new Function)\(|globals\(\))")
_OF_FUNCTION = re.compile(rb"(?<![.\w])(?:(?:locals|vars)\(\)|arguments(?![\w:(=]))")
_SEPARATORS = b"./:#@\\"
_QUOTES = b"\"'`"


def in_file(path: str, data: bytes, at: int, name: bytes) -> bool:
    """Whether a word of a file that is not parsed could be a use: code in a template, or a name on its own."""
    place = PurePosixPath(path)
    suffix = place.suffix
    if suffix in _PROSE or _PROSE_NAMED.match(place.name):
        return False
    return suffix in _TEMPLATES or in_path(data, at, name)


def in_expression(path: str, data: bytes, at: int) -> bool:
    """Whether a word of a template is looked up in something."""
    return PurePosixPath(path).suffix in _TEMPLATES and data[at - 1 : at] in (b".", b"{")


def qualified(data: bytes, at: int) -> bool:
    """Whether a word is looked up in something: the `old` of `shop.views.old`, `shop/old:main` and `{{ if .old }}`."""
    head = _TOKEN.search(data, max(0, at - 200), at)
    if _IN_TEMPLATE.search(data, max(0, at - 200), at):
        return True
    before = head.group() if head is not None else b""
    return bool(before) and before[-1:] in _SEPARATORS and any(byte not in _SEPARATORS for byte in before)


def looked_up(data: bytes, at: int, _: bytes) -> bool:
    """The same, as one of several ways to read a word in a text."""
    return qualified(data, at)


def component(data: bytes, at: int, name: bytes) -> bool:
    """Whether a word is a part of a dotted name, or all of a text."""
    return qualified(data, at) or _qualifies(data, at + len(name)) or _alone(data, at, name)


def labels(then: bytes, now: bytes, at: int, name: bytes) -> bool:
    """Whether a text is the key under which a function's own answer was put: `{"is_new": is_new()}`."""
    word = re.escape(name)
    key = re.compile(rb"[\"']\s*:").match(now, at + len(name))
    return key is not None and re.search(rb"[\"']%s[\"']\s*:\s*(?:\w+\.)*%s\(" % (word, word), then) is not None


def in_path(data: bytes, at: int, name: bytes) -> bool:
    """Whether a word is a part of a path, of a dotted name, or all of a text."""
    return component(data, at, name) or data[at - 1 : at] in (b"/", b".", b"\\")


def _qualifies(data: bytes, end: int) -> bool:
    """Whether something is looked up in the word that ends here."""
    return data[end : end + 1] in (b".", b"/", b":") and data[end + 1 : end + 2].isalnum()


def _alone(data: bytes, at: int, name: bytes) -> bool:
    """Whether it is a whole text or value."""
    before, after = data[at - 1 : at], data[at + len(name) : at + len(name) + 1]
    if before and before in _QUOTES and before == after:
        return True
    line = data[data.rfind(b"\n", 0, at) + 1 : at].rstrip(b" \t")
    return (not after or after in b"\r\n") and line[-1:] in (b":", b"=", b"-", b">")


def evaluated(code: bytes, *, module: bool) -> bool:
    """Whether code of a function or module reads its variables, or sets them, without naming them."""
    return bool(_EVALUATED.search(code)) or (not module and bool(_OF_FUNCTION.search(code)))


def reflected(data: bytes, name: bytes) -> bool:
    """Whether code of the JVM takes a field by its name: `ReflectionTestUtils.setField(page, "newUi", false)`."""
    word = re.escape(name)
    named = re.search(rb"(?:Field|InternalState|Property)\w*\s*\([^;{}]*\"%s\"" % word, data) is not None
    return named or (b'"%s"' % name in data and re.search(rb"\bget(?:Declared)?Field\(\s*[A-Za-z_]", data) is not None)


def beginnings(data: bytes) -> tuple[bytes, ...]:
    """What the names begin with that Python code puts together to look them up: `getattr(self, f"_on_{event}")`."""
    return (*_BUILT.findall(data), *_CALLED.findall(data)) if b"getattr(" in data else ()


def modules(data: bytes) -> Iterator[str]:
    """What the names of modules or classes begin with that code puts together: `"shop.plugins." + name`."""
    if any(each in data for each in _MODULES_END):
        yield from (found.decode() for found in _MODULES.findall(data))
