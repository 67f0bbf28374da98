"""A headless Chromium, the page's modules on a bare server, and the real demo behind the page."""

from __future__ import annotations

import functools
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.demos import PASSWORD, STAFF, Demo, api, post
from tests.order import TOGETHER, file_of

sync_api = pytest.importorskip("playwright.sync_api", reason="browser tests need playwright")

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-sync",
    "--mute-audio",
    "--no-first-run",
]
POLICY = "default-src 'self'; object-src 'none'; base-uri 'none'"


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Any]:
    """One Chromium for the tests of a file.

    Not for the session: playwright keeps an event loop running in this thread for as long, and no
    other test could run one of its own.
    """
    with sync_api.sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield launched
        launched.close()


class Modules(http.server.SimpleHTTPRequestHandler):
    """The static folder under /static/, an empty page elsewhere, under the monitor's own policy."""

    def do_GET(self) -> None:
        if self.path.startswith("/static/"):
            self.path = self.path.removeprefix("/static")
            super().do_GET()
            return
        page = b"<!doctype html><html lang=en><title>modules</title>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    def end_headers(self) -> None:
        self.send_header("Content-Security-Policy", POLICY)
        super().end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="session")
def module_server(repository: Path) -> Iterator[str]:
    handler = functools.partial(Modules, directory=str(repository / "dashboard" / "static"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture
def modules(browser: Any, module_server: str) -> Iterator[Any]:
    """An empty page in whose scripts the page's modules can be imported."""
    page = browser.new_page()
    page.goto(module_server)
    yield page
    page.close()


@pytest.fixture(scope="session")
def _demos() -> Iterator[dict[str, Demo]]:
    """Running demos by the first file of those that share one."""
    running: dict[str, Demo] = {}
    yield running
    for one in running.values():
        one.end()


@pytest.fixture(scope="module")
def demo(
    request: pytest.FixtureRequest, chromium: str, _demos: dict[str, Demo]
) -> Iterator[dict[str, str]]:
    """Where a demo's page is, and the token; shared with the files of one line of `TOGETHER`."""
    file = file_of(request.node.nodeid)
    files = next((line for line in TOGETHER if file in line), (file,))
    if files[0] not in _demos:
        _demos[files[0]] = Demo()
    yield _demos[files[0]].ready
    if file == files[-1]:  # it costs half a core
        _demos.pop(files[0]).end()


@pytest.fixture(scope="module")
def staff(demo: dict[str, str]) -> None:
    """Who may sign in at the demo, see `tests.browser.demos.STAFF`."""
    there = {one["name"] for one in api(demo, "api/v1/accounts")}
    for name, role in STAFF.items():
        if name not in there:  # a file before this one has hired them
            post(demo, "api/v1/accounts", {"name": name, "role": role, "password": PASSWORD})
