"""Running demos for the tests of the page, and what is said to one over HTTP."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from typing import Any

from tests.bench.ports import free_ports

PASSWORD = "correct horse battery"
STAFF = {"wang": "officer", "qian": "officer", "zhao": "radio", "tian": "technician"}


class Demo:
    """The real thing: three simulated sensors, the monitor, its page."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "rfproctor", "--lang", "en", "demo", "--json"]
        self._process = subprocess.Popen(
            [*command, "--port", str(free_ports(4))],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "RFPROCTOR_LOG_LEVEL": "error"},
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise AssertionError(self._process.communicate(timeout=30)[1])
        self.ready: dict[str, str] = json.loads(line)

    def end(self) -> None:
        self._process.terminate()
        self._process.communicate(timeout=30)


def api(demo: dict[str, str], path: str) -> Any:
    """Ask as the one who holds the demo's token."""
    return _answer(demo, urllib.request.Request(demo["url"] + path))


def post(demo: dict[str, str], path: str, body: object) -> Any:
    """Send something as the one who holds the demo's token."""
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(demo["url"] + path, json.dumps(body).encode(), headers)
    return _answer(demo, request)


def _answer(demo: dict[str, str], request: urllib.request.Request) -> Any:
    request.add_header("Authorization", f"Bearer {demo['token']}")
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)
