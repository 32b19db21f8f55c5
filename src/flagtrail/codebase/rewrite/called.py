"""Whether a call by a function's name is surely a call of it, and of nothing else that is called so.

`settings.get("limit", 10)` is no call of the `get` of `Cart`: what a method is looked up in must be told by its name,
or where it is declared. `render(order)` is one of ours only where the name is imported from the file that defines it.
"""

from __future__ import annotations

import re

from flagtrail.codebase.rewrite.exports import Exports
from flagtrail.codebase.rewrite.importing import stem
from flagtrail.codebase.rewrite.meanings import declared, package, stars
from flagtrail.codebase.rewrite.names import WORD, Names
from flagtrail.codebase.shapes import Call, Signature

_OWN = frozenset({b"self", b"this", b"super", b"super()"})
_LAST = re.compile(rb"([\w$]+)(?:\(\))?[!?]*\Z")
_RECEIVER = re.compile(rb"(\w+)(?:\[[^\]]*\])?\s*\)\Z")
_DECLARED = (
    rb"(?<![\w$])%(name)s\??\s*:\s*[\"']?(?:Optional\[)?(?:\w+\.)*%(owner)s(?![\w$.\[]|<[^>\n]*>\[)"
    rb"|(?<![\w$<,])(?:\w+\.)*%(owner)s(?:<[\w$, ?]*>)?\s+%(name)s(?![\w$(])"
    rb"|(?<![\w$])%(name)s\s+\*?%(owner)s(?![\w$\[.])"
    rb"|(?<![\w$])%(name)s\s*:?=\s*(?:await\s+|new\s+|&)?(?:\w+\.)*%(owner)s\s*[({]"
)
"""How an object of a class is declared: `cart: Cart`, `Cart cart`, `cart *Cart`, `cart = Cart()`."""
_MADE = rb"\A\(?(?:new\s+|&)?(?:\w+\.)*%(owner)s\s*(?:\([^.]*\)|\{[^.]*\})\)?\Z"
_MAKES_ITSELF = re.compile(
    rb"(?<!\.)\bcls\b(?!\.)|\b__class__\b(?!\.)|\btype\(\w+\)(?!\.)|\b__new__\b|\bmetaclass\s*=\s*(?!ABCMeta)"
    rb"|\bnew\s+\(?\s*this\b|\bthis\.constructor\b|\bconstructor\b[^{}]*:\s*this\("
)
"""How a class makes objects of itself without its name, or has a say in how they are made."""
_FIRST = re.compile(rb"def \w+\(\s*cls\b")
_BASES = re.compile(rb"\bclass\s+\w+(?:<[^>]*>)?\s*(?:\(([^)]*)\)|extends\s+([\w.]+)|[^{\n]*:([^{\n]*))")
_HARMLESS = re.compile(rb"^[\s,]*(?:(?:object|ABC|Generic\[[^\]]*\])[\s,]*)*\Z")


def surely(exports: Exports, user: Names, call: Call, path: str, signature: Signature) -> bool:
    """Whether a call in a file is of the function that the file `path` defines."""
    names = exports.forest.now(path)
    owner = _owner(names, signature)
    if owner and not signature.constructs:
        return _of_object(user, call, owner, names, signature)
    if signature.constructs and _makes_itself(exports, path, signature):
        return False
    if call.receiver is None or signature.constructs:
        return _in_sight(exports, user, path, names.source.text(signature.called)) and _is_meant(user, call, path)
    return _of_module(exports, user, user.source.text(call.receiver), path)


def _owner(names: Names, signature: Signature) -> bytes:
    """The name of the class of which a function is a method; empty for any other."""
    receiver = signature.node.child_by_field_name("receiver")
    if receiver is not None:
        found = _RECEIVER.search(names.source.text(receiver))
        return found.group(1) if found is not None else b"?"
    own = next((each for each in names.definitions if each.name == signature.called), None)
    if own is not None:
        return names.called(names.around[own][-1]) if names.in_class(own) else b""
    start, end = signature.node.start_byte, signature.node.end_byte
    around = [each for each in names.definitions if each.removal[0] <= start and end <= each.removal[1]]
    classes = [names.called(each) for each in around if each.kind == "class"]
    return classes[-1] if classes else b""


