"""How a file of TypeScript reads, told in the text of its parts."""

from __future__ import annotations

from collections.abc import Callable

from tree_sitter import Node

from flagtrail.codebase import languages
from flagtrail.codebase.languages import Language
from flagtrail.codebase.source import Source, descendants

Tell = Callable[[Language, Node], object]


def read(code: str, path: str = "a.tsx") -> tuple[Language, Source]:
    language = languages.of_path(path)
    assert language is not None
    source = language.source(path, code.encode())
    assert source.defects == 0, code
    return language, source


def text(node: Node | None) -> str:
    return "" if node is None else (node.text or b"").decode()


def told(code: str, tell: Tell, path: str = "a.tsx") -> list[object]:
    language, source = read(code, path)
    found = (tell(language, node) for node in descendants(source.tree.root_node))
    return [value for value in found if value is not None]


def named(code: str, name: str, path: str = "a.tsx") -> tuple[Language, Node]:
    """The last node that is just this text."""
    language, source = read(code, path)
    return language, [node for node in descendants(source.tree.root_node) if text(node) == name][-1]
