"""What another file calls by the name of a function that answers for the flag, and is none of it."""

from __future__ import annotations

import pytest

from flagtrail.codebase.cleanup import Winner
from flagtrail.codebase.plan import plan
from flagtrail.codebase.repository import Files

ANSWER = b"import { flags } from './flags';\nexport const isNew = () => flags.isEnabled('new-ui');\n"


@pytest.mark.parametrize(
    ("imported", "others"),
    [
        ("import isNew from './answer';", {"src/answer.ts": ANSWER + b"export default () => false;\n"}),
        ("import { isNew } from 'elsewhere';", {}),
        ("import { isOld as isNew } from './old';", {"src/old.ts": b"export const isOld = () => false;\n"}),
        (
            "import { isNew } from './index';",
            {
                "src/index.ts": b"import { isOld } from './old';\nexport { isOld as isNew };\n",
                "src/old.ts": b"export const isOld = () => false;\n",
            },
        ),
    ],
    ids=["what its file exports by default", "another package's", "renamed where it is imported", "renamed on its way"],
)
def test_a_function_that_has_the_name_of_an_answer__is_asked_as_before(imported: str, others: dict[str, bytes]) -> None:
    page = f"{imported}\nexport const page = () => (isNew() ? 1 : 2);\n".encode()
    files = Files({"src/answer.ts": ANSWER, "src/page.ts": page, **others})
    made = plan(files, "new-ui", Winner("on", value=True))
    assert [(change.path, change.after is None) for change in made.changes] == [("src/answer.ts", False)]


@pytest.mark.parametrize(
    "other",
    [
        "from pages import Page\n\n\nclass Old(Page):\n    def __init__(self):\n        self._is_new = lambda: False\n",
        "from pages import Page\n\n\nclass Old(Page):\n    from answers import never as _is_new\n",
        "from pages import Page\n\n\nclass Old(Page):\n    _is_new: object = staticmethod(lambda: False)\n",
        "from pages import Page\n\npage = Page()\npage._is_new = lambda: False\n",
    ],
    ids=["set by an object", "imported by a class", "an attribute of a class", "set on an object"],
)
def test_a_method__in_whose_place_something_else_may_stand__is_asked_as_before(other: str) -> None:
    pages = """from client import flags


class Page:
    def _is_new(self):
        return flags.is_enabled("new-ui")

    def shown(self):
        return 1 if self._is_new() else 2
"""
    files = Files({"pages.py": pages.encode(), "other.py": other.encode()})
    made = plan(files, "new-ui", Winner("on", value=True))
    after = {change.path: (change.after or b"").decode() for change in made.changes}
    assert "return 1 if self._is_new() else 2" in after["pages.py"]
    assert "other.py" not in after
