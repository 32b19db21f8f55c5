"""Laws of taking out what fell dead: nothing used goes, twice is once, and the order of files does not matter."""

from __future__ import annotations

import re
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from flagtrail.codebase import languages
from flagtrail.codebase.rewrite.dead import swept
from flagtrail.codebase.rewrite.fallen import fallen
from flagtrail.codebase.rewrite.names import Names
from flagtrail.codebase.source import Source

NAMES = tuple("abcdefgh")


@dataclass(frozen=True)
class Program:
    """Modules of functions, which call others of their own module or imported ones; and whose calls folding takes."""

    calls: dict[tuple[int, str], tuple[tuple[int, str], ...]]
    taken: frozenset[tuple[int, str]]

    def modules(self, *, folded: bool) -> dict[str, bytes]:
        """The files, before or after folding; after it, functions in `taken` call nothing."""
        files: dict[int, list[str]] = {}
        for (module, name), calls in self.calls.items():
            body = () if folded and (module, name) in self.taken else calls
            lines = [f"    x_{name} = {called}(1)" for _, called in body]
            files.setdefault(module, []).append("\n".join([f"def {name}(n):", *lines, "    return n", "", ""]))
        return {
            f"m{module}.py": ("\n".join([*self._imports(module), "", "", *bodies])).encode()
            for module, bodies in files.items()
        }

    def _imports(self, module: int) -> list[str]:
        return sorted(
            {
                f"from m{other} import {called}"
                for (at, _), calls in self.calls.items()
                for other, called in calls
                if at == module and other != module
            }
        )


@st.composite
def programs(draw: st.DrawFn) -> Program:
    """Each name is defined in one module only, so that it is clear what a call means."""
    home = {name: draw(st.integers(0, 2)) for name in NAMES}
    calls = {
        (module, name): tuple((home[other], other) for other in draw(st.lists(st.sampled_from(NAMES), max_size=3)))
        for name, module in home.items()
    }
    return Program(calls, frozenset(draw(st.sets(st.sampled_from(sorted(calls)), min_size=1, max_size=4))))


def source(path: str, data: bytes) -> Source:
    """A file of Python."""
    language = languages.of_path(path)
    assert language is not None
    return language.source(path, data)


def after(program: Program, order: int = 1) -> dict[str, bytes | None]:
    """What all files become."""
    before, folded = program.modules(folded=False), program.modules(folded=True)
    paths = sorted(before)[::order]
    changed = {path: source(path, folded[path]) for path in paths if folded[path] != before[path]}
    fell = fallen({path: before[path] for path in paths}, changed, languages.of_path, "new-ui")
    made = {path: None if found is None else found.data for path, found in fell.files.items()}
    return {**before, **made}


def unknown(files: dict[str, bytes | None]) -> set[str]:
    """The calls of names that a file neither defines nor imports from one that defines them."""
    text = {path: (data or b"").decode() for path, data in files.items()}
    defined = {path: set(re.findall(r"^def ([a-h])\(", found, re.MULTILINE)) for path, found in text.items()}
    lost = set()
    for path, found in text.items():
        imports = re.findall(r"^from (m\d) import (.+)$", found, re.MULTILINE)
        imported = [(f"{module}.py", name) for module, names in imports for name in names.split(", ")]
        known = defined[path] | {name for module, name in imported if name in defined.get(module, ())}
        called = set(re.findall(r"= ([a-h])\(1\)", found)) | {name for _, name in imported}
        lost |= {f"{path}: {name}" for name in called - known}
    return lost


@given(programs())
@settings(max_examples=30, deadline=None)
def test_what_falls_dead__leaves_no_use_of_what_is_gone(program: Program) -> None:
    assert unknown(after(program)) == set()


@given(programs())
@settings(max_examples=30, deadline=None)
def test_what_falls_dead__was_used_before_and_is_not_now(program: Program) -> None:
    before, made = program.modules(folded=False), after(program)
    called = {each for calls in program.calls.values() for each in calls}
    for path, data in before.items():
        left = set(re.findall(r"^def ([a-h])\(", (made[path] or b"").decode(), re.MULTILINE))
        for name in set(re.findall(r"^def ([a-h])\(", data.decode(), re.MULTILINE)) - left:
            assert (int(path[1]), name) in called or made[path] is None


@given(programs())
@settings(max_examples=30, deadline=None)
def test_what_falls_dead__is_the_same_in_any_order_of_files(program: Program) -> None:
    assert after(program) == after(program, -1)


@given(programs())
@settings(max_examples=30, deadline=None)
def test_sweeping_a_file__twice_is_once(program: Program) -> None:
    before, folded = program.modules(folded=False), program.modules(folded=True)
    for path, data in before.items():
        language = languages.of_path(path)
        assert language is not None
        then, now = (Names(source(path, each), language) for each in (data, folded[path]))
        once = Names(swept(then, now)[0], language)
        assert swept(then, once)[0].data == once.source.data
        assert swept(once, once)[0].data == once.source.data
