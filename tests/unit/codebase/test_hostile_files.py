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


NESTED = {
    "main.py": f"x = {{deep}}{ASKED}{{end}}\n",
    "main.ts": "const x = {deep}flags.isEnabled('new-ui'){end};\n",
    "main.js": "const x = {deep}flags.isEnabled('new-ui'){end};\n",
    "main.go": 'package app\n\nvar x = {deep}flags.IsEnabled("new-ui"){end}\n',
    "Main.java": 'class Main {{ boolean x = {deep}flags.isEnabled("new-ui"){end}; }}\n',
    "main.kt": 'val x = {deep}flags.isEnabled("new-ui"){end}\n',
}
"""In each language an expression around an evaluation."""


@pytest.mark.parametrize("path", NESTED)
def test_code_that_is_nested_deeper_than_people_write__is_left_alone_and_told_in_every_language(path: str) -> None:
    for depth, changed in ((90, True), (20_000, False)):
        text = NESTED[path].format(deep="(" * depth, end=")" * depth).encode()
        made = plan(Files({path: text}), "new-ui", Winner("on", value=True))
        assert bool(made.changes) == changed
        assert [refusal.why for refusal in made.refusals] == ([] if changed else ["unsupported"])


@pytest.mark.parametrize(
    "data",
    [
        f"x = {ASKED}\n".encode() + b"# " + b"-" * 1_000_000,
        f"x = 1 if {ASKED} else 2  # caf\xe9\n".encode("latin-1"),
        f"x = 1 if {ASKED} else 2\n\0".encode(),
        f"x = {'(' * 9_000}{ASKED}\n".encode(),
        f"x = [{f'{ASKED}, ' * 1_000}]\n".encode(),
    ],
    ids=["a large file", "another encoding", "a byte that no text has", "parentheses that nothing ends", "many places"],
)
def test_a_file_that_cannot_be_read_in_time_or_at_all__is_left_alone_and_told(data: bytes) -> None:
    made = plan(Files({"main.py": data}), "new-ui", Winner("on", value=True))
    assert made.changes == ()
    assert {(refusal.path, refusal.why) for refusal in made.refusals} == {("main.py", "unsupported")}


@pytest.mark.parametrize(
    "odd", [b"# caf\xe9\n", b"y = " + b"(" * 900 + b"1" + b")" * 900 + b"\n"], ids=["another encoding", "nested deep"]
)
def test_what_a_file_that_is_not_read_may_use__stays(odd: bytes) -> None:
    asking = f"from keys import K\nfrom old import old\nx = 1 if flags.is_enabled(K) else old()\nz = {ASKED}\n"
    files = {
        "main.py": asking.encode(),
        "keys.py": b'K = "new-ui"\n',
        "old.py": b"def old():\n    return 1\n",
        "odd.py": odd + b"from keys import K\nfrom old import old\nprint(old(), K)\n",
    }
    made = plan(Files(files), "new-ui", Winner("on", value=True))
    assert [change.path for change in made.changes] == ["main.py"]
    assert "odd.py" in {refusal.path for refusal in made.refusals}


def test_a_variable_that_eval_may_read__stays() -> None:
    text = b"const enabled = flags.isEnabled('new-ui');\nexport const f = () => (enabled ? eval('enabled') : 0);\n"
    made = plan(Files({"main.js": text}), "new-ui", Winner("on", value=True))
    assert made.refusals[0].why == "unsupported"
    assert made.changes[0].after == text.replace(b"flags.isEnabled('new-ui')", b"true")


@pytest.mark.parametrize(
    "files",
    [
        {"main.py": "from keys import K\ndef f(K):\n    return flags.is_enabled(K)\n", "keys.py": 'K = "new-ui"\n'},
        {"main.py": 'import keys\nkeys.K = "b"\nx = flags.is_enabled(keys.K)\n', "keys.py": 'K = "new-ui"\n'},
        {"main.py": 'K = "new-ui"\nif two:\n    K += "-b"\nx = flags.is_enabled(K)\n'},
        {
            "main.py": "import a, b\nx = flags.is_enabled(a.K), flags.is_enabled(b.K)\n",
            "a.py": 'K = "new-ui"\n',
            "b.py": 'K = "b"\n',
        },
        {
            "main.py": 'class A:\n    K = "new-ui"\n    def on(self):\n        return flags.is_enabled(self.K)\n'
            'class B(A):\n    K = "b"\n'
        },
    ],
    ids=["a parameter", "set elsewhere", "added to", "two modules", "a subclass"],
)
def test_a_constant_whose_name_may_mean_something_else__is_left_alone(files: dict[str, str]) -> None:
    made = plan(Files({path: text.encode() for path, text in files.items()}), "new-ui", Winner("on", value=True))
    assert made.changes == ()
    assert made.refusals


def test_a_wrapper_that_another_file_replaces__is_still_asked() -> None:
    files = {
        "checks.py": f"from stub import flags\n\n\ndef is_new():\n    return {ASKED}\n",
        "main.py": "import checks\n\nchecks.is_new = lambda: False\nx = 1 if checks.is_new() else 2\n",
    }
    made = plan(Files({path: text.encode() for path, text in files.items()}), "new-ui", Winner("on", value=True))
    assert [change.path for change in made.changes] == ["checks.py"]


def test_a_name_that_is_put_together_to_be_looked_up__stays() -> None:
    files = {
        "main.py": "import views\n\n\nclass Page:\n    def show(self, kind):\n        name = 'page_' + kind\n"
        f"        if {ASKED}:\n            return getattr(views, name)() + getattr(self, f'_show_{{kind}}')()\n"
        "        return self._show_old() + views.page_old()\n\n    def _show_old(self):\n        return 1\n",
        "views.py": "def page_old():\n    return 2\n",
    }
    made = plan(Files({path: text.encode() for path, text in files.items()}), "new-ui", Winner("on", value=True))
    assert [change.path for change in made.changes] == ["main.py"]
    assert b"def _show_old" in (made.changes[0].after or b"")
