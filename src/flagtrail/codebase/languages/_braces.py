"""What languages with braces share: operators, parentheses, `if` chains, blocks, and statements that jump.

Node types are tables here, so that a language says only where it differs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

from tree_sitter import Node

from flagtrail.codebase.languages import Language
from flagtrail.codebase.shapes import Arm, Case, Chain, Equality, Logical
from flagtrail.codebase.source import Source

_LOGICAL: Mapping[str, str] = {"&&": "and", "||": "or"}

_BREAKABLE = frozenset(
    {
        "for_statement", "for_in_statement", "enhanced_for_statement", "while_statement", "do_statement",
        "switch_statement", "switch_expression", "expression_switch_statement", "type_switch_statement",
        "select_statement",
    }
)  # fmt: skip
"""What a `break` without a label leaves."""


class Braces(Language):
    """A language whose grammar has `binary_expression`, `if_statement` and blocks in braces."""

    PRECEDENCE: ClassVar[Mapping[str, int]] = {
        "||": 1, "&&": 2, "|": 3, "^": 4, "&": 5, "==": 6, "!=": 6, "<": 7, "<=": 7, ">": 7, ">=": 7,
        "<<": 8, ">>": 8, ">>>": 8, "+": 9, "-": 9, "*": 10, "/": 10, "%": 10,
    }  # fmt: skip
    """How tightly binary operators bind."""
    EQUALITY: ClassVar[Mapping[str, bool]] = {"==": False, "!=": True}
    """Operators that compare for being equal, and whether they negate."""
    PREFIXES: ClassVar[frozenset[str]] = frozenset({"unary_expression"})
    """Node types of operators in front of one operand."""
    PRIMARY: ClassVar[frozenset[str]] = frozenset()
    """Node types that bind as tightly as a name: calls, members, literals, parentheses."""
    OPERAND_OF: ClassVar[Mapping[str, str]] = {}
    """Node types that follow their operand (a call, a member, an index), and the operand's field."""
    HEADS: ClassVar[frozenset[str]] = frozenset()
    """Node types whose parentheses are part of their own syntax, as in `if (..)`."""
    JUMPS: ClassVar[frozenset[str]] = frozenset({"return_statement", "break_statement", "continue_statement"})
    """Statements that control never goes past."""

    # ---------------------------------------------------------------- expressions
    def inner(self, node: Node) -> Node | None:
        if node.type != "parenthesized_expression" or (node.parent is not None and node.parent.type in self.HEADS):
            return None
        inside = self.solid(node)
        return inside[0] if len(inside) == 1 else None

    def negated(self, node: Node) -> Node | None:
        operator = node.child_by_field_name("operator") if node.type == "unary_expression" else None
        if operator is None or operator.type != "!":
            return None
        return self.solid(node)[-1]

    def logical(self, node: Node) -> Logical | None:
        found = self.binary(node)
        if found is None or found[1] not in _LOGICAL:
            return None
        left, operator, right = found
        return Logical("and" if operator == "&&" else "or", left, right)

    def equality(self, node: Node) -> Equality | None:
        found = self.binary(node)
        if found is None or found[1] not in self.EQUALITY:
            return None
        left, operator, right = found
        return Equality(self.EQUALITY[operator], left, right)

    def binary(self, node: Node) -> tuple[Node, str, Node] | None:
        """The operands of a binary operator, and the operator between them."""
        if node.type != "binary_expression":
            return None
        left, operator, right = (node.child_by_field_name(name) for name in ("left", "operator", "right"))
        return (left, operator.type, right) if left and operator and right else None

    def needs_parentheses(self, node: Node, place: Node) -> bool:
        around = place.parent
        if around is None or node.type in self.PRIMARY:
            return False
        if around.type in self.OPERAND_OF:
            return around.child_by_field_name(self.OPERAND_OF[around.type]) == place
        inside, outside = self.binary(node), self.binary(around)
        if around.type in self.PREFIXES or (outside and not inside):
            return node.type not in self.PREFIXES
        if inside is None or outside is None:
            return False
        weak, strong = self.PRECEDENCE.get(inside[1], 0), self.PRECEDENCE.get(outside[1], 0)
        return weak < strong or (weak == strong and place == outside[2] and inside[1] not in _LOGICAL)

    # ---------------------------------------------------------------- statements
    def chain(self, node: Node) -> Chain | None:
        if node.type != "if_statement" or self.is_later_arm(node):
            return None
        arms: list[Arm] = []
        at: Node | None = node
        while at is not None and at.type == "if_statement" and (not arms or self.is_later_arm(at)):
            condition, body = at.child_by_field_name("condition"), at.child_by_field_name("consequence")
            if condition is None or body is None:
                return None
            arms.append(Arm(at.children[0], self.head_condition(condition), body, body.start_byte))
            at = self.alternative(at)
        return Chain(node, tuple(arms), at, node.child_by_field_name("initializer"))

    def alternative(self, node: Node) -> Node | None:
        """What stands after `else`: a block, a statement, or the next `if`."""
        found = node.child_by_field_name("alternative")
        if found is not None and found.type == "else_clause":
            return self.solid(found)[-1]
        return found

    def is_later_arm(self, node: Node) -> bool:
        """Whether an `if` stands right after the `else` of another one, and is a later arm of its chain."""
        around = node.parent
        if around is not None and around.type == "else_clause":
            return True
        return around is not None and around.type == "if_statement" and self.alternative(around) == node

    def head_condition(self, condition: Node) -> Node:
        """The condition itself, without the parentheses that are part of `if (..)`."""
        inside = self.solid(condition)
        is_head = condition.type == "parenthesized_expression" and self.HEADS and len(inside) == 1
        return inside[0] if is_head else condition

    def statements(self, body: Node) -> list[Node]:
        """The statements of a block, or the one that stands in place of one."""
        return self.solid(body) if body.type in self.BLOCKS else [body]

    def jumps(self, node: Node) -> bool:
        if node.type in self.JUMPS:
            return True
        if node.type in self.BLOCKS:
            return any(self.jumps(statement) for statement in self.statements(node))
        chain = self.chain(node)
        if chain is None or chain.otherwise is None:
            return False
        return all(self.jumps(body) for body in (*(arm.body for arm in chain.arms), chain.otherwise))

    def breaks(self, case: Case) -> bool:
        stack = [case.node]
        while stack:
            node = stack.pop()
            if node.type == "break_statement" and not node.named_children and node.start_byte < case.body[1]:
                return True
            stack.extend(child for child in node.named_children if child.type not in _BREAKABLE)
        return False

    def interior(self, source: Source, body: Node) -> tuple[int, int]:
        """Without the comment behind the opening brace, which speaks of the head, where lines follow."""
        first = next((child for child in body.named_children if child.type in self.COMMENTS), None)
        opens = first is not None and first.start_point.row == body.start_point.row
        if first is None or not opens or body.end_point.row == body.start_point.row:
            return super().interior(source, body)
        if body.named_children[0] != first or source.data[body.start_byte : body.start_byte + 1] != b"{":
            return super().interior(source, body)
        inside = source.data[first.end_byte : body.end_byte - 1]
        start = first.end_byte + len(inside) - len(inside.lstrip())
        return start, max(start, first.end_byte + len(inside.rstrip()))

    def bare_block(self, source: Source, body: Node) -> bytes | None:
        return source.text(body) if source.data[body.start_byte : body.start_byte + 1] == b"{" else None

    # ---------------------------------------------------------------- nodes
    def solid(self, node: Node) -> list[Node]:
        """The named children that are no comments."""
        return [child for child in node.named_children if child.type not in self.COMMENTS]

    def around(self, node: Node, *types: str) -> Node | None:
        """The nearest node above that is of one of these types."""
        return next((above for above in _above(node) if above.type in types), None)


def _above(node: Node) -> Iterator[Node]:
    at = node.parent
    while at is not None:
        yield at
        at = at.parent
