"""``rfproctor demo``: a school with three simulated sensors, the real daemon, monitor and page.

Only the air is simulated.  Everything behind the antenna is what runs at an exam: the same two
programs in two processes of their own, ZeroMQ between them, and the page in the browser.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import webbrowser
from collections.abc import Callable
from functools import partial
from pathlib import Path
from urllib.parse import quote

import click

from sdr.number import Finite
from sensors.text import Lang, say
from sensors.toml import BadConfig

EXAM_S = 18
"""Scene time at which the papers open and the suspicious transmitters begin; later on a busy
computer, where learning takes longer: whoever transmitted meanwhile would be learnt as quiet."""

LEARNT_S = 3.0
"""So long after the baseline was written every sensor detects against it."""

SURVEY_S = 7
"""Baseline learned at the start, while the hall is quiet."""

READY_S = 20.0
"""A monitor that has not answered by then is not going to."""

SITE = """\
[site]
id = "school-3"
name = "{name}"
data = "site"

[monitor]
events = "tcp://127.0.0.1:{events}"
insecure = true

[[dongle]]
source = "scene:hall?sensor=hall&exam_file={exam}&epoch_ns={epoch_ns}"
position = "hall"
[[dongle]]
source = "scene:hall?sensor=gate&exam_file={exam}&epoch_ns={epoch_ns}"
position = "gate"
[[dongle]]
source = "scene:hall?sensor=fence&exam_file={exam}&epoch_ns={epoch_ns}"
position = "fence"

[[band]]
name = "tv3-low"
[[band]]
name = "tv3-210"
start_hz = 208e6
stop_hz = 212e6
max_revisit_s = 1.0
[[band]]
name = "data-230"
start_hz = 229e6
stop_hz = 233e6
max_revisit_s = 1.0
raster_hz = 25e3
[[band]]
name = "uhf-409"
start_hz = 406e6
stop_hz = 412e6
max_revisit_s = 1.0
raster_hz = 12.5e3
"""

MONITOR = """\
[monitor]
id = "demo"
http = "127.0.0.1:{http}"
events = "tcp://127.0.0.1:{events}"
store = "sqlite:///monitor.db"
insecure = true
"""


@click.command(epilog="Example: rfproctor demo --port 8470")
@click.option(
    "--port",
    type=click.IntRange(1, 65532),
    default=8470,
    show_default=True,
    help="Of the page; the next three are ours too.",
)
@click.option("--seconds", type=Finite(0), help="Stop by itself after this long.")
@click.option("--json", "as_json", is_flag=True, help="Print where the page is as one JSON line.")
@click.option("--no-browser", is_flag=True, help="Do not open the page.")
@click.pass_obj
def demo(lang: Lang, port: int, seconds: float | None, as_json: bool, no_browser: bool) -> None:
    """Simulated hall: three sensors, the monitor and its page; cheating starts ~15 s in."""
    with tempfile.TemporaryDirectory(prefix="rfproctor-demo-") as folder:
        status = run(Path(folder), lang, port, seconds, as_json, not (as_json or no_browser))
    raise SystemExit(status)


def run(
    folder: Path, lang: Lang, port: int, seconds: float | None, as_json: bool, browse: bool
) -> int:
    """Start both programs in ``folder``, tell where the page is, wait, stop both."""
    # A service manager's stop must not leave the two programs behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    token = os.environ.get("RFPROCTOR_TOKEN") or secrets.token_urlsafe(24)
    url = f"http://127.0.0.1:{port}/"
    addresses = {"http": port, "events": port + 1}
    (folder / "monitor.toml").write_text(MONITOR.format(**addresses), encoding="utf-8")
    with _start(lang, ["monitor", str(folder / "monitor.toml")], token) as monitor:
        try:
            if status := _wait_until_ready(monitor, url):
                return status
            school, epoch_ns = say("demo.school", lang), time.time_ns()
            exam = quote((folder / "exam").as_posix())
            site = SITE.format(name=school, exam=exam, epoch_ns=epoch_ns, **addresses)
            (folder / "site.toml").write_text(site, encoding="utf-8")
            command = ["sensor", str(folder / "site.toml"), "--survey", str(SURVEY_S)]
            with _start(lang, command, token) as sensor:
                try:
                    _tell(lang, url, token, as_json, browse)
                    begin_exam = partial(_begin_exam, folder, epoch_ns)
                    return _wait(lang, monitor, sensor, seconds, begin_exam)
                finally:
                    _stop(sensor)
        except KeyboardInterrupt:
            return 0
        finally:
            _stop(monitor)


def _start(lang: Lang, command: list[str], token: str) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "RFPROCTOR_TOKEN": token, "RFPROCTOR_LOG_LEVEL": "warning"}
    # A group of its own: Ctrl-C reaches only us, and we stop both in the right order.
    group = (
        {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}  # type: ignore[attr-defined]
        if sys.platform == "win32"
        else {"start_new_session": True}
    )
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "rfproctor", "--lang", lang, *command],
        env=environment,
        stdout=subprocess.DEVNULL,
        **group,
    )


def _wait_until_ready(monitor: subprocess.Popen[bytes], url: str) -> int:
    """Zero once the monitor answers; its own exit status when it ended instead."""
    deadline_s = time.monotonic() + READY_S
    while time.monotonic() < deadline_s:
        if (status := monitor.poll()) is not None:
            return status or 3
        try:
            with urllib.request.urlopen(url + "healthz", timeout=1):  # noqa: S310 - our own URL
                return 0
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    raise BadConfig("demo.not_ready", seconds=READY_S)


def _tell(lang: Lang, url: str, token: str, as_json: bool, browse: bool) -> None:
    page = f"{url}login?token={token}"
    if as_json:
        click.echo(json.dumps({"kind": "ready", "url": url, "token": token, "page": page}))
        return
    click.echo(say("demo.ready", lang, page=page, exam_s=EXAM_S))
    if browse:
        webbrowser.open(page)


def _wait(
    lang: Lang,
    monitor: subprocess.Popen[bytes],
    sensor: subprocess.Popen[bytes],
    seconds: float | None,
    begin_exam: Callable[[], bool],
) -> int:
    deadline_s = time.monotonic() + seconds if seconds is not None else float("inf")
    begun = False
    while time.monotonic() < deadline_s:
        begun = begun or begin_exam()
        for name, process in (("monitor", monitor), ("sensor", sensor)):
            if (status := process.poll()) is not None:
                click.echo(say("demo.ended", lang, program=name, status=status), err=True)
                return status or 3
        time.sleep(0.1)
    return 0


def _begin_exam(folder: Path, epoch_ns: int) -> bool:
    """Tell the hall when the papers open, once the site has learnt its baseline."""
    if not any((folder / "site").glob("baseline-*.npz")):
        return False
    exam_s = max(EXAM_S, (time.time_ns() - epoch_ns) / 1e9 + LEARNT_S)
    written = folder / "exam.new"
    written.write_text(f"{exam_s:.3f}\n", encoding="utf-8")
    written.rename(folder / "exam")
    return True


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Ask, wait, insist."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(8)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
