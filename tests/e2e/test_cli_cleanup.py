"""`flagtrail cleanup`: a flag leaves real repositories, proved before anything is delivered, or nothing is changed."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.support.command_line import Outcome, flagtrail_in
from tests.support.repositories import git, held, own_settings, own_temporary, repository, write

from flagtrail.app.bootstrap import App
from flagtrail.app.identity import SYSTEM_IDENTITY
from flagtrail.app.settings import Settings
from flagtrail.codebase.checkout import NAME
from flagtrail.model.change import Change, Operation
from flagtrail.model.document import encode
from flagtrail.model.flag import boolean_flag
from flagtrail.model.subject import flag_subject, targeting_subject

Json = Any
Given = dict[str, str]
KEY = "new_pricing"
BRANCH = f"flagtrail/remove-{KEY}"
CART = (
    "def total(client, items):\n"
    f'    if client.get_boolean_value("{KEY}", False):\n'
    "        return sum(items)\n"
    "    return sum(items) * 2\n"
)
FILES = {
    "shop/__init__.py": "",
    "shop/cart.py": CART,
    "check.py": (
        "from shop.cart import total\n\n\n"
        "class On:\n"
        "    def get_boolean_value(self, key, default):\n"
        "        return True\n\n\n"
        "assert total(On(), [1, 2]) == 3\n"
    ),
}
CLEAN = "def total(client, items):\n    return sum(items)\n"
CHECK = f"{sys.executable} check.py"
BY_HAND = ("--flag-file", "../flag.json", "--variant", "on")


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    own_settings(monkeypatch)
    return own_temporary(tmp_path, monkeypatch) / f"{NAME}-{os.getuid()}"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / "flag.json").write_bytes(msgspec.json.encode(encode(boolean_flag(KEY))))
    return repository(tmp_path / "shop", FILES)


@pytest.fixture
def unchanged(shop: Path, temporary: Path) -> Iterator[None]:
    """Holds that the test alters nothing of the repository and leaves nothing behind."""
    before = held(shop)
    yield
    assert held(shop) == before
    assert not temporary.exists() or list(temporary.iterdir()) == []


def cleanup(shop: Path, *arguments: str, by: tuple[str, ...] = BY_HAND) -> Outcome:
    return flagtrail_in(shop, "cleanup", KEY, *by, *arguments)


# ---------------------------------------------------------------- deliveries
@pytest.mark.usefixtures("unchanged")
def test_cleanup__without_a_delivery__prints_a_patch_that_git_applies(shop: Path, tmp_path: Path) -> None:
    outcome = cleanup(shop, "--verify", CHECK)

    assert outcome.code == 0, outcome.err
    assert f"{CHECK}: passes before and after" in outcome.err
    other = repository(tmp_path / "other", FILES)
    git(other, "apply", "-", stdin=outcome.out.encode())
    assert (other / "shop" / "cart.py").read_text() == CLEAN


@pytest.mark.usefixtures("unchanged")
def test_cleanup__to_a_file__writes_the_patch(shop: Path, tmp_path: Path) -> None:
    outcome = cleanup(shop, "--patch", "../it.patch")

    assert (outcome.code, outcome.err) == (0, "")
    git(shop, "apply", "--check", str(tmp_path / "it.patch"))


def test_cleanup__to_a_branch__is_one_commit_that_tells_what_why_and_on_what_evidence(shop: Path) -> None:
    write(shop, {"shop/cart.py": "# not committed\n", "new.txt": "mine"})
    before = held(shop)
    outcome = cleanup(shop, "--branch", "--verify", CHECK, "--why", "BILL-42 is done")

    after = held(shop)
    assert (outcome.code, {**after, "refs": ""}) == (0, {**before, "refs": ""})
    assert git(shop, "show", f"{BRANCH}:shop/cart.py") == CLEAN.rstrip()
    assert git(shop, "rev-list", "--count", f"main..{BRANCH}") == "1"
    assert git(shop, "log", "-1", "--format=%an <%ae>", BRANCH) == "Ada Lovelace <ada@example.org>"
    message = git(shop, "log", "-1", "--format=%B", BRANCH)
    assert message.splitlines()[0] == "Remove the flag new_pricing: everybody gets on"
    for part in ("BILL-42 is done", "the variant on was chosen by hand", f"- {CHECK}: passes before and after"):
        assert part in message
    assert git(shop, "log", "-1", "--format=%(trailers:key=Flagtrail-Flag,valueonly)", BRANCH) == KEY
    assert "what you changed and did not commit is no part of it" in outcome.out
    assert f"flagtrail flags archive {KEY} --commit {git(shop, 'rev-parse', '--short=12', BRANCH)}" in outcome.out


def test_cleanup__to_a_branch_that_exists__is_refused(shop: Path) -> None:
    assert cleanup(shop, "--branch").code == 0
    before = held(shop)
    outcome = cleanup(shop, "--branch")

    assert (outcome.code, held(shop)) == (1, before)
    assert f"the branch {BRANCH} exists already" in " ".join(outcome.err.split())


@pytest.mark.usefixtures("unchanged")
def test_cleanup__without_an_author__is_refused(shop: Path) -> None:
    config = shop / ".git" / "config"
    kept = config.read_bytes()
    git(shop, "config", "--remove-section", "user")
    outcome = cleanup(shop, "--branch")
    config.write_bytes(kept)

    assert (outcome.code, "git knows no author" in outcome.err) == (1, True)


@pytest.mark.usefixtures("unchanged")
def test_cleanup__as_json__tells_all_of_it(shop: Path) -> None:
    told: Json = cleanup(shop, "--json", "--verify", CHECK).json

    assert (told["variant"], told["base"], told["delivered"]) == ("on", git(shop, "rev-parse", "HEAD"), True)
    assert told["files"] == [{"path": "shop/cart.py", "change": "changed"}]
    assert [check["outcome"] for check in told["checks"]] == ["passed"] * 4
    assert told["patch"].startswith("diff --git a/shop/cart.py")


# ---------------------------------------------------------------- pull requests
FAKE = """#!/bin/sh
printf '%s\\n' "$@" > "$0.args"
[ -n "$4" ] && [ -f "$8" ] && cat "$8" > "$0.body"
[ -e "$0.fails" ] && { echo "no permission" >&2; exit 1; }
echo https://github.com/acme/shop/pull/7
"""


def with_tool(shop: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> Path:
    """A remote, and a fake program of this name on PATH."""
    remote = shop.parent / "github" / "remote.git"
    remote.parent.mkdir()
    git(shop, "init", "--quiet", "--bare", str(remote))
    git(shop, "remote", "add", "origin", str(remote))
    program = shop.parent / "programs" / name
    program.parent.mkdir()
    program.write_text(FAKE)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    return program


def test_cleanup__to_a_pull_request__pushes_the_branch_and_opens_it(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = with_tool(shop, monkeypatch, "gh")
    outcome = cleanup(shop, "--pr", "--verify", CHECK)

    assert (outcome.code, "pull request: https://github.com/acme/shop/pull/7" in outcome.out) == (0, True)
    given = Path(f"{program}.args").read_text().splitlines()
    assert given[:6] == ["pr", "create", "--head", BRANCH, "--title", "Remove the flag new_pricing: everybody gets on"]
    assert f"- {CHECK}: passes before and after" in Path(f"{program}.body").read_text()
    assert git(shop, "ls-remote", "origin", f"refs/heads/{BRANCH}").split()[0] == git(shop, "rev-parse", BRANCH)
    assert list(shop.glob("*.md")) == []


@pytest.mark.slow
def test_cleanup__to_a_pull_request_whose_branch_is_at_the_remote__is_refused(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_tool(shop, monkeypatch, "gh")
    assert cleanup(shop, "--pr").code == 0
    git(shop, "branch", "-D", BRANCH)
    before = held(shop)
    outcome = cleanup(shop, "--pr")

    assert (outcome.code, held(shop)) == (1, before)
    assert f"the branch {BRANCH} exists already at origin" in " ".join(outcome.err.split())


def test_cleanup__to_a_pull_request_that_fails__says_what_there_is(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = with_tool(shop, monkeypatch, "gh")
    Path(f"{program}.fails").touch()
    outcome = cleanup(shop, "--pr")

    assert (outcome.code, "NOT FINISHED" in outcome.out) == (1, True)
    assert f"the branch {BRANCH} was pushed, and gh failed: no permission" in outcome.out
    assert "Checked, before the change and after it:" in (shop / f"flagtrail-remove-{KEY}.md").read_text()


def test_cleanup__to_a_pull_request_without_a_tool__writes_its_text(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = with_tool(shop, monkeypatch, "no-tool")
    which = shutil.which
    monkeypatch.setattr("shutil.which", lambda name, **parts: None if name in {"gh", "glab"} else which(name, **parts))
    outcome = cleanup(shop, "--pr")

    assert (outcome.code, program.exists()) == (0, True)
    assert "the text of a pull request is in" in outcome.out
    assert git(shop, "rev-parse", "--verify", BRANCH)
    assert "Changed: 1 file;" in (shop / f"flagtrail-remove-{KEY}.md").read_text()


@pytest.mark.usefixtures("unchanged")
def test_cleanup__to_a_pull_request_without_a_remote__is_refused(shop: Path) -> None:
    outcome = cleanup(shop, "--pr")

    assert (outcome.code, "a pull request needs a remote" in outcome.err) == (1, True)


# ---------------------------------------------------------------- what keeps it from being delivered
@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        pytest.param(("--variant", "off", "--verify", CHECK), "AssertionError", id="the command fails"),
        pytest.param(("--verify", "sleep 60", "--seconds", "1"), "took longer than 1 s", id="the command hangs"),
        pytest.param(("--verify", "exit 1"), "it proves nothing", id="the command never passes"),
    ],
)
@pytest.mark.slow
def test_cleanup__that_does_not_stand_the_checks__makes_no_branch(
    shop: Path, arguments: tuple[str, ...], told: str
) -> None:
    outcome = cleanup(shop, "--branch", *arguments)

    assert (outcome.code, told in outcome.err, "NOT DELIVERED" in outcome.err) == (1, True, True)
    assert outcome.out.startswith("diff --git")


@pytest.mark.usefixtures("unchanged")
def test_cleanup__with_a_command_that_writes_everywhere__alters_nothing(shop: Path) -> None:
    mess = "echo x > ../beside; rm -r shop check.py; git commit -qam gone; mkdir locked; chmod 500 locked; exit 0"
    outcome = cleanup(shop, "--verify", mess)

    assert outcome.code == 0, outcome.err
    assert "deleted file" not in outcome.out


@pytest.mark.slow
def test_cleanup__strict__delivers_nothing_where_a_place_is_left_alone(shop: Path) -> None:
    write(shop, {"shop/more.py": f"def f(client, it):\n    return client.get_boolean_value('{KEY}', next(it))\n"})
    git(shop, "add", "--all")
    git(shop, "commit", "--quiet", "--amend", "--no-edit")
    before = held(shop)
    refused, taken = cleanup(shop, "--strict", "--branch"), cleanup(shop, "--branch")
    git(shop, "branch", "-D", BRANCH)

    assert (refused.code, taken.code, held(shop)) == (1, 0, before)
    assert "shop/more.py:2: impure_argument" in refused.err
    assert "and --strict was asked for" in refused.err
    assert "shop/more.py:2: impure_argument" in taken.out


@pytest.mark.usefixtures("unchanged")
def test_cleanup__dry__runs_nothing(shop: Path, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    outcome = cleanup(shop, "--dry-run", "--branch", "--verify", f"touch {ran}")

    assert (outcome.code, ran.exists(), "+    return sum(items)" in outcome.out) == (0, False, True)


def test_cleanup__of_a_file_with_controls_in_its_name__tells_them_as_escapes(shop: Path) -> None:
    git(shop, "mv", "shop/cart.py", "shop/ca\x1b]0;me\x07\nrt.py")
    git(shop, "commit", "--quiet", "--message", "renamed")

    told = cleanup(shop, "--dry-run")

    assert (told.code, r"  changed  shop/ca\x1b]0;me\x07\nrt.py" in told.err) == (0, True)


@pytest.mark.usefixtures("unchanged")
def test_cleanup__of_a_flag_that_no_code_names__has_nothing_to_do(shop: Path, tmp_path: Path) -> None:
    (tmp_path / "other.json").write_bytes(msgspec.json.encode(encode(boolean_flag("other"))))
    outcome = flagtrail_in(shop, "cleanup", "other", "--flag-file", "../other.json", "--variant", "on", "--branch")

    assert (outcome.code, "no code names the flag: nothing to remove" in outcome.out) == (0, True)


@pytest.mark.usefixtures("unchanged")
def test_cleanup__of_a_folder__is_of_the_whole_repository(shop: Path) -> None:
    (shop / "empty").mkdir()
    outcome = cleanup(shop, "--repo", "empty")
    (shop / "empty").rmdir()
    elsewhere = flagtrail_in(shop.parent, "cleanup", KEY, "--flag-file", "flag.json", "--variant", "on")

    assert (outcome.code, "shop/cart.py" in outcome.out) == (0, True)
    assert (elsewhere.code, "there is no git repository" in elsewhere.err) == (1, True)


@pytest.mark.slow
def test_cleanup__with_a_command_in_its_settings__runs_it(shop: Path) -> None:
    write(shop, {".flagtrail.toml": 'verify = "exit 4"\n'})
    git(shop, "add", "--all")
    git(shop, "commit", "--quiet", "--message", "settings")

    outcome = cleanup(shop)
    assert (outcome.code, "exit 4: FAILED: ends with 4 on the untouched commit" in outcome.err) == (1, True)
    assert cleanup(shop, "--verify", CHECK).code == 0
    assert cleanup(shop, "--verify", "").code == 0


@pytest.mark.slow
def test_cleanup__of_a_repository_with_submodules_and_links__looks_at_its_own_files_alone(
    shop: Path, tmp_path: Path
) -> None:
    other = repository(tmp_path / "other", {"lib.py": CART})
    git(shop, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(other), "lib")
    outside = tmp_path / "outside.py"
    outside.write_text(CART)
    (shop / "link.py").symlink_to(outside)
    git(shop, "add", "--all")
    git(shop, "commit", "--quiet", "--message", "more")
    before = held(shop)
    outcome = cleanup(shop, "--verify", CHECK)

    assert (outcome.code, held(shop), outside.read_text()) == (0, before, CART)
    assert [line for line in outcome.out.splitlines() if line.startswith("diff")] == [
        "diff --git a/shop/cart.py b/shop/cart.py"
    ]
    assert "1 submodule(s) are repositories of their own, and were not looked at" in outcome.err


# ---------------------------------------------------------------- which variant stays
@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("--flag-file", "../flag.json"), 1, "nobody says which variant of new_pricing stays"),
        (("--flag-file", "../flag.json", "--variant", "blue"), 2, "has no variant 'blue'; it has on, off"),
        (("--flag-file", "../nowhere.json"), 2, "No such file"),
        (("--flag-file", "check.py"), 2, "not JSON"),
        (("--flag-file", "../list.json"), 1, "is not the document of the flag"),
        ((*BY_HAND, "--branch", "--pr"), 2, "Choose one of"),
        (("--at", "stale", "--branch"), 2, "--at takes every flag of a stage"),
        ((*BY_HAND, "--repo", "nowhere"), 2, "does not exist"),
        ((), 1, "There is no database here"),
    ],
)
@pytest.mark.slow
def test_cleanup__asked_for_in_a_wrong_way__is_refused(
    shop: Path, tmp_path: Path, arguments: tuple[str, ...], code: int, told: str
) -> None:
    (tmp_path / "list.json").write_text("[]")
    outcome = cleanup(shop, by=arguments)

    assert (outcome.code, told in " ".join(outcome.err.split())) == (code, True), outcome.err


@pytest.fixture
def installation(tmp_path: Path) -> Given:
    """An installation in which `new_pricing` is on for everybody since 60 days, and `half` for half of them."""
    path = tmp_path / "flagtrail.db"
    now = datetime.now(UTC) - timedelta(days=60)
    settings = {"database": f"sqlite:///{path}", "key_file": str(tmp_path / "key")}
    app = App(Settings(**settings), clock=lambda: now)  # type: ignore[arg-type]  # by name
    app.first_start()
    operations = []
    for key, share in ((KEY, 100), ("half", 50), ("zoom", 100)):
        operations += [
            Operation(action="create", subject=flag_subject("default", key), value=encode(boolean_flag(key))),
            Operation(
                action="rollout", subject=targeting_subject("default", key, "production"), value={"percent": share}
            ),
            Operation(action="patch", subject=targeting_subject("default", key, "production"), value={"enabled": True}),
        ]
    app.changes.apply(SYSTEM_IDENTITY, Change(operations=tuple(operations), why="a test"))
    app.close()
    return {f"FLAGTRAIL_{name.upper()}": value for name, value in settings.items()}


def test_cleanup__by_the_servers_verdict__takes_its_variant_and_its_evidence(
    shop: Path, installation: dict[str, str]
) -> None:
    outcome = flagtrail_in(shop, "cleanup", KEY, "--branch", **installation)

    assert outcome.code == 0, outcome.err
    message = git(shop, "log", "-1", "--format=%B", BRANCH)
    assert "- one_variant: on for everybody in production" in message
    assert git(shop, "show", f"{BRANCH}:shop/cart.py") == CLEAN.rstrip()
    commit = git(shop, "rev-parse", BRANCH)
    archived = flagtrail_in(shop, "flags", "archive", KEY, "--commit", commit, "--why", "BILL-42", **installation)
    assert (archived.code, archived.err) == (0, "")
    assert f"Removed-By: {commit}" in flagtrail_in(shop, "log", KEY, "--limit", "1", **installation).out


@pytest.mark.usefixtures("unchanged")
def test_cleanup__of_a_flag_that_half_of_them_get__is_refused_with_the_reasons(
    shop: Path, installation: dict[str, str]
) -> None:
    outcome = flagtrail_in(shop, "cleanup", "half", "--branch", **installation)

    told = " ".join(outcome.err.split())
    assert (outcome.code, "the server does not say that everybody gets one variant of half" in told) == (1, True)
    assert "name the one that stays with --variant" in told
    taken = flagtrail_in(shop, "cleanup", "half", "--variant", "on", **installation)
    assert (taken.code, "nothing to remove" in taken.out) == (0, True)


@pytest.mark.usefixtures("unchanged")
def test_cleanup__where_nobody_can_be_asked__takes_a_variants_name_for_its_value_and_says_so(shop: Path) -> None:
    outcome = cleanup(shop, by=("--variant", "on"))

    assert (outcome.code, "no server was asked: on is taken as true" in outcome.err) == (0, True)


# ---------------------------------------------------------------- many at once
@pytest.mark.slow
def test_cleanup__at_a_stage__makes_branches_up_to_the_limit_and_goes_on_when_they_are_merged(
    shop: Path, installation: Given
) -> None:
    write(shop, {"shop/zoom.py": CART.replace(KEY, "zoom")})
    git(shop, "add", "--all")
    git(shop, "commit", "--quiet", "--message", "zoom")

    def run() -> Outcome:
        return flagtrail_in(shop, "cleanup", "--at", "stale", "--limit", "1", "--branch", **installation)

    first, second = run(), run()
    assert (first.code, second.code, git(shop, "branch", "--list", "flagtrail/*")) == (0, 0, BRANCH)
    assert f"waits to be merged: {BRANCH}" in second.out
    assert "no branch was made" in second.out
    git(shop, "merge", "--quiet", BRANCH)
    third: Json = flagtrail_in(
        shop, "cleanup", "--at", "stale", "--limit", "1", "--branch", "--json", **installation
    ).json
    assert [(each["flag"], each["branch"]) for each in third["items"] if each["branch"]] == [
        ("zoom", "flagtrail/remove-zoom")
    ]


@pytest.mark.slow
def test_cleanup__at_a_stage_with_a_flag_that_cannot_be_removed__removes_the_others(
    shop: Path, installation: Given
) -> None:
    write(shop, {"shop/zoom.py": CART.replace(KEY, "zoom")})
    git(shop, "add", "--all")
    git(shop, "commit", "--quiet", "--message", "zoom")
    outcome = flagtrail_in(
        shop, "cleanup", "--at", "stale", "--branch", "--verify", "grep -q new_pricing shop/cart.py", **installation
    )

    assert (outcome.code, git(shop, "branch", "--list", "flagtrail/*")) == (0, "flagtrail/remove-zoom")
    assert "NOT DELIVERED: it did not stand the checks" in outcome.out


# ---------------------------------------------------------------- faults
@pytest.mark.slow
def test_cleanup__killed_while_it_verifies__leaves_nothing_that_the_next_does_not_remove(
    shop: Path, temporary: Path
) -> None:
    before = held(shop)
    command = [sys.executable, "-m", "flagtrail", "cleanup", KEY, *BY_HAND, "--branch"]
    process = subprocess.Popen(
        [*command, "--verify", f"echo $$ > {shop.parent}/begun; sleep 600"],
        cwd=shop,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.monotonic() + 60
    begun = shop.parent / "begun"
    while not (begun.exists() and begun.read_text().endswith("\n")) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    running = Path(f"/proc/{begun.read_text().strip()}/cmdline")
    while running.exists() and b"sleep" in running.read_bytes() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert time.monotonic() < deadline, "the command went on without its caller"

    assert {**held(shop), "worktrees": 0} == before
    assert cleanup(shop, "--patch", "../it.patch").code == 0
    assert (held(shop), list(temporary.iterdir())) == (before, [])


def test_cleanup__with_head_detached__makes_its_branch_of_that_commit(shop: Path) -> None:
    git(shop, "checkout", "--quiet", "--detach")
    outcome = cleanup(shop, "--branch")

    assert (outcome.code, "with HEAD detached" in outcome.out) == (0, True)
    assert git(shop, "rev-parse", f"{BRANCH}^") == git(shop, "rev-parse", "main")
