"""Processes are started, told their work, restarted with a pause, and their end is explained."""

import signal
import sys
import time

import pytest
import structlog

from sensors import crew as crew_module
from sensors.config import load_site
from sensors.crew import BACKOFF_S, KILLED_S, SPARE_AFTER_S, Crew, Ended
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


def wait_for_lines(path, count, patience_s=20.0):
    end_s = time.monotonic() + patience_s
    while time.monotonic() < end_s:
        lines = path.read_text().splitlines() if path.is_file() else []
        if len(lines) >= count:
            return lines
        time.sleep(0.02)
    raise AssertionError("too few lines")


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


def test_one_that_survives_its_kill_holds_nobody_up_and_is_told_once(monkeypatch, tasks):
    """A process inside a USB call that never returns ends only when the kernel lets it go."""
    posed(monkeypatch, "import time; time.sleep(60)")
    crew = Crew(tasks, first_s=0.5)
    sensor = tasks[0].sensor
    crew.tend(100.0)
    held = crew._posts[sensor].process
    let_go = held.kill
    monkeypatch.setattr(held, "kill", lambda: None)
    assert crew.tend(101.0) == []
    for _ in range(200):  # more than a pipe takes
        crew.give(sensor, TakeHops(dict.fromkeys(range(100), 0.5), 0.07))
    (told,) = crew.tend(101.0 + KILLED_S)
    assert (told.stuck, told.gone, told.how) == (True, False, "killed, but still there")
    assert told.reason(3.4) == ("worker.unkillable", {"seconds": "3"})
    assert crew.tend(200.0) == []
    assert crew._posts[sensor].process is held, "the dongle is still in its hands"
    let_go()  # the dongle was unplugged
    held.wait()
    (ended,) = crew.tend(201.0)
    assert (ended.exit_code, ended.stuck, ended.gone) == (-signal.SIGKILL, True, True)
    assert crew.tend(201.0 + BACKOFF_S[0]) == []
    second = crew._posts[sensor].process
    assert second is not None and second is not held
    assert second.poll() is None
    crew.stop(patience_s=0.0)


def test_stopping_does_not_wait_for_one_that_survives_its_kill(monkeypatch, tasks):
    posed(monkeypatch, "import time; time.sleep(60)")
    monkeypatch.setattr(crew_module, "KILLED_S", 0.1)
    crew = Crew(tasks)
    crew.tend(time.monotonic())
    held = crew._posts[tasks[0].sensor].process
    let_go = held.kill
    monkeypatch.setattr(held, "kill", lambda: None)
    with structlog.testing.capture_logs() as logs:
        crew.stop(patience_s=0.1)
    assert [line["event"] for line in logs] == ["worker_unkillable"]
    let_go()
    held.wait()


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


def test_a_spare_process_takes_over_at_once_and_is_not_left_behind(monkeypatch, tasks, tmp_path):
    out = tmp_path / "heard"
    posed(
        monkeypatch,
        f"import os, sys\nline = sys.stdin.readline()\n"
        f"open({str(out)!r}, 'a').write(f'{{os.getpid()}} {{line}}')\nsys.stdin.readline()\n",
    )
    monkeypatch.setattr(crew_module, "BACKOFF_S", (0.0,))
    crew = Crew(tasks)
    sensor = tasks[0].sensor
    crew.tend(100.0)
    assert crew._spare is None, "everybody starts: no time for a spare one"
    crew.heard(sensor, 101.0)
    crew.tend(102.0)
    assert crew._spare is None
    crew.tend(100.0 + SPARE_AFTER_S + 0.1)
    spare = crew._spare
    assert spare is not None
    crew.tend(110.0)
    assert crew._spare is spare, "one is enough"
    wait_for_lines(out, 1)
    crew._posts[sensor].process.kill()
    crew._posts[sensor].process.wait()
    crew.tend(120.0)
    assert crew._posts[sensor].process is spare
    first, second = (line.split() for line in wait_for_lines(out, 2))
    assert int(second[0]) == spare.pid
    assert first[1:] == second[1:], "the same task"
    crew.heard(sensor, 121.0)
    crew.tend(130.0)
    left = crew._spare
    crew.stop()
    assert left.poll() is not None
    assert spare.poll() is not None


def test_a_spare_one_that_died_is_not_used(monkeypatch, tasks):
    posed(monkeypatch, "import sys; sys.stdin.readline()")
    crew = Crew(tasks)
    sensor = tasks[0].sensor
    crew.tend(100.0)
    crew.heard(sensor, 101.0)
    crew.tend(110.0)
    crew._spare.kill()
    crew._spare.wait()
    dead = crew._spare
    crew._posts[sensor].process.kill()
    crew._posts[sensor].process.wait()
    crew.tend(120.0)
    crew.tend(130.0)
    assert crew._posts[sensor].process is not dead
    assert crew._posts[sensor].process.poll() is None
    crew.stop()


def test_an_exit_code_and_an_unknown_signal_have_words():
    assert Ended("s", 3, stuck=False).how == "exit code 3"
    assert Ended("s", -200, stuck=False).how == "signal 200"
