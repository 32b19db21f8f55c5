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


@pytest.mark.parametrize(
    "text",
    [
        'void a(List<Integer> all) { all.remove(flags.getIntegerValue("new-ui", 1)); }',
        'void a(List<Integer> all) { var one = flags.getIntegerValue("new-ui", 1); all.remove(one); }',
        'void a(int n) { } void a(Object n) { } void b() { a(flags.getIntegerValue("new-ui", 1)); }',
    ],
)
def test_a_number_that_is_boxed__stays_where_a_literal_would_be_of_another_method(text: str) -> None:
    made = plan(Files({"Main.java": f"class Main {{\n    {text}\n}}\n".encode()}), "new-ui", Winner("three", value=3))
    assert not made.changes
    assert [refusal.why for refusal in made.refusals] == ["unsupported"]


@pytest.mark.parametrize("given", ["", 'class Set { void set() { Keys.NEW_UI = "other"; } }'])
def test_a_name_of_the_key_that_another_file_gives_another_value__is_none(given: str) -> None:
    files = {
        "Keys.java": 'class Keys { static String NEW_UI = "new-ui"; }',
        "Main.java": "class Main { boolean on() { return flags.isEnabled(Keys.NEW_UI); } }",
        "Set.java": given,
    }
    made = plan(Files({path: text.encode() for path, text in files.items()}), "new-ui", Winner("on", value=True))
    assert ("Main.java" in {change.path for change in made.changes}) == (not given)
