"""A clean-up is kept only where all that was sound before is sound after it; what cannot be checked is said."""

from __future__ import annotations

import os
import shutil
import stat
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest
from tests.support.repositories import own_temporary, repository

from flagtrail.codebase import checkers
from flagtrail.codebase import verify as module
from flagtrail.codebase.checkers import Checker, Said, Work
from flagtrail.codebase.checkout import checkout
from flagtrail.codebase.checkout import repository as found
from flagtrail.codebase.cleanup import Change, Plan, Winner
from flagtrail.codebase.verify import Check, Command, Verified, verify

GO = {"go.mod": "module example.org/shop\n\ngo 1.21\n"}
JAVA = "src/main/java/shop/"


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own_temporary(tmp_path, monkeypatch)


def verified(
    folder: Path, before: Mapping[str, str], after: Mapping[str, str | None], *, command: str | None = None
) -> Verified:
    """What is said of a plan that makes `after` of `before`."""
    changes = [
        Change(path, before[path].encode(), None if text is None else text.encode()) for path, text in after.items()
    ]
    plan = Plan("new-ui", Winner("on", True), tuple(changes))
    with checkout(found(repository(folder / "shop", before))) as place:
        return verify(place, plan, None if command is None else Command(command, 20.0))


def outcomes(told: Verified) -> dict[str, str]:
    return {check.name: check.outcome for check in told.checks}


def named(told: Verified, name: str) -> Check:
    return next(check for check in told.checks if check.name == name)


# ---------------------------------------------------------------- our own checks
def test_verify__a_sound_change__passes_and_says_what_was_looked_at(tmp_path: Path) -> None:
    told = verified(tmp_path, {"a.py": "import os\nx = os.sep if 1 else 2\n"}, {"a.py": "import os\nx = os.sep\n"})

    assert (told.passed, outcomes(told)) == (True, {"syntax": "passed", "names": "passed", "ruff": "passed"})


