"""The measure of real removals, on trees of a few lines."""

from __future__ import annotations

from pathlib import Path

import pytest
from bench.removals import Pair, measured, pairs

SHOP = """\
from flags import is_enabled
from legacy import old_price

def price(n):
    if is_enabled("new-price"):
        return n * 2
    return old_price(n)

def tax(n):
    return n / 5
"""
LEGACY = "def old_price(n):\n    return n\n"


def tree(folder: Path, files: dict[str, str]) -> Path:
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return folder


def test_a_removal__that_people_made_likewise__is_identical_whatever_else_a_release_changed(tmp_path: Path) -> None:
    before = tree(tmp_path / "1.0", {"shop.py": SHOP, "legacy.py": LEGACY, "other.py": "x = 1\n"})
    after = tree(
        tmp_path / "2.0",
        {"shop.py": "def price(n):\n    return n * 2\n\ndef tax(n):\n    return n / 10\n", "other.py": "x = 2\n"},
    )

    tallies, refused = measured(Pair(before, after, {"new-price": "on"}))

    assert not refused
    assert {path: tally.identical for path, tally in tallies.items()} == {"shop.py": 1, "legacy.py": 1}
    shop = tallies["shop.py"]
    assert (shop.ours, shop.theirs, shop.both, shop.kept) == (21, 21, 21, 0)


def test_a_removal__that_people_made_otherwise__tells_what_they_kept_and_what_we_left(tmp_path: Path) -> None:
    before = tree(tmp_path / "1.0", {"shop.py": SHOP, "legacy.py": LEGACY})
    kept = SHOP.replace('    if is_enabled("new-price"):\n    ', "").replace("    return old_price(n)\n", "")
    after = tree(tmp_path / "2.0", {"shop.py": kept.replace("\n\ndef tax(n):\n    return n / 5\n", "\n")})

    tallies, _ = measured(Pair(before, after, {"new-price": "on"}, commit=True))

    shop = tallies["shop.py"]
    assert shop.wrong == ["shop.py:1-2: from flags import is_enabled from legacy import old_price"]
    assert shop.left == ["shop.py:9-10: def tax ( n ) : return n / 5"]
    assert shop.both == shop.ours - shop.kept == shop.theirs - 10
    assert tallies["legacy.py"].identical


def test_a_listing__names_folders_from_its_own_and_what_does_not_count(tmp_path: Path) -> None:
    tree(tmp_path / "1.0", {"shop.py": SHOP})
    tree(tmp_path / "2.0", {"shop.py": SHOP})
    listing = tmp_path / "listing.toml"
    listing.write_text('[[pairs]]\nbefore = "1.0"\nafter = "2.0"\nflags = { new-price = "off" }\nskip = ["s*.py"]\n')

    named, left = pairs([str(listing), "--left"])

    assert left
    assert named == [Pair(tmp_path / "1.0", tmp_path / "2.0", {"new-price": "off"}, skip=("s*.py",))]
    assert measured(named[0]) == ({}, [])


def test_a_tree__without_a_file__is_refused_rather_than_taken_for_all_removed(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"2\.0: no source files there"):
        measured(Pair(tree(tmp_path / "1.0", {"shop.py": SHOP}), tmp_path / "2.0", {"new-price": "on"}))


@pytest.mark.parametrize("arguments", [["1.0", "2.0", "--flag", "k", "--variant", "blue", "--skip", "docs/*"]])
def test_a_command_line__names_one_pair(arguments: list[str]) -> None:
    assert pairs(arguments) == ([Pair(Path("1.0"), Path("2.0"), {"k": "blue"}, skip=("docs/*",))], False)
