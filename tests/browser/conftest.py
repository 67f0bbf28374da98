"""A headless Chromium, the page's modules on a bare server, and the real demo behind the page."""

from __future__ import annotations

import functools
import http.server
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.bench.ports import free_ports

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


@pytest.fixture(scope="module")
def demo(chromium: str) -> Iterator[dict[str, str]]:
    """The real thing: three simulated sensors, the monitor, its page; where it is and the token."""
    command = [sys.executable, "-m", "rfproctor", "--lang", "en", "demo", "--json"]
    process = subprocess.Popen(
        [*command, "--port", str(free_ports(4))],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "RFPROCTOR_LOG_LEVEL": "error"},
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, process.stderr.read() if process.stderr else ""
        yield json.loads(line)
    finally:
        process.terminate()
        process.communicate(timeout=30)
