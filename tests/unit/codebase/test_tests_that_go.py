"""Tests that a clean-up takes out, and those that only look as if they were of the losing variant."""

from __future__ import annotations

from textwrap import dedent

import pytest

from flagtrail.codebase.cleanup import Winner
from flagtrail.codebase.plan import plan
from flagtrail.codebase.repository import Files

ANSWERS = """
    from client import flags


    def {name}():
        return flags.{asks}
"""


def removed(files: dict[str, str], value: object = True) -> dict[str, str]:
    """What the files become; empty where they go."""
    before = Files({path: dedent(text).lstrip("\n").encode() for path, text in files.items()})
    after = {path: data.decode() for path, data in before.items()}
    for change in plan(before, "new-ui", Winner("on", value)).changes:
        after[change.path] = (change.after or b"").decode()
    return after


OLD = 'with patch("shop.is_new", return_value={answer}):'


@pytest.mark.parametrize(
    "test",
    [
        f"""
            @pytest.fixture
            def test_client():
                {OLD.format(answer=False)}
                    yield Client()
        """,
        f"""
            @tagged
            class PageTest(TestCase):
                def _old(self):
                    {OLD.format(answer=False)}
                        return page()

                def test_new(self):
                    assert page() == "new"
        """,
        f"""
            def test_truth():
                {OLD.format(answer=1)}
                    assert page() == "new"
        """,
    ],
    ids=["a fixture", "a method that helps", "another type"],
)
def test_what_is_no_test_of_the_losing_variant__stays(test: str) -> None:
    files = {"shop.py": ANSWERS.format(name="is_new", asks='is_enabled("new-ui")'), "test_shop.py": dedent(test)}
    assert removed(files)["test_shop.py"] == dedent(test).lstrip("\n")


def test_a_test_of_the_winning_text__stays_without_its_mock() -> None:
    test = """
        @patch("views.theme", return_value="blue")
        def test_new(fake):
            assert page() == "new"


        @patch("views.theme", return_value="red")
        def test_old(fake):
            assert page() == "old"
    """
    files = {
        "shop.py": ANSWERS.format(name="theme", asks='get_string("new-ui", "red")'),
        "views.py": """
            from shop import theme


            def page():
                return "new" if theme() == "blue" else "old"
        """,
        "test_views.py": test,
    }
    after = removed(files, "blue")
    assert after["test_views.py"] == 'def test_new():\n    assert page() == "new"\n'


@pytest.mark.parametrize(
    ("helpers", "stays"),
    [
        ("from shop.old import price\n\n\ndef make():\n    return 5\n", True),
        ("from shop.old import price\n\n\ndef test_price():\n    assert price() == 2\n", False),
    ],
)
def test_a_file_of_tests__goes_only_with_the_last_of_its_tests(helpers: str, stays: bool) -> None:
    files = {
        "shop/views.py": """
            from client import flags
            from shop.old import price


            def show():
                return 1 if flags.is_enabled("new-ui") else price()
        """,
        "shop/old.py": "def price():\n    return 2\n\n\ndef kept():\n    return 3\n",
        "shop/use.py": "from shop.old import kept\n\nprint(kept())\n",
        "tests/helpers.py": helpers,
    }
    after = removed(files)
    assert after["tests/helpers.py"] == (helpers if stays else "")
    assert ("def price" in after["shop/old.py"]) is stays


def test_a_method_of_something_else__is_asked_as_before() -> None:
    files = {
        "shop.py": ANSWERS.format(name="is_new", asks='is_enabled("new-ui")'),
        "views.py": """
            from shop import is_new


            def page(request):
                return request.is_new(), is_new()
        """,
    }
    assert "return request.is_new(), True" in removed(files)["views.py"]


def test_a_setting__that_a_test_gives_another_value_by_its_name__is_read_as_before() -> None:
    views = 'import settings\n\n\ndef page():\n    return "new" if settings.NEW_UI else "old"\n'
    files = {
        "settings.py": 'from client import flags\n\nNEW_UI = flags.is_enabled("new-ui")\n',
        "views.py": views,
        "test_views.py": "@override_settings(NEW_UI=False)\ndef test_old():\n    assert page() == 'old'\n",
    }
    assert removed(files)["views.py"] == views


@pytest.mark.parametrize("head", ["a, *, fresh=True, **rest", "a, *, fresh=True", "fresh, /, a"])
def test_a_parameter__without_which_its_marker_could_not_stand__stays(head: str) -> None:
    call = "priced(1, 2)" if "/" in head else "priced(1, fresh=False)"
    sums = f"""
        from client import flags


        def priced({head}):
            return a if flags.is_enabled("new-ui") else fresh


        print({call})
    """
    assert f"def priced({head}):" in removed({"sums.py": sums})["sums.py"]


