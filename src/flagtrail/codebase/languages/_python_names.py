"""What a name in Python stands for, and which names a file binds."""

from __future__ import annotations

from collections.abc import Iterator

from tree_sitter import Node

from flagtrail.codebase.languages._python_expressions import operands, pure
from flagtrail.codebase.languages._python_grammar import nodes
from flagtrail.codebase.languages._python_text import text
from flagtrail.codebase.shapes import Binding, Function, Role
from flagtrail.codebase.source import Edit, Source, ancestors, descendants

SCOPES = frozenset({"function_definition", "lambda", "module", "class_definition"})
BLOCKS = frozenset({"module", "block"})
FUNCTIONS = frozenset({"function_definition", "lambda"})
TARGETS = {"pattern_list", "tuple_pattern", "list_pattern", "list_splat_pattern", "dictionary_splat_pattern"}
_PARAMETERS = {"parameters", "lambda_parameters"}
_WITH_DEFAULT = {"default_parameter", "typed_default_parameter"}
OF_PARAMETERS = {*_WITH_DEFAULT, "typed_parameter"}
_NAMED = {"function_definition", "class_definition", "named_expression", *_WITH_DEFAULT}
_PATTERNS = {"case_pattern", "keyword_pattern"}
KEEPING = frozenset(
    {  # decorators that leave a function what it is
        "abstractmethod",
        "cache",
        "cached_property",
        "classmethod",
        "contextmanager",
        "final",
        "lru_cache",
        "override",
        "property",
        "staticmethod",
        "wraps",
    }
)
_TRANSPARENT = {"cache", "classmethod", "final", "lru_cache", "staticmethod"}
_OF_FORMS = {"serializers.Serializer", "serializers.ModelSerializer", "forms.Form", "forms.ModelForm"}
"""Bases of packages that nobody comes upon by what extends them."""
_PLAIN_BASES = ("object", "ABC", "Protocol", "NamedTuple", "TypedDict", "Error", "Exception", "Enum")


def role(node: Node) -> Role:
    """What a name stands for where it stands."""
    above = node.parent
    if above is None:
        return "read"
    if above.type == "attribute":
        return "member" if above.child_by_field_name("attribute") == node else "read"
    if above.type in {"global_statement", "nonlocal_statement"}:
        return "write"
    if above.type == "dotted_name":
        return _dotted(node, above)
    if above.type == "aliased_import":
        return "bind"
    if above.type in {"keyword_argument", "keyword_pattern"}:
        return "member" if above.children[0] == node else "read"
    if above.type in {"as_pattern", "splat_pattern"} and any(at.type == "case_pattern" for at in ancestors(above)):
        return "bind"
    return _target(node, above)


def _dotted(node: Node, dotted: Node) -> Role:
    first, above = dotted.children[0] == node, dotted.parent
    if above is None or above.type == "relative_import":
        return "member"
    if above.type == "import_statement":
        return "bind" if first else "member"
    if above.type in {"import_from_statement", "future_import_statement"}:
        return "bind" if above.child_by_field_name("module_name") != dotted else "member"
    if above.type == "aliased_import":
        return "member"
    if above.type in _PATTERNS and len(dotted.children) == 1:
        return "bind"
    return "read" if first else "member"


def _target(node: Node, above: Node) -> Role:
    """The roles that hang on which child of its parent, or of a pattern around it, the name is."""
    if above.type == "interpolation" and any(child.type == "=" for child in above.children):
        return "write"  # f"{name=}" prints the name itself, so that no value can stand in its place
    at = node
    while above.type in TARGETS or (above.type in {"tuple", "list"} and _in_as_target(above)):
        if above.parent is None:
            return "read"
        at, above = above, above.parent
    if above.type in _NAMED:
        return "bind" if above.child_by_field_name("name") == at else "read"
    if above.type in {"assignment", "for_statement", "for_in_clause", "type_alias_statement"}:
        return "bind" if above.child_by_field_name("left") == at else "read"
    if above.type == "augmented_assignment":
        return "write" if above.child_by_field_name("left") == at else "read"
    if above.type == "delete_statement" or (
        above.type == "expression_list" and above.parent is not None and above.parent.type == "delete_statement"
    ):
        return "write"
    if above.type in _PARAMETERS or above.type == "as_pattern_target":
        return "bind"
    if above.type == "typed_parameter":
        return "bind" if above.children[0] == at else "read"
    return "read"


def _in_as_target(node: Node) -> bool:
    return any(above.type == "as_pattern_target" for above in ancestors(node))


def scope_of(node: Node) -> Node:
    """The function, lambda, class or module within which a name that is bound here means this variable."""
    for above in ancestors(node):
        if above.type in SCOPES:
            return above
    return node


def read_in_class(name: Node) -> Node | None:
    """The class within which a name is read when it is made: in its body, also by a default of one of its methods."""
    inner = name
    for above in ancestors(name):
        if above.type == "class_definition":
            return above
        if above.type in FUNCTIONS and inner.type not in {*_PARAMETERS, "type"}:
            return None
        inner = above
    return None


