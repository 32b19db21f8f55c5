"""What a statement of a Python module does when it is loaded, as far as the names of what it calls tell."""

from __future__ import annotations

import re

from tree_sitter import Node

from flagtrail.codebase.languages._python_text import text

_MAKES = re.compile(
    r"_*(?:[A-Z]|(?:get|make|create|build|new|load|read|parse|compile|define|from|with|as|to|is|has)(?:_|[A-Z]|\Z))"
    r"|(?:_|n?gettext\w*|dict|list|set|frozenset|tuple|int|str|float|bool|bytes|len|min|max|sum|sorted|range|zip|map|filter"
    r"|enumerate|isinstance|issubclass|getattr|object|type|super|property|slice|iter|namedtuple|partial|cast|keys|values"
    r"|items|copy|join|split|strip|lower|upper|replace|format|itemgetter|attrgetter|defaultdict|deque|field|timedelta"
    r"|datetime|date|abspath|dirname|config|env)\Z"
)
"""What makes or looks up a value, which nobody notices once nobody imports the file."""


def acts(statement: Node) -> bool:
    """Whether a value is given by a call that may do more than make it: `OLD = note("old")`."""
    if statement.type != "expression_statement":
        return False
    stack = [statement]
    while stack:
        node = stack.pop()
        function = node.child_by_field_name("function") if node.type == "call" else None
        if function is not None and not _MAKES.match(text(function).rpartition(".")[2]):
            return True
        stack += () if node.type == "lambda" else node.children
    return False
