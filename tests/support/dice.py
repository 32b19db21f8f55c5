"""Random programs in every language that has a corpus, of the same shapes, for the corpora's runners.

A program asks for the flag, for two conditions and for another flag, holds answers in variables, chooses, loops and
leaves a trace. It is typed and says nothing that Java's or Go's compiler refuses: nothing stands behind a jump, no
variable is unused.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

DEEPEST = 3
PYTHON = "python"
STRICT = ("go", "typescript")
"""Their checkers say of some constants in conditions that they decide too much."""
CALLS = {
    "python": 'flags.get_boolean_value("{}", False)',
    "javascript": "flags.isEnabled('{}')",
    "typescript": "flags.isEnabled('{}')",
    "go": 'flags.IsEnabled("{}")',
    "java": 'flags.isEnabled("{}")',
    "kotlin": 'flags.isEnabled("{}")',
}
"""How each language's stub is asked."""
HEADS = {
    "python": "from stub import cond, flags, trace\n\n\n",
    "javascript": "import { cond, flags, trace } from 'stub';\n\n",
    "typescript": "import { cond, flags, trace } from 'stub';\n\n",
    "go": "package app\n\n",
    "java": "package app;\n\nimport static stub.Stub.*;\n\npublic class Main {\n",
    "kotlin": "package app\n\nimport stub.*\n\n",
}
PATHS = {
    "python": "main.py",
    "javascript": "main.mjs",
    "typescript": "main.ts",
    "go": "app.go",
    "java": "src/app/Main.java",
    "kotlin": "src/app/Main.kt",
}
FUNCTIONS = {
    "python": "def {name}({given}):",
    "javascript": "export function {name}({given}) {{",
    "typescript": "export function {name}({given}): {result} {{",
    "go": "func {name}({given}) {result} {{",
    "java": "static {result} {name}({given}) {{",
    "kotlin": "fun {name}({given}): {result} {{",
}
GIVEN = {"python": "value", "javascript": "value", "typescript": "value: boolean", "go": "value bool",
         "java": "boolean value", "kotlin": "value: Boolean"}  # fmt: skip
BOOLEAN = {"typescript": "boolean", "go": "bool", "java": "boolean", "kotlin": "Boolean"}
INTEGER = {"typescript": "number", "go": "int", "java": "Object", "kotlin": "Any"}
HOLDS = {"python": "{} = {}", "javascript": "const {} = {}", "typescript": "const {} = {}", "go": "{} := {}",
         "java": "boolean {} = {}", "kotlin": "val {} = {}"}  # fmt: skip
VARIABLES = {"python": "{} = {}", "javascript": "let {} = {}", "typescript": "let {}: {} = {}", "go": "var {} {} = {}",
             "java": "{1} {0} = {2}", "kotlin": "var {}: {} = {}"}  # fmt: skip
LOOPS = {"python": "for i{0} in range(2):", "javascript": "for (let i{0} = 0; i{0} < 2; i{0}++) {{", "go":
         "for i{0} := 0; i{0} < 2; i{0}++ {{", "java": "for (int i{0} = 0; i{0} < 2; i{0}++) {{",
         "kotlin": "for (i{0} in 0 until 2) {{"}  # fmt: skip
LOOPS["typescript"] = LOOPS["javascript"]


