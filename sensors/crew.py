"""One process for each dongle: started, watched, restarted, stopped.

librtlsdr and pyrtlsdr share state inside a process and can take it down with them, so a dongle's
death must cost its own bands only.  The task goes down the child's stdin; when that closes, because
we stop or because we died, the child ends by itself.
"""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
from dataclasses import dataclass

import structlog
from msgspec import json
from msgspec.structs import replace

from sensors.task import Inject, KeepSamples, Stay, TakeHops, Task, UseBaseline
from sensors.worker_stderr import listen

BACKOFF_S = (0.2, 0.5, 1.0, 2.0)
"""Pauses before the next start; the last one repeats.  A replugged dongle must be back in 5 s."""

SPARE_AFTER_S = 3.0
"""When everybody has worked for so long another process is started that waits for a post: on a
small computer its libraries take seconds to load, and a replugged dongle must be back in 5."""

HEALTHY_S = 5.0
"""A worker that ran this long starts the pauses anew."""

KILLED_S = 2.0
"""A killed process that is still there after so long hangs in the driver.  The kernel lets it go
when the USB call returns, at the latest when the dongle is unplugged; nobody waits for that."""

log = structlog.get_logger()


@dataclass(slots=True)
class _Post:
    task: Task
    process: subprocess.Popen[bytes] | None = None
    started_s: float = 0.0
    next_start_s: float = 0.0
    failures: int = 0
    wanted: bool = True
    heard_s: float = 0.0
    killed_s: float | None = None
    told: bool = False


@dataclass(frozen=True, slots=True)
class Ended:
    """A process that ended, or that was killed and does not end.

    Attributes
    ----------
    sensor : str
    exit_code : int
        Negative: the signal that killed it.
    stuck : bool
        Killed by us because it said nothing any more.
    gone : bool
        False: it is still there, and with it the dongle; told once more when it has ended.
    """

    sensor: str
    exit_code: int
    stuck: bool
    gone: bool = True

    @property
    def how(self) -> str:
        """Exit code, or the name of the signal that killed it."""
        if not self.gone:
            return "killed, but still there"
        if self.exit_code >= 0:
            return f"exit code {self.exit_code}"
        known = {member.value: member.name for member in signal.Signals}
        return known.get(-self.exit_code, f"signal {-self.exit_code}")

    def reason(self, silent_s: float) -> tuple[str, dict[str, str]]:
        """Message id and fields for one that could not say why itself."""
        if not self.gone:
            return "worker.unkillable", {"seconds": f"{silent_s:.0f}"}
        if self.stuck:
            return "worker.stuck", {"seconds": f"{silent_s:.0f}"}
        return "worker.died", {"how": self.how}


