"""What a scan found, and the commit in a reason."""

from __future__ import annotations

import pytest

from flagtrail.model.reference import ScanHead, ScannedFlag, removed_by, with_commit


@pytest.mark.parametrize(
    ("why", "commit", "together"),
    [
        ("done", "c0ffee0", "done\n\nRemoved-By: c0ffee0"),
        ("", "c0ffee0", "Removed-By: c0ffee0"),
        ("done\n", "", "done"),
        ("", "", ""),
    ],
)
def test_with_commit__of_a_reason__can_be_read_again(why: str, commit: str, together: str) -> None:
    assert (with_commit(why, commit), removed_by(together)) == (together, commit)


@pytest.mark.parametrize("why", ["Removed-By: nobody", "it was Removed-By: c0ffee0", "Removed-By: c0ffee0 and more"])
def test_removed_by__of_other_words__is_nothing(why: str) -> None:
    assert removed_by(why) == ""


def test_a_scans_place_and_a_flags_total__are_what_they_hold() -> None:
    flag = ScannedFlag(repository="shop", branch="main", flag="f", counts={"evaluation": 2, "comment": 1})

    assert (flag.total, ScanHead("p", "shop", "main", "c0ffee0", "", "").place) == (3, ("shop", "main"))
