"""Python's grammar, and a quick look for all nodes of some types."""

from __future__ import annotations

from functools import cache

import tree_sitter_python
from tree_sitter import Language, Node, Parser, Query, QueryCursor

GRAMMAR = Language(tree_sitter_python.language())
PARSER = Parser(GRAMMAR)


def nodes(root: Node, *types: str) -> list[Node]:
    """The nodes of these types at or below a node, in the order of the text, outer before inner."""
    found = QueryCursor(_query(types)).captures(root).get("node", [])
    return sorted(found, key=lambda node: (node.start_byte, -node.end_byte))


@cache
def _query(types: tuple[str, ...]) -> Query:
    return Query(GRAMMAR, f"[{' '.join(f'({each})' for each in types)}] @node")
