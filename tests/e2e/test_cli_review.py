"""`flagtrail review`: what a branch adds to the places that name flags, in text, as a comment, for machines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.support.command_line import Outcome, flagtrail_in
from tests.support.repositories import git, held, own_settings, own_temporary, repository, write

from flagtrail.cli.review import MARK

Json = Any


def ask(key: str, then: str = "pass") -> str:
    return f'def f_{key}(client):\n    if client.get_boolean_value("{key}", False):\n        {then}\n'


FILES = {"shop/cart.py": ask("checkout") + ask("old"), "README.md": "The flag `checkout` is for carts.\n"}


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own_temporary(tmp_path, monkeypatch)
    own_settings(monkeypatch)


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    made = tmp_path_factory.mktemp("review")
    given = {"FLAGTRAIL_DATABASE": f"sqlite:///{made}/flagtrail.db", "FLAGTRAIL_KEY_FILE": str(made / "key")}
    for key in ("checkout", "old", "gone"):
        assert flagtrail_in(made, "flags", "create", key, **given).code == 0
    assert flagtrail_in(made, "flags", "archive", "gone", "--why", "a test", **given).code == 0
    return given


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    made = repository(tmp_path / "shop", FILES)
    git(made, "checkout", "--quiet", "-b", "work")
    return made


def review(shop: Path, installation: dict[str, str], *arguments: str) -> Outcome:
    return flagtrail_in(shop, "review", "main", *arguments, **installation)


def changed(shop: Path) -> Path:
    """The branch: `checkout` is asked for once more, `old` leaves, an archived flag and no flag are asked for."""
    write(shop, {"shop/cart.py": "# moved\n" + ask("checkout"), "shop/pay.py": ask("checkout") + ask("gone")})
    write(shop, {"shop/more.py": ask("chekout")})
    git(shop, "add", "--all")
    git(shop, "commit", "--quiet", "--message", "work")
    return shop


def test_review__of_a_branch__tells_what_came_and_went(shop: Path, installation: dict[str, str]) -> None:
    outcome = review(changed(shop), installation)

    assert (outcome.code, outcome.err) == (0, "")
    assert [line for line in outcome.out.splitlines() if not line.startswith("  ")] == [
        "checkout: 2 -> 3 places",
        "gone: 0 -> 1 place",
        "old: 1 -> 0 places",
        "chekout is no flag, and is asked for; did you mean checkout?",
    ]
    assert '  + shop/pay.py:2: evaluation: if client.get_boolean_value("checkout", False):' in outcome.out
    assert "  note: it is archived: what asks for it gets its own default" in outcome.out
    assert "  note: once this is merged: flagtrail flags archive old --commit HASH" in outcome.out


def test_review__as_markdown__is_a_comment(shop: Path, installation: dict[str, str]) -> None:
    told = review(changed(shop), installation, "--markdown").out

    assert told.startswith(f"{MARK}\n### Feature flags\n")
    assert "**`checkout`** 2 places before, 3 after\n- added: evaluation in `shop/pay.py:2`" in told
    assert (
        "**`old`** leaves the code: this removes its last reference\n- removed: evaluation in `shop/cart.py:5`" in told
    )
    assert "**`chekout`** is no flag" in told


def test_review__of_a_branch_that_only_moves_lines__has_nothing_to_tell(
    shop: Path, installation: dict[str, str]
) -> None:
    write(shop, {"shop/cart.py": "# one\n# two\n" + FILES["shop/cart.py"]})
    before = held(shop)

    assert review(shop, installation, "--markdown").out == ""
    assert "No place that names a flag came or went since main." in review(shop, installation).out
    assert held(shop) == before


@pytest.mark.slow
def test_review__of_what_main_did_meanwhile__is_none_of_the_branchs(shop: Path, installation: dict[str, str]) -> None:
    changed(shop)
    git(shop, "checkout", "--quiet", "main")
    write(shop, {"shop/main.py": ask("old")})
    git(shop, "add", "--all")
    git(shop, "commit", "--quiet", "--message", "main")
    git(shop, "checkout", "--quiet", "work")
    told: Json = review(shop, installation, "--json").json

    assert [each["flag"] for each in told["flags"]] == ["checkout", "gone", "old"]
    assert all(place["path"] != "shop/main.py" for each in told["flags"] for place in each["removed"])


@pytest.mark.slow
def test_review__that_asks_for_no_flag__fails_where_that_was_wanted(shop: Path, installation: dict[str, str]) -> None:
    assert review(shop, installation, "--fail-on-unknown").code == 0
    assert review(changed(shop), installation, "--fail-on-unknown").code == 1


@pytest.mark.parametrize("base", ["nowhere", "--output=x"])
@pytest.mark.slow
def test_review__beside_what_is_no_commit__is_refused(shop: Path, installation: dict[str, str], base: str) -> None:
    outcome = flagtrail_in(shop, "review", "--", base, **installation)

    assert (outcome.code, "is no commit that this branch has a beginning in common with" in outcome.err) == (1, True)
    assert "The clean-up" not in outcome.err


@pytest.mark.slow
def test_review__as_markdown_of_very_much__is_a_comment_that_a_host_takes(
    shop: Path, installation: dict[str, str]
) -> None:
    write(shop, {"shop/all.py": ask("checkout") + "".join(ask(f"{'x' * 100}{number}") for number in range(400))})
    git(shop, "add", "--all")
    git(shop, "commit", "--quiet", "--message", "work")
    told = review(shop, installation, "--markdown").out

    assert len(told) < 65_536
    assert told.endswith("That is not all: `flagtrail review` tells the rest.\n")
