"""A flag that is a member, which code gives a value to: no literal can stand there, in any language."""

from __future__ import annotations

import pytest

from flagtrail.codebase.cleanup import Winner
from flagtrail.codebase.plan import plan
from flagtrail.codebase.repository import Files

MEMBERS = b'[[patterns]]\ncall = ["config.flags"]\nkind = "members"\n'


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("a.py", "config.flags.new_ui = False\n"),
        ("a.py", "config.flags.new_ui += 1\n"),
        ("a.py", "wide, config.flags.new_ui = read()\n"),
        ("a.py", "for config.flags.new_ui in (True, False):\n    check()\n"),
        ("a.py", "with opened() as config.flags.new_ui:\n    check()\n"),
        ("a.py", "del config.flags.new_ui\n"),
        ("test_a.py", "def old():\n    config.flags.new_ui = False\n"),
        ("a.ts", "[config.flags.new_ui] = read();\n"),
        ("a.ts", "({ a: config.flags.new_ui } = read());\n"),
        ("a.ts", "for (config.flags.new_ui of [true, false]) check();\n"),
        ("a.kt", "fun read() {\n    config.flags.new_ui = false\n}\n"),
        ("A.java", "class A {\n    void read() {\n        config.flags.new_ui = false;\n    }\n}\n"),
        ("a.go", "package a\n\nfunc read() {\n\tconfig.flags.new_ui = false\n}\n"),
    ],
)
def test_a_flag_that_is_given_a_value_is_left_alone_and_told(path: str, code: str) -> None:
    made = plan(Files({".flagtrail.toml": MEMBERS, path: code.encode()}), "new_ui", Winner("on", value=True))
    assert (made.changes, [each.path for each in made.refusals]) == ((), [path])


@pytest.mark.parametrize(
    "given",
    [
        "        self.new_ui = self.queue.get()\n",
        '        self.new_ui = requests.get("new")\n',
        "        self.size = self.new_ui = 4\n",
        "        self.new_ui = self.size = 4\n",
        '        try:\n            self.new_ui = options.get("new")\n        finally:\n            self.told()\n',
        '        self.new_ui = options.get("new")\n        self.told = vars(self)\n',
    ],
)
def test_what_gives_a_member_a_value_stays_where_it_does_more_or_others_may_come_upon_it(given: str) -> None:
    options = f"class Options:\n    def __init__(self, options):\n{given}".encode()
    page = b"def page(config):\n    return 1 if config.flags.new_ui else 2\n"
    files = Files({".flagtrail.toml": MEMBERS, "options.py": options, "page.py": page})
    made = plan(files, "new_ui", Winner("on", value=True))
    assert [each.path for each in made.changes] == ["page.py"]
