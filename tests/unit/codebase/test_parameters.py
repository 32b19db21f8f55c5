"""Parameters that only the flag needed: they go only where every call is surely of their function."""

from __future__ import annotations

from textwrap import dedent

import pytest

from flagtrail.codebase.cleanup import Winner
from flagtrail.codebase.plan import plan
from flagtrail.codebase.repository import Files


def removed(files: dict[str, str]) -> dict[str, str]:
    """What the files become."""
    before = Files({path: dedent(text).lstrip("\n").encode() for path, text in files.items()})
    after = {path: data.decode() for path, data in before.items()}
    for change in plan(before, "new-ui", Winner("on", value=True)).changes:
        after[change.path] = (change.after or b"").decode()
    return after


CART = """
    from client import flags


    class Cart:
        def {method}(self, rows, old):
            {body}

        def shown(self, rows):
            return {call}
"""
CHOOSES = 'return rows if flags.is_enabled("new-ui") else old'
KEEPS = 'self.rows = rows if flags.is_enabled("new-ui") else old'


@pytest.mark.parametrize(
    ("method", "body", "call", "other"),
    [
        ("get", CHOOSES, "self.get(rows, 1)", "def limit(settings):\n    return settings.get('limit', 10)\n"),
        (
            "get",
            CHOOSES,
            "self.get(rows, 1)",
            "class Told(dict):\n    def one(self):\n        return self.get('a', 1)\n",
        ),
        ("sum", CHOOSES, "self.sum(rows, 1)", "from cart import Cart\n\nprint(Cart.sum(Cart(), [1], 2))\n"),
        ("on_add", CHOOSES, "self.on_add(rows, 1)", "def call(o, a):\n    return getattr(o, f'on_{a}')(1, 2)\n"),
        ("__init__", KEEPS, "type(self)(rows, 1)", "from cart import Cart\n\nCart(1, 2)\n"),
        ("__init__", KEEPS, "self.__class__(rows, 1)", "from cart import Cart\n\nCart(1, 2)\n"),
        (
            "__init__",
            f"{KEEPS}\n\n        @classmethod\n        def of(cls, rows):\n            return cls(rows, 1)",
            "1",
            "from cart import Cart\n\nCart(1, 2)\n",
        ),
    ],
)
def test_a_parameter__of_what_may_be_called_in_a_way_that_no_one_sees__stays(
    method: str, body: str, call: str, other: str
) -> None:
    cart = CART.format(method=method, body=body, call=call)
    after = removed({"cart.py": cart, "other.py": other})
    assert f"def {method}(self, rows, old):" in after["cart.py"]
    assert call in after["cart.py"]
    assert after["other.py"] == other


@pytest.mark.parametrize(
    ("other", "known"),
    [
        ("from sums import total\n\nprint(total(1, 2))\n", True),
        ("import sums as s\n\nprint(s.total(1, 2))\n", True),
        ("from elsewhere import total\n\nprint(total(1, 2))\n", False),
        ("from sums import total\n\n\ndef f():\n    from taxes import total\n\n    return total(1, 2)\n", False),
        ("def show(cart):\n    return cart.total(1, 2)\n", False),
    ],
)
def test_an_argument__goes_only_from_a_call_that_is_surely_of_the_function(other: str, known: bool) -> None:
    sums = f"from client import flags\n\n\ndef total(rows, old):\n    {CHOOSES}\n\n\nprint(total(1, 2))\n"
    after = removed({"sums.py": sums, "other.py": other})
    assert ("def total(rows):" in after["sums.py"]) is known
    assert after["other.py"] == (other.replace("(1, 2)", "(1)") if known else other)


def test_the_argument_of_a_method__goes_where_its_object_is_known_by_its_name_or_its_declaration() -> None:
    other = """
        from cart import Cart


        def show(cart, c: Cart):
            return [cart.get(1, 2), c.get(1, old=2), Cart().get(1, 2)]
    """
    cart = CART.format(method="get", body=CHOOSES, call="self.get(rows, 1)")
    after = removed({"cart.py": cart, "other.py": other})
    assert "return [cart.get(1), c.get(1), Cart().get(1)]" in after["other.py"]


def test_a_method__that_something_else_may_be_called_by_in_typescript_or_java__keeps_its_parameter() -> None:
    script = """
        export class Cart {
          get(key: string, old: number) {
            return flags.isEnabled('new-ui') ? key : old;
          }
        }
        export const show = (cart: Cart) => cart.get('a', 1);
    """
    java = """
        class Cart {
            int put(int key, int old) {
                return flags.isEnabled("new-ui") ? key : old;
            }
            void show(Cart cart, Map<Integer, Integer> seen) {
                cart.put(1, 2);
                seen.put(1, 2);
            }
        }
    """
    use = "export const home = (env: Env) => env.get('HOME', 1);\n"
    after = removed({"cart.ts": script, "other.ts": use, "Cart.java": java})
    assert "get(key: string, old: number)" in after["cart.ts"]
    assert after["other.ts"] == use
    assert "seen.put(1, 2);" in after["Cart.java"]


@pytest.mark.parametrize(
    ("test", "goes"),
    [
        ("it.each([[true, 1], [false, 2]])('pays', (old, wanted) => { check(fee(2, old), wanted); });", False),
        ("it.each([{ old: true }])('pays', ({ old }) => { check(fee(2, old), 2); });", False),
        ("for (const row of ROWS) { it('pays', () => { check(fee(2, row.old), 2); }); }", False),
        ("it('pays', () => { const old = false; check(fee(2, old), 2); });", True),
    ],
)
def test_an_argument__that_the_rows_of_a_table_give__stays_with_its_parameter(test: str, goes: bool) -> None:
    after = removed(
        {
            "fee.ts": """
                export function fee(sum: number, old: boolean): number {
                  return flags.isEnabled('new-ui') || old ? sum : 0;
                }
            """,
            "shop.ts": "import { fee } from './fee';\n\nexport const total = (old: boolean): number => fee(1, old);\n",
            "fee.test.ts": f"import {{ fee }} from './fee';\n\n{test}\n",
        }
    )

    assert ("old: boolean" not in after["fee.ts"]) is goes
    assert ("fee(2)" in after["fee.test.ts"]) is goes


@pytest.mark.parametrize(
    ("decorator", "goes"), [("@pytest.mark.parametrize('old', [1, 2])\n", False), ("@pytest.mark.django_db\n", True)]
)
def test_an_argument__that_a_python_test_is_given_for_several_values__stays_with_its_parameter(
    decorator: str, goes: bool
) -> None:
    test = f"import pytest\nfrom fees import fee\n\n\n{decorator}def test_fee(old):\n    assert fee(2, old) == 2\n"
    fees = f"from client import flags\n\n\ndef fee(rows, old):\n    {CHOOSES}\n"
    shop = "from fees import fee\n\n\ndef total(old):\n    return fee(1, old)\n"
    after = removed({"fees.py": fees, "shop.py": shop, "test_fees.py": test})

    assert ("def fee(rows):" in after["fees.py"]) is goes
    assert ("fee(2) == 2" in after["test_fees.py"]) is goes
