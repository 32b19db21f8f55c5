"""Names, parameters and files that fall across a repository, and what keeps them: one file of texts a case."""

from __future__ import annotations

from textwrap import dedent

import pytest

from flagtrail.codebase.cleanup import Plan, Winner
from flagtrail.codebase.plan import plan
from flagtrail.codebase.repository import Files

ASKING = """
    import {{ flags }} from './flags';
    import {{ old }} from './old';
    {more}
    export const page = () => (flags.isEnabled('new-ui') ? 1 : old());
"""


def removed(files: dict[str, str], flag: str = "new-ui") -> tuple[dict[str, str | None], Plan]:
    """What the files become, and the plan."""
    before = Files({path: dedent(text).lstrip("\n").encode() for path, text in files.items()})
    made = plan(before, flag, Winner("on", value=True))
    after: dict[str, str | None] = {path: data.decode() for path, data in before.items()}
    for change in made.changes:
        after[change.path] = None if change.after is None else change.after.decode()
    return after, made


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("src/load.ts", "export const load = () => import('./old');\n"),
        ("src/load.js", "const { old } = require('./old');\nmodule.exports = { old };\n"),
        ("webpack.json", '{"entry": "src/old.ts"}\n'),
        ("src/App.vue", "<script>\nimport { old } from './old';\n</script>\n"),
        ("src/App.mdx", "import * as old from './old';\n\n# {old.old()}\n"),
        ("src/routes.yaml", "handler: src/old.old\n"),
    ],
    ids=["loaded late", "CommonJS", "a configuration", "a component of another kind", "a text with code", "a route"],
)
def test_a_file__that_anything_else_leads_to__stays(path: str, text: str) -> None:
    after, _ = removed(
        {"src/page.ts": ASKING.format(more=""), "src/old.ts": "export const old = () => 2;\n", path: text}
    )
    assert after["src/old.ts"] is not None
    assert after[path] == text


@pytest.mark.parametrize(
    "files",
    [
        {"src/use.ts": "import * as shop from './old';\n\nexport const use = shop['old'];\n"},
        {
            "src/keep.ts": "import { other } from './old';\n\nexport const keep = other();\n",
            "src/keep.test.ts": "import * as shop from './old';\n\nit('asks', () => { jest.spyOn(shop, 'old'); });\n",
        },
        {"src/use.ts": "import type * as shop from './old';\n\nexport type Old = Pick<typeof shop, 'old'>;\n"},
        {
            "index.ts": "export * from './src/old';\n",
            "use.ts": "import * as shop from '.';\n\nexport const use = Object.keys(shop);\n",
        },
    ],
    ids=["looked up by a text", "replaced by a test", "picked by a type", "shown whole by an index"],
)
def test_a_name__that_is_used_without_being_named_in_code__stays(files: dict[str, str]) -> None:
    old = "export const old = () => 2;\nexport const other = () => 3;\n"
    after, _ = removed({"src/page.ts": ASKING.format(more=""), "src/old.ts": old} | files)
    assert after["src/old.ts"] == old
    assert all(after[path] == text for path, text in files.items())


def test_a_parameter__for_which_a_template_may_give_an_argument__stays() -> None:
    price = """
        import { flags } from './flags';

        export const price = (sum: number, old: number) => (flags.isEnabled('new-ui') ? sum : old);
    """
    template = "<script>\nimport { price } from './price';\n</script>\n\n<p>{price(1, 2)}</p>\n"
    use = "import { price } from './price';\n\nexport const two = price(2, 3);\n"
    files = {"src/price.ts": price, "src/use.ts": use}
    assert removed(files)[0]["src/use.ts"] == use.replace("2, 3", "2")
    assert removed(files | {"src/Price.svelte": template})[0]["src/use.ts"] == use


@pytest.mark.parametrize(
    "path",
    [
        "pages/old.tsx",
        "src/app/old/page.tsx",
        "scripts/old.ts",
        "old.config.ts",
        "src/routes/old.ts",
        "src/old.worker.ts",
    ],
)
def test_a_file__that_a_framework_finds__is_never_taken_away(path: str) -> None:
    name = path.rpartition(".")[0]
    asking = f"import {{ flags }} from './flags';\nimport X from './{name}';\n"
    files = {
        "page.ts": f"{asking}export const a = flags.isEnabled('new-ui') ? 1 : X;\n",
        path: "export const kept = 1;\nexport default 2;\n",
    }
    assert removed(files)[0][path] == files[path]


