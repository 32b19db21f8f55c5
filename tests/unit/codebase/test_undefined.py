"""Names that a change leaves without what they name: in a file, between files, and none that was so before."""

from __future__ import annotations

import pytest

from flagtrail.codebase.cleanup import Change
from flagtrail.codebase.repository import Files
from flagtrail.codebase.undefined import undefined

KEYS = "NEW_UI = 'new-ui'\nOTHER = 'other'\n"
WITHOUT = "OTHER = 'other'\n"

CASES = [
    pytest.param(
        {"a.py": "def f(x):\n    y = x\n    return y\n"},
        {"a.py": "def f(x):\n    return y\n"},
        ["a.py:2 y"],
        id="local",
    ),
    pytest.param(
        {"a.py": "def f(x):\n    return y\n"}, {"a.py": "def f(x):\n    return y + 1\n"}, [], id="undefined before"
    ),
    pytest.param({"a.py": "import os\nx = os.sep\n"}, {"a.py": "x = os.sep\n"}, ["a.py:1 os"], id="an import"),
    pytest.param({"a.py": "x = 1\n"}, {"a.py": "x = unheard\n"}, ["a.py:1 unheard"], id="a new name out of nothing"),
    pytest.param(
        {"keys.py": KEYS, "b.py": "from keys import NEW_UI\n"},
        {"keys.py": WITHOUT},
        ["b.py:1 NEW_UI"],
        id="imported elsewhere",
    ),
    pytest.param(
        {"keys.py": KEYS, "b.py": "import keys\nx = keys.NEW_UI\n"},
        {"keys.py": WITHOUT},
        ["b.py:2 NEW_UI"],
        id="by member",
    ),
    pytest.param(
        {"keys.py": KEYS, "b.py": "from other import NEW_UI\n", "other.py": "NEW_UI = 1\n"},
        {"keys.py": WITHOUT},
        [],
        id="defined elsewhere too",
    ),
    pytest.param({"keys.py": KEYS, "b.py": "NEW_UI = 1\nx = NEW_UI\n"}, {"keys.py": WITHOUT}, [], id="bound there"),
    pytest.param({"keys.py": KEYS, "b.py": "# NEW_UI\nx = 'NEW_UI'\n"}, {"keys.py": WITHOUT}, [], id="only mentioned"),
    pytest.param(
        {"shop/old.py": "def f(): pass\n", "b.py": "from shop import old\n", "shop/c.py": "from .old import f\n"},
        {"shop/old.py": None},
        ["b.py:1 old", "shop/c.py:1 f"],
        id="a module that is gone",
    ),
    pytest.param(
        {"shop/old.py": "x = 1\n", "b.py": "from shop import old\nold.x\n"},
        {"shop/old.py": None, "b.py": "\n"},
        [],
        id="a module that nobody wants any more",
    ),
    pytest.param(
        {"a.ts": "const on = f();\nexport const x = on ? 1 : 2;\n"},
        {"a.ts": "export const x = on ? 1 : 2;\n"},
        ["a.ts:1 on"],
        id="TypeScript",
    ),
    pytest.param(
        {"src/old.ts": "export const old = 1;\n", "src/b.ts": 'import { old } from "./old";\n'},
        {"src/old.ts": None},
        ["src/b.ts:1 old"],
        id="a module of TypeScript",
    ),
    pytest.param(
        {"a.go": "package p\n\nfunc old() int { return 1 }\n", "b.go": "package p\n\nfunc f() int { return old() }\n"},
        {"a.go": "package p\n"},
        ["b.go:3 old"],
        id="Go's other files of a package",
    ),
]


@pytest.mark.parametrize(("before", "after", "expected"), CASES)
def test_undefined__after_a_change__is_what_was_defined_before(
    before: dict[str, str], after: dict[str, str | None], expected: list[str]
) -> None:
    files = Files({path: text.encode() for path, text in before.items()})
    changes = [
        Change(path, before[path].encode(), None if text is None else text.encode()) for path, text in after.items()
    ]
    told = {f"{each.path}:{each.line} {each.name}" for each in undefined(files, changes)}

    assert sorted(told) == expected


def test_undefined__of_files_of_no_language__is_nothing() -> None:
    assert undefined(Files({"a.txt": b"x"}), [Change("a.txt", b"x", None)]) == []
