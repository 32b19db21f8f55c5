"""Names that a program may look up while it runs, by a text that no one can read in the code.

`getattr(views, name)`, `steps[name]()`, `Shop.class.getMethod(name)`: any name of what is looked into may be meant.
What code reads as a whole (`JSON.stringify(order)`) shows all fields of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from flagtrail.codebase.rewrite import conventions, texts
from flagtrail.codebase.rewrite.borrowed import borrowed
from flagtrail.codebase.rewrite.forest import Forest
from flagtrail.codebase.rewrite.importing import imported, starred, stem
from flagtrail.codebase.rewrite.meanings import original_of
from flagtrail.codebase.rewrite.names import MEMBERS, WORD, Mention, Names
from flagtrail.codebase.shapes import Definition

MOST_FILES = 60
"""A class or module whose name stands in more files than that is taken for one that is looked into nowhere else."""
_PYTHON_OF = rb"\b(?:getattr|vars|dir|getmembers)\(\s*(?:[\w]+\.)*%s\b\s*(?:\)|,(?!\s*[\"']))"
_MEMBER_OF = {
    "python": re.compile(
        rb"\bgetattr\([^,\n]+,\s*(?:f[\"']\{|(?!f?[\"']))|\b(?:vars|dir|getmembers)\(|__dict__|\bmethodcaller\((?![\"'])"
        rb"|\b(?:default\s*=|map\()\s*vars\b"
    ),
    "typescript": re.compile(
        rb"\bthis\[|\bthis as [^)\n]+\)\[|[\w)]\[(?![\"'\d])[^\]\n]+\]\s*!?\s*(?:\?\.)?\("
        rb"|Object\.(?:keys|values|entries|getOwnPropertyNames|getPrototypeOf)\(\s*this\b|\bReflect\.(?:get|ownKeys)\("
    ),
    "jvm": re.compile(
        rb"\bgetDeclared(?:Method|Field)(?:s\(\)|\((?!\)))|\bgetDeclaredConstructors\(\)"
        rb"|(?:\.java|\bgetClass\(\)|\b(?:forName|loadClass|asSubclass)\([^()\n]*\)|\b(?:[ckt]|cls|\w*[cC]la[sz]{2}\w*"
        rb"|\w*[tT]ype(?:\(\))?))\s*\.\s*get(?:(?:Method|Field)\((?!\))|(?:Methods|Fields|Constructors)\(\))"
        rb"|(?:::class(?:\.java)?|\.kotlin|\bjavaClass)\.(?:members|methods|fields|functions|declared\w+|member\w+)"
    ),
    "go": re.compile(rb"\b(?:Method|Field)ByName\((?!\")|\bNum(?:Method|Field)\(\)"),
}
"""By family, how members are looked up by a name that is put together, or all at once."""
_SHOWN = {
    "python": re.compile(rb"\b(?:vars|asdict|getmembers|dir)\((?!\))|\.__dict__\b"),
    "typescript": re.compile(
        rb"\bJSON\.stringify\(|\bstructuredClone\(|\bObject\.(?:keys|values|entries|assign)\(|\bpostMessage\("
        rb"|\bfor\s*\((?:const|let|var)\s+\w+\s+in\s"
    ),
    "jvm": re.compile(
        rb"\b\w*[mM]apper(?:\(\))?\.(?:write|convert|valueTo|read)\w*\(|\bGson\b|\btoJson\b|\bencodeToString\b|@Serializable\b"
        rb"|@(?:Re(?:quest|sponse)Body|RestController|Json\w+|ModelAttribute|Entity|Document|Embeddable|FeignClient|\w+Listener)\b"
        rb"|\b(?:BeanUtils|Introspector|(?:Object|Json|Xml|Yaml|Model)Mapper|Moshi|Jsonb|Kryo|JAXBContext|Rest(?:Template|Client)"
        rb"|WebClient|Retrofit|ObjectOutputStream)\b"
    ),
}
"""By family, what reads all fields of an object, or all properties of a bean."""
_ORDERED = {"jvm": re.compile(rb"\bordinal\b|\bcompareTo\(")}
"""By family, what reads the place of a constant among others."""
_SUBCLASSES = rb"\b%s(?:::class|\.class|::class\.java)\.(?:sealedSubclasses|(?:get)?[pP]ermittedSubclasses)"
_ENUM = re.compile(rb"\benum\b")
_GETTER = re.compile(rb"(?:get|is)[A-Z]")
_OWN = {"python": re.compile(rb"\bglobals\(\)|\bvars\(\)|\bsys\.modules\[__name__\]|\bmodules\[__name__\]")}
_PEEKED = {
    "typescript": rb"(?:\b[a-z_$][\w$]*|[)\]!])\s*\[\s*['\"]%(name)s['\"]\s*\]|\bany\s*\)\s*[?!]?\.%(name)s\b"
    rb"|@ts-(?:ignore|expect-error)[^\n]*\n[^\n]*\.%(name)s\b"
    rb"|\b(?:\w*[sS]py\w*|stub\w*|replace\w*|method)\b[^;\n]{0,120},\s*['\"]%(name)s['\"]",
}
"""By family, how a file looks at what is private in another one, or puts something in its place."""
_USED = {"typescript": rb"\bthis\.#?%s\b(?!\s*=(?!=))"}
_ASKED = re.compile(
    rb"[!?]?\.(?!(?:at|charAt|concat|endsWith|entries|every|filter|find\w*|flat\w*|forEach|get\w*|has|includes|indexOf|join|keys"
    rb"|map|match\w*|pad\w+|pop|push|reduce\w*|replace\w*|reverse|set\w*|shift|slice|some|sort|splice|split|startsWith|test"
    rb"|to[A-Z]\w*|trim\w*|unshift|values|add|delete|clear)\s*\()[\w$]+(?:\.[\w$]+)*\s*\("
)
"""By family, uses of a field of `this`; and what is no method of a text, a list, a map or a date."""
_NAMESPACE = {"typescript": rb"\*\s+as\s+%s\b|\b%s\s*=\s*require\("}
_WHOLE_MEMBERS = frozenset({b"__dict__", b"__all__"})


@dataclass(slots=True)
class Lookups:
    """What could be looked up so, in the files as they are now."""

    forest: Forest
    _built: tuple[bytes, ...] | None = None
    _matches: dict[tuple[int, str], tuple[bytes, bool]] = field(default_factory=dict)

    def peeked_at(self, path: str, name: bytes) -> bool:
        """Whether another file looks a private member up past its privacy: `cart['flags']`, `(cart as any).flags`."""
        language = self.forest.language(path)
        looks = _PEEKED.get(language.FAMILY or language.NAME)
        if looks is None:
            return False
        pattern = re.compile(looks % {b"name": re.escape(name)})
        places = self.forest.search([name])[name]
        return any(other != path and pattern.search(self.forest.data(other)) for other in places)

    def _does_something(self, path: str, name: bytes) -> bool:
        """Whether a private field held what was there to be asked or told: nobody shows that as a part of a whole."""
        language, data = self.forest.language(path), self.forest.files[path]
        used = _USED.get(language.FAMILY or language.NAME)
        uses = [] if used is None else list(re.finditer(used % re.escape(name), data))
        return bool(uses) and all(_ASKED.match(data, each.end()) for each in uses)

    def may_find(self, names: Names, definition: Definition) -> bool:
        """Whether a name that is looked up while the program runs could be what a file defines."""
        path, name = names.source.path, names.called(definition)
        scope = definition.scope
        spoken = not names.language.NOMINAL and (definition.kind != "import" or len(names.words.get(name, ())) > 1)
        if scope is not None and spoken and texts.evaluated(names.source.text(scope), module=scope.parent is None):
            return True
        if names.language.NAMES_IN_TEXTS and _is_documented(names, definition):
            return True
        if definition.kind == "import" and names.language.NAMES_IN_TEXTS and _is_of_module(definition):
            return borrowed(self.forest, path, name)
        if definition.reach == "local" or definition.kind in ("import", "export", "parameter"):
            return False
        tells = names.language.tells_by_fields
        if definition.kind == "class" and tells(names.source, definition.name, self.forest.sources):
            return True
        if self._built is None:
            self._built = tuple(each for data in self.forest.files.values() for each in texts.beginnings(data))
        if name.startswith(self._built):
            return True
        if definition.kind == "class" and names.language.NOMINAL and self._subclass(path, names, definition):
            return True
        if definition.kind in MEMBERS or names.in_class(definition):
            return self._member(path, names, definition)
        return self._matched(_OWN, path) or (definition.reach == "repository" and self._taken(path))

    def _member(self, path: str, names: Names, definition: Definition) -> bool:
        if definition.reach == "file":
            name = names.called(definition)
            if self.peeked_at(path, name):
                return True
            if definition.kind == "field" and self._does_something(path, name):
                return False
        holders = [each for each in names.around[definition] if each.kind == "class"]
        name = names.called(definition)
        outside = [b"_%s%s" % (names.called(each).lstrip(b"_"), name) for each in holders if name.startswith(b"__")]
        if any(self.forest.search(outside).values()):  # how others call a private name of a class of Python
            return True
        near = self._near(path, names, map(names.called, holders))
        if any(self._matched(_MEMBER_OF, each) for each in near) or self._bound(names, definition):
            return True
        counted = bool(holders) and _ENUM.search(_head(names, holders[-1])) and not names.language.NOMINAL
        if counted:
            return False
        if definition.kind == "member" and any(self._matched(_ORDERED, each) for each in near):
            return True
        made = names.language.NOMINAL and _is_injected(names, holders[-1:])
        shown = not made and (definition.kind in MEMBERS or _is_property(names, definition))
        near |= self._handed_to(path) if shown and names.language.PRIVATE_BY_CONVENTION else set()
        return shown and any(self._matched(_SHOWN, each) for each in near)

    def _bound(self, names: Names, definition: Definition) -> bool:
        """Whether a template asks a bean by its property, without `get`: `${order.label}` of `getLabel`."""
        getter = _GETTER.match(names.called(definition)) if names.language.NOMINAL else None
        if getter is None or not _is_property(names, definition):
            return False
        rest = names.called(definition)[getter.end() - 1 :]
        asked = rest[:1].lower() + rest[1:]
        return any(
            self.forest.of_path(path) is None and texts.in_expression(path, self.forest.data(path), at)
            for path, positions in self.forest.search([asked])[asked].items()
            for at in positions
        )

    def _handed_to(self, path: str) -> set[str]:
        """The files that may be handed what a file makes, by those that import it or import one that does."""
        users = {path}
        for _ in range(2):
            for target in tuple(users):
                users.update(
                    other
                    for other in self.forest.search([stem(target)])[stem(target)]
                    if self.forest.akin(other, path)
                    and not conventions.is_test(other)
                    and target in set(imported(self.forest, other, self.forest.now(other)))
                )
        return users.union(*(imported(self.forest, user, self.forest.now(user)) for user in users))

    def _near(self, path: str, names: Names, holders: Iterable[bytes]) -> set[str]:
        """The files that may hold what a class makes: its own, those it imports, and those that name it."""
        near = {path, *imported(self.forest, path, names)}
        for places in self.forest.search(holders).values():
            near.update(each for each in places if len(places) <= MOST_FILES and self.forest.akin(each, path))
        return near

    def may_show(self, names: Names, name: bytes, holder: bytes) -> bool:
        """Whether others may see a private field that a parameter of the constructor is."""
        path = names.source.path
        if (names.language.FAMILY or names.language.NAME) not in _USED or self._does_something(path, name):
            return self.peeked_at(path, name)
        if names.language.NOMINAL and _is_injected(names, names.by_name.get(holder, ())):
            return False
        near = self._near(path, names, [holder])
        return self.peeked_at(path, name) or any(
            self._matched(_SHOWN, each) or self._matched(_MEMBER_OF, each) for each in near
        )

    def _subclass(self, path: str, names: Names, definition: Definition) -> bool:
        """Whether all classes are asked for that extend what this one does."""
        bases = {each for each in WORD.findall(_head(names, definition)) if each[:1].isupper()}
        return any(
            self.forest.akin(each, path) and re.search(_SUBCLASSES % re.escape(base), self.forest.data(each))
            for base, places in self.forest.search(bases).items()
            for each in places
        )

    def _taken(self, path: str, passing: frozenset[str] = frozenset()) -> bool:
        """Whether a file that imports a module, or one that passes it on, does more with it than name what it wants."""
        places, passing = self.forest.search([stem(path)])[stem(path)], passing | {path}
        users = [each for each in places if each not in passing and self.forest.akin(each, path)]
        return len(users) <= MOST_FILES and any(
            self._takes(user, path)
            or (any(path in meant for _, meant in starred(self.forest, user)) and self._taken(user, passing))
            for user in users
        )

    def _takes(self, user: str, path: str) -> bool:
        names = self.forest.now(user)
        if names.language.NAMES_IN_TEXTS and re.search(_PYTHON_OF % re.escape(stem(path)), names.source.data):
            return path in set(imported(self.forest, user, names))
        for alias in self.aliases(names, user, path):
            mentions = (each for each in names.mentions(alias) if each.stands in ("read", "shorthand"))
            if any(_is_whole(names, each) for each in mentions):
                return True
        return False

    def aliases(self, names: Names, user: str, path: str) -> Iterable[bytes]:
        """The names by which a file calls all of another one."""
        for each in names.definitions:
            if each.kind != "import" or not each.origin:
                continue
            called, original = names.called(each), original_of(names, each)
            if not _is_namespace(names, each, called, original, path):
                continue
            if path in set(self.forest.named(names.language.modules(user, each.origin, original.decode()))):
                yield called

    def _matched(self, table: dict[str, re.Pattern[bytes]], path: str) -> bool:
        """Whether a file holds what its family's expression says; looked for once while it stays as it is."""
        language = self.forest.language(path)
        expression = table.get(language.FAMILY or language.NAME)
        if expression is None:
            return False
        data, key = self.forest.data(path), (id(table), path)
        known = self._matches.get(key)
        if known is None or known[0] is not data:
            self._matches[key] = known = (data, bool(expression.search(data)))
        return known[1]


