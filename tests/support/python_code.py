"""Python in the text of a test, read as the clean-up reads it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from tree_sitter import Node

from flagtrail.codebase.languages import Language, of_path
from flagtrail.codebase.source import Source, descendants

Shape = TypeVar("Shape")


def python() -> Language:
    language = of_path("app/main.py")
    assert language is not None
    return language


def source_of(text: str, path: str = "app/main.py") -> Source:
    return python().source(path, text.encode())


def written(source: Source, node: Node | None) -> str:
    return "" if node is None else source.text(node).decode()


def every(source: Source, reader: Callable[[Node], Shape | None]) -> list[Shape]:
    answers = (reader(node) for node in descendants(source.tree.root_node))
    return [answer for answer in answers if answer is not None]


def node_of(source: Source, text: str, nth: int = 0) -> Node:
    nodes = [node for node in descendants(source.tree.root_node) if written(source, node) == text and node.is_named]
    return nodes[nth]
