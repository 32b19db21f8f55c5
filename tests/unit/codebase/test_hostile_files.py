"""Files that no person writes, and code that reaches names in ways that no one sees: left alone, told, never broken."""

from __future__ import annotations

import pytest

from flagtrail.codebase.cleanup import Winner
from flagtrail.codebase.plan import plan
from flagtrail.codebase.repository import Files

ASKED = 'flags.is_enabled("new-ui")'


@pytest.mark.parametrize(
    "text",
    [
        f"x = {'(' * 2000}{ASKED}{')' * 2000}\n",
        f"x = {'not ' * 2000}{ASKED}\n",
        f"x = 1{' + 1' * 3000} + (1 if {ASKED} else 2)\n",
        f"if {ASKED}:\r    trace(1)\relse:\r    trace(2)\r",
        f"def f():\n    enabled = {ASKED}\n    trace('on' if enabled else 'off')\n    return locals()\n",
        f"ENABLED = {ASKED}\nglobals()['ENABLED'] = 3\n",
    ],
    ids=["parentheses", "negations", "a long sum", "old line ends", "locals", "globals"],
)
def test_what_is_not_understood__is_told(text: str) -> None:
    made = plan(Files({"main.py": text.encode()}), "new-ui", Winner("on", value=True))
    assert {refusal.why for refusal in made.refusals} == {"unsupported"}
    assert all(b"locals" in (change.after or b"") or b"globals" in (change.after or b"") for change in made.changes)


def test_a_file_that_is_indented_deeper_than_the_grammar_bears__is_left_alone() -> None:
    deep = "".join(f"{' ' * depth}if a:\n" for depth in range(1200))
    text = f"{deep}{' ' * 1200}if {ASKED}:\n{' ' * 1201}trace(1)\n"
    made = plan(Files({"main.py": text.encode()}), "new-ui", Winner("on", value=True))
    assert made.changes == ()
