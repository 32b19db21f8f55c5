"""The examples as a user runs them: real servers of their frameworks, following a real Flagtrail server."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
import pytest
from tests.support.documents import attribute_test, boolean_flag, enabled, rule
from tests.support.server import RunningServer, free_port, running_server

Json = Any
ROOT = Path(__file__).parents[2]
EXAMPLES = sorted(path for path in (ROOT / "examples").glob("*.py"))
WAIT_SECONDS = 60.0
NEW, OLD = "Volume tiers", "Price list of 2023"
PRO = {"user": "acct_1", "plan": "enterprise"}
FREE = {"user": "acct_1", "plan": "free"}
WORKERS = 2
GUNICORN = [
    "-m",
    "gunicorn",
    "--no-control-socket",
    "--workers",
    str(WORKERS),
    "--access-logfile",
    "-",
    "--access-logformat",
    "%(p)s %(B)s",
]
COMMANDS = {
    "fastapi_app": ["-m", "uvicorn", "examples.fastapi_app:app", "--port"],
    "django_app": [*GUNICORN, "examples.django_app:application", "--bind"],
    "flask_app": [*GUNICORN, "examples.flask_app:app", "--bind"],
    "flask_app --preload": [*GUNICORN, "--preload", "examples.flask_app:app", "--bind"],
    "django_app --preload": [*GUNICORN, "--preload", "examples.django_app:application", "--bind"],
}
pytestmark = pytest.mark.slow


class Shop(NamedTuple):
    """An example that runs."""

    client: httpx2.Client
    process: subprocess.Popen[bytes]
    log: Path

    def page(self, who: dict[str, str]) -> str:
        answer = self.client.get("/", params=who)
        assert answer.status_code == 200, self.log.read_text()
        return str(answer.text)

    def becomes(self, who: dict[str, str], heading: str) -> bool:
        return until(lambda: heading in self.page(who))

    def ready(self) -> int:
        return int(self.client.get("/readyz").status_code)

    def workers_that_sent(self, size: int, since: int) -> set[bytes]:
        """Of gunicorn's access log, from an offset on: the processes that sent a body of this size."""
        return set(re.findall(rb"^<(\d+)> %d$" % size, self.log.read_bytes()[since:], re.MULTILINE))


def until(holds: Any) -> bool:  # noqa: ANN401 - a question
    """Whether it holds within `WAIT_SECONDS`, asked again and again."""
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        if holds():
            return True
        threading.Event().wait(0.02)
    return False


@contextmanager
def running(example: str, folder: Path, **settings: str) -> Iterator[Shop]:
    """The example's own command on a free port."""
    port, log = free_port(), folder / "shop.log"
    *command, option = COMMANDS[example]
    address = [option, str(port) if option == "--port" else f"127.0.0.1:{port}"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FLAGTRAIL_")}
    environment |= {f"FLAGTRAIL_{name.upper()}": value for name, value in settings.items()}
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, *command, *address], cwd=ROOT, env=environment, stdout=output, stderr=output
        )
    try:
        # No connection is kept: each request may meet another worker.
        with httpx2.Client(
            base_url=f"http://127.0.0.1:{port}", headers={"Connection": "close"}, timeout=60.0
        ) as client:
            assert until(lambda: _answers(client)), log.read_text()
            yield Shop(client, process, log)
    finally:
        _stop(process)


def _answers(client: httpx2.Client) -> bool:
    try:
        client.get("/readyz")
    except httpx2.TransportError:
        return False
    return True


def _stop(process: subprocess.Popen[bytes]) -> int:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        return process.wait(timeout=60)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


class Flags(NamedTuple):
    """A server with the demo's flag, and a token to follow it."""

    server: RunningServer
    admin: httpx2.Client
    token: str

    def switch(self, to: str) -> None:
        path = f"/api/v1/projects/default/flags/new_pricing/environments/production/{to}"
        assert self.admin.post(path, json={"why": "a test"}).status_code == 200


@pytest.fixture
def flags(tmp_path: Path) -> Iterator[Flags]:
    with running_server(tmp_path) as server, server.client() as admin:
        enterprise = enabled(
            rules=[rule(attribute_test("plan", "in", "enterprise"), key="enterprise")], fallthrough={"variant": "off"}
        )
        body = {"flag": boolean_flag("new_pricing"), "targeting": {"production": enterprise}, "why": "a test"}
        assert admin.post("/api/v1/projects/default/flags", json=body).status_code == 201
        token = {"key": "shop", "kind": "server", "project": "default", "environment": "production"}
        yield Flags(server, admin, admin.post("/api/v1/tokens", json={"token": token}).json()["secret"])


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example__is_under_60_lines(path: Path) -> None:
    assert len(path.read_text().splitlines()) < 60


