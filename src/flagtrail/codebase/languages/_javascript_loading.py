"""What a statement of a module does when it is loaded, by its calls: `export const poller = new Poller()`.

A package's function, `createContext(..)`, is taken to make something that nobody reaches without the module; a function
of the repository is read; what is neither, nor the language's own, does something for all that is known.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tree_sitter import Node

from flagtrail.codebase.languages._javascript_definitions import definitions
from flagtrail.codebase.languages._javascript_fields import is_of_package
from flagtrail.codebase.languages._javascript_values import FUNCTIONS, bare, field, parts, text, uncast
from flagtrail.codebase.languages._relations import Find
from flagtrail.codebase.shapes import Definition
from flagtrail.codebase.source import Source, ancestors, descendants

MOST_STEPS = 6
"""From one function to the next one that it calls."""
_BUILT_IN = re.compile(
    rb"(?:Array|BigInt|Blob|Boolean|Buffer|Date|FormData|Headers|Intl|JSON|Map|Math|Number|Object|Promise|Proxy|RegExp"
    rb"|Set|String|Symbol|TextDecoder|TextEncoder|URL|URLSearchParams|WeakMap|WeakRef|WeakSet|\w*Array|\w*Error"
    rb"|(?:de|en)codeURI(?:Component)?|is(?:Finite|NaN)|parse(?:Float|Int)|require|structuredClone)\Z"
)
"""What the language itself has, calls of which do nothing but make a value."""
_CHANGES = re.compile(rb"(?:Object|Reflect)\.(?:assign|define\w+|delete\w+|set\w*)\Z")
_READS = re.compile(
    rb"\.(?:at|charAt|concat|endsWith|entries|every|filter|find|findIndex|flat|flatMap|includes|indexOf|join|keys|map"
    rb"|match|padEnd|padStart|reduce|repeat|replace|replaceAll|slice|some|split|startsWith|substring|toFixed"
    rb"|toLowerCase|toString|toUpperCase|trim|values)\Z"
)
"""Methods of texts and lists that answer another one."""
_VERBS = re.compile(
    rb"(?:push|register|connect|subscribe|install|use|add|on|listen|mount|run|start|init|setup)(?![a-z])"
)
_CALLS = frozenset({"call_expression", "new_expression"})
_MADE = frozenset({"array", "object", "regex", "string", "template_string", "number"})
_DEFINES = frozenset({"class_declaration", "abstract_class_declaration", "function_declaration", "variable_declarator"})
_FIELDS = frozenset({"public_field_definition", "field_definition"})
_KINDS = frozenset({"import", "function", "class", "variable", "constant"})
_WRITES = frozenset({"assignment_expression", "augmented_assignment_expression", "update_expression"})


@dataclass(slots=True)
class Loading:
    """One file as it is loaded; `find` reads the files that it imports.

    What it keeps for itself (`const all = []`) nobody sees once it is not loaded; of `another` file others may.
    """

    source: Source
    find: Find
    another: bool = False

    def acts(self, statement: Node, steps: int = MOST_STEPS) -> bool:
        """Whether a statement, when it is evaluated, does something that is seen from outside of it."""
        return steps == 0 or any(self._does(node, statement, steps) for node in _evaluated(statement))

    def _does(self, node: Node, within: Node, steps: int) -> bool:
        if node.type in _CALLS:
            return self._call_acts(node, within, steps)
        if node.type in _WRITES:
            target = field(node, "left") or field(node, "argument") or node
            root = _root(target)
            local = _value_of(root, within) is not None if root == target else self._is_fresh(root, within)
            return root.type != "this" and not local
        if node.type == "decorator":
            return not is_of_package(node)
        return node.type == "unary_expression" and node.children[0].type == "delete"

    def _call_acts(self, call: Node, within: Node, steps: int) -> bool:
        called = _called(call)
        root, given = _root(called), parts(field(call, "arguments") or call)
        if root.type in FUNCTIONS:
            return self._body_acts(root, steps)
        if root.type in _MADE or self._is_builtin(root, called, given) or _READS.search(text(called)):
            return any(self.callback_acts(each, steps) for each in given)
        if called.type == "super":
            return False
        return root.type != "identifier" or self._name_acts(root, call, within, steps)

    def callback_acts(self, given: Node, steps: int) -> bool:
        """Whether an argument that may be called, as `map(..)` does, does something then."""
        if given.type == "member_expression":
            return _VERBS.match(text(field(given, "property") or given)) is not None
        if given.type in FUNCTIONS:
            return self._body_acts(given, steps)
        found = self._defined(text(given)) if given.type == "identifier" else []
        files = (file for each in found if each.kind == "import" for file in self.find(self.source.path, each.origin))
        here = any(each.kind == "function" and self._made_acts(_declaration(each.name), steps) for each in found)
        return here or any(Loading(file, self.find, another=True).callback_acts(given, steps) for file in files)

    def _is_builtin(self, root: Node, called: Node, given: list[Node]) -> bool:
        plain = root.type == "identifier" and _BUILT_IN.match(text(root)) and not self._defined(text(root))
        return bool(plain) and not (_CHANGES.match(text(called)) and given and given[0].type not in _MADE)

    def _defined(self, name: bytes) -> list[Definition]:
        """What all of the file can mean by a name."""
        every = (each for each in definitions(self.source) if text(each.name) == name)
        return [each for each in every if each.kind in _KINDS and each.reach != "local"]

    def _name_acts(self, root: Node, call: Node, within: Node, steps: int) -> bool:
        """Whether a call of what has this name, or of a member of it, does something."""
        called = _called(call)
        if called != root and _value_of(root, within) is not None:
            return not self._is_fresh(root, within)
        for each in self._defined(text(root)):
            if each.kind == "import":
                return self._import_acts(each, call, root, steps)
            made = _declaration(each.name)
            return self._made_acts(made, steps) if called == root else self.another or not self._is_fresh(root, made)
        return True

    def _import_acts(self, found: Definition, call: Node, root: Node, steps: int) -> bool:
        files, called = self.find(self.source.path, found.origin), _called(call)
        if not files:
            alone = call.parent is not None and call.parent.type == "expression_statement"
            return alone or _VERBS.match(text(called).rpartition(b".")[2]) is not None
        specifier = found.name.parent
        if called != root or specifier is None or specifier.type not in {"import_specifier", "export_specifier"}:
            return True
        original = text(field(specifier, "name") or root)
        return any(Loading(each, self.find, another=True).export_acts(original, steps) for each in files)

    def export_acts(self, name: bytes, steps: int) -> bool:
        """Whether a call of what this file exports by a name does something."""
        found = [each.name for each in self._defined(name) if each.reach == "repository"]
        return len(found) != 1 or self._made_acts(_declaration(found[0]), steps)

    def _is_fresh(self, name: Node, within: Node) -> bool:
        """Whether a name declared there means something that was made for it, which nobody else has."""
        value = _value_of(name, within)
        if value is None or value.type in _MADE or value.type == "new_expression":
            return value is not None
        root = _root(value)
        if root.type in _MADE:
            return True
        files = [
            self.find(self.source.path, each.origin) for each in self._defined(text(root)) if each.kind == "import"
        ]
        return value.type == "call_expression" and (self._is_builtin(root, root, []) or files == [()])

    def _made_acts(self, made: Node, steps: int) -> bool:
        """Whether calling a function, or making an object of a class, does something."""
        if "class" in made.type:
            return self._making_acts(made, steps)
        function = bare(field(made, "value") or made)
        return function.type not in FUNCTIONS or self._body_acts(function, steps)

    def _making_acts(self, made: Node, steps: int) -> bool:
        heritage = next((each for each in made.named_children if each.type == "class_heritage"), None)
        above = next((each for each in descendants(heritage) if each.type == "identifier"), None) if heritage else None
        if above is not None and self._name_acts(above, above, made, steps - 1):
            return True
        members = parts(field(made, "body") or made)
        values = (value for each in members if each.type in _FIELDS and (value := field(each, "value")))
        return any(self.acts(value, steps - 1) for value in values) or any(
            self._body_acts(each, steps)
            for each in members
            if each.type == "method_definition" and text(field(each, "name") or each) == b"constructor"
        )

    def _body_acts(self, function: Node, steps: int) -> bool:
        body = field(function, "body")
        return body is None or self.acts(body, steps - 1)


def _declaration(name: Node) -> Node:
    """What declares a name; the name itself where that is something else than a function, class or variable."""
    return next((above for above, _ in zip(ancestors(name), range(2), strict=False) if above.type in _DEFINES), name)


def _called(call: Node) -> Node:
    return uncast(field(call, "function") or field(call, "constructor") or call)


def _root(node: Node) -> Node:
    """What a chain of members and calls begins with: `z` of `z.object({..}).optional`."""
    while node.type in _CALLS or node.type in {"member_expression", "subscript_expression"}:
        node = uncast(
            field(node, "object") or field(node, "function") or field(node, "constructor") or node.children[0]
        )
    return node


def _value_of(name: Node, within: Node) -> Node | None:
    """What a name that is declared within is given there, or the declaration where it is given nothing."""
    for node in descendants(within):
        if node.type == "variable_declarator" and text(field(node, "name") or node) == text(name):
            return uncast(field(node, "value") or node)
    return None


def _evaluated(statement: Node) -> Iterator[Node]:
    """What is evaluated with a statement: all in it but functions, and fields of a class that each object has."""
    stack = [] if statement.type in FUNCTIONS else [statement]
    while stack:
        node = stack.pop()
        yield node
        for child in node.children:
            of_object = child.type in _FIELDS and all(each.type != "static" for each in child.children)
            if child.type not in FUNCTIONS and not of_object:
                stack.append(child)
