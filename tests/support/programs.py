"""Random Python programs that ask for a flag, to be run before and after it is removed from them."""

from __future__ import annotations

import random
from collections.abc import Callable

FLAG = "new-ui"
ON = f'flags.is_on("{FLAG}")'
COLOUR = f'flags.colour("{FLAG}")'
VERBATIM = "\0"
"""Begins a line within a text, which has no indentation."""
DEEPEST = 2

Lines = list[str]


def program(seed: int) -> str:
    """One program: `subject(n, v)`, which calls `cond(name)`, `probe(value)` and `trace(text)`."""
    return Programmer(random.Random(seed)).program()


class Programmer:
    """Writes one program by throwing dice."""

    def __init__(self, dice: random.Random) -> None:
        self.dice = dice
        self.count = 0
        self.held: list[str] = []
        self.generator = dice.random() < 0.15

    def program(self) -> str:
        """The text of it."""
        lines = ["def subject(n, v):", *_in(self.block(0))]
        if self.dice.random() < 0.3:
            lines = ["def is_new():", f"    return {ON}", "", "", *(line.replace(ON, "is_new()") for line in lines)]
        return "".join(f"{line.replace(VERBATIM, '')}\n" for line in lines)

    def block(self, depth: int, *, loop: bool = False) -> Lines:
        """One to three statements."""
        return [line for _ in range(self.dice.randint(1, 3)) for line in self.statement(depth, loop=loop)]

    def statement(self, depth: int, *, loop: bool) -> Lines:
        """A statement of one line, or a compound one."""
        if depth > DEEPEST or self.dice.random() < 0.55:
            return self.simple(loop=loop)
        return self.compound(depth, loop=loop)

    def simple(self, *, loop: bool) -> Lines:
        """A statement without a block."""
        one = self.expression()
        kinds = [["n += 1"], [f"v = {one}"], [one], [f"return {one}"], [ON], [f"raise ValueError({one})"]]
        kinds += [self.holds(), self.holds(), [f"trace('t{self.dice.randint(0, 99)}')"], [f"assert probe({one})"]]
        kinds += [["# what new-ui does", "trace('c')"], [f"v = w = {one}"], [f"trace(f'{{n}} {{{ON}}}')"]]
        kinds += [['text = """x', f"{VERBATIM}  y", f'{VERBATIM}"""', "trace(text)"]]
        if loop:
            kinds += [["break"], ["continue"]]
        if self.generator:
            kinds += [[f"yield {one}"]] * 2
        return self.dice.choice(kinds)

    def holds(self) -> Lines:
        """A variable that holds the flag's answer."""
        self.count += 1
        name = f"enabled{self.count if self.dice.random() < 0.8 else 1}"
        if name not in self.held:
            self.held.append(name)
        return [f"{name} = {self.dice.choice(['', '', 'not '])}{ON}"]

    def compound(self, depth: int, *, loop: bool) -> Lines:
        """A statement with blocks."""

        def inner(*, within: bool = loop) -> Lines:
            return _in(self.block(depth + 1, loop=within))

        one, two = self.expression(), self.expression()
        kinds: list[Callable[[], Lines]] = [
            lambda: [f"if {one}:", *inner()],
            lambda: [f"if {one}:", *inner(), "else:", *inner()],
            lambda: [f"if {one}:", *inner(), f"elif {two}:", *inner()],
            lambda: [f"if {one}:", *inner(), "# between", f"elif {two}:", *inner(), "else:", "    # other", *inner()],
            lambda: ["for i in range(2):", *inner(within=True)],
            lambda: [f"while n < 3 and ({one}):", "    n += 1", *inner(within=True)],
            lambda: ["try:", *inner(), "finally:", "    trace('f')"],
            lambda: ["try:", *inner(), "except ValueError:", *inner()],
            lambda: ["with context():", *inner()],
            lambda: self.function(depth),
        ]
        return self.dice.choice(kinds)()

    def function(self, depth: int) -> Lines:
        """A function within, called at once."""
        generator, self.generator = self.generator, False
        self.count += 1
        given = self.dice.choice(["v=1", "v=2, enabled1=2"])
        lines = [f"def inner{self.count}({given}):", "    n = 0", *_in(self.block(depth + 1))]
        self.generator = generator
        return [*lines, f"trace(str(inner{self.count}()))"]

    def expression(self, depth: int = 0) -> str:
        """An expression; deep ones end in the flag, conditions, variables and constants."""
        dice = self.dice
        if depth > DEEPEST or dice.random() < 0.2:
            named = [*self.held, "v", "n"]
            return dice.choice(
                [ON, ON, ON, f"{COLOUR} == 'blue'", "cond('a')", "cond('b')", "True", "None", "0", *named]
            )
        one, two, three = (self.operand(depth + 1) for _ in range(3))
        same = dice.choice(["==", "!=", "is", "is not"])
        kinds = [f"not {one}", f"not {one}", f"{one} and {two}", f"{one} or {two}", f"{one} or {two} and {three}"]
        kinds += [f"{one} if {two} else {three}", f"{one} {same} {dice.choice(['True', 'False', 'None'])}"]
        kinds += [f"probe({one})", f"[{one} for q in (1, 2) if {two}]", f"bool({one})", f"(lambda: {one})()"]
        kinds += [f"(lambda enabled1: enabled1)({one})", f"{COLOUR} in ('{dice.choice(['blue', 'red'])}', 'green')"]
        kinds += [f"{{'enabled': {one}}}['enabled']", f"(\n        {one}\n        and {two}\n    )"]
        return dice.choice(kinds)

    def operand(self, depth: int) -> str:
        """An expression that can stand in another one."""
        made = self.expression(depth)
        return made if self.dice.random() < 0.1 and made.isidentifier() else f"({made})"


def _in(lines: Lines) -> Lines:
    return [line if line.startswith(VERBATIM) else f"    {line}" for line in lines]
