"""A lost connection greys the live parts at once, says since when, and heals by itself."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.bench.ports import free_ports

pytestmark = [pytest.mark.browser, pytest.mark.system]

TOKEN = "a token for this test only"


@contextlib.contextmanager
def monitor(folder: Path, port: int) -> Iterator[None]:
    """The real monitor, with nobody reporting to it."""
    (folder / "monitor.toml").write_text(
        f'[monitor]\nid = "alone"\nhttp = "127.0.0.1:{port}"\n'
        f'events = "tcp://127.0.0.1:{port + 1}"\n'
        'store = "sqlite:///monitor.db"\ninsecure = true\n',
        encoding="utf-8",
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "rfproctor", "monitor", str(folder / "monitor.toml")],
        env={**os.environ, "RFPROCTOR_TOKEN": TOKEN},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline_s = time.monotonic() + 30
        while True:
            with contextlib.suppress(urllib.error.URLError, OSError):
                urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=1)
                break
            assert process.poll() is None, "the monitor ended"
            assert time.monotonic() < deadline_s, "the monitor did not start"
            time.sleep(0.1)
        yield
    finally:
        process.kill()
        process.wait()


def test_lost_and_found_again(browser: Any, tmp_path: Path) -> None:
    port = free_ports(4)
    context = browser.new_context(locale="en-GB")
    page = context.new_page()
    page.set_default_timeout(30_000)
    with monitor(tmp_path, port):
        page.goto(f"http://127.0.0.1:{port}/login?token={TOKEN.replace(' ', '%20')}")
        page.wait_for_selector(".link.live")
        assert page.locator("#lost").is_hidden()
        assert "No sensor is reporting" in page.locator("#alarms").inner_text()
    began_s = time.monotonic()
    page.wait_for_selector("body.stale")
    assert time.monotonic() - began_s < 5
    assert re.search(r"lost at \d\d:\d\d:\d\d", page.locator("#lost").inner_text())
    assert "Unknown since" in page.locator("#alarms").inner_text()
    with monitor(tmp_path, port):
        page.wait_for_selector("body:not(.stale)")
        page.wait_for_selector(".link.live")
        assert page.locator("#lost").is_hidden()
        page.evaluate("fetch('api/v1/session', { method: 'DELETE' })")
    # Without a session the page must lead to signing in, not try again for ever.
    with monitor(tmp_path, port):
        page.wait_for_selector(".signin input[name=name]")
    context.close()
