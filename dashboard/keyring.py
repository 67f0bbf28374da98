"""The monitor's allow-list and its one-time enrolment tokens: one small database, ``keys.db``.

The command line writes it, the running monitor notices within half a second.  Every change is kept
as a row of `acts`, with who did it.
"""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Callable
from dataclasses import astuple
from pathlib import Path
from typing import Any

from dashboard.allow_list import AllowList as AllowList
from dashboard.allow_list import Entry as Entry
from dashboard.allow_list import FixedList as FixedList
from dashboard.allow_list import Peer as Peer
from dashboard.keyring_file import open_keys
from dashboard.origins import Origins
from dashboard.own_keys import OwnKeys
from sensors.enrol import Token, enrol_digest
from sensors.keys import Keys, key_id, signed_by
from sensors.renewal import Certificate
from sensors.wire import Refused


class Keyring:
    """Keys that a monitor knows: its own, its sites', its outstanding tokens.

    Parameters
    ----------
    folder : Path
        Holds ``monitor.key`` and ``keys.db``; both are made when missing.
    clock_ns : callable

    Attributes
    ----------
    own : OwnKeys
        The monitor's own, and their change.
    origins : Origins
        Keys of the sites that relays bring.
    """

    def __init__(self, folder: Path, clock_ns: Callable[[], int] = time.time_ns) -> None:
        self.folder = folder
        self._clock_ns = clock_ns
        self._lock = threading.RLock()
        self._db = open_keys(folder / "keys.db")
        self.own = OwnKeys(folder, self._db, self._lock, self._note)
        self.origins = Origins(self._db, self._lock, self._note, clock_ns)
        self._entries: dict[bytes, Entry] = {}
        self._peers: dict[bytes, Peer] = {}
        self._seen = -1
        self.tokens_wait = False
        self.refresh()

    @property
    def keys(self) -> Keys:
        """By which we are known."""
        return self.own.keys

    def refresh(self) -> bool:
        """Take in what another process changed; returns whether something was."""
        with self._lock:
            version = self._db.pragma("data_version") + self._db.total_changes() * (1 << 32)
            if version != self._seen:
                self._seen = version
                entries = self.entries()
                self._peers = {entry.curve.encode(): _peer(entry, entries) for entry in entries}
                self._entries = {entry.curve.encode(): entry for entry in entries}
                self.origins.refresh()
                self.own.refresh()
            row = self._db.execute(
                "SELECT count(*) FROM token WHERE used_ns = 0 AND expires_ns > ?",
                (self._clock_ns(),),
            ).get
            changed = self.tokens_wait != bool(row)
            self.tokens_wait = bool(row)
            return changed

    def entries(self) -> list[Entry]:
        """Every key that was ever let in."""
        with self._lock:
            rows: list[Any] = self._db.execute(
                "SELECT site.*, coalesce(name, ''), coalesce(follows, ''), coalesce(replaced_ns, 0)"
                " FROM site LEFT JOIN line USING (curve) ORDER BY site, added_ns"
            ).fetchall()
        return [Entry(*row) for row in rows]

    def admit(self, user: bytes) -> Peer:
        """See `AllowList.admit`."""
        entry = self._entries.get(user)
        if entry is None:
            raise Refused("unknown", user.decode("ascii", "replace"))
        state = entry.state(self._clock_ns())
        if state != "valid":
            raise Refused("revoked" if state == "replaced" else state, entry.site)
        return self._peers[user]

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
        key = key_id(verify_key)
        entry = Entry(
            curve=curve.decode(),
            verify=verify_key.hex(),
            key=key,
            site=site,
            added_ns=now,
            expires_ns=now + int(days * 86400e9) if days else 0,
            revoked_ns=0,
            relay=int(relay),
            name=key,
        )
        self._add(entry, actor, "allow")
        return self._entries[curve]

    def succeed(self, signer: bytes, certificate: Certificate) -> None:
        """See `AllowList.succeed`."""
        with self._lock:
            signers = [e for e in self.entries() if e.verify == signer.hex() and not e.revoked_ns]
            if not signers or any(e.curve == certificate.curve.decode() for e in self.entries()):
                return
            old = signers[-1]
            entry = Entry(
                curve=certificate.curve.decode(),
                verify=certificate.verify_key.hex(),
                key=key_id(certificate.verify_key),
                site=old.site,
                added_ns=self._clock_ns(),
                expires_ns=old.expires_ns,
                revoked_ns=0,
                relay=old.relay,
                name=old.name or old.key,
                follows=old.key,
            )
            self._add(entry, f"key {old.key}", "renew")

    def settle(self, user: bytes) -> None:
        """See `AllowList.settle`."""
        with self._lock:
            entry = self._entries[user]
            for old in self.entries():
                if old.key == entry.follows and not old.replaced_ns:
                    with self._db:
                        self._db.execute(
                            "INSERT OR REPLACE INTO line VALUES (?, ?, ?, ?)",
                            (old.curve, old.name or old.key, old.follows, self._clock_ns()),
                        )
                        self._note(f"key {entry.key}", "replace", old.site, old.key)
            self.refresh()

    def pinned(self, relay: str, site: str, signer: bytes) -> bool:
        """See `AllowList.pinned`; of a site that is enrolled here too, its keys are known."""
        own = [e.verify for e in self._entries.values() if e.site == site and not e.revoked_ns]
        if own:
            return signer.hex() in own
        return self.origins.pinned(relay, site, signer)

    def succeed_below(self, relay: str, site: str, signer: bytes, certificate: Certificate) -> None:
        """See `AllowList.succeed_below`."""
        self.origins.succeed(relay, site, signer, certificate.verify_key)

    def known(self, what: str) -> bool:
        """Whether a site or key id could be revoked."""
        return any(what in (e.site, e.key) and not e.revoked_ns for e in self.entries())

    def revoke(self, what: str, actor: str) -> list[Entry]:
        """Refuse a site or one key id from now on; returns what was revoked."""
        now = self._clock_ns()
        with self._lock:
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
        with self._lock, self._db:
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
        with self._lock, self._db:
            row: Any = self._db.execute(
                "UPDATE token SET used_ns = ? WHERE hash = ? AND used_ns = 0 AND expires_ns > ?"
                " RETURNING site, relay",
                (now, _hash(secret), now),
            ).fetchone()
        if row is None:
            raise Refused("token")
        site, relay = row
        return self.allow(site, curve, verify_key, "enrolment", relay=bool(relay))

    def is_enrolled(self, site: str) -> bool:
        """See `AllowList.is_enrolled`."""
        return any(
            e.site == site and not e.relay and not e.revoked_ns for e in self._entries.values()
        )

    def signers_of(self, peer: str) -> tuple[bytes, ...]:
        """Signing keys that a peer has or had, the newest first."""
        line = [e for e in self._entries.values() if peer in (e.name, e.key)]
        newest = sorted(line, key=lambda e: e.added_ns, reverse=True)
        return tuple(bytes.fromhex(e.verify) for e in newest)

    def acts(self) -> list[tuple[int, str, str, str, str]]:
        """What was done: time, actor, act, site, key id."""
        return [row[1:] for row in self.acts_after(0)]

    def acts_after(self, number: int) -> list[tuple[int, int, str, str, str, str]]:
        """What was done after an act: number, time, actor, act, site, key id."""
        with self._lock:
            rows: list[Any] = self._db.execute(
                "SELECT id, time_ns, actor, act, site, key FROM act WHERE id > ? ORDER BY id",
                (number,),
            ).fetchall()
        return rows

    def close(self) -> None:
        """Release the file."""
        with self._lock:
            self._db.close()

    def _add(self, entry: Entry, actor: str, act: str) -> None:
        curve, *key, name, follows, replaced_ns = astuple(entry)
        with self._lock:
            with self._db:
                self._db.execute(
                    "INSERT OR REPLACE INTO site VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (curve, *key)
                )
                self._db.execute(
                    "INSERT OR REPLACE INTO line VALUES (?, ?, ?, ?)",
                    (curve, name, follows, replaced_ns),
                )
                self._note(actor, act, entry.site, entry.key)
            self.refresh()

    def _note(self, actor: str, act: str, site: str, key: str) -> None:
        self._db.execute(
            "INSERT INTO act (time_ns, actor, act, site, key) VALUES (?, ?, ?, ?, ?)",
            (self._clock_ns(), actor, act, site, key),
        )


def _peer(entry: Entry, entries: list[Entry]) -> Peer:
    """What a key may do; who else signs for its site, and whether the one before it still may."""
    name = entry.name or entry.key
    line = [e for e in entries if (e.name or e.key) == name and not e.revoked_ns]
    others = [bytes.fromhex(e.verify) for e in line if e.verify != entry.verify]
    verify_key = bytes.fromhex(entry.verify)
    return Peer(
        site=entry.site,
        verify_key=verify_key,
        relay=bool(entry.relay),
        name=name,
        signers=(verify_key, *others),
        follows=any(e.key == entry.follows and not e.replaced_ns for e in line),
    )


def _hash(secret: bytes) -> str:
    return hashlib.sha256(b"rfproctor.token.v1\0" + secret).hexdigest()