def _is_documented(names: Names, definition: Definition) -> bool:
    """Whether an example in a text uses a name, which a test may run: `>>> price(2)`."""
    data, (start, end) = names.source.data, definition.removal
    used = re.compile(rb">>>[^\n]*(?<![\w.])%s(?!\w)" % re.escape(names.called(definition)))
    return b">>>" in data and any(not start <= each.start() < end for each in used.finditer(data))


def _is_of_module(definition: Definition) -> bool:
    return definition.scope is not None and definition.scope.parent is None


def _is_property(names: Names, definition: Definition) -> bool:
    """Whether a method is one by which a bean's property is read."""
    method = definition.name.parent
    on_value = method is not None and names.language.is_member(method)
    return on_value and _GETTER.match(names.called(definition)) is not None


def _head(names: Names, definition: Definition) -> bytes:
    return names.source.data[slice(*definition.removal)].partition(b"{")[0]


def _is_injected(names: Names, holders: Iterable[Definition]) -> bool:
    return any(
        conventions.is_injected(names.source.data[each.removal[0] : each.name.start_byte])
        for each in holders
        if each.kind == "class"
    )


def _is_namespace(names: Names, definition: Definition, called: bytes, original: bytes, path: str) -> bool:
    spelled = _NAMESPACE.get(names.language.FAMILY or names.language.NAME)
    if spelled is None:
        return original == stem(path)
    statement = names.source.data[names.source.line_start(definition.name.start_byte) : definition.removal[1]]
    name = re.escape(called)
    return bool(re.search(spelled % (name, name), statement))


def _is_whole(names: Names, mention: Mention) -> bool:
    """Whether something else is done with a module than to look up a name that is written there."""
    above = mention.node.parent
    looked_up = names.language.member(above) if above is not None else None
    if looked_up is not None and looked_up[0] == mention.node:
        return names.source.text(looked_up[1]) in _WHOLE_MEMBERS
    given = above.parent if above is not None else None
    call = names.language.call(given) if given is not None else None
    values = [each.value for each in call.arguments] if call is not None else []
    named = len(values) > 1 and values[0] == mention.node and names.language.constant(values[1]) is not None
    return not named
