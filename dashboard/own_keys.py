"""A monitor's own keys, and the change from one pair to the next without an outage."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apsw

from sensors.keys import Keys, own_keys, read_keys
from sensors.pin import sync_folder
from sensors.renewal import next_file, prepare

FILE = "monitor.key"


@dataclass(frozen=True, slots=True)
class Move:
    """A change of the monitor's own keys.

    Attributes
    ----------
    events : str
        Where the second set of sockets is.
    state : {"next", "leaving"}
        The next keys are announced there; or they are ours, and the last sites leave there.
    """

    events: str
    state: str


class OwnKeys:
    """``monitor.key``, the file that waits to follow it, and the table ``door`` of ``keys.db``.

    Parameters
    ----------
    folder : Path
    db : apsw.Connection
    lock : RLock
    note : callable
        Keeps an act: actor, act, site, key id.

    Attributes
    ----------
    keys : Keys
        By which we are known at the usual address.
    next_keys : Keys or None
        The ones that come next, while they are announced.
    move : Move or None
        A change that is under way.
    """

    def __init__(
        self,
        folder: Path,
        db: apsw.Connection,
        lock: threading.RLock,
        note: Callable[[str, str, str, str], None],
    ) -> None:
        self._file = folder / FILE
        self._db = db
        self._lock = lock
        self._note = note
        self.keys: Keys = own_keys(self._file)
        self.next_keys: Keys | None = None
        self.move: Move | None = None

    def refresh(self) -> None:
        """Take in what another process changed."""
        row: Any = self._db.execute("SELECT events, state FROM door").fetchone()
        self.move = Move(*row) if row is not None else None
        own = read_keys(self._file)
        if own.curve_public != self.keys.curve_public:
            self.keys = own
        waiting = next_file(self._file)
        self.next_keys = read_keys(waiting) if waiting.exists() else None

    def rotate(self, events: str, actor: str) -> Keys:
        """Begin: the next keys are announced at an address of their own."""
        keys = prepare(self._file)
        with self._lock:
            with self._db:
                self._db.execute(
                    "INSERT OR REPLACE INTO door VALUES (1, ?, 'next', ?)",
                    (events, time.time_ns()),
                )
                self._note(actor, "rotate", "", keys.key_id)
            self.refresh()
        return keys

    def finish(self, actor: str) -> bool:
        """End: the next keys are ours, at the usual address; False when none are announced."""
        if self.move is None or self.move.state != "next" or self.next_keys is None:
            return False
        with self._lock:
            with self._db:
                self._db.execute("UPDATE door SET state = 'leaving'")
                self._note(actor, "rotated", "", self.next_keys.key_id)
                next_file(self._file).replace(self._file)
                sync_folder(self._file.parent)
            self.refresh()
        return True