@dataclass
class Program:
    """One program of one language, of a seed."""

    language: str
    dice: random.Random
    flag: str = "new-ui"
    held: list[list[str]] = field(default_factory=lambda: [[]])
    count: int = 0
    wrapped: bool = False

    @property
    def path(self) -> str:
        """Where its one file is."""
        return PATHS[self.language]

    def text(self) -> str:
        """The file."""
        self.wrapped = self.dice.random() < 0.3
        body = self.block(0)
        tail = [] if _jumps(body) else [self.end(f"return {'1 if v else 2' if self.language == PYTHON else '7'}")]
        first = [self.variable("n", "0", INTEGER_VARIABLE), self.variable("v", self.constant("false"), BOOLEAN)]
        used = [self.end("n += 1"), self.end(f"v = {self.call('probe', 'v')}")]
        lines = self.function(
            "probe", GIVEN[self.language], BOOLEAN, [self.end(self.trace("probe")), self.end("return value")]
        )
        if self.wrapped:
            lines += self.function("isNew", "", BOOLEAN, [self.end(f"return {self.ask(self.flag)}")])
        lines += self.function("subject", "", INTEGER, [*first, *used, *_flat(body), *tail])
        if self.language == "java":
            lines = [f"    {line}" if line else line for line in lines] + ["}"]
        made = HEADS[self.language] + "\n".join(lines).rstrip("\n") + "\n"
        return made.replace("    ", "\t") if self.language == "go" else made

    # ------------------------------------------------------------------ statements
    def block(self, depth: int, *, loop: bool = False) -> list[Statement]:
        """One to three statements, none behind one that jumps."""
        made: list[Statement] = []
        self.held.append([])
        for _ in range(self.dice.randint(1, 3)):
            made.append(self.statement(depth, loop=loop))
            if made[-1].jumps:
                break
        self.held.pop()
        return made

    def statement(self, depth: int, *, loop: bool) -> Statement:
        """One statement."""
        if depth >= DEEPEST or self.dice.random() < 0.5:
            return self.simple(loop=loop)
        kinds: list[Callable[[], Statement]] = [lambda: self.chain(depth, loop=loop)] * 4
        kinds += [lambda: self.counted(depth), lambda: self.repeated(depth)]
        if self.language != "go":
            kinds.append(lambda: self.guarded(depth, loop=loop))
        return self.dice.choice(kinds)()

    def simple(self, *, loop: bool) -> Statement:
        """A statement without a block."""
        if self.dice.random() < 0.4:
            return Statement([self.end(line) for line in self.hold()])
        one = self.expression()
        kinds = [
            self.trace(f"t{self.dice.randint(0, 99)}"),
            f"v = !{one}" if one == "v" else f"v = {one}",
            "n += 1",
            self.call("probe", one),
        ]
        jumps = [f"return {self.dice.randint(10, 99)}", *(["break", "continue"] if loop else [])]
        if self.dice.random() < 0.25:
            return Statement([self.end(self.dice.choice(jumps))], jumps=True)
        return Statement([self.end(self.dice.choice(kinds))])

    def hold(self) -> list[str]:
        """A variable that is bound once, and used."""
        value = self.dice.choice([self.on(), self.on(), f"!{self.on()}", self.expression()])
        self.count += 1
        name = f"enabled{self.count}"
        self.held[-1].append(name)
        return [HOLDS[self.language].format(name, self.said(value)), self.call("probe", name)]

    def chain(self, depth: int, *, loop: bool) -> Statement:
        """`if`, sometimes with more arms and an `else`."""
        arms = [self.block(depth + 1, loop=loop) for _ in range(self.dice.choice([1, 1, 1, 2, 3]))]
        lines: list[str] = []
        for index, arm in enumerate(arms):
            lines += self.headed("if" if not index else "elif", self.expression(), arm)
        complete = self.dice.random() < 0.5
        if complete:
            arms.append(self.block(depth + 1, loop=loop))
            lines += self.headed("else", "", arms[-1])
        return Statement(self.closed(lines), jumps=complete and all(_jumps(arm) for arm in arms))

    def counted(self, depth: int) -> Statement:
        """A loop that runs twice."""
        self.count += 1
        head = LOOPS[self.language].format(self.count)
        return Statement(self.closed([head, *_in(_flat(self.block(depth + 1, loop=True)))]))

    def repeated(self, depth: int) -> Statement:
        """A loop with a condition."""
        inner = [self.end("n += 1"), *_flat(self.block(depth + 1, loop=True))]
        condition = self.said(f"n < 3 && {self.operand(0)}")
        head = {PYTHON: f"while {condition}:", "go": f"for {condition} {{"}.get(
            self.language, f"while ({condition}) {{"
        )
        return Statement(self.closed([head, *_in(inner)]))

    def guarded(self, depth: int, *, loop: bool) -> Statement:
        """`try` with `finally`."""
        inner = self.block(depth + 1, loop=loop)
        trace = f"    {self.end(self.trace('finally'))}"
        if self.language == PYTHON:
            return Statement(["try:", *_in(_flat(inner)), "finally:", trace], jumps=_jumps(inner))
        return Statement(["try {", *_in(_flat(inner)), "} finally {", trace, "}"], jumps=_jumps(inner))

    def headed(self, word: str, condition: str, body: list[Statement]) -> list[str]:
        """An arm of a chain; the brace that closes the one before stands with it."""
        said, inner = self.said(condition), _in(_flat(body))
        if self.language == PYTHON:
            return [f"{word} {said}:" if said else f"{word}:", *inner]
        before = "" if word == "if" else "} else "
        test = "" if not said else f"if {said} " if self.language == "go" else f"if ({said}) "
        return [f"{before}{test}{{", *inner]

    def closed(self, lines: list[str]) -> list[str]:
        """With the brace at the end."""
        return lines if self.language == PYTHON else [*lines, "}"]

    def function(self, name: str, given: str, result: dict[str, str], body: list[str]) -> list[str]:
        """A function, with the blank lines behind it."""
        head = FUNCTIONS[self.language].format(name=name, given=given, result=result.get(self.language, ""))
        return [*self.closed([head, *_in(body)]), *([""] if self.language != PYTHON else ["", ""])]

    # ------------------------------------------------------------------ expressions
    def expression(self, depth: int = 0) -> str:
        """A boolean expression, as languages with braces write it."""
        if depth >= DEEPEST or self.dice.random() < 0.25:
            named = [name for names in self.held for name in names]
            other = self.ask("other-flag")
            leaves = [self.on(), self.on(), self.on(), 'cond("a")', 'cond("b")', other, "v", *named]
            leaves += ["true", "false"] if self.language not in STRICT else []
            return self.dice.choice(leaves)
        one, two, three = (self.operand(depth + 1) for _ in range(3))
        kinds = [f"!{one}", f"!{one}", f"{one} && {two}", f"{one} && {two}", f"{one} || {two}", f"{one} || {two}"]
        kinds += [f"{one} || {two} && {three}", f"{one} {self.same()} {self.dice.choice(['true', 'false'])}"]
        kinds += [self.call("probe", one), self.chosen(one, two, three)]
        return self.dice.choice(kinds)

    def same(self) -> str:
        """`==` or `!=`."""
        return self.dice.choice(["===", "!=="] if self.language in ("javascript", "typescript") else ["==", "!="])

    def chosen(self, one: str, two: str, three: str) -> str:
        """A conditional expression, where there is one."""
        if self.language == "go":
            return f"{one} && {two}"
        return f"if ({one}) {two} else {three}" if self.language in ("kotlin", PYTHON) else f"{one} ? {two} : {three}"

    def operand(self, depth: int) -> str:
        """An expression that can stand in another one."""
        made = self.expression(depth)
        return (
            made
            if made.isidentifier() or (made.endswith(")") and made.count("(") == 1 and " " not in made)
            else f"({made})"
        )

    def on(self) -> str:
        """The flag's answer."""
        return "isNew()" if self.wrapped and self.dice.random() < 0.5 else self.ask(self.flag)

    def ask(self, key: str) -> str:
        """A flag's answer."""
        return CALLS[self.language].format(key).replace(", ", ",~")

    def call(self, name: str, value: str) -> str:
        """A call of the program's own."""
        return f"{name}({value})"

    def trace(self, text: str) -> str:
        """A side effect."""
        return f'trace("{text}")'

    def constant(self, word: str) -> str:
        """`true` or `false`."""
        return word.title() if self.language == PYTHON else word

    def variable(self, name: str, value: str, kind: dict[str, str]) -> str:
        """A variable that is assigned to."""
        said = [name, value] if self.language in (PYTHON, "javascript") else [name, kind[self.language], value]
        return self.end(VARIABLES[self.language].format(*said))

    def end(self, statement: str) -> str:
        """A statement as the language writes it."""
        ended = self.language in ("javascript", "typescript", "java")
        return self.said(statement) + (";" if ended else "")

    def said(self, text: str) -> str:
        """An expression of braces as the language writes it."""
        if self.language != PYTHON:
            return text.replace(",~", ", ")
        for word, python in (("&&", "and"), ("||", "or"), ("!=", "\0"), ("!", "not "), ("\0", "!="), (",~", ", ")):
            text = text.replace(word, python)
        return _spelled(text.replace("true", "True").replace("false", "False"))


