"""The monitor's allow-list and its one-time enrolment tokens: one small database, ``keys.db``.

The command line writes it, the running monitor notices within half a second.  Every change is kept
as a row of `acts`, with who did it.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import apsw

from sensors.enrol import Token, enrol_digest
from sensors.keys import Keys, key_id, own_keys, signed_by
from sensors.toml import UserError
from sensors.wire import Refused

_SCHEMA = """
CREATE TABLE IF NOT EXISTS site (
    curve TEXT PRIMARY KEY, verify TEXT NOT NULL, key TEXT NOT NULL, site TEXT NOT NULL,
    added_ns INTEGER NOT NULL, expires_ns INTEGER NOT NULL, revoked_ns INTEGER NOT NULL,
    relay INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS token (
    hash TEXT PRIMARY KEY, site TEXT NOT NULL, expires_ns INTEGER NOT NULL,
    used_ns INTEGER NOT NULL, relay INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS act (
    id INTEGER PRIMARY KEY, time_ns INTEGER NOT NULL, actor TEXT NOT NULL, act TEXT NOT NULL,
    site TEXT NOT NULL, key TEXT NOT NULL
) STRICT;
"""


@dataclass(frozen=True, slots=True)
class Peer:
    """A site that may speak here.

    Attributes
    ----------
    site : str
        The only site whose events it may send.
    verify_key : bytes
        Ed25519.
    relay : bool
        A monitor of the level below: it also brings what sites there have signed.
    """

    site: str
    verify_key: bytes
    relay: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """One key of the allow-list; times are 0 where there is none."""

    curve: str
    verify: str
    key: str
    site: str
    added_ns: int
    expires_ns: int
    revoked_ns: int
    relay: int

    def state(self, now_ns: int) -> str:
        """``valid``, ``revoked`` or ``expired``."""
        if self.revoked_ns:
            return "revoked"
        return "expired" if 0 < self.expires_ns <= now_ns else "valid"


class AllowList(Protocol):
    """Whoever decides which public key is which site."""

    def admit(self, user: bytes) -> Peer:
        """Site of a public CURVE key (Z85).

        Raises
        ------
        Refused
            ``unknown``, ``revoked`` or ``expired``.
        """
        ...


class FixedList:
    """An allow-list in memory."""

    def __init__(self, peers: Mapping[bytes, Peer]) -> None:
        self.peers = peers

    def admit(self, user: bytes) -> Peer:
        """See `AllowList.admit`."""
        peer = self.peers.get(user)
        if peer is None:
            raise Refused("unknown", user.decode("ascii", "replace"))
        return peer


class Keyring:
    """Keys that a monitor knows: its own, its sites', its outstanding tokens.

    Parameters
    ----------
    folder : Path
        Holds ``monitor.key`` and ``keys.db``; both are made when missing.
    clock_ns : callable

    Attributes
    ----------
    keys : Keys
        The monitor's own.
    """

    def __init__(self, folder: Path, clock_ns: Callable[[], int] = time.time_ns) -> None:
        self.folder = folder
        self.keys: Keys = own_keys(folder / "monitor.key")
        self._clock_ns = clock_ns
        path = folder / "keys.db"
        try:
            path.touch(mode=0o600)
            self._db = apsw.Connection(str(path))
            self._db.set_busy_timeout(5000)
            self._db.execute(_SCHEMA)
        except (apsw.Error, OSError) as error:
            raise UserError("keys.unusable", file=path, why=str(error)) from None
        self._entries: dict[bytes, Entry] = {}
        self._seen = -1
        self.tokens_wait = False
        self.refresh()

    def refresh(self) -> bool:
        """Take in what another process changed; returns whether something was."""
        version = self._db.pragma("data_version") + self._db.total_changes() * (1 << 32)
        if version != self._seen:
            self._seen = version
            self._entries = {entry.curve.encode(): entry for entry in self.entries()}
        row = self._db.execute(
            "SELECT count(*) FROM token WHERE used_ns = 0 AND expires_ns > ?", (self._clock_ns(),)
        ).get
        changed = self.tokens_wait != bool(row)
        self.tokens_wait = bool(row)
        return changed

    def entries(self) -> list[Entry]:
        """Every key that was ever let in."""
        rows: list[Any] = self._db.execute("SELECT * FROM site ORDER BY site, added_ns").fetchall()
        return [Entry(*row) for row in rows]

    def admit(self, user: bytes) -> Peer:
        """See `AllowList.admit`."""
        entry = self._entries.get(user)
        if entry is None:
            raise Refused("unknown", user.decode("ascii", "replace"))
        state = entry.state(self._clock_ns())
        if state != "valid":
            raise Refused(state, entry.site)
        return Peer(entry.site, bytes.fromhex(entry.verify), bool(entry.relay))

    def allow(
        self,
        site: str,
        curve: bytes,
        verify_key: bytes,
        actor: str,
        days: float = 0.0,
        *,
        relay: bool = False,
    ) -> Entry:
        """Let a key in, for so many days (0: until revoked)."""
        now = self._clock_ns()
        expires = now + int(days * 86400e9) if days else 0
        key = key_id(verify_key)
        with self._db:
            self._db.execute(
                "INSERT OR REPLACE INTO site VALUES (?, ?, ?, ?, ?, ?, 0, ?)",
                (curve.decode(), verify_key.hex(), key, site, now, expires, relay),
            )
            self._note(actor, "allow", site, key)
        self.refresh()
        return self._entries[curve]

    def revoke(self, what: str, actor: str) -> list[Entry]:
        """Refuse a site or one key id from now on; returns what was revoked."""
        now = self._clock_ns()
        found = [e for e in self.entries() if what in (e.site, e.key) and not e.revoked_ns]
        with self._db:
            for entry in found:
                self._db.execute(
                    "UPDATE site SET revoked_ns = ? WHERE curve = ?", (now, entry.curve)
                )
                self._note(actor, "revoke", entry.site, entry.key)
        self.refresh()
        return found

    def token(
        self, site: str, events: str, actor: str, minutes: float = 30.0, *, relay: bool = False
    ) -> Token:
        """Make a one-time token by which a site may bring its keys."""
        secret = os.urandom(16)
        expires = self._clock_ns() + int(minutes * 60e9)
        with self._db:
            self._db.execute(
                "INSERT INTO token VALUES (?, ?, ?, 0, ?)", (_hash(secret), site, expires, relay)
            )
            self._note(actor, "token", site, "")
        self.refresh()
        return Token(1, site, events, self.keys.curve_public, secret, expires)

    def redeem(self, secret: bytes, curve: bytes, verify_key: bytes, proof: bytes) -> Entry:
        """Exchange a token for a place on the allow-list.

        Raises
        ------
        Refused
            ``token``: unknown, used or too old; ``signature``: the key is not its own.
        """
        if not signed_by(verify_key, enrol_digest(secret, curve), proof):
            raise Refused("signature", "enrolment")
        now = self._clock_ns()
        with self._db:
            row: Any = self._db.execute(
                "UPDATE token SET used_ns = ? WHERE hash = ? AND used_ns = 0 AND expires_ns > ?"
                " RETURNING site, relay",
                (now, _hash(secret), now),
            ).fetchone()
        if row is None:
            raise Refused("token")
        site, relay = row
        return self.allow(site, curve, verify_key, "enrolment", relay=bool(relay))

    def verify_key_of(self, key: str) -> bytes | None:
        """Signing key of a key id that is or was on the list."""
        return next((bytes.fromhex(e.verify) for e in self._entries.values() if e.key == key), None)

    def acts(self) -> list[tuple[int, str, str, str, str]]:
        """What was done: time, actor, act, site, key id."""
        rows: list[Any] = self._db.execute(
            "SELECT time_ns, actor, act, site, key FROM act ORDER BY id"
        ).fetchall()
        return rows

    def close(self) -> None:
        """Release the file."""
        self._db.close()

    def _note(self, actor: str, act: str, site: str, key: str) -> None:
        self._db.execute(
            "INSERT INTO act (time_ns, actor, act, site, key) VALUES (?, ?, ?, ?, ?)",
            (self._clock_ns(), actor, act, site, key),
        )


def _hash(secret: bytes) -> str:
    return hashlib.sha256(b"rfproctor.token.v1\0" + secret).hexdigest()
