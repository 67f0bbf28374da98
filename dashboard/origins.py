"""Keys of the sites that a relay brings: the first one is believed, another needs a reason.

A relay cannot replace a site's key: the site itself must have signed the next one, or a person must
say that it is right (`rfproctor keys pin`).  Until then nothing of that relay is taken, which is an
alarm, and nothing is lost: it stays in the relay's outbox.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import apsw

from sensors.keys import key_id

PINNED, WAITING = "pinned", "waiting"
MAX_WAITING = 1000
"""Keys that wait for a person; a relay that invents more is refused without being noted."""


@dataclass(frozen=True, slots=True)
class Origin:
    """A key of a site below.

    Attributes
    ----------
    site, key : str
        Key id.
    verify : str
        The key itself, in hex.
    relay : str
        Site id of who brought it first.
    added_ns : int
    state : {"pinned", "waiting"}
    """

    site: str
    verify: str
    key: str
    relay: str
    added_ns: int
    state: str


class Origins:
    """The table ``origin`` of ``keys.db``.

    Parameters
    ----------
    db : apsw.Connection
    lock : RLock
    note : callable
        Keeps an act: actor, act, site, key id.
    clock_ns : callable
    """

    def __init__(
        self,
        db: apsw.Connection,
        lock: threading.RLock,
        note: Callable[[str, str, str, str], None],
        clock_ns: Callable[[], int],
    ) -> None:
        self._db = db
        self._lock = lock
        self._note = note
        self._clock_ns = clock_ns
        self._pinned: dict[str, set[str]] = {}

    def refresh(self) -> None:
        """Take in what another process changed."""
        pinned: dict[str, set[str]] = {}
        for origin in self.all():
            if origin.state == PINNED:
                pinned.setdefault(origin.site, set()).add(origin.verify)
        self._pinned = pinned

    def all(self) -> list[Origin]:
        """Every key of every site below."""
        with self._lock:
            rows: list[Any] = self._db.execute(
                "SELECT site, verify, key, relay, added_ns, state FROM origin"
                " ORDER BY site, added_ns"
            ).fetchall()
        return [Origin(*row) for row in rows]

    def pinned(self, relay: str, site: str, signer: bytes) -> bool:
        """Whether this key signs for a site; the first one that is ever brought does."""
        known = self._pinned.get(site)
        if known is not None and signer.hex() in known:
            return True
        if known is None:
            self._put(site, signer, relay, PINNED, f"relay {relay}")
            return True
        with self._lock:
            waiting = self._db.execute(
                "SELECT count(*) FROM origin WHERE state = ?", (WAITING,)
            ).get
            new = not self._db.execute(
                "SELECT 1 FROM origin WHERE site = ? AND verify = ?", (site, signer.hex())
            ).get
        if new and int(waiting or 0) < MAX_WAITING:
            self._put(site, signer, relay, WAITING, f"relay {relay}")
        return False

    def succeed(self, relay: str, site: str, signer: bytes, heir: bytes) -> None:
        """A pinned key has signed the next one."""
        known = self._pinned.get(site, set())
        if signer.hex() in known and heir.hex() not in known:
            self._put(site, heir, relay, PINNED, f"key {key_id(signer)}")

    def pin(self, site: str, key: str, actor: str) -> Origin | None:
        """A person says that a key is right; what the keys before it have signed stays right."""
        with self._lock:
            found = [origin for origin in self.all() if (origin.site, origin.key) == (site, key)]
            if not found:
                return None
            with self._db:
                self._db.execute(
                    "UPDATE origin SET state = ? WHERE site = ? AND key = ?", (PINNED, site, key)
                )
                self._note(actor, "pin", site, key)
            self.refresh()
        return found[0]

    def _put(self, site: str, verify_key: bytes, relay: str, state: str, actor: str) -> None:
        key = key_id(verify_key)
        with self._lock:
            with self._db:
                self._db.execute(
                    "INSERT OR REPLACE INTO origin VALUES (?, ?, ?, ?, ?, ?)",
                    (site, verify_key.hex(), key, relay, self._clock_ns(), state),
                )
                self._note(actor, f"origin {state}", site, key)
            self.refresh()
