"""What exists stands in the documentation, and what the documentation says exists."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import flagtrail
from flagtrail import importers, notify, reports
from flagtrail.app.settings import Settings
from flagtrail.model import errors
from flagtrail.model.condition import OPERATORS
from flagtrail.model.entry import ACTIONS
from flagtrail.sdk.events import EventKind
from flagtrail.sdk.options import Options

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [*(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "examples/README.md"))]
PAGES += sorted(DOCS.rglob("*.md"))
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(?:#[^)]*)?\)")
CODES = sorted(
    cls.code for cls in vars(errors).values() if isinstance(cls, type) and issubclass(cls, errors.FlagtrailError)
)


def told(page: str) -> str:
    return (DOCS / page).read_text()


@pytest.mark.parametrize("code", [code for code in CODES if code != "error"])
def test_error_code__stands_in_the_documentation(code: str) -> None:
    assert f"`{code}`" in told("reference/errors.md")


@pytest.mark.parametrize("name", Settings.__struct_fields__)
def test_setting__stands_in_the_documentation(name: str) -> None:
    assert f"`FLAGTRAIL_{name.upper()}`" in told("reference/settings.md")


@pytest.mark.parametrize("operator", OPERATORS)
def test_operator__stands_in_the_documentation(operator: str) -> None:
    assert f"`{operator}`" in told("reference/operators.md")


@pytest.mark.parametrize("action", ACTIONS)
def test_action__stands_in_the_documentation(action: str) -> None:
    assert f"`{action}`" in told("reference/entries.md")


@pytest.mark.parametrize("kind", importers.kinds())
def test_importer__stands_in_the_documentation(kind: str) -> None:
    assert f"`{kind}`" in told("reference/importers.md")


@pytest.mark.parametrize("kind", notify.kinds())
def test_notifier__stands_in_the_documentation(kind: str) -> None:
    assert f"`{kind}`" in told("reference/notifiers.md")


@pytest.mark.parametrize("kind", reports.kinds())
def test_report_format__stands_in_the_documentation(kind: str) -> None:
    assert f"`{kind}`" in told("reference/reports.md")


@pytest.mark.parametrize("option", Options.__struct_fields__)
def test_sdk_option__stands_in_the_documentation(option: str) -> None:
    assert f"\n| `{option}` |" in told("reference/sdk.md")


@pytest.mark.parametrize("event", EventKind)
def test_sdk_event__stands_in_the_documentation(event: EventKind) -> None:
    assert f"\n| `{event}` |" in told("how-to/sdk.md")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links__of_a_page__lead_somewhere(page: Path) -> None:
    targets = [target for target in LINK.findall(page.read_text()) if "://" not in target and target[0] != "/"]

    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", sorted((DOCS / "decisions").glob("*.md")), ids=lambda page: page.name)
def test_decision__says_its_status_and_date(page: Path) -> None:
    assert re.match(
        r"---\nstatus: (accepted|rejected|superseded)\ndate: \d{4}-\d\d-\d\d\n(\w+: .*\n)*---\n# \d+\. ",
        page.read_text(),
    )


def modules() -> Iterator[str]:
    for info in pkgutil.walk_packages(flagtrail.__path__, "flagtrail."):
        if not info.name.endswith("__main__"):
            yield info.name


@pytest.mark.parametrize("name", sorted(modules()))
def test_examples__of_docstrings__run(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def sources(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


@pytest.mark.parametrize(
    ("folder", "most"), [("src", 400), ("bench", 400), ("tests", 600)], ids=["source", "benchmarks", "tests"]
)
def test_files__stay_short_enough_to_be_read(folder: str, most: int) -> None:
    lengths = {str(file.relative_to(ROOT)): len(file.read_text().splitlines()) for file in sources(folder)}

    assert {name: length for name, length in lengths.items() if length > most} == {}