def bindings(node: Node) -> Iterator[Binding]:
    """`name = value`, and `name := value`; none in a class, where a name is an attribute too."""
    if node.type == "named_expression":
        name, value = node.child_by_field_name("name"), node.child_by_field_name("value")
        if name is not None and value is not None and (scope := scope_of(node)).type != "class_definition":
            yield Binding(_statement(node), name, value, scope, (node.start_byte, value.start_byte), sole=False)
        return
    attribute = set_in_init(node)
    if attribute is not None and text(attribute[0]).startswith("_"):
        yield Binding(node, *attribute, _root(node), (node.start_byte, node.end_byte), everywhere=True)
    found = assigned(node)
    if found is not None and (scope := scope_of(node)).type != "class_definition":
        yield Binding(node, *found, scope, (node.start_byte, node.end_byte))


def set_in_init(statement: Node) -> tuple[Node, Node] | None:
    """Name and value of a statement `self.name = value` that `__init__` always comes by."""
    block, assignment = statement.parent, _assignment(statement)
    function = block.parent if block is not None else None
    if assignment is None or function is None or function.type != "function_definition":
        return None
    called, left = function.child_by_field_name("name"), assignment.child_by_field_name("left")
    value = assignment.child_by_field_name("right")
    if called is None or text(called) != "__init__" or scope_of(function).type != "class_definition":
        return None
    if left is None or value is None or left.type != "attribute" or value.type in {"assignment", "yield"}:
        return None
    owner, name = left.child_by_field_name("object"), left.child_by_field_name("attribute")
    return (name, value) if owner is not None and name is not None and text(owner) == "self" else None


def role_as_attribute(node: Node) -> Role:
    """What a name stands for where it could be an attribute."""
    above = node.parent
    if above is None or above.type != "attribute" or above.child_by_field_name("attribute") != node:
        return "bind" if role(node) == "bind" and scope_of(_named(node)).type == "class_definition" else "member"
    owner = above.child_by_field_name("object")
    read = owner is not None and owner.type == "identifier" and _target(above, above.parent or above) == "read"
    return "read" if read else "write"


def _named(node: Node) -> Node:
    """The function or class that a name is the name of, or the name."""
    return node.parent if node.parent is not None and node.parent.type in _NAMED else node


def _root(node: Node) -> Node:
    return list(ancestors(node))[-1]


def _statement(node: Node) -> Node:
    """The statement that a node belongs to."""
    for above in ancestors(node):
        if above.type in BLOCKS:
            break
        node = above
    return node


def joined(source: Source, statement: Node) -> tuple[Edit, ...]:
    """A value that a variable is given and that is replaced at once goes; a type that stands with it stays."""
    above, later = statement.prev_named_sibling, assigned(statement)
    earlier = assigned(above) if above is not None else None
    if above is None or later is None or earlier is None or text(earlier[0]) != text(later[0]) or not pure(earlier[1]):
        return ()
    if any(_means(node, later[0]) for node in descendants(later[1])):
        return ()
    if not pure(later[1]) and _seen_if_it_fails(statement, later[0]):
        return ()
    if above.end_point.row == statement.start_point.row:
        return ()
    if above.named_children[0].child_by_field_name("type") is not None:
        value = Edit(earlier[1].start_byte, earlier[1].end_byte, source.text(later[1]))
        return (value, Edit(above.end_byte, statement.end_byte))
    return (Edit(above.start_byte, statement.start_byte),)


def _means(node: Node, name: Node) -> bool:
    return node.type == "identifier" and node.text == name.text and role(node) != "member"


def _seen_if_it_fails(statement: Node, name: Node) -> bool:
    """Whether a variable can be read though what it is to be given could not be made, or while it is made.

    That is so in a function within, and behind a `try` or `with` that may catch what is raised.
    """
    scope = scope_of(statement)
    catching = [
        body
        for above in ancestors(statement)
        if above.type in {"try_statement", "with_statement"} and scope_of(above) == scope
        if (body := above.child_by_field_name("body")) is not None and body.end_byte >= statement.end_byte
    ]
    return any(
        scope_of(node) != scope or any(not body.start_byte <= node.start_byte < body.end_byte for body in catching)
        for node in descendants(scope)
        if _means(node, name)
    )


def assigned(statement: Node) -> tuple[Node, Node] | None:
    """Name and value of a statement `name = value` or `name: type = value`."""
    assignment = _assignment(statement)
    if assignment is None:
        return None
    name, value = assignment.child_by_field_name("left"), assignment.child_by_field_name("right")
    if name is None or value is None or name.type != "identifier" or value.type in {"assignment", "yield"}:
        return None
    return name, value


def _assignment(statement: Node) -> Node | None:
    if statement.type != "expression_statement" or statement.named_child_count != 1:
        return None
    assignment = statement.named_children[0]
    return assignment if assignment.type == "assignment" else None