INTEGER_VARIABLE = {"typescript": "number", "go": "int", "java": "int", "kotlin": "Int"}


@dataclass(frozen=True)
class Statement:
    """Its lines, and whether control never goes past it."""

    lines: list[str]
    jumps: bool = False


def _spelled(text: str) -> str:
    """`if (a) b else c` as Python's `b if a else c`: each is the whole of an expression, in parentheses or alone."""
    at = text.find("if (")
    if at < 0:
        return text
    end = _end(text, at + 3)
    rest = text[end:]
    split = _split(rest)
    then, condition = _spelled(rest[1:split]), _spelled(text[at + 3 : end])
    return f"{text[:at]}{then} if {condition} else {_spelled(rest[split + 6 :])}"


def _split(rest: str) -> int:
    depth = 0
    for at, letter in enumerate(rest):
        depth += (letter == "(") - (letter == ")")
        if depth == 0 and rest.startswith(" else ", at):
            return at
    raise AssertionError(rest)


def _end(text: str, at: int) -> int:
    depth = 0
    while True:
        depth += (text[at] == "(") - (text[at] == ")")
        at += 1
        if depth == 0:
            return at


def _jumps(block: list[Statement]) -> bool:
    return bool(block) and block[-1].jumps


def _flat(block: list[Statement]) -> Iterator[str]:
    return (line for statement in block for line in statement.lines)


def _in(lines: Iterator[str] | list[str]) -> list[str]:
    return [f"    {line}" for line in lines]