def test_a_name__that_something_else_of_that_name_was_called_by__is_a_users_own_dead_code() -> None:
    files = {
        "src/page.ts": """
            import { flags } from './flags';
            import client from 'client';

            export const page = () => (flags.isEnabled('new-ui') ? 1 : client.handler());
        """,
        "src/lambda.ts": "export const handler = () => 2;\n",
    }
    assert removed(files)[0]["src/lambda.ts"] == files["src/lambda.ts"]


def test_an_import__that_another_file_may_take_by_a_star__stays() -> None:
    page = """
        from client import flags
        from old import old

        def price():
            return 2 if flags.is_enabled("new-ui") else old()
    """
    after, _ = removed(
        {
            "page.py": page,
            "old.py": "def old():\n    return 1\n",
            "shop.py": "from page import *\n\nprint(price(), old())\n",
        }
    )
    assert after["page.py"] == "from old import old\n\ndef price():\n    return 2\n"
    assert after["old.py"] is not None


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("# prices\nold: 1\n", True),
        ("run: shop.old:price\n", False),
        ("title: the old price of things\n", True),
    ],
    ids=["another word", "an entry point", "prose"],
)
def test_a_name__in_a_file_that_is_not_parsed__counts_where_it_could_be_a_use(text: str, left: bool) -> None:
    after, made = removed(
        {
            "shop/views.py": """
                from shop.old import price
                from stub import flags


                def show():
                    return 1 if flags.is_enabled("new-ui") else price()
            """,
            "shop/old.py": "def price():\n    return 2\n\n\ndef kept():\n    return 3\n",
            "shop/other.py": "from shop.old import kept\n\nprint(kept())\n",
            "setup.yaml": text,
        }
    )
    assert (after["shop/old.py"] == "def kept():\n    return 3\n") is left
    assert [refusal.why for refusal in made.refusals] == ([] if left else ["still_used"])


def test_a_test_case__that_uses_what_fell__goes_and_the_others_stay() -> None:
    after, _ = removed(
        {
            "shop/views.py": """
                from shop.sums import doubled
                from stub import flags


                def show():
                    return 1 if flags.is_enabled("new-ui") else doubled(2)
            """,
            "shop/sums.py": "def doubled(n):\n    return n * 2\n\n\ndef added(a, b):\n    return a + b\n",
            "shop/main.py": "from shop.sums import added\n\nprint(added(1, 2))\n",
            "tests/test_sums.py": """
                from shop.sums import added, doubled


                def test_added():
                    assert added(1, 2) == 3


                def test_doubled():
                    assert doubled(2) == 4
            """,
        }
    )
    assert after["tests/test_sums.py"] == dedent("""
        from shop.sums import added


        def test_added():
            assert added(1, 2) == 3
    """).lstrip("\n")


def test_a_name__that_helpers_of_tests_use__is_refused() -> None:
    _, made = removed(
        {
            "shop/views.py": """
                from shop.sums import doubled
                from stub import flags


                def show():
                    return 1 if flags.is_enabled("new-ui") else doubled(2)
            """,
            "shop/sums.py": "def doubled(n):\n    return n * 2\n",
            "tests/test_views.py": """
                from shop.sums import doubled
                from shop.views import show

                FOUR = doubled(2)


                def test_four():
                    assert show() < FOUR
            """,
        }
    )
    assert [(refusal.path, refusal.why) for refusal in made.refusals] == [("shop/sums.py", "still_used")]


@pytest.mark.parametrize(
    "call",
    [
        "total(*[1, label])",
        "total(1, label=make())",
        "other(total)",
        "getattr(sums, 'total')(1, 'a')",
        "partial(total, 1)",
    ],
)
def test_a_parameter__of_a_function_whose_calls_are_not_all_plain__stays(call: str) -> None:
    files = {
        "shop/sums.py": """
            from stub import flags


            def total(n, label):
                return n if flags.is_enabled("new-ui") else label
        """,
        "shop/main.py": f"""
            from functools import partial

            from shop import sums
            from shop.sums import total

            print(total(1, "a"), {call})
        """,
    }
    after, _ = removed(files)
    assert "def total(n, label):" in (after["shop/sums.py"] or "")
    assert after["shop/main.py"] == dedent(files["shop/main.py"]).lstrip("\n")


