"""What tests give the flag in a collection: an entry that says another value than the winner's must not just go."""

from __future__ import annotations

from textwrap import dedent

import pytest

from flagtrail.codebase.cleanup import Winner
from flagtrail.codebase.plan import plan
from flagtrail.codebase.repository import Files

PAGES = """
    package app

    type Pages struct{ flags Flags }

    func (p *Pages) shown() string {
        if p.flags.IsEnabled("new-ui") {
            return "new"
        }
        return "old"
    }
"""

TEST = """
    package app

    import "testing"

    func TestPage(t *testing.T) {
        for _, tt := range []struct{ on bool }{{true}, {false}} {
            pages := &Pages{flags: fakeFlags{"new-ui": GIVEN, "wide": true}}
            t.Log(tt.on, pages.shown())
        }
    }
"""


@pytest.mark.parametrize(("given", "left"), [("true", False), ("false", True), ("tt.on", True)])
def test_an_entry_of_a_test__goes_only_where_it_says_what_the_flag_answers(given: str, left: bool) -> None:
    files = {"go.mod": "module app\n", "page.go": PAGES, "page_test.go": TEST.replace("GIVEN", given)}
    before = Files({path: dedent(text).lstrip("\n").encode() for path, text in files.items()})

    made = plan(before, "new-ui", Winner("on", value=True))

    after = {change.path: change.after or b"" for change in made.changes}
    assert (b'"new-ui"' in after.get("page_test.go", before["page_test.go"])) is left
    assert bool(made.refusals) is left
