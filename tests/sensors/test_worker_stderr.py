"""The library's chatter stays in the log, our own mistakes are told loudly."""

import io
import json
import subprocess
import sys
import time

import pytest
import structlog

from sensors import crew as crew_module
from sensors.config import load_site
from sensors.crew import Crew
from sensors.log import set_up_log
from sensors.task import tasks_of
from sensors.worker_stderr import LINE_BYTES, listen

CRASH = """
import os, sys
os.write(2, b"Found Rafael Micro R820T/2 tuner\\n")
os.write(2, b"cb transfer status: 1, canceling...\\n")
def inner():
    raise ValueError("first")
try:
    inner()
except ValueError:
    sys.stdout.flush()
    raise RuntimeError("zweitens \\u00e4")
"""


@pytest.fixture
def said(monkeypatch):
    """What the log says, as JSON, at every level; set back afterwards."""
    before = structlog.get_config()
    monkeypatch.setenv("RFPROCTOR_LOG", "json")
    monkeypatch.setenv("RFPROCTOR_LOG_LEVEL", "debug")
    text = io.StringIO()
    set_up_log(text)
    yield lambda: [json.loads(line) for line in text.getvalue().splitlines()]
    structlog.configure(**before)


def told(said, code):
    process = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE)
    listen(process.stderr, "d1").join(20)
    process.wait(20)
    return said()


def test_the_library_is_debug_and_a_traceback_is_one_error(said):
    lines = told(said, CRASH)
    assert [(one["event"], one["level"]) for one in lines] == [
        ("library", "debug"),
        ("library", "debug"),
        ("worker_traceback", "error"),
        ("library", "debug"),
        ("worker_traceback", "error"),
    ]
    assert {one["sensor"] for one in lines} == {"d1"}
    assert lines[0]["text"] == "Found Rafael Micro R820T/2 tuner"
    assert lines[2]["text"].endswith("ValueError: first")
    assert lines[4]["text"].endswith("RuntimeError: zweitens ä")


def test_a_fatal_error_of_the_interpreter_is_told_though_it_ends_in_the_middle(said):
    lines = told(said, "import faulthandler, os; faulthandler.enable(); os.abort()")
    assert lines[0]["event"] == "worker_traceback"
    assert lines[0]["text"].startswith("Fatal Python error: Aborted")


def test_bytes_that_are_no_text_and_lines_without_end(said):
    lines = told(said, f"import os; os.write(2, b'\\xff\\n' + b'x' * {LINE_BYTES + 10})")
    assert [one["text"] for one in lines] == ["\ufffd", "x" * LINE_BYTES, "x" * 10]


def test_a_crew_hears_its_workers(said, monkeypatch, tmp_path, capfd):
    (tmp_path / "site.toml").write_text('[site]\nid = "s"\n[[dongle]]\nsource = "scene:hall"\n')
    tasks = tasks_of(load_site(tmp_path / "site.toml"), "tcp://127.0.0.1:1", survey=False)
    real = subprocess.Popen

    def start(_command, **options):
        return real([sys.executable, "-c", CRASH], **options)

    monkeypatch.setattr(crew_module.subprocess, "Popen", start)
    crew = Crew(tasks)
    end_s = time.monotonic() + 20
    while not crew.tend(time.monotonic()) and time.monotonic() < end_s:
        time.sleep(0.02)
    while len(said()) < 5 and time.monotonic() < end_s:
        time.sleep(0.02)
    crew.stop()
    assert said()[-1]["text"].endswith("RuntimeError: zweitens ä")
    assert said()[-1]["sensor"] == tasks[0].sensor
    assert "Rafael" not in "".join(capfd.readouterr())
