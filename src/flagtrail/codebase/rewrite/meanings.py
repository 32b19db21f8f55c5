"""What a name in one file means in another one, by what the file imports, names, and shares a package with."""

from __future__ import annotations

import re
from collections.abc import Iterable

from flagtrail.codebase.rewrite.dead import exported
from flagtrail.codebase.rewrite.forest import Forest
from flagtrail.codebase.rewrite.names import MEMBERS, Mention, Names
from flagtrail.codebase.shapes import Definition

_STARRED = re.compile(rb"import\s*\*|import\s[\w.\s]+\.\*|(?:import|^)\s+\.\s+\"", re.MULTILINE)
_LOOKED_UP_IN = re.compile(rb"([\w$]+[!?]*\.|[\])]\.)?([\w$]+)(?:\([^()]*\))?[!?]*\s*(?:\.|::)\s*\Z")
_OWN = frozenset({b"self", b"this", b"super", b"cls"})
_DECLARED = (
    rb"(?<![\w$])%(name)s\??\s*:?[:=][^\n;,)]{0,40}?(?<![\w$])%(owner)s(?![\w$])"
    rb"|(?<![\w$])%(owner)s(?:<[^\n;>]*>)?\s+%(name)s(?![\w$])"
    rb"|(?<![\w$])%(name)s\s+\*?(?:\w+\.)?%(owner)s(?![\w$])"
)
"""An object and its class, where it is declared: `cart: Cart`, `Cart cart`, `cart *Cart`, `cart = new Cart()`."""
_OF_TYPE = re.compile(rb"(\w+)(?:\[[^\]]*\])?\s*\)\Z")
TELLING = 3
"""Characters of a name that tells a type: Go's are called by a letter, too."""
_FAR = 200
"""How far in front of a name stands what it is looked up in."""
_ROOT = re.compile(r"^(?:.*/)?src/\w+/(?:java|kotlin)/")


def meant(forest: Forest, user: str, name: bytes, found: Iterable[str]) -> bool:
    """Whether a user could mean what one of the files found defines by a name, without an import that leads there."""
    then, language = forest.then(user), forest.language(user)
    own = then.by_name.get(name, ())
    if any(each.kind != "import" and not exported(each) for each in own):
        return False
    packages = {each.origin.rpartition(".")[0] for each in own if each.kind == "import"} - {""}
    stands = {mention.stands for mention in then.mentions(name)}
    for path in found:
        if path == user:
            continue
        if declared(forest.data(path)) in packages:
            return True
        near = language.SHARES_FOLDER and (package(path) == package(user) or stars(then))
        if ("read" in stands and near) or ("member" in stands and _in_sight(forest, then, path, name)):
            home = forest.now(path)
            if times_used(then, name, home, home.by_name.get(name, ())):
                return True
    return False


def _in_sight(forest: Forest, user: Names, path: str, name: bytes) -> bool:
    """Whether what a user looked up could be what a file defines: of a class it names, or of a module it imports."""
    now = forest.now(path)
    around = {now.called(each) for found in now.by_name.get(name, ()) for each in now.around[found]}
    if around & user.words.keys():
        return True
    if package(path) == package(user.source.path) and any(_receiver(now, each) for each in now.by_name.get(name, ())):
        return True
    imports = {(each.origin, original_of(user, each).decode()) for each in user.definitions if each.origin}
    ends = (user.language.modules(user.source.path, *each) for each in imports)
    return any(path in forest.named(each) for each in ends)


def times_used(user: Names, name: bytes, home: Names, defined: Iterable[Definition]) -> int:
    """How often a file uses by a name what a file defines by it, and not a variable of a function called so.

    `self.items.size()` is no use of the method `size` of `Cart`, nor is `cart.size()` one of its own function.
    """
    defined = tuple(defined)
    shown = {each.name for each in defined} if user.source.path == home.source.path else set()
    mentions = user.mentions(name)
    bound = [each.at for each in mentions if each.stands == "bind" and each.node not in shown]
    hiding = [each for each in user.definitions if each.kind in ("function", "constant", "variable")] if bound else []
    hiding = [each for each in hiding if each.name not in shown and any(within(at, each) for at in bound)]
    parts = [span for each in defined for span in each.parts] if shown else []
    used = 0
    for mention in mentions:
        if any(start <= mention.at < end for start, end in parts):
            continue
        if mention.stands in ("read", "shorthand"):
            used += not any(within(mention.at, each) for each in hiding)
        elif mention.stands != "bind":
            used += any(_could_mean(user, mention.at, home, each) for each in defined)
    return used


def _could_mean(user: Names, at: int, home: Names, definition: Definition) -> bool:
    """Whether what is looked up at a place could be what a file defines."""
    of = _receiver(home, definition)
    if of is None and definition.kind in MEMBERS:
        return True
    if of is not None and not home.called(definition)[:1].isupper():
        return True
    if of is None and not home.in_class(definition):
        return user.source.path != home.source.path or user.language.SHARES_FOLDER or b"exports" in user.words
    data, owner = user.source.data, of or home.called(home.around[definition][-1])
    found = _LOOKED_UP_IN.search(data, max(0, at - _FAR), at)
    if found is None:
        return False
    before, name = found.groups()
    if not before and name in _OWN:
        return True
    if (of is None or len(name) >= TELLING) and (_folded(name) in _folded(owner) or _folded(owner) in _folded(name)):
        return True
    if of is not None:  # the same letter means another object in the next function
        data = data[max(0, data.rfind(b"\nfunc ", 0, at)) : at]
    return re.search(_DECLARED % {b"name": re.escape(name), b"owner": re.escape(owner)}, data) is not None


def _receiver(home: Names, definition: Definition) -> bytes | None:
    """The type that a method is declared for, where that is done apart from the type (Go)."""
    method = definition.name.parent
    declared = method.child_by_field_name("receiver") if method is not None else None
    found = _OF_TYPE.search(home.source.text(declared)) if declared is not None else None
    return found[1] if found is not None else None


def is_field(user: Names, mention: Mention, path: str) -> bool:
    """Whether a name in another package is a field's, and not what a file defines: `order.Total`, `Order{Total: 1}`."""
    apart = package(user.source.path) != package(path) and not stars(user)
    return apart and user.language.is_field(mention.node, apart=True)


def _folded(name: bytes) -> bytes:
    """A name as it is said, however it is written."""
    return name.replace(b"_", b"").lower()


def within(at: int, definition: Definition) -> bool:
    """Whether a place lies in what a definition takes along when it goes."""
    return definition.removal[0] <= at < definition.removal[1]


def original_of(names: Names, definition: Definition) -> bytes:
    """What an imported name is called where it is defined."""
    called = names.called(definition)
    text = names.source.data[slice(*definition.removal)]
    found = re.search(rb"([\w$]+)\s+as\s+" + re.escape(called), text)
    return found.group(1) if found else called


def package(path: str) -> str:
    """The folder, of which source roots (`src/main/java`, `src/test/kotlin`) are no part."""
    folder = path.rpartition("/")[0]
    return _ROOT.sub("", folder + "/")


def declared(data: bytes) -> str:
    """The package that a file says it is of, where its folder need not tell."""
    found = re.search(rb"^package\s+([\w.]+)", data, re.MULTILINE)
    return found.group(1).decode() if found else ""


def stars(names: Names) -> bool:
    """Whether a file imports names without telling which."""
    return bool(_STARRED.search(names.source.data))