def _of_object(user: Names, call: Call, owner: bytes, names: Names, signature: Signature) -> bool:
    """Whether what a method is looked up in is an object of its class."""
    if call.receiver is None:
        return user.language.SHARES_FOLDER and (user.source.path == names.source.path or owner in user.words)
    text = user.source.text(call.receiver)
    if text in _OWN:
        return _is_within(user, call.name.start_byte, owner)
    last = _LAST.search(text)
    name = last.group(1) if last is not None else b""
    if user.language.PRIVATE_BY_CONVENTION and (text in (owner, b"cls") or text.endswith(b"." + owner)):
        head = names.source.data[max(0, signature.node.start_byte - 80) : signature.node.start_byte].rstrip()
        return head.endswith((b"@classmethod", b"@staticmethod"))  # `Cart.total(cart)` gives the object itself, too
    if _folded(name) == _folded(owner):
        return True
    form = _DECLARED if name else _MADE
    told = {b"name": re.escape(name), b"owner": re.escape(owner)}
    return re.search(form % told, user.source.data if name else text) is not None


def _is_within(user: Names, at: int, owner: bytes) -> bool:
    """Whether code stands in a class, or in one that is made of it, as its head says."""
    around = [each for each in user.definitions if each.kind == "class" and each.removal[0] <= at < each.removal[1]]
    heads = (
        user.source.data[each.name.start_byte : user.source.line_end(each.name.start_byte)] for each in around[-1:]
    )
    return any(owner in WORD.findall(head) for head in heads)


def _of_module(exports: Exports, user: Names, receiver: bytes, path: str) -> bool:
    """Whether what a function is looked up in is the module that defines it."""
    name = receiver.rpartition(b".")[2]
    folder = path.rpartition("/")[0].rpartition("/")[2].encode()
    own = folder if user.language.SHARES_FOLDER else stem(path)
    return name == own or name in set(exports.lookups.aliases(user, user.source.path, path))


def _in_sight(exports: Exports, user: Names, path: str, name: bytes) -> bool:
    """Whether a bare name in a file is that of another one, by an import or by a package that both share."""
    other = user.source.path
    if other == path or path in set(exports.linked(other, name)):
        return True
    if not user.language.SHARES_FOLDER:
        return False
    told = declared(user.source.data)
    return (
        stars(user) or package(other) == package(path) or (bool(told) and told == declared(exports.forest.data(path)))
    )


def _is_meant(user: Names, call: Call, path: str) -> bool:
    """Whether no import within a function hides the name where it is called."""
    name = user.source.text(call.name)
    imports = {each.origin for each in user.by_name.get(name, ()) if each.kind == "import"}
    return len(imports) <= (user.source.path != path)


def _makes_itself(exports: Exports, path: str, signature: Signature) -> bool:
    """Whether a class, or one that it is made of, makes objects other than by its name."""
    forest = exports.forest
    owner = signature.node
    while owner.parent is not None and owner.parent.parent is not None and owner.parent != signature.called.parent:
        owner = owner.parent
    text = forest.now(path).source.text(owner.parent or owner)
    if _MAKES_ITSELF.search(_FIRST.sub(b"", text)):
        return True
    head = _BASES.search(text)
    bases = b"" if head is None else next((each for each in head.groups() if each), b"")
    if _HARMLESS.match(bases):
        return False
    return any(
        _MAKES_ITSELF.search(_FIRST.sub(b"", forest.data(each)))
        for each in forest.files
        if forest.of_path(each) is not None and forest.akin(each, path)
    )


def _folded(name: bytes) -> bytes:
    return name.replace(b"_", b"").lower()
