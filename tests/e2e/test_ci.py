"""The GitHub Action and the pre-commit hook: what they run, run as they run it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml
from tests.support.repositories import SETTINGS, git, repository, write
from tests.support.server import RunningServer

Json = Any
ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "deploy" / "ci" / "flagtrail.sh"
ACTION: Json = yaml.safe_load((ROOT / "action.yml").read_text())
GUIDE = (ROOT / "docs" / "how-to" / "ci.md").read_text()
GH = """#!/bin/sh
for each in "$@"; do
  printf '%s\\n' "$each" >> "$CALLS"
  case "$each" in body=@*) cat "${each#body=@}" >> "$CALLS";; esac
done
echo --- >> "$CALLS"
case "$*" in *--jq*) cat "$EXISTING";; *pr\\ create*) echo https://github.com/acme/shop/pull/7;; esac
"""


def ask(key: str) -> str:
    return f'def f(client):\n    if client.get_boolean_value("{key}", False):\n        return 1\n    return 2\n'


class World:
    """A repository with a remote, a project of a server, and a `gh` that writes down what it is asked."""

    def __init__(self, folder: Path, server: RunningServer, project: str) -> None:
        self.folder = folder
        self.shop = repository(folder / "shop", {"a.py": ask("checkout")})
        git(self.shop, "init", "--quiet", "--bare", str(folder / "github.git"))
        git(self.shop, "remote", "add", "origin", str(folder / "github.git"))
        git(self.shop, "push", "--quiet", "origin", "main")
        programs = folder / "programs"
        programs.mkdir()
        (programs / "gh").write_text(GH)
        (programs / "gh").chmod(0o755)
        self.calls, self.existing = folder / "calls", folder / "existing"
        self.existing.write_text("")
        kept = {name: value for name, value in os.environ.items() if not name.startswith("FLAGTRAIL_")}
        self.environ = {
            **kept,
            **SETTINGS,
            "PATH": f"{programs}:{Path(sys.executable).parent}:{os.environ['PATH']}",
            "FLAGTRAIL_URL": server.url,
            "FLAGTRAIL_TOKEN": server.token,
            "ACTION_PROJECT": project,
            "ACTION_NUMBER": "12",
            "ACTION_AT": "ready_to_remove",
            "ACTION_LIMIT": "3",
            "GITHUB_REPOSITORY": "acme/shop",
            "GITHUB_BASE_REF": "main",
            "CALLS": str(self.calls),
            "EXISTING": str(self.existing),
            "TMPDIR": str(folder),
        }

    def run(self, task: str, **variables: str) -> subprocess.CompletedProcess[str]:
        self.calls.write_text("")
        return subprocess.run(
            ["bash", str(SCRIPT), task],
            cwd=self.shop,
            env={**self.environ, **variables},
            capture_output=True,
            text=True,
            check=False,
        )

    @property
    def called(self) -> list[list[str]]:
        return [call.strip().splitlines() for call in self.calls.read_text().split("---\n") if call]

    def commit(self, files: dict[str, str]) -> None:
        write(self.shop, files)
        git(self.shop, "add", "--all")
        git(self.shop, "commit", "--quiet", "--message", "work")


@pytest.fixture
def world(tmp_path: Path, server: RunningServer, admin: httpx2.Client, project: str) -> World:
    flag = {"key": "checkout", "type": "boolean", "variants": {"on": True, "off": False}}
    assert admin.post(f"/api/v1/projects/{project}/flags", json={"flag": flag, "why": "a test"}).status_code == 201
    return World(tmp_path, server, project)


@pytest.mark.slow
def test_scan__after_a_push__tells_the_server_where_code_names_its_flags(
    world: World, admin: httpx2.Client, project: str
) -> None:
    outcome = world.run("scan")
    assert outcome.returncode == 0, outcome.stderr

    told = admin.get(f"/api/v1/projects/{project}/flags/checkout/references").json()
    (branch,) = told["branches"]
    assert branch["scan"]["commit"] == git(world.shop, "rev-parse", "HEAD")
    assert [(each["path"], each["line"], each["kind"]) for each in branch["found"]["references"]] == [
        ("a.py", 2, "evaluation")
    ]


@pytest.mark.slow
def test_review__of_a_pull_request__comments_once_and_keeps_the_comment_up_to_date(world: World) -> None:
    git(world.shop, "checkout", "--quiet", "-b", "work")
    world.commit({"b.py": ask("checkout")})
    first = world.run("review")
    assert first.returncode == 0, first.stderr
    listing, posted = world.called
    assert listing[:3] == ["api", "--paginate", "repos/acme/shop/issues/12/comments"]
    assert posted[:5] == ["api", "--silent", "--method", "POST", "repos/acme/shop/issues/12/comments"]
    assert "<!-- flagtrail -->" in posted
    assert "- added: evaluation in `b.py:2`" in posted

    world.existing.write_text("99\n" * 50_000)  # it is still writing when the first one is read
    world.commit({"b.py": "x = 1\n"})
    assert world.run("review").returncode == 0
    patched = world.called[1]
    assert patched[3:5] == ["PATCH", "repos/acme/shop/issues/comments/99"]
    assert "No flag comes into the code or leaves it with this pull request any more." in patched


@pytest.mark.slow
def test_review__where_nothing_comes_or_goes__makes_no_comment(world: World) -> None:
    world.commit({"README.md": "words\n"})

    assert (world.run("review").returncode, len(world.called)) == (0, 1)


@pytest.mark.slow
def test_review__that_asks_for_no_flag__comments_and_fails(world: World) -> None:
    world.commit({"b.py": ask("chekout")})
    outcome = world.run("review", ACTION_FAIL="1")

    assert (outcome.returncode, len(world.called)) == (1, 2)
    assert "Did you mean `checkout`?" in " ".join(world.called[1])


@pytest.mark.slow
def test_review__that_cannot_ask_the_server__says_nothing_on_the_pull_request(world: World) -> None:
    world.existing.write_text("99\n")
    outcome = world.run("review", FLAGTRAIL_TOKEN="ft_admin_wrong")

    assert (outcome.returncode, world.called) == (1, [])


@pytest.mark.slow
def test_cleanup__by_the_clock__opens_pull_requests_for_what_is_ready(
    world: World, admin: httpx2.Client, project: str
) -> None:
    assert world.run("cleanup").returncode == 0
    assert world.called == []
    flag = {"key": "old", "type": "boolean", "variants": {"on": True, "off": False}}
    flag |= {"lifecycle": {"kind": "release", "remove_by": "2020-01-01"}}
    assert admin.post(f"/api/v1/projects/{project}/flags", json={"flag": flag, "why": "a test"}).status_code == 201
    moved = admin.put(
        f"/api/v1/projects/{project}/flags/old/stage",
        json={"stage": "ready_to_remove", "variant": "on", "why": "a test"},
    )
    assert moved.is_success, moved.text
    world.commit({"b.py": ask("old")})
    outcome = world.run("cleanup", ACTION_VERIFY="grep -q 'return 1' b.py")

    assert outcome.returncode == 0, outcome.stderr + outcome.stdout
    assert world.called[0][:4] == ["pr", "create", "--head", "flagtrail/remove-old"]
    listed = git(world.shop, "ls-remote", "--heads", "origin")
    assert "refs/heads/flagtrail/remove-old" in listed
    assert world.run("cleanup").returncode == 0
    assert world.called == []


@pytest.mark.slow
def test_script__of_an_unknown_task__is_refused(world: World) -> None:
    assert world.run("dance").returncode == 2


# ---------------------------------------------------------------- the files themselves
def test_action__hands_values_over_as_variables__never_as_text_of_a_script() -> None:
    assert [step["run"] for step in ACTION["runs"]["steps"] if "${{" in step["run"]] == []


def test_action__every_input__stands_in_the_guide() -> None:
    told = set(re.findall(r"`([a-z-]+)`", "\n".join(line for line in GUIDE.splitlines() if line.startswith("| `"))))

    assert ACTION["inputs"].keys() <= told


def test_action__every_variable__is_read_by_the_script_or_the_command_line() -> None:
    script = SCRIPT.read_text() + ACTION["runs"]["steps"][1]["run"]
    own = [name for name in ACTION["runs"]["steps"][1]["env"] if name.startswith("ACTION_")]

    assert [name for name in own if name not in script] == []


@pytest.mark.parametrize("block", re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL))
def test_guide__every_example__is_yaml(block: str) -> None:
    assert isinstance(yaml.safe_load(block), dict)


@pytest.mark.slow
def test_pre_commit_hook__fails_where_a_key_is_no_flag(world: World) -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    command = [*hook["entry"].split(), "--project", world.environ["ACTION_PROJECT"]]

    def run() -> int:
        return subprocess.run(command, cwd=world.shop, env=world.environ, capture_output=True, check=False).returncode

    write(world.shop, {"b.py": ask("checkout")})
    git(world.shop, "add", "--all")
    assert run() == 0
    write(world.shop, {"b.py": ask("chekout")})
    assert run() == 1