@pytest.mark.parametrize(
    ("name", "asking", "other"),
    [
        ("app/page.py", "from json import dumps as old\nfrom stub import flags\n", "tools/json.py"),
        ("src/page.ts", "import { old } from '@scope/tables';\nimport { flags } from './flags';\n", "lib/tables.ts"),
    ],
    ids=["Python's own module", "a package of somebody else"],
)
def test_a_file__that_only_has_the_name_of_a_package__stays(name: str, asking: str, other: str) -> None:
    ends = {"py": "\n\ndef page():\n    return 1 if flags.is_enabled('new-ui') else old(2)\n"}
    end = ends.get(name.rpartition(".")[2], "export const page = () => (flags.isEnabled('new-ui') ? 1 : old(2));\n")
    own = "def kept():\n    return 1\n" if name.endswith(".py") else "export const kept = 1;\n"
    after, _ = removed({name: asking + end, other: own})
    assert after[other] == own
    assert "old" not in (after[name] or "")


def test_a_type_written_out_for_a_parameter_that_stays__keeps_what_callers_may_hand_over() -> None:
    text = """
        export function steps(user?: { id: string }): number {
          return client.getBooleanValue('new-ui', false, { targetingKey: user?.id }) ? 1 : 2;
        }
        """
    after, _ = removed({"src/steps.ts": text})
    assert after["src/steps.ts"] == "export function steps(user?: { id: string }): number {\n  return 1;\n}\n"


def test_what_is_taken_out_of_a_type_on_one_line__leaves_one_blank() -> None:
    text = """
        type Props = { id: string; name: string };
        export const title = (props: Props): string =>
          client.getBooleanValue('new-ui', false, { targetingKey: props.id }) ? props.name : '';
        """
    after, _ = removed({"src/title.ts": text})
    assert "type Props = { name: string };" in (after["src/title.ts"] or "")


HOOK = """
    import { useBooleanFlagValue } from '@openfeature/react-sdk';
    export const useModern = () => useBooleanFlagValue('new-ui', false);
    """
HEADER = """
    import { useModern } from './hooks';
    export const header = () => (useModern() ? 'new' : 'old');
    """


def test_a_wrapper_that_a_test_replaces__is_told_with_its_line() -> None:
    test = """
        import * as hooks from './hooks';
        beforeEach(() => {
          jest.spyOn(hooks, 'useModern').mockReturnValue(true);
        });
        """
    after, made = removed({"hooks.ts": HOOK, "header.ts": HEADER, "header.test.ts": test})
    assert after["hooks.ts"] == "export const useModern = () => true;\n"
    assert [(each.path, each.line, each.why) for each in made.refusals] == [("hooks.ts", 2, "mock")]


def test_a_wrapper_that_is_put_everywhere_or_asked_nowhere__is_not_told() -> None:
    _, made = removed({"hooks.ts": HOOK, "header.ts": HEADER})
    assert made.refusals == ()
    _, made = removed({"hooks.ts": HOOK})
    assert made.refusals == ()


def test_a_method_whose_name_could_be_anothers__is_told_where_it_is_asked() -> None:
    gate = """
        class Gate:
            def modern(self) -> bool:
                return self._client.get_boolean_value("new-ui", False)
        """
    page = 'def page(gate):\n    return "new" if gate.modern() else "old"\n'
    after, made = removed({"shop/gate.py": gate, "shop/page.py": page})
    assert "return True" in (after["shop/gate.py"] or "")
    assert [(each.path, each.line, each.why) for each in made.refusals] == [("shop/gate.py", 2, "still_used")]
    _, made = removed({"shop/gate.py": gate, "shop/page.py": page, "shop/art.py": "def modern():\n    return 3\n"})
    assert made.refusals == ()


CONFLICT = """def f():
<<<<<<< HEAD
  if client.is_enabled("new-ui"):
    return 1
=======
  if not client.is_enabled("new-ui"):
    return 3
>>>>>>> other
  return 2
"""


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("a.py", 'def f(:\n  if client.is_enabled("new-ui"):\n    return 1\n  return 2\n'),
        ("a.py", 'def f(x):\n  if x and client.is_enabled("new-ui":\n    return 1\n  return 2\n'),
        ("a.py", CONFLICT),
        (
            "a.ts",
            "export function f(x {\n  if (x && client.isEnabled('new-ui')) {\n    return 1;\n  }\n  return 2;\n}\n",
        ),
        ("a.ts", "export function g(x) {\n  return x ? client.isEnabled('new-ui') && x : ;\n}\n"),
    ],
    ids=["no parameters", "an open call", "a conflict", "open parameters", "no operand"],
)
def test_a_function_that_cannot_be_parsed_whole__is_left_alone_and_told(path: str, text: str) -> None:
    after, made = removed({path: text})
    assert after[path] == text
    assert {each.why for each in made.refusals} == {"unsupported"}


