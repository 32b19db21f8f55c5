"""OpenFeature's web provider in a real browser, on a page of another origin than the server's: the guide's own code."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx2
import pytest
from playwright.sync_api import Page, expect, sync_playwright
from tests.support.documents import attribute_test, boolean_flag, enabled, rule
from tests.support.server import RunningServer

CHROMIUM = Path("/usr/bin/chromium")
PROVIDERS = Path(__file__).with_name("ofrep_js") / "node_modules"
GUIDE = Path(__file__).parents[2] / "docs" / "how-to" / "other-languages.md"
MODULES = {
    "@openfeature/core": "/@openfeature/core/dist/esm/index.js",
    "@openfeature/web-sdk": "/@openfeature/web-sdk/dist/esm/index.js",
    "@openfeature/ofrep-core": "/@openfeature/ofrep-web-provider/node_modules/@openfeature/ofrep-core/index.esm.js",
    "@openfeature/ofrep-web-provider": "/@openfeature/ofrep-web-provider/index.esm.js",
}
SHOW = """
const flags = OpenFeature.getClient();
const show = () => { document.title = `new_pricing: ${flags.getBooleanValue("new_pricing", false)}`; };
OpenFeature.addHandler("PROVIDER_CONFIGURATION_CHANGED", show);
show();
"""
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="needs Debian's Chromium: make chromium"),
    pytest.mark.skipif(not PROVIDERS.exists(), reason="the providers are missing: make node"),
]


class Site(SimpleHTTPRequestHandler):
    """The installed packages as files, and one page."""

    page = b""

    def do_GET(self) -> None:
        if self.path != "/":
            super().do_GET()
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(self.page)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""


@pytest.fixture
def flag(admin: httpx2.Client, project: str) -> str:
    """`new_pricing` for enterprises in the project's production; a client token's secret."""
    pro = enabled(rules=[rule(attribute_test("plan", "in", "enterprise"))], fallthrough={"variant": "off"})
    body = {"flag": boolean_flag("new_pricing"), "targeting": {"production": pro}, "why": "a test"}
    assert admin.post(f"/api/v1/projects/{project}/flags", json=body).status_code == 201
    token = {"key": f"{project}-page", "kind": "client", "project": project, "environment": "production"}
    secret: str = admin.post("/api/v1/tokens", json={"token": token}).json()["secret"]
    return secret


@pytest.fixture
def site(server: RunningServer, flag: str) -> Iterator[str]:
    """The address of a page that runs the guide's code for browsers, and shows the flag in its title."""
    code = re.findall(r"^```js\n(.*?)^```$", GUIDE.read_text(), re.MULTILINE | re.DOTALL)[1]
    for told, real in (("https://flags.example.com", server.url), ("ft_client_...", flag), ("30_000", "50")):
        assert told in code
        code = code.replace(told, real)
    modules = json.dumps({"imports": MODULES})
    page = f'<script type="importmap">{modules}</script><script type="module">{code}{SHOW}</script>'
    handler = type("Page", (Site,), {"page": page.encode()})
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(PROVIDERS))) as httpd:
        thread = threading.Thread(target=httpd.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{httpd.server_port}/"
        httpd.shutdown()
        thread.join()


@pytest.fixture
def page() -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield browser.new_page()
        browser.close()


def test_a_page_of_another_origin__polling__shows_a_change(
    admin: httpx2.Client, project: str, site: str, page: Page
) -> None:
    answers: list[tuple[str, int]] = []
    page.on("response", lambda answer: answers.append((answer.request.method, answer.status)))
    page.goto(site)
    expect(page).to_have_title("new_pricing: true")
    with page.expect_response(lambda answer: answer.status == 304):
        pass
    path = f"/api/v1/projects/{project}/flags/new_pricing/environments/production/disable"
    assert admin.post(path, json={"why": "a test"}).status_code == 200
    expect(page).to_have_title("new_pricing: false")
    assert {status for method, status in answers if method == "POST"} == {200, 304}