def test_a_case_that_is_equal_to_the_answer_in_one_language_and_not_in_another__is_left_alone() -> None:
    text = """
        from client import flags

        match flags.is_enabled("new-ui"):
            case 1:
                print("one")
            case True:
                print("true")
    """
    assert 'print("one")' in removed({"main.py": text})["main.py"]


SHOP = """
    from client import flags
    from shop.sums import helper


    class Shop:
        def __init__(self, mailer):
            self.mailer = mailer
            self.depth = 3

        def order(self):
            return 1 if flags.is_enabled("new-ui") else helper(self.mailer, self.depth)
"""


def test_a_test__that_calls_a_variable_as_a_field_that_goes__stays() -> None:
    test = """
        from shop.page import Shop


        def test_order():
            mailer = Mailer()
            assert Shop(mailer).order() == 1
            assert mailer.sent == []
    """
    after = removed({"shop/page.py": SHOP, "tests/test_page.py": test})
    assert "def test_order" in after["tests/test_page.py"]
    assert "assert mailer.sent == []" in after["tests/test_page.py"]


@pytest.mark.parametrize(
    ("path", "text", "kept"),
    [
        (
            "use.py",
            'page = import_module("shop.page")\n\n\ndef use():\n    return page.helper()\n',
            "from shop.sums import helper",
        ),
        ("tests/test_use.py", "def test_use(page):\n    assert page.helper() == 2\n", "from shop.sums import helper"),
        (
            "use.py",
            "from shop.page import Shop\n\n\ndef use():\n    return json.dumps(Shop(1), default=vars)\n",
            "self.depth = 3",
        ),
    ],
    ids=["a module loaded by a text", "a module that a fixture passes", "fields shown as a whole"],
)
def test_what_others_may_take_of_a_file__stays(path: str, text: str, kept: str) -> None:
    after = removed({"shop/page.py": SHOP, path: text})
    assert kept in after["shop/page.py"]
    assert after[path] == text


@pytest.mark.parametrize("use", ["zip(FLAGS, [1, 2, 4])", "FLAGS.index(name)", "len(FLAGS)", "FLAGS[2]"])
def test_a_list__of_which_the_places_count__keeps_the_flag(use: str) -> None:
    files = {"flags.py": f'FLAGS = ["old-mail", "new-ui", "search"]\nUSE = {use}\n'}
    assert removed(files) == files


def test_a_test__that_another_one_calls__stays() -> None:
    test = """
        def test_old():
            with patch("shop.is_new", return_value=False):
                return page()


        def test_both():
            test_old()
    """
    files = {"shop.py": ANSWERS.format(name="is_new", asks='is_enabled("new-ui")'), "test_shop.py": test}
    assert removed(files)["test_shop.py"] == dedent(test).lstrip("\n")


@pytest.mark.parametrize(
    ("imports", "uses"),
    [
        ("Legacy, price", 'def typed(x) -> "Legacy":\n    return x'),
        ("_, price", 'def told():\n    return _("x")'),
        ("price", 'def told():\n    """Tell.\n\n    >>> price()\n    2\n    """'),
    ],
    ids=["in a type that is a text", "called like nothing", "in an example"],
)
def test_a_module__of_which_a_name_is_used_in_another_way__stays(imports: str, uses: str) -> None:
    shown = f'def show():\n    return 1 if flags.is_enabled("new-ui") else price()\n\n\n{uses}\n'
    old = "class Legacy:\n    pass\n\n\ndef _(x):\n    return x\n\n\ndef price():\n    return 2\n"
    files = {"views.py": f"from client import flags\nfrom old import {imports}\n\n\n{shown}", "old.py": old}
    after = removed(files)
    assert f"from old import {imports.removesuffix(', price')}" in after["views.py"]
    assert after["old.py"] in (old, old.replace("\n\ndef price():\n    return 2\n", ""))


@pytest.mark.parametrize(
    "test",
    [
        """
            def test_total():
                assert total(2) == old_total(1)
        """,
        """
            @pytest.mark.parametrize(("count", "wanted"), [(total, 2), (old_total, 4)])
            def test_each(count, wanted):
                assert count(2) == wanted
        """,
    ],
    ids=["a step to it", "a row beside it"],
)
def test_a_test_called_after_what_stays__is_not_one_of_what_fell_in_the_file_of_both(test: str) -> None:
    shop = """
        from client import flags


        def price():
            return total(1) if flags.is_enabled("new-ui") else old_total(1)


        def total(count):
            return count


        def old_total(count):
            return count * 2
    """
    tests = "import pytest\nfrom shop import old_total, total\n\n\n" + dedent(test).lstrip("\n")

    after = removed({"shop.py": shop, "test_shop.py": tests})

    assert after["test_shop.py"] == tests
    assert "def old_total" in after["shop.py"]
