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
            lambda: self.dice.choice([self.ended, self.matched, self.method, self.closure])(depth),
            self.awaited,
        ]
        return self.dice.choice(kinds)()

    def ended(self, depth: int) -> Lines:
        """A loop with `else`, or a `try` with all it can have, whose value may be returned from within."""
        one, inner = self.expression(), _in(self.block(depth + 1, loop=True))
        last, early = _in(self.block(depth + 1)), [f"    if {self.expression()}:", "        break"]
        kinds = [
            ["for i in (1, 2):", *early, *inner, "else:", *last],
            [f"while n < 2 and ({one}):", "    n += 1", *early, "else:", *last],
            ["try:", f"    probe(1 // (0 if {one} else 1))", "except ZeroDivisionError as e:", "    trace(repr(e))",
             *last, "else:", "    trace('else')", "finally:", f"    n = n + 1 if ({self.expression()}) else n"],
            ["try:", *last, "except (KeyError, ValueError):", f"    if {one}:", "        raise", "    n += 2"],
        ]  # fmt: skip
        return self.dice.choice(kinds)

    def matched(self, depth: int) -> Lines:
        """`match` with guards, alternatives, and patterns that take what comes."""
        subject = self.dice.choice([COLOUR, COLOUR, ON, f"(n, {ON})", f"{{'on': {ON}}}", self.expression()])
        guard = f" if {self.expression()}" if self.dice.random() < 0.4 else ""
        heads = ["'blue'", "'red' | 'off'", "True", "(0, True)", "(w, False)", "{'on': True}", "None", "bool() as w"]
        lines = [f"match {subject}:"]
        for head in self.dice.sample(heads, self.dice.randint(1, 3)):
            lines += [f"    case {head}{guard}:", *_in(_in(self.block(depth + 1)))]
        return [*lines, *(["    case _:", *_in(_in(self.block(depth + 1)))] if self.dice.random() < 0.5 else [])]

    def method(self, depth: int) -> Lines:
        """A class that keeps the answer, asks for it in a property or as a default, and its object."""
        generator, self.generator = self.generator, False
        self.count += 1
        name = f"Thing{self.count}"
        body = _in(_in(self.block(depth + 1)))
        self.generator = generator
        lines = [
            f"class {name}:", f"    on = {self.dice.choice(['', 'not '])}{ON}", "    def __init__(self, n, v=2):",
            f"        self.kept = {self.expression(1)}", "        self.n = n", "    @property", "    def asked(self):",
            f"        return {ON}", "    def go(self, n, v=None):", "        enabled1 = v", *body,
            f"        return self.kept if self.{self.dice.choice(['on', 'asked', 'kept'])} else self.n",
        ]  # fmt: skip
        return [*lines, f"trace(repr({name}(n).go(0)))", f"v = {name}(1).{self.dice.choice(['asked', 'on', 'kept'])}"]

    def closure(self, depth: int) -> Lines:
        """A function within that writes a variable of the one around it, and a decorator of one that asks."""
        self.count += 1
        name, on = f"outer{self.count}", self.expression(1)
        body = [line for line in _in(_in(self.block(depth + 2))) if "yield" not in line] or ["        pass"]
        return [
            f"def {name}(v):", f"    held{self.count} = {self.dice.choice(['', 'not '])}{ON}", "    n = 0",
            "    def inner(k=0):", f"        nonlocal {self.dice.choice(['n', f'n, held{self.count}'])}",
            "        n += 1",
            "        enabled1 = k", *body, f"        return held{self.count} and n", "    def wrapped(function):",
            f"        return function if held{self.count} else lambda: 7", "    @wrapped", "    def last():",
            f"        return [x for x in (1, 2) if (y := {on}) or held{self.count}]",
            f"    return inner(), last(), n, held{self.count}", f"trace(repr({name}(v)))",
        ]  # fmt: skip

    def awaited(self) -> Lines:
        """A coroutine that asks, a generator of its own, and what is taken apart."""
        self.count += 1
        name, one, two = f"later{self.count}", self.expression(1), self.expression(1)
        return [
            f"async def {name}(v, n=1):", "    enabled1 = n", f"    if {one}:", f"        return await ready({two})",
            f"    async for each in several({ON}, {self.expression(1)}):", "        trace(repr(each))",
            f"    return [await ready(v) if {ON} else v async for v in several(1, {ON}) if ({two})]",
            f"trace(repr(wait({name}(v))))", f"first{self.count}, *rest = [{ON}, {one}, n]",
            f"trace(repr((first{self.count}, rest, {{k: {ON} for k in 'ab'}}, *([1] if {ON} else []))))",
        ]  # fmt: skip

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