CART = """
    export class Cart {
      private extra: number;
      constructor(private readonly depth: number, extra: number, private asked: Flags) {
        this.extra = extra;
      }
      total() {
        return this.asked.isEnabled('new-ui') ? 1 : this.extra + this.depth;
      }
    }
"""


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("new Cart(1, 2, flags).total();", ""),
        ("const cart = new Cart(1, 2, flags);\nlog(cart['extra'], cart['depth']);", "extra depth"),
        ("const cart = new Cart(1, 2, flags);\nlog((cart as any).extra);", "extra"),
        ("const cart = new Cart(1, 2, flags);\nlog(JSON.stringify(cart));", "extra depth"),
    ],
    ids=["plainly used", "looked up by a text", "looked up past its type", "shown as a whole"],
)
def test_a_private_field__that_others_may_see__stays(text: str, left: str) -> None:
    after, _ = removed({"src/cart.ts": CART, "src/page.ts": f"import {{ Cart }} from './cart';\n{text}\n"})
    cart = after["src/cart.ts"] or ""
    assert [name for name in ("extra", "depth", "asked") if name in cart] == left.split()


def test_a_test_that_runs_for_what_fell_and_for_something_else__stays_with_what_fell() -> None:
    files = {
        "src/page.ts": ASKING.format(more=""),
        "src/old.ts": "export const old = () => 2;\nexport const kept = () => 3;\n",
        "src/sum.ts": "import { kept } from './old';\nexport const sum = () => kept() + 1;\n",
        "src/sums.test.ts": """
            import { kept, old } from './old';

            it.each([old, kept])('%s is a number', (sum) => {
              expect(typeof sum()).toBe('number');
            });
            """,
    }
    after, made = removed(files)
    assert after["src/sums.test.ts"] == dedent(files["src/sums.test.ts"]).lstrip("\n")
    assert after["src/old.ts"] == files["src/old.ts"]
    assert [refusal.why for refusal in made.refusals] == ["still_used"]


@pytest.mark.parametrize("mock", ["jest.mock('./answer');", "vi.mock(import('./answer'));"])
def test_a_function_of_the_flag__whose_whole_file_a_test_has_answer_nothing__is_asked_as_before(mock: str) -> None:
    page = "import { isNew } from './answer';\nexport const page = () => (isNew() ? 1 : 2);\n"
    test = f"import {{ page }} from './page';\n{mock}\nit('is old', () => expect(page()).toBe(2));\n"
    answer = "import { flags } from './flags';\nexport const isNew = () => flags.isEnabled('new-ui');\n"
    after, made = removed({"src/answer.ts": answer, "src/page.ts": page, "src/page.test.ts": test})
    assert (after["src/page.ts"], after["src/page.test.ts"]) == (page, test)
    assert after["src/answer.ts"] == "export const isNew = () => true;\n"
    assert [refusal.why for refusal in made.refusals] == ["still_used"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "export let isNew = () => flags.isEnabled('new-ui');\nexport const set = (to) => { isNew = to; };\n",
            "export let isNew = () => true;\nexport const set = (to) => { isNew = to; };\n",
        ),
        (
            "export let isNew = flags.isEnabled('new-ui');\nexport const set = (to) => { isNew = to; };\n",
            "export let isNew = true;\nexport const set = (to) => { isNew = to; };\n",
        ),
    ],
    ids=["a function", "a variable"],
)
def test_what_answers_for_the_flag__and_is_given_another_value__is_asked_as_before(before: str, after: str) -> None:
    page = "import { isNew } from './answer';\nexport const page = () => (isNew ? 1 : 2);\n"
    page = page.replace("isNew ?", "isNew() ?") if "() =>" in before.partition("\n")[0] else page
    made, _ = removed({"src/answer.js": "import { flags } from './flags';\n" + before, "src/page.js": page})
    assert made == {"src/answer.js": after, "src/page.js": page}