def test_every_example__is_run_here_and_named_in_the_readme() -> None:
    names = {path.stem for path in EXAMPLES}
    readme = (ROOT / "examples" / "README.md").read_text()
    assert {command.split()[0] for command in COMMANDS} == names
    assert {name for name in names if f"examples.{name}:" in readme} == names


@pytest.mark.parametrize("example", COMMANDS)
def test_an_example__follows_the_flag__and_outlives_the_server(example: str, flags: Flags, tmp_path: Path) -> None:
    with running(example, tmp_path, url=flags.server.url, token=flags.token) as shop:
        assert shop.becomes(PRO, NEW)
        assert OLD in shop.page(FREE)
        assert until(lambda: shop.ready() == 200)
        flags.switch("disable")
        assert shop.becomes(PRO, OLD)
        flags.switch("enable")
        assert everywhere(example, shop, NEW)
        flags.server.process.kill()
        flags.server.process.wait()
        assert [NEW in shop.page(PRO) for _ in range(20)] == [True] * 20
        assert shop.ready() == 200


@pytest.mark.parametrize("example", [name for name, command in COMMANDS.items() if "gunicorn" in command])
def test_each_worker__after_a_change__serves_it(example: str, flags: Flags, tmp_path: Path) -> None:
    with running(example, tmp_path, url=flags.server.url, token=flags.token) as shop:
        assert all_workers_serve(shop, NEW)
        flags.switch("disable")
        assert all_workers_serve(shop, OLD)


def all_workers_serve(shop: Shop, heading: str) -> bool:
    """Whether of some requests each worker answered one, and all with this page."""

    def they_do() -> bool:
        since = shop.log.stat().st_size
        with ThreadPoolExecutor(4) as together:  # one worker alone is busy, so that others answer, too
            pages = list(together.map(shop.page, [PRO] * 20))
        workers = shop.workers_that_sent(len(pages[0]), since)
        return all(heading in page for page in pages) and len(workers) == WORKERS

    return until(they_do)


def everywhere(example: str, shop: Shop, heading: str) -> bool:
    """Whether all that the example starts come to serve it: each worker hears of a change by itself."""
    return all_workers_serve(shop, heading) if "gunicorn" in COMMANDS[example] else shop.becomes(PRO, heading)


@pytest.mark.parametrize("example", COMMANDS)
def test_an_example__without_a_server__answers_with_the_default(example: str, tmp_path: Path) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    with running(example, tmp_path, url=nowhere, token="ft_server_none") as shop:
        assert OLD in shop.page(PRO)
        assert shop.ready() == 503


@pytest.mark.parametrize("example", ["fastapi_app", "django_app", "flask_app"])
def test_an_example__started_again_without_the_server__serves_what_its_cache_file_holds(
    example: str, flags: Flags, tmp_path: Path
) -> None:
    told = {"url": flags.server.url, "token": flags.token, "cache_file": str(tmp_path / "flags.json")}
    with running(example, tmp_path, **told) as shop:
        assert shop.becomes(PRO, NEW)
        assert until((tmp_path / "flags.json").exists)
    flags.server.process.kill()
    flags.server.process.wait()
    with running(example, tmp_path, **told) as shop:
        assert shop.becomes(PRO, NEW)
        assert until(lambda: shop.ready() == 200)


@pytest.mark.parametrize("example", COMMANDS)
def test_an_example__that_is_stopped__ends_well_and_has_reported_its_use(
    example: str, flags: Flags, tmp_path: Path
) -> None:
    with running(example, tmp_path, url=flags.server.url, token=flags.token) as shop:
        # gunicorn waits 30 s for a worker that it told to end before it could listen to that
        assert everywhere(example, shop, NEW)
        ended = _stop(shop.process)
    path = "/api/v1/projects/default/flags/new_pricing/usage"
    assert ended in {0, -signal.SIGTERM}  # uvicorn ends well, and then by the signal
    assert until(lambda: any(row["count"] > 0 for row in flags.admin.get(path).json()["summary"]))