class Crew:
    """The processes of a site.

    Parameters
    ----------
    tasks : list of Task
        One for each dongle.
    stuck_s, first_s : float
        A worker that has reported nothing for this long is killed and started again: a USB call
        that never returns cannot be ended in any other way.  The first report may take longer:
        a small computer needs its time to load the libraries.
    """

    def __init__(self, tasks: list[Task], stuck_s: float = 15.0, first_s: float = 30.0) -> None:
        self._posts = {task.sensor: _Post(task) for task in tasks}
        self._stuck_s = stuck_s
        self._first_s = first_s
        self._spare: subprocess.Popen[bytes] | None = None
        self.restarts = 0

    def heard(self, sensor: str, now_s: float) -> None:
        """Note a sign of life."""
        self._posts[sensor].heard_s = now_s

    def order(self, order: UseBaseline) -> None:
        """Tell everybody, and everybody who is started later."""
        for post in self._posts.values():
            post.task = replace(post.task, baseline=order.path, survey=False)
            if post.process is not None:
                self._say(post, json.encode(order))

    def tell(self, sensor: str, order: Inject | Stay | KeepSamples) -> None:
        """Tell one dongle something for now; one that is started later takes no part."""
        post = self._posts[sensor]
        if post.process is not None:
            self._say(post, json.encode(order))

    def give(self, sensor: str, hops: TakeHops) -> None:
        """Tell one dongle, now or when it is started, which hops are its own."""
        post = self._posts[sensor]
        post.task = replace(post.task, hops=hops.hops, hop_s=hops.hop_s, place=hops.place)
        if post.process is not None:
            self._say(post, json.encode(hops))

    def dismiss(self, sensor: str) -> None:
        """Do not start this one again (its recording ended, or it cannot ever work)."""
        self._posts[sensor].wanted = False

    def working(self) -> int:
        """Posts that are wanted: running or about to be started again."""
        return sum(post.wanted for post in self._posts.values())

    def tend(self, now_s: float) -> list[Ended]:
        """Start what should run, kill what is stuck; return the processes that ended.

        One that does not end although it was killed keeps its post until it does: the dongle is
        still in its hands, so a second process could do nothing with it.

        Parameters
        ----------
        now_s : float
            Monotonic.
        """
        ended: list[Ended] = []
        for sensor, post in self._posts.items():
            if post.process is not None:
                self._kill_if_stuck(post, now_s)
                code = post.process.poll()
                killed_s = post.killed_s
                if code is not None:
                    self._reap(post, now_s)
                    ended.append(Ended(sensor, code, stuck=killed_s is not None))
                elif killed_s is not None and not post.told and now_s - killed_s >= KILLED_S:
                    post.told = True
                    ended.append(Ended(sensor, -signal.SIGKILL, stuck=True, gone=False))
            if post.process is None and post.wanted and now_s >= post.next_start_s:
                self._start(post, now_s)
        if self._spare is None and all(self._settled(one, now_s) for one in self._posts.values()):
            self._spare = _hatch()
        return ended

    def stop(self, patience_s: float = 8.0) -> None:
        """Ask everybody to finish, then make sure of it."""
        if self._spare is not None:
            _end(self._spare, "spare")  # it holds nothing
            for pipe in (self._spare.stdin, self._spare.stderr):
                if pipe is not None:
                    pipe.close()
            self._spare = None
        for post in self._posts.values():
            post.wanted = False
            if post.process is not None and post.process.stdin is not None:
                post.process.stdin.close()
        for post in self._posts.values():
            if post.process is not None:
                try:
                    post.process.wait(patience_s)
                except subprocess.TimeoutExpired:
                    _end(post.process, post.task.sensor)
                post.process = None

    def _start(self, post: _Post, now_s: float) -> None:
        spare, self._spare = self._spare, None
        if spare is not None and spare.poll() is not None:
            spare.communicate()  # closes its pipes
            spare = None
        post.process = spare or _hatch()
        post.started_s = post.heard_s = now_s
        post.killed_s, post.told = None, False
        assert post.process.stdin is not None and post.process.stderr is not None
        listen(post.process.stderr, post.task.sensor)
        self._say(post, json.encode(post.task))

    def _say(self, post: _Post, line: bytes) -> None:
        assert post.process is not None and post.process.stdin is not None
        if post.killed_s is not None:
            return  # it reads nothing any more: a full pipe would hold us too
        # A child that died meanwhile is reaped by the next round, which starts another.
        with contextlib.suppress(OSError):
            post.process.stdin.write(line + b"\n")
            post.process.stdin.flush()

    @staticmethod
    def _settled(post: _Post, now_s: float) -> bool:
        """Whether it needs no process soon: it works, or is not wanted any more."""
        works = post.process is not None and post.heard_s > post.started_s
        return not post.wanted or (works and now_s - post.started_s > SPARE_AFTER_S)

    def _kill_if_stuck(self, post: _Post, now_s: float) -> None:
        assert post.process is not None
        patience_s = self._stuck_s if post.heard_s > post.started_s else self._first_s
        if post.process.poll() is None and now_s - post.heard_s >= patience_s:
            post.process.kill()  # again each time: a signal more does no harm
            post.killed_s = post.killed_s or now_s

    def _reap(self, post: _Post, now_s: float) -> None:
        assert post.process is not None
        if post.process.stdin is not None:
            # Unsent bytes to a dead child are of no use to anybody.
            with contextlib.suppress(OSError):
                post.process.stdin.close()
        post.process = None
        if not post.wanted:
            return
        self.restarts += 1
        post.failures = 0 if now_s - post.started_s > HEALTHY_S else post.failures
        pause_s = BACKOFF_S[min(post.failures, len(BACKOFF_S) - 1)]
        post.failures += 1
        post.next_start_s = now_s + pause_s


def _end(process: subprocess.Popen[bytes], whose: str) -> None:
    """Kill a process; one that the kernel does not let go is left behind."""
    process.kill()
    try:
        process.wait(KILLED_S)
    except subprocess.TimeoutExpired:
        log.error("worker_unkillable", sensor=whose, pid=process.pid)


def _hatch() -> subprocess.Popen[bytes]:
    """Start a process that waits for its task."""
    # -P: the current folder is not a place for modules to come from.
    command = [sys.executable, "-P", "-m", "sensors.worker"]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
