"""The Python of the SDK's guides runs as it stands: against a real server, and as a user's own tests."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.documents import boolean_flag, enabled
from tests.support.server import running_server

HOW_TO = Path(__file__).parents[2] / "docs" / "how-to"
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)
NAMED = re.compile(r"# (\w+\.py)")


def blocks(page: str) -> list[str]:
    return BLOCK.findall((HOW_TO / page).read_text())


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """What the guide tells a reader to export, and a flag that is on."""
    with running_server(tmp_path_factory.mktemp("server")) as server, server.client() as admin:
        admin.post("/api/v1/projects", json={"key": "shop", "why": "a test"}).raise_for_status()
        flag = {"flag": boolean_flag("new_pricing"), "targeting": {"production": enabled()}, "why": "a test"}
        admin.post("/api/v1/projects/shop/flags", json=flag).raise_for_status()
        token = {"key": "sdk", "kind": "server", "project": "shop", "environment": "production"}
        issued = admin.post("/api/v1/tokens", json={"token": token, "why": "a test"}).raise_for_status()
        yield {**os.environ, "FLAGTRAIL_URL": server.url, "FLAGTRAIL_TOKEN": issued.json()["secret"]}


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        pytest.param(0, "volume tiers\n", id="OpenFeature"),
        pytest.param(1, "", id="async"),
        pytest.param(2, "True\n10\nSTATIC\n{'new_pricing': True}\n", id="plain client"),
        pytest.param(3, "READY", id="events"),
        pytest.param(4, "ProviderStatus.READY\n", id="cache file"),
    ],
)
def test_guide__of_the_sdk__runs(environment: dict[str, str], number: int, expected: str) -> None:
    command = [sys.executable, "-W", "error", "-c", blocks("sdk.md")[number]]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)

    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith(expected)


def test_guide__of_the_sdk__is_run_whole() -> None:
    assert len(blocks("sdk.md")) == 5


@pytest.mark.slow
def test_guide__of_tests__passes_as_tests(tmp_path: Path) -> None:
    named = {NAMED.match(block): block for block in blocks("testing.md")}
    for name, block in named.items():
        assert name is not None
        (tmp_path / name[1]).write_text(block)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "flagtrail.sdk.pytest_plugin", "-p", "no:cacheprovider"]
    ran = subprocess.run(
        [*command, "-W", "error", str(tmp_path)],
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert "7 passed" in ran.stdout, ran.stdout
