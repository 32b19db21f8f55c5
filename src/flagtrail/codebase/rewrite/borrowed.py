"""Imports that other files use, too: in Python whatever a module imports can be had of it, and be replaced in it.

`from shop.page import helper`, `page.helper()`, `patch("shop.page.helper")`, `patch.multiple(page, helper=f)`,
`monkeypatch.setattr(page, "helper", f)`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from flagtrail.codebase.rewrite import conventions
from flagtrail.codebase.rewrite.forest import Forest
from flagtrail.codebase.rewrite.importing import imported, starred, stem
from flagtrail.codebase.rewrite.meanings import original_of
from flagtrail.codebase.rewrite.names import Names

_SUFFIX = re.compile(r"(?:/__init__)?\.pyi?\Z")


def borrowed(forest: Forest, path: str, name: bytes) -> bool:
    """Whether another file takes a name of a module that only imports it, or names it there in a text."""
    word, put_together, named = stem(path), False, False
    replaced = re.compile(rb"(?:patch|setattr)\(\s*[fF][\"'][^\"'\n]*\}\.%s[\"']" % re.escape(name))
    at_once = re.compile(rb"\bmultiple\((?:[^()]|\([^()]*\))*?(?<![\w.])%s\s*=(?!=)" % re.escape(name))
    for other in forest.files:
        data = forest.data(other)
        if other == path or not (name in data or word in data) or not forest.akin(other, path):
            continue
        if name in data and word in data and (_in_text(data, path, name) or _in_code(forest, other, path, name)):
            return True
        if name in data and word in data and _passed(other, data, path, name):
            return True
        if name in data and word in data and b"multiple(" in data and at_once.search(data):
            return True
        put_together |= b"}." + name in data and replaced.search(data) is not None
        named = named or (word in data and any(is_module(each, path) for each in _texts(data, word)))
    return put_together and named


def _in_text(data: bytes, path: str, name: bytes) -> bool:
    """`"shop.page.helper"`, and `shop.page.helper` without quotes, where it tells the module by more than one word."""
    if b"." + name not in data:
        return False
    found = re.finditer(rb"([\"']?)\b((?:\w+\.)*\w+)\.%s(?!\w)" % re.escape(name), data)
    return any((each[1] or b"." in each[2]) and is_module(each[2], path) for each in found)


def _passed(other: str, data: bytes, path: str, name: bytes) -> bool:
    """Whether a file looks the name up in a module that it loads by a text, or that a fixture passes to a test."""
    word = re.escape(stem(path))
    if conventions.is_test(other) and re.search(rb"(?<![\w.])%s\.%s(?!\w)" % (word, re.escape(name)), data):
        return True
    taken = re.search(rb"\.%s(?!\w)|[\"']%s[\"']" % (re.escape(name), re.escape(name)), data)
    return taken is not None and any(is_module(each, path) for each in _texts(data, stem(path)))


def _texts(data: bytes, word: bytes) -> Iterator[bytes]:
    return (each[1] for each in re.finditer(rb"[\"']((?:\w+\.)*%s)[\"']" % re.escape(word), data))


def is_module(dotted: bytes, path: str) -> bool:
    """Whether a dotted name can be that of a module, from whatever folder the names of modules begin."""
    parts, module = dotted.decode(errors="replace").split("."), _SUFFIX.sub("", path).split("/")
    least = min(len(parts), len(module))
    return parts[-least:] == module[-least:]


def _in_code(forest: Forest, other: str, path: str, name: bytes) -> bool:
    """Whether a file imports the module, and takes the name of it."""
    line = rb"^[ \t]*(?:from|import)\b[^\n]*(?<!\w)%s\b|^[ \t]*%s\b[ \t]*(?:,|as\b|$)" % ((re.escape(stem(path)),) * 2)
    if not re.search(line, forest.data(other), re.MULTILINE):
        return False
    if any(path in targets for _, targets in starred(forest, other)):
        return True
    names = forest.now(other)
    if path not in set(imported(forest, other, names)):
        return False
    calls = b"|".join(re.escape(each) for each in {stem(path), *_aliases(forest, names, path)})
    looked_up = rb"(?<![\w.])(?:%s)(?:\.%s(?!\w)|,\s*[\"']%s[\"'])" % (calls, re.escape(name), re.escape(name))
    return bool(re.search(looked_up, names.source.data)) or _takes(forest, names, path, name)


def _takes(forest: Forest, names: Names, path: str, name: bytes) -> bool:
    for each in names.definitions:
        if each.kind == "import" and original_of(names, each) == name:
            modules = names.language.modules(names.source.path, each.origin, name.decode())
            if path in set(forest.named(modules)):
                return True
    return False


def _aliases(forest: Forest, names: Names, path: str) -> Iterator[bytes]:
    """The names by which a file calls the module itself."""
    for each in names.definitions:
        original = original_of(names, each) if each.kind == "import" else b""
        modules = names.language.modules(names.source.path, each.origin, original.decode()) if original else ()
        if original.rpartition(b".")[2] == stem(path) and path in set(forest.named(modules)):
            yield names.called(each)
