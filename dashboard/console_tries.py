"""Wrong passwords at the console: each is on record, waits, and ten in a minute are enough."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import structlog

from dashboard.access import FAILURE_WINDOW_NS, MAX_FAILURES, SECOND
from dashboard.keyring_file import open_keys
from sensors.toml import UserError

log: structlog.stdlib.BoundLogger = structlog.get_logger("console")

KEYS_DB = "keys.db"
FAILED = "console failed"
FIRST_WAIT_S = 1.0
LONGEST_WAITS = 8
"""Of the first wait: each is twice the one before it."""


class Tries:
    """Wrong passwords, counted over all commands of this machine.

    They lie in ``keys.db``, which every command may write; the monitor copies them into the audit
    log with everything else that was done there.  A monitor without keys has only its log.

    Parameters
    ----------
    keys : Path or None
        Folder of the monitor's keys.
    author : str
        The system's user.
    act : str
        What was to be signed.
    clock_ns : callable
    """

    def __init__(
        self,
        keys: Path | None,
        author: str,
        act: str,
        clock_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._keys = keys
        self._author = author
        self._act = act
        self._clock_ns = clock_ns
        self._failures = 0

    def check(self) -> None:
        """See whether a password may be tried now.

        Raises
        ------
        UserError
            Too many wrong ones in the last minute, whoever typed them.
        """
        if self._keys is None:
            return
        now_ns = self._clock_ns()
        with closing(open_keys(self._keys / KEYS_DB)) as db:
            times = db.execute(
                "SELECT time_ns FROM act WHERE act = ? AND time_ns > ? ORDER BY time_ns",
                (FAILED, now_ns - FAILURE_WINDOW_NS),
            ).fetchall()
        if len(times) >= MAX_FAILURES:
            wait_ns = int(str(times[-MAX_FAILURES][0])) + FAILURE_WINDOW_NS - now_ns
            raise UserError("http.too_many_tries", seconds=wait_ns // SECOND + 1)

    def failed(self, name: str) -> None:
        """Put a wrong one on record, and wait before anything else is asked."""
        log.warning("wrong name or password", name=name, act=self._act, user=self._author)
        if self._keys is not None:
            row = (self._clock_ns(), f"console/{self._author}", FAILED, name[:64], self._act)
            with closing(open_keys(self._keys / KEYS_DB)) as db, db:
                db.execute(
                    "INSERT INTO act (time_ns, actor, act, site, key) VALUES (?, ?, ?, ?, ?)", row
                )
        self._failures += 1
        time.sleep(FIRST_WAIT_S * min(2 ** (self._failures - 1), LONGEST_WAITS))
