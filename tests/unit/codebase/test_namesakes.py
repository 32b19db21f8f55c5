"""What a repository defines itself under the names of a client's functions: flags where something says so."""

from __future__ import annotations

import pytest

from flagtrail.codebase.cleanup import Winner
from flagtrail.codebase.plan import plan
from flagtrail.codebase.repository import Files

ASKS_NOBODY = "def {name}(key, default=False):\n    return VALUES.get(key, default)\n"
METHOD = "class {owner}:\n    def {name}(self, key, default=False):\n        return VALUES.get(key, default)\n"


@pytest.mark.parametrize(
    ("path", "defined", "imported", "asked", "is_client"),
    [
        ("shelf.py", ASKS_NOBODY.format(name="is_enabled"), "is_enabled", "is_enabled", False),
        ("flags.py", ASKS_NOBODY.format(name="is_enabled"), "is_enabled", "is_enabled", True),
        ("openfeature.py", ASKS_NOBODY.format(name="is_enabled"), "is_enabled", "is_enabled", True),
        ("shelf.py", ASKS_NOBODY.format(name="feature_enabled"), "feature_enabled", "feature_enabled", True),
        ("shelf.py", METHOD.format(owner="Shelf", name="is_enabled"), "asked", "asked.is_enabled", False),
        ("shelf.py", METHOD.format(owner="Sdk", name="is_enabled"), "asked", "asked.is_enabled", True),
        ("shelf.py", METHOD.format(owner="Shelf", name="is_enabled"), "client", "client.is_enabled", True),
        ("shelf.py", METHOD.format(owner="Shelf", name="get_boolean_value"), "asked", "asked.get_boolean_value", True),
    ],
)
def test_what_the_repository_defines_under_a_clients_name__is_one_where_a_name_says_so(
    path: str, defined: str, imported: str, asked: str, *, is_client: bool
) -> None:
    made = f"\n\n{imported} = {defined.split()[1].rstrip(':')}()\n" if "." in asked else ""
    main = (
        f'from {path.removesuffix(".py")} import {imported}\n\n\ndef fee():\n    return 1 if {asked}("new-ui") else 2\n'
    )
    files = Files({path: f"VALUES = {{}}\n\n\n{defined}{made}".encode(), "main.py": main.encode()})

    found = plan(files, "new-ui", Winner("on", value=True))

    assert [change.path for change in found.changes if b"return 1\n" in (change.after or b"")] == [
        "main.py"
    ] * is_client
    assert [refusal.why for refusal in found.refusals] == ["unclassified"] * (not is_client)
