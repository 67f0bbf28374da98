"""Processes are started, told their work, restarted with a pause, and their end is explained."""

import signal
import sys
import time

import pytest

from sensors import crew as crew_module
from sensors.config import load_site
from sensors.crew import BACKOFF_S, Crew, Ended
from sensors.task import TakeHops, UseBaseline, tasks_of


@pytest.fixture
def tasks(tmp_path):
    (tmp_path / "site.toml").write_text('[site]\nid = "s"\n[[dongle]]\nsource = "scene:hall"\n')
    return tasks_of(load_site(tmp_path / "site.toml"), "tcp://127.0.0.1:1", survey=False)


def posed(monkeypatch, code):
    """Let the crew start this Python text instead of a worker."""
    real = crew_module.subprocess.Popen

    def start(_command, **options):
        return real([sys.executable, "-c", code], **options)

    monkeypatch.setattr(crew_module.subprocess, "Popen", start)


def until_ended(crew, patience_s=20.0):
    end_s = time.monotonic() + patience_s
    while time.monotonic() < end_s:
        if ended := crew.tend(time.monotonic()):
            return ended[0]
        time.sleep(0.02)
    raise AssertionError("nothing ended")


def test_a_process_that_dies_is_explained_and_started_again_after_a_pause(monkeypatch, tasks):
    posed(monkeypatch, "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    crew = Crew(tasks)
    ended = until_ended(crew)
    assert ended.exit_code == -signal.SIGSEGV
    assert ended.reason(1.0) == ("worker.died", {"how": "SIGSEGV"})
    began_s = time.monotonic()
    until_ended(crew)
    assert time.monotonic() - began_s > BACKOFF_S[0]
    assert crew.restarts == 2
    crew.stop()


def test_one_that_says_nothing_is_killed(monkeypatch, tasks):
    posed(monkeypatch, "import time; time.sleep(60)")
    crew = Crew(tasks, first_s=0.5)
    ended = until_ended(crew)
    assert ended.stuck
    assert ended.reason(3.4) == ("worker.stuck", {"seconds": "3"})
    crew.stop()


def test_work_reaches_the_running_and_those_started_later(monkeypatch, tasks, tmp_path):
    out = tmp_path / "heard"
    posed(
        monkeypatch,
        f"import sys\nfor line in sys.stdin:\n  open({str(out)!r}, 'a').write(line)\n",
    )
    crew = Crew(tasks)
    crew.tend(time.monotonic())
    sensor = tasks[0].sensor
    crew.give(sensor, TakeHops({3: 0.5}, 0.07))
    crew.order(UseBaseline("b.npz"))
    crew.stop()
    task, hops, baseline = out.read_text().splitlines()
    assert '"survey":false' in task
    assert '"hops":{"3":0.5}' in hops
    assert '"b.npz"' in baseline
    crew = Crew(tasks)
    crew.give(sensor, TakeHops({3: 0.5}, 0.07))
    out.unlink()
    crew.tend(time.monotonic())
    crew.stop()
    assert '"hops":{"3":0.5}' in out.read_text()


def test_an_exit_code_and_an_unknown_signal_have_words():
    assert Ended("s", 3, stuck=False).how == "exit code 3"
    assert Ended("s", -200, stuck=False).how == "signal 200"
