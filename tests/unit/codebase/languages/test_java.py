"""What javac refuses, and the corpus does not show."""

from __future__ import annotations

import pytest

from flagtrail.codebase.cleanup import Winner
from flagtrail.codebase.plan import plan
from flagtrail.codebase.repository import Files

ASKED = 'flags.isEnabled("new-ui")'


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (f"for (int i = n; !{ASKED}; i++) {{ n++; }}", None),
        (f"for (; ({ASKED}); ) {{ n++; }}", None),
        (f"do {{ n++; }} while ({ASKED});", None),
        (f"boolean on = {ASKED}; do {{ n++; }} while (on);", None),
        (f"do {{ n++; }} while ({ASKED} && n < 4);", "do { n++; } while (n < 4);"),
        (f"for (int i = 0; {ASKED} && i < n; i++) {{ n--; }}", "for (int i = 0; i < n; i++) { n--; }"),
    ],
)
def test_a_loop_that_a_constant_cannot_lead__is_left_alone(before: str, after: str | None) -> None:
    text = "class Main {{\n    int subject(int n) {{\n        {}\n        return n;\n    }}\n}}\n"
    made = plan(Files({"Main.java": text.format(before).encode()}), "new-ui", Winner("on", value=True))
    assert [change.after for change in made.changes] == ([text.format(after).encode()] if after else [])
    assert [refusal.why for refusal in made.refusals] == ([] if after else ["unsupported"])
