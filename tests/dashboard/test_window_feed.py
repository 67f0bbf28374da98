"""The window's line to a monitor with HTTPS: whose certificate is believed, who is let in."""

from __future__ import annotations

import http
import json
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection, serve

from dashboard.tls import own_certificate
from dashboard.window_feed import Beat, MonitorFeed
from sensors.messages import BandWatch, SensorHealth
from sensors.toml import BadConfig

TOKEN = "the right one"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return own_certificate(tmp_path_factory.mktemp("keys"), ["127.0.0.1", "localhost"])


@pytest.fixture
def monitor(certificate: tuple[Path, Path]) -> Iterator[str]:
    """A line that tells of one site to who has the token."""
    health = SensorHealth(
        "s/hall", "hall", "scene:hall", "go", bands=[BandWatch("b", 1e8, 2e8, 0.1, 1.0)]
    )
    site = {"site": "s", "site_name": "S", "sensors": [msgspec.to_builtins(health)]}

    def check(line: ServerConnection, request: Request) -> Response | None:
        right = request.headers["Authorization"] == f"Bearer {TOKEN}"
        return None if right else line.respond(http.HTTPStatus.UNAUTHORIZED, "no")

    def talk(line: ServerConnection) -> None:
        line.send(json.dumps({"kind": "snapshot", "sites": [site], "alarms": []}))
        for _ in line:
            pass

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    with serve(talk, "127.0.0.1", 0, ssl=context, process_request=check) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"https://127.0.0.1:{server.socket.getsockname()[1]}"
        server.shutdown()
        thread.join()


def first(feed: MonitorFeed) -> object:
    """What is heard first; raises what the window would say."""
    try:
        until_s = time.monotonic() + 10
        while time.monotonic() < until_s:
            if heard := feed.take():
                return heard[0]
            time.sleep(0.01)
        raise AssertionError(f"nothing heard: {feed.trouble}")
    finally:
        feed.close()


def test_a_certificate_that_is_given_is_believed(
    monitor: str, certificate: tuple[Path, Path]
) -> None:
    beat = first(MonitorFeed(monitor, TOKEN, str(certificate[0])))
    assert isinstance(beat, Beat) and beat.sensors[0].sensor == "s/hall"
    link = f"{monitor}/login?token=the%20right%20one"
    assert isinstance(first(MonitorFeed(link, "wrong", str(certificate[0]))), Beat)


@pytest.mark.parametrize(
    ("ca", "token", "message_id"),
    [("", TOKEN, "window.untrusted"), ("own", "a wrong one", "window.refused")],
)
def test_who_is_not_believed_or_not_let_in_is_told(
    monitor: str, certificate: tuple[Path, Path], ca: str, token: str, message_id: str
) -> None:
    feed = MonitorFeed(monitor, token, str(certificate[0]) if ca else "")
    with pytest.raises(BadConfig) as caught:
        first(feed)
    assert caught.value.message_id == message_id


def test_a_certificate_of_another_monitor_is_not_believed(monitor: str, tmp_path: Path) -> None:
    other, _ = own_certificate(tmp_path, ["127.0.0.1"])
    with pytest.raises(BadConfig, match=r"window\.untrusted"):
        first(MonitorFeed(monitor, TOKEN, str(other)))


@pytest.mark.parametrize("text", [None, "no certificate at all"])
def test_a_file_that_is_no_certificate(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "page.crt"
    if text:
        path.write_text(text)
    with pytest.raises(BadConfig) as caught:
        MonitorFeed("https://127.0.0.1:1", "", str(path))
    assert caught.value.message_id == "window.bad_ca"
    assert caught.value.fields["file"] == str(path)


def test_as_it_is_typed(monitor: str, certificate: tuple[Path, Path]) -> None:
    """One line on the terminal, whatever is wrong with the line to the monitor."""
    line = [sys.executable, "-m", "rfproctor", "--lang", "en", "window", monitor]
    for options, words in (
        (["--token", TOKEN], "--ca"),
        (["--token", "wrong", "--ca", str(certificate[0])], "token"),
        (["--ca", "/nowhere/page.crt"], "/nowhere/page.crt"),
    ):
        ended = subprocess.run(
            [*line, *options, "--save", "x.png", "--seconds", "5"],
            **{"capture_output": True, "timeout": 60, "encoding": "utf-8", "check": False},
        )
        assert (ended.returncode, ended.stderr.count("\n")) == (2, 1), ended.stderr
        assert words in ended.stderr


def test_without_tkinter_is_one_line() -> None:
    """Debian has it in a package of its own, which may not be there."""
    script = (
        "import sys; sys.modules['tkinter'] = None; import rfproctor;"
        "sys.argv = ['rfproctor', '--lang', 'en', 'window', 'tcp://127.0.0.1:1'];"
        "rfproctor.main()"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script],
        **{"capture_output": True, "timeout": 60, "encoding": "utf-8", "check": False},
    )
    assert (ended.returncode, ended.stderr.count("\n")) == (2, 1), ended.stderr
    assert "python3-tk" in ended.stderr and "--save" in ended.stderr
