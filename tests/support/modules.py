"""Random Python programs of several modules that ask for a flag: what one defines is used in the others, however."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from tests.support.programs import FLAG, ON, Lines

MODULES = ("shop/old.py", "shop/rates.py", "shop/cart.py", "main.py")
"""Each may use what those in front of it define."""


@dataclass(frozen=True)
class Item:
    """What a module defines: its kind, and the parameters that a call of it takes."""

    path: str
    name: str
    kind: str
    given: tuple[str, ...] = ()

    @property
    def module(self) -> str:
        """As imports name it."""
        return self.path.removesuffix(".py").replace("/", ".")


@dataclass
class Module:
    """A module as far as it is written; `late` are imports of the function that is being written."""

    path: str
    imports: list[str] = field(default_factory=list)
    late: list[str] | None = None
    lines: Lines = field(default_factory=list)


def tree(seed: int) -> dict[str, str]:
    """The files of one program, of which `main.subject(n, v)` is called."""
    return Trees(random.Random(seed)).files()


class Trees:
    """Writes the modules of one program by throwing dice."""

    def __init__(self, dice: random.Random) -> None:
        self.dice = dice
        self.items: list[Item] = []
        self.module = Module("")
        self.bound: dict[str, tuple[str, str]] = {}

    def files(self) -> dict[str, str]:
        """The text of each."""
        made = {"shop/__init__.py": self.dice.choice(["", "", "", "from shop.rates import *\n"])}
        for path in MODULES:
            self.module = Module(path)
            self.bound = {}
            for _ in range(self.dice.randint(1, 3)):
                self.item()
            if path == "main.py":
                self.subject()
            elif self.dice.random() < 0.3:
                self.module.lines += [f"trace('loaded {path}')"]
            heads = ["from world import cond, flags, keep, probe, trace", *dict.fromkeys(self.module.imports)]
            if "from shop.shown import shown" in heads:
                made["shop/shown.py"] = "def shown(thing):\n    return sorted(vars(thing))\n"
            made[path] = "".join(f"{line}\n" for line in (*heads, "", *self.module.lines))
        return made

    # ---------------------------------------------------------------- what is defined
    def item(self) -> None:
        """One more thing that a module defines."""
        kind = self.dice.choice(["answer", "constant", "key", "class", *["function"] * 4])
        name = f"{self.dice.choice(['price', 'total', 'rate'])}{len(self.items)}"
        item, lines = getattr(self, f"of_{kind}")(name)
        self.module.lines += [*lines, ""]
        self.items.append(item)

    def of_answer(self, name: str) -> tuple[Item, Lines]:
        """A function or variable that is the answer, or its opposite."""
        asked = self.dice.choice([ON, ON, f"not {ON}", self.test()])
        if self.dice.random() < 0.5:
            return Item(self.module.path, name, "value"), [f"{name} = {asked}"]
        return Item(self.module.path, name, "function"), [f"def {name}():", f"    return {asked}"]

    def of_key(self, name: str) -> tuple[Item, Lines]:
        """A constant that holds the key."""
        return Item(self.module.path, name.upper(), "key"), [f'{name.upper()} = "{FLAG}"']

    def of_constant(self, name: str) -> tuple[Item, Lines]:
        """A value that the flag chooses, or that a call makes."""
        value = self.dice.choice([f"{self.value()} if {self.test()} else {self.value()}", "keep('x')", "[1, 2]"])
        return Item(self.module.path, name.upper(), "value"), [f"{name.upper()} = {value}"]

    def of_class(self, name: str) -> tuple[Item, Lines]:
        """A class that keeps what it is made of, and chooses."""
        lines = [f"class {name.title()}:", "    def __init__(self, n, v=3):", "        self.n = n"]
        lines += [f"        self.{self.dice.choice(['v', '_v'])} = v", "    def chosen(self, k=1):"]
        kept = lines[3].split(" = ")[0].strip()
        with_kept = [kept, "self.n", "k", "n", self.value()]
        one, two = (self.dice.choice(with_kept) for _ in range(2))
        body = self.shape(one.replace("n", "k") if one == "n" else one, two.replace("n", "k") if two == "n" else two)
        item = Item(self.module.path, name.title(), "class", ("n", "v"))
        return item, [*lines, *(f"        {line}" for line in body)]

    def of_function(self, name: str) -> tuple[Item, Lines]:
        """A function of several parameters, of which the losing branch alone may use some."""
        given = self.dice.choice([("n",), ("n", "v"), ("n", "v", "k")])
        head = ", ".join(f"{each}=2" if each == "k" else each for each in given)
        self.module.late = []
        body = self.shape(self.of(given), self.of(given))
        late, self.module.late = self.module.late, None
        decorator = ["@keep"] if self.dice.random() < 0.1 else []
        lines = [*decorator, f"def {name}({head}):", *(f"    {line}" for line in (*dict.fromkeys(late), *body))]
        return Item(self.module.path, name, "function", given), lines

    def of(self, given: tuple[str, ...]) -> str:
        """A value that is made of parameters."""
        return self.dice.choice(
            [*given, f"({self.dice.choice(given)}, {self.value()})", self.value(), self.call(given)]
        )

    def shape(self, one: str, two: str) -> Lines:
        """A function's body that chooses between two values."""
        test = self.test()
        return self.dice.choice(
            [
                [f"if {test}:", f"    return {one}", f"return {two}"],
                [f"if {test}:", "    trace('t')", f"    return {one}", "else:", f"    return {two}"],
                [f"return {one} if {test} else {two}"],
                [f"x = {one}", f"if {test}:", f"    x = {two}", "return x"],
                [f"on = {test}", f"return ({one}, {two}) if on else {two}"],
                [f"if not {test}:", f"    probe({one})", f"return {two}"],
            ]
        )

    def subject(self) -> None:
        """What is run: it uses the most of what there is."""
        used = self.dice.sample(self.items, 1 + len(self.items) // 2)
        lines = [f"    trace(repr({self.use(each, ('n', 'v'))}))" for each in used]
        made = [each for each in self.items if each.kind == "class"]
        if made and self.dice.random() < 0.3:
            self.module.imports.append("from shop.shown import shown")
            lines.append(f"    trace(repr(shown({self.named(made[0])}(1, 2))))")
        self.module.lines += ["def subject(n, v):", *lines, f"    return {self.of(('n', 'v'))}"]

    # ---------------------------------------------------------------- what uses it
    def test(self) -> str:
        """A condition that the flag most often has a part in."""
        answers = [self.use(each, ()) for each in self.items if each.kind in ("function", "value") and not each.given]
        keys = [f"flags.is_on({self.named(each)})" for each in self.items if each.kind == "key"]
        asked = self.dice.choice([ON, ON, *answers[-2:], *keys])
        return self.dice.choice([asked, asked, f"not {asked}", f"({asked} and cond('a'))", f"({asked} or cond('b'))"])

    def value(self) -> str:
        """A value without parameters."""
        values = [self.named(each) for each in self.items if each.kind == "value"]
        return self.dice.choice(["1", "2", "probe(3)", *(f"len(repr({each}))" for each in values[-2:])])

    def call(self, given: tuple[str, ...]) -> str:
        """A call of something that was defined before."""
        callable_ = [each for each in self.items if each.kind in ("function", "class")]
        return self.use(self.dice.choice(callable_), given) if callable_ else self.value()

    def use(self, item: Item, given: tuple[str, ...]) -> str:
        """An expression that uses an item, with arguments by position or name."""
        named = self.named(item)
        if item.kind in ("value", "key"):
            return named
        arguments: list[str] = []
        for each in item.given:
            value = self.dice.choice([*given, "4", "5", "probe(6)"])
            by_name = bool(arguments and "=" in arguments[-1]) or self.dice.random() < 0.2
            if each != "k" or self.dice.random() < 0.5:
                arguments.append(f"{each}={value}" if by_name else value)
        if item.kind == "function" and self.dice.random() < 0.05:
            return f"(lambda f, *a, **b: f(*a, **b))({', '.join([named, *arguments])})"
        called = f"{named}({', '.join(arguments)})"
        return f"{called}.chosen({self.dice.choice(['', 'k=2', '7'])})" if item.kind == "class" else called

    def named(self, item: Item) -> str:
        """How an item is named here, once it is imported; most often by one import in a module."""
        if item.path == self.module.path:
            return item.name
        if item.name not in self.bound or self.dice.random() < 0.1:
            self.bound[item.name] = self.imported(item)
        line, name = self.bound[item.name]
        late = self.module.late if line.startswith("from") and "*" not in line else None
        (self.module.imports if late is None or self.dice.random() < 0.8 else late).append(line)
        return name

    def imported(self, item: Item) -> tuple[str, str]:
        """A form of import, and how it names the item."""
        module, last, name = item.module, item.module.rpartition(".")[2], item.name
        if self.dice.random() < 0.02:
            return f"from {module} import *", name
        forms = [
            (f"from {module} import {name}", name),
            (f"from {module} import {name} as other{name}", f"other{name}"),
        ]
        forms += [(f"import {module} as its{last}", f"its{last}.{name}"), (f"import {module}", f"{module}.{name}")]
        forms += [(f"from shop import {last}", f"{last}.{name}"), forms[0]]
        if self.module.path.startswith("shop/"):
            forms += [(f"from .{last} import {name}", name), (f"from . import {last}", f"{last}.{name}")]
        return self.dice.choice(forms)