def function(node: Node) -> Function | None:
    """`def`, and `name = lambda: value`."""
    if node.type == "lambda":
        return _lambda(node)
    if node.type != "function_definition":
        return None
    name, body = node.child_by_field_name("name"), node.child_by_field_name("body")
    parameters = node.child_by_field_name("parameters")
    if name is None or body is None or parameters is None:
        return None
    called = text(name)
    scope = scope_of(node)
    decorated = decorators(node)
    accessor = decorated == {"property"}
    return Function(
        whole(node),
        name,
        body,
        _result(body) if accessor or decorated <= _TRANSPARENT else None,
        tuple(operands(parameters)),
        private=scope.type == "function_definition" or (called.startswith("_") and not called.endswith("__")),
        overrides=scope.type == "class_definition" and _overrides(scope, node, called),
        accessor=accessor,
    )


def whole(definition: Node) -> Node:
    """A function or class with its decorators."""
    above = definition.parent
    return above if above is not None and above.type == "decorated_definition" else definition


def decorators(definition: Node) -> set[str]:
    """The last part of each decorator's name."""
    return {
        text(child).removeprefix("@").strip().partition("(")[0].rpartition(".")[2]
        for child in whole(definition).children
        if child.type == "decorator"
    }


def bases(class_definition: Node) -> list[str]:
    """How the arguments of a class are written: its bases, and keywords as `metaclass=M`."""
    given = class_definition.child_by_field_name("superclasses")
    return [] if given is None else [text(base) for base in operands(given)]


def plain_class(class_definition: Node) -> bool:
    """Whether defining a class does nothing but bind its name, as far as its bases and decorators tell."""
    return decorators(class_definition) <= {"dataclass", "final", "unique", "total_ordering"} and all(
        base in _OF_FORMS or base.partition("[")[0].endswith((*_PLAIN_BASES, "Generic"))
        for base in bases(class_definition)
    )


def statements(block: Node) -> list[Node]:
    """The statements of a block, without its documentation."""
    inside = operands(block)
    return inside[1:] if inside and documentation(inside[0]) else inside


def documentation(statement: Node) -> bool:
    """Whether a statement is a string and nothing else."""
    return (
        statement.type == "expression_statement"
        and statement.named_child_count == 1
        and statement.named_children[0].type in {"string", "concatenated_string"}
    )


def plain_functions(root: Node) -> frozenset[int]:
    """Where functions begin that have no `yield` of their own."""
    functions = (node for node in descendants(root) if node.type in FUNCTIONS and node.is_named)
    return frozenset(function.start_byte for function in functions if not _yields(function))


def _yields(function: Node) -> bool:
    stack = list(function.children)
    while stack:
        node = stack.pop()
        if node.type == "yield":
            return True
        if node.type not in SCOPES:
            stack += node.children
    return False


def impure_defaults(parameters: Node) -> bool:
    """Whether a default value does something when the function is defined."""
    values = (child.child_by_field_name("value") for child in parameters.named_children)
    return any(value is not None and not pure(value) for value in values)


def words_of_types(root: Node) -> set[str]:
    """The names in annotations that are strings."""
    found: set[str] = set()
    for node in nodes(root, "string_content"):
        if _names_something(node):
            found |= set(text(node).translate(_SPLIT).split())
    return found


_SPLIT = {ord(character): " " for character in "[](),.|'\""}


def _names_something(content: Node) -> bool:
    for above in ancestors(content):
        if above.type == "type":
            return True
        if above.type in {"assignment", "augmented_assignment"}:
            return False
        if above.type == "argument_list":
            called = above.parent.child_by_field_name("function") if above.parent is not None else None
            return called is not None and text(called).rpartition(".")[2] in {"cast", "TypeVar", "ForwardRef"}
        if above.type.endswith("_statement"):
            return False
    return False


def _result(body: Node) -> Node | None:
    inside = statements(body)
    if not inside or inside[-1].type != "return_statement":
        return None
    for statement in inside[:-1]:
        bound = assigned(statement)
        if bound is None or not pure(bound[1]):
            return None
    values = operands(inside[-1])
    return values[0] if len(values) == 1 else None


def _lambda(node: Node) -> Function | None:
    assignment = node.parent
    if assignment is None or assignment.type != "assignment" or assignment.parent is None:
        return None
    found, body = assigned(assignment.parent), node.child_by_field_name("body")
    if found is None or found[1] != node or body is None:
        return None
    parameters = node.child_by_field_name("parameters")
    return Function(
        assignment.parent,
        found[0],
        body,
        body,
        () if parameters is None else tuple(operands(parameters)),
        private=text(found[0]).startswith("_") or scope_of(assignment).type == "function_definition",
    )


def _overrides(scope: Node, node: Node, called: str) -> bool:
    if called.startswith("__") or not decorators(node) <= (KEEPING - {"abstractmethod", "override"}):
        return True
    return any(base not in {"object", "ABC"} for base in bases(scope))