def test_verify__new_defects_of_syntax__fail_and_nothing_else_is_run(tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    told = verified(tmp_path, {"a.py": "x = [1]\n"}, {"a.py": "x = [1\n"}, command=f"touch {ran}")

    assert (set(outcomes(told)), ran.exists()) == ({"syntax", "names"}, False)
    assert told.failures[0].findings == ("a.py: 1 more than before",)


def test_verify__a_placeholder_that_was_left__fails(tmp_path: Path) -> None:
    told = verified(tmp_path, {"a.py": "x = 1\n"}, {"a.py": "__FF_T__ = 1\nx = __FF_T__\n"})

    assert named(told, "syntax").findings == ("a.py: a placeholder was left",)


def test_verify__a_name_without_a_definition__fails(tmp_path: Path) -> None:
    told = verified(tmp_path, {"a.py": "y = 1\nx = y\n"}, {"a.py": "x = y\n"})

    assert named(told, "names").findings == ("a.py:1: y is used and not bound here any more",)


# ---------------------------------------------------------------- the language's own checker
def test_ruff__what_is_not_used_any_more__is_untidy_and_no_failure(tmp_path: Path) -> None:
    told = verified(tmp_path, {"a.py": "import os\nimport re\nx = os.sep\n"}, {"a.py": "import os\nimport re\nx = 1\n"})

    assert (told.passed, told.untidy) == (True, True)
    assert named(told, "ruff").findings == ("a.py: F401 `os` imported but unused",)


def test_checker__that_is_not_there__is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    git = shutil.which("git")
    assert git is not None
    (programs / "git").symlink_to(git)
    monkeypatch.setenv("PATH", str(programs))
    told = verified(tmp_path, {**GO, "a.go": "package shop\n\nvar x = 1\n"}, {"a.go": "package shop\n\nvar x = 2\n"})

    assert (told.passed, named(told, "go vet").outcome) == (True, "not_checked")
    assert "not on this machine" in named(told, "go vet").detail


@pytest.mark.slow
def test_go_vet__a_new_error__fails_and_an_old_one_does_not(tmp_path: Path) -> None:
    before = {
        **GO,
        "a.go": "package shop\n\nfunc f() int {\n\ty := 1\n\tif true {\n\t\treturn y\n\t}\n\treturn 2\n}\n",
        "old/b.go": 'package old\n\nfunc g() int {\n\treturn "x"\n}\n',
    }
    after = {"a.go": "package shop\n\nfunc f() int {\n\ty := 1\n\treturn 2\n}\n"}
    told = verified(tmp_path, before, after)

    assert named(told, "go vet").outcome == "failed"
    assert ["declared and not used: y" in each for each in named(told, "go vet").findings] == [True]
    after = {"a.go": "package shop\n\nfunc f() int {\n\ty := 1\n\treturn y\n}\n"}
    assert named(verified(tmp_path / "2", before, after), "go vet") == Check(
        "go vet", "passed", "nothing new (1 before the change)"
    )


@pytest.mark.slow
def test_go_vet__without_the_modules_it_needs__says_that_it_cannot_tell(tmp_path: Path) -> None:
    before = {**GO, "a.go": 'package shop\n\nimport "example.org/absent"\n\nvar X = absent.Y\n'}
    told = verified(tmp_path, before, {"a.go": f"{before['a.go']}\n"})

    assert (told.passed, named(told, "go vet").outcome) == (True, "not_checked")
    assert "no required module provides package example.org/absent" in named(told, "go vet").detail


@pytest.mark.slow
def test_javac__a_caller_in_another_file_that_breaks__fails(tmp_path: Path) -> None:
    before = {
        f"{JAVA}A.java": "package shop;\nclass A { int f(int x) { return x; } }\n",
        f"{JAVA}B.java": "package shop;\nimport org.absent.C;\nclass B { int g() { return new A().f(1); } C c; }\n",
    }
    told = verified(tmp_path, before, {f"{JAVA}A.java": "package shop;\nclass A { int f() { return 1; } }\n"})

    found = named(told, "javac")
    assert (found.outcome, len(found.findings)) == ("failed", 1)
    assert found.findings[0].startswith(f"{JAVA}B.java: error: method f in class A cannot be applied to given types;")


TSC = """#!/bin/sh
[ -e node_modules/types ] || { echo "no types"; exit 1; }
grep -q broken a.ts && echo "a.ts($(grep -n broken a.ts | cut -d: -f1),7): error TS2304: Cannot find name 'broken'."
echo "b.ts(9,1): error TS2307: Cannot find module 'absent'."
exit 2
"""


@pytest.mark.parametrize(("text", "outcome"), [("let x = 1;\n", "passed"), ("\nlet x = broken;\n", "failed")])
def test_tsc__of_the_repository__is_run_with_its_packages_lent(tmp_path: Path, text: str, outcome: str) -> None:
    before = {"web/a.ts": "let x = 1 + 0;\n", "web/tsconfig.json": "{}", ".gitignore": "node_modules\n"}
    shop = repository(tmp_path / "shop", before)
    packages = shop / "web" / "node_modules"
    (packages / ".bin").mkdir(parents=True)
    (packages / "types").write_text("")
    program = packages / ".bin" / "tsc"
    program.write_text(TSC)
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    change = Change("web/a.ts", before["web/a.ts"].encode(), text.encode())
    with checkout(found(shop)) as place:
        told = verify(place, Plan("f", Winner("on", True), (change,)), None)
        assert not os.path.lexists(place.tree / "web" / "node_modules")

    if outcome == "failed":  # the name is found by our own check first
        assert named(told, "names").outcome == "failed"
    else:
        assert named(told, "tsc") == Check("tsc", "passed", "nothing new (1 before the change)")


def test_kotlin__has_no_checker_here__and_that_is_said(tmp_path: Path) -> None:
    told = verified(tmp_path, {"a.kt": "val x = 1 + 0\n"}, {"a.kt": "val x = 1\n"})

    assert named(told, "kotlinc").outcome == "not_checked"


LINES = [
    (
        "app/(shop)/page.tsx(3,5): error TS2304: Cannot find name 'x'.",
        ("app/(shop)/page.tsx", "error TS2304: Cannot find name 'x'."),
    ),
    ("src/a b.py:3:7: F821 Undefined name `x`", ("src/a b.py", "F821 Undefined name `x`")),
    ("src/a.py:3:7: F401 [*] `os` imported but unused", ("src/a.py", "F401 `os` imported but unused")),
    ("vet: ./web/a.go:5:2: undefined: x", ("web/a.go", "undefined: x")),
    (
        "A.java:9: error: cannot find symbol\n    int y = x;\n            ^\n  symbol:   variable x\n",
        ("A.java", "error: cannot find symbol symbol:   variable x"),
    ),
]


@pytest.mark.parametrize(("output", "finding"), LINES, ids=[output.partition(":")[0] for output, _ in LINES])
def test_checker__what_it_prints__is_known_without_its_line(
    tmp_path: Path, output: str, finding: tuple[str, str]
) -> None:
    tree = tmp_path.resolve()
    printer = Checker(
        "p", (), lambda _: "sh", lambda _work, _program: iter([(".", ["printf", "%s", output])]), frozenset({0})
    )

    said = checkers.say(printer, Work(tree, tree, tree, ()), "sh")
    assert list(said.findings) == [finding]


@pytest.mark.parametrize(
    ("before", "after", "outcome"),
    [
        pytest.param(
            Said(Counter(), "slow", late=True), Said(Counter({("a", "x"): 1})), "not_checked", id="too slow before"
        ),
        pytest.param(Said(Counter()), Said(Counter(), "slow", late=True), "failed", id="too slow after"),
        pytest.param(Said(Counter({("a", "x"): 1})), Said(Counter({("a", "x"): 2})), "failed", id="once more"),
        pytest.param(Said(Counter({("a", "x"): 2})), Said(Counter({("a", "x"): 1})), "passed", id="once less"),
        pytest.param(
            Said(Counter(), "lacks"), Said(Counter({("a", "x"): 1}), "lacks"), "failed", id="new all the same"
        ),
    ],
)
def test_checker__what_it_said_before_and_after__is_compared(before: Said, after: Said, outcome: str) -> None:
    checker = Checker("p", (), lambda _: None, lambda _work, _program: iter(()), frozenset({0}))

    assert module._compared(checker, before, after).outcome == outcome


# ---------------------------------------------------------------- the user's own command
PYTEST = "echo 'FAILED test_a.py::test_{} - assert {}'"
JUDGED = [
    pytest.param("true", "passed", "passes before and after", id="passes"),
    pytest.param("grep -q 2 a.txt", "passed", "failed before, passes after", id="is mended"),
    pytest.param("grep -q 1 a.txt", "failed", "passed before the change, ends with 1 after it", id="breaks"),
    pytest.param(
        "exit 3",
        "failed",
        "ends with 3 on the untouched commit, and names no test that fails: it proves nothing",
        id="broken",
    ),
    pytest.param(
        "echo FAILED test_a.py::test_x - $(cat a.txt); exit 1",
        "passed",
        "fails after as before: 1 of the 1 failures of before, none new",
        id="the same test fails",
    ),
    pytest.param(
        "echo FAILED test_a.py::test_same; echo FAILED test_a.py::test_$(cat a.txt); exit 1",
        "failed",
        "fails in ways that it did not before the change",
        id="another test fails, too",
    ),
    pytest.param(
        "grep -q 1 a.txt && echo '--- FAIL: TestX (0.01s)'; exit 1",
        "failed",
        "fails in ways that it did not before the change",
        id="fails without naming a test",
    ),
]


@pytest.mark.parametrize(("command", "outcome", "detail"), JUDGED)
def test_command__before_and_after__is_compared(tmp_path: Path, command: str, outcome: str, detail: str) -> None:
    told = verified(tmp_path, {"a.txt": "1"}, {"a.txt": "2"}, command=command)

    assert (named(told, command).outcome, named(told, command).detail) == (outcome, detail)
    assert told.passed == (outcome == "passed")


SAME = [
    ("FAILED tests/test_a.py::test_x - assert 1 == 2", "FAILED tests/test_a.py::test_x - assert 1 == 3"),
    ("ERROR: test_x (test_a.TestX.test_x)", "ERROR: test_x (test_a.TestX.test_x)"),
    ("--- FAIL: TestCart (0.02s)", "--- FAIL: TestCart (1.20s)"),
    ("FAIL\texample.org/shop\t0.012s", "FAIL\texample.org/shop\t0.344s"),
    ("  ✕ adds (12 ms)", "  ✕ adds (5 ms)"),
    ("  ● Cart › adds", "  ● Cart › adds"),
    (" FAIL  src/cart.test.ts > adds", " FAIL  src/cart.test.ts > adds"),
    ("not ok 12 - adds", "not ok 11 - adds"),
    ("[ERROR]   CartTest.adds:41 expected: <1>", "[ERROR]   CartTest.adds:39 expected: <1>"),
    ("CartTest > adds() FAILED", "CartTest > adds() FAILED"),
    ("  1) Cart adds", "  2) Cart adds"),
]


@pytest.mark.parametrize(("one", "other"), SAME, ids=[one for one, _ in SAME])
def test_failures__of_well_known_runners__are_known_again_in_another_run(tmp_path: Path, one: str, other: str) -> None:
    (tmp_path / "one").write_text(f"{one}\n")
    (tmp_path / "two").write_text(f"{other}\n")
    command = f"cat {tmp_path}/$(cat a.txt); exit 1"
    told = verified(tmp_path, {"a.txt": "one"}, {"a.txt": "two"}, command=command)

    assert named(told, command).outcome == "passed", named(told, command)


def test_command__is_told_of_the_repository_and_runs_in_the_worktree(tmp_path: Path) -> None:
    told = verified(
        tmp_path,
        {"a.txt": "1"},
        {"a.txt": "2"},
        command=f'[ "${module.ROOT_VARIABLE}" = "{tmp_path}/shop" ] && [ "$PWD" != "{tmp_path}/shop" ] && [ -e .git ]',
    )

    assert told.passed, told


def test_command__that_alters_and_commits_files__alters_no_patch(tmp_path: Path) -> None:
    before = {"a.txt": "1\n", "b.txt": "1\n"}
    shop = repository(tmp_path / "shop", before)
    plan = Plan("f", Winner("on", True), (Change("a.txt", b"1\n", b"2\n"),))
    identity = "-c user.name=x -c user.email=x@example.org"
    with checkout(found(shop)) as place:
        verify(place, plan, Command(f"echo 9 > b.txt; git {identity} commit -qam x; echo 8 > a.txt", 20.0))
        place.restore()
        place.apply(plan.changes)
        patch = place.patch().decode()

    assert ("+2" in patch, "b.txt" in patch, "+8" in patch) == (True, False, False)
