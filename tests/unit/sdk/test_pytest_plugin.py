"""The fixture `flagtrail_flags` as users meet it: in test runs of their own, each a process."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
pytest_plugins = ["pytester"]
pytestmark = pytest.mark.slow

APP = """
from openfeature import api
from flagtrail.sdk import Client, Options

flags = Client(Options())
openfeature = api.get_client()

def price():
    return 9 if openfeature.get_boolean_value("new_pricing", False) else 10

def limit():
    return flags.get_integer("limit", 3)
"""


class Users:
    """A user's folder of tests, in which the plug-in is installed."""

    def __init__(self, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
        self.pytester = pytester
        monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
        monkeypatch.setenv("PYTHONPATH", f"{ROOT}:{ROOT / 'src'}")
        for name in ("FLAGTRAIL_URL", "FLAGTRAIL_TOKEN"):
            monkeypatch.delenv(name, raising=False)
        pytester.makepyfile(app=APP)

    def run(self, tests: str, *options: str, ini: str = "") -> pytest.RunResult:
        self.pytester.makepyfile(test_app=textwrap.dedent(tests))
        self.pytester.makeini(f"[pytest]\naddopts = --strict-markers --strict-config\n{ini}")
        return self.pytester.runpytest_subprocess("-p", "flagtrail.sdk.pytest_plugin", *options)


@pytest.fixture
def users(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Users:
    return Users(pytester, monkeypatch)


def test_fixture__pins_flags_for_one_test__and_for_all_of_its_code(users: Users) -> None:
    result = users.run("""
        from app import limit, price

        def test_before():
            assert (price(), limit()) == (10, 3)

        def test_with_it(flagtrail_flags):
            flagtrail_flags.pin(new_pricing=True, limit=5)
            assert (price(), limit()) == (9, 5)
            assert [one.flag for one in flagtrail_flags.evaluated] == ["new_pricing", "limit"]

        def test_after():
            assert (price(), limit()) == (10, 3)
    """)

    result.assert_outcomes(passed=3)


def test_marker__of_a_test_and_its_class__pins_both__the_nearest_wins(users: Users) -> None:
    result = users.run("""
        import unittest
        import pytest
        from app import limit, price

        @pytest.mark.flagtrail_flags(new_pricing=True, limit=5)
        class TestShop:
            def test_of_the_class(self):
                assert (price(), limit()) == (9, 5)

            @pytest.mark.flagtrail_flags({"limit": 6})
            def test_of_its_own(self, flagtrail_flags):
                assert (price(), limit()) == (9, 6)

        @pytest.mark.flagtrail_flags(limit=7)
        class TestInTheStyleOfUnittest(unittest.TestCase):
            def test_it(self):
                self.assertEqual(limit(), 7)

        def test_without():
            assert (price(), limit()) == (10, 3)
    """)

    result.assert_outcomes(passed=4)


def test_marker__of_no_flags__says_what_it_takes(users: Users) -> None:
    result = users.run("""
        import pytest

        @pytest.mark.flagtrail_flags("new_pricing")
        def test_it():
            pass
    """)

    assert result.parseoutcomes() == {"errors": 1}
    result.stdout.fnmatch_lines(["*takes keywords or a dict: flagtrail_flags(new_pricing=True)*"])


def test_marker__is_there_before_other_fixtures_ask(users: Users) -> None:
    result = users.run("""
        import pytest
        from app import limit

        @pytest.fixture
        def basket():
            return limit()

        @pytest.mark.flagtrail_flags(limit=5)
        def test_it(basket):
            assert basket == 5
    """)

    result.assert_outcomes(passed=1)


def test_marker__counts_more_than_flags_of_the_session(users: Users) -> None:
    result = users.run("""
        import pytest
        from app import price

        @pytest.fixture(scope="session", autouse=True)
        def flags_of_all_tests():
            from flagtrail.sdk.testing import pinned
            with pinned(new_pricing=True) as flags:
                yield flags

        @pytest.mark.flagtrail_flags(new_pricing=False)
        def test_marked():
            assert price() == 10

        def test_of_the_session():
            assert price() == 9
    """)

    result.assert_outcomes(passed=2)


@pytest.mark.parametrize(
    ("ini", "failed"), [pytest.param("", 1, id="by default"), pytest.param("flagtrail_strict = true", 2, id="strictly")]
)
def test_fixture__after_the_test__fails_it_for_what_went_wrong_in_silence(users: Users, ini: str, failed: int) -> None:
    result = users.run(
        """
        from app import limit, price

        def test_of_another_type(flagtrail_flags):
            flagtrail_flags.set("limit", "five")
            limit()

        def test_of_an_unknown_flag(flagtrail_flags):
            flagtrail_flags.set("limits", 5)
            limit()
        """,
        ini=ini,
    )

    result.assert_outcomes(passed=2, errors=failed)
    result.stdout.fnmatch_lines(["*AssertionError: 'limit' is pinned as a string, and was asked for as an integer"])


def test_fixture__in_parallel_processes__pins_each_by_itself(users: Users) -> None:
    result = users.run(
        """
        import pytest
        from app import limit

        @pytest.mark.parametrize("number", range(20))
        def test_it(flagtrail_flags, number):
            flagtrail_flags.set("limit", number)
            assert limit() == number
        """,
        "-p", "xdist", "-n", "2",
    )  # fmt: skip

    result.assert_outcomes(passed=20)


def test_fixture__with_tasks_and_threads__pins_all_of_them(users: Users) -> None:
    result = users.run("""
        import asyncio
        from concurrent.futures import ThreadPoolExecutor
        from app import limit, openfeature

        def test_tasks(flagtrail_flags):
            flagtrail_flags.set("limit", 5)

            async def ask():
                return await openfeature.get_integer_value_async("limit", 3)

            async def together():
                return await asyncio.gather(ask(), asyncio.to_thread(limit))

            assert asyncio.run(together()) == [5, 5]

        def test_threads(flagtrail_flags):
            flagtrail_flags.set("limit", 5)
            with ThreadPoolExecutor() as pool:
                assert list(pool.map(lambda _: limit(), range(8))) == [5] * 8
    """)

    result.assert_outcomes(passed=2)


def test_fixture__with_applications_of_three_frameworks__pins_what_they_show(users: Users) -> None:
    result = users.run("""
        import pytest

        @pytest.fixture(params=["fastapi", "flask", "django"])
        def page(request):
            if request.param == "fastapi":  # sets its provider when it starts, and shuts it down at its end
                from fastapi.testclient import TestClient
                from examples.fastapi_app import app
                with TestClient(app) as client:
                    yield lambda: client.get("/").text
            elif request.param == "flask":
                from examples.flask_app import app
                yield lambda: app.test_client().get("/").text
            else:
                from examples import django_app
                from django.test import Client
                yield lambda: Client(headers={"host": "localhost"}).get("/").content.decode()

        @pytest.mark.flagtrail_flags(new_pricing=True)
        def test_new(page):
            assert "Volume tiers" in page()

        def test_old(page):
            assert "Price list of 2023" in page()

        def test_set_when_the_application_runs(page, flagtrail_flags):
            flagtrail_flags.set("new_pricing", True)
            assert "Volume tiers" in page()
    """)

    result.assert_outcomes(passed=9)


def test_plugin__where_nobody_asks_for_the_fixture__loads_nothing(users: Users) -> None:
    result = users.run("""
        import sys

        def test_it():
            assert not {"openfeature", "msgspec", "flagtrail.sdk.client"} & set(sys.modules)
    """)

    result.assert_outcomes(passed=1)
