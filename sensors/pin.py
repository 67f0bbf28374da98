"""What a site knows of its centre: its key, its address, and who has been announced as the next.

The key that the operator typed (or that came with the token) is where trust begins; from there it
goes from signature to signature.  Kept in a file, so that a restart does not go back.
"""

from __future__ import annotations

import hashlib
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec
from msgspec import Struct

from sensors.keys import signed_by
from sensors.messages import Successor

TRY_AGAIN_S = 900.0
"""A successor that could not be reached is tried again after so long; each try costs 10 s."""


@dataclass(frozen=True, slots=True)
class Door:
    """Where a centre is and how it is known there.

    Attributes
    ----------
    events : str
        Its events address, ``tcp://HOST:PORT``.
    server_key : bytes or None
        Its public CURVE key (Z85); None: it runs without keys.
    """

    events: str
    server_key: bytes | None


class _Next(Struct, frozen=True):
    events: str
    server_key: str
    verify_key: str


class _Known(Struct, frozen=True):
    """The file.  ``given`` is the key in ``site.toml``: when a person changes it, all else ends."""

    given: str
    events: str
    server_key: str
    verify_key: str = ""
    next: _Next | None = None


class Pin:
    """The centre of one site.

    Parameters
    ----------
    events : str or None
        As configured; None: the site works alone.
    server_key : bytes or None
    file : Path, optional
        Where what is learnt is kept; None keeps it in memory.

    Attributes
    ----------
    counts : dict
        ``successors``, ``successors_refused``.
    """

    def __init__(self, events: str | None, server_key: bytes | None, file: Path | None = None):
        self.counts = {"successors": 0, "successors_refused": 0}
        self._configured = events
        self._file = file
        given = (server_key or b"").decode()
        self._known = _Known(given, events or "", given)
        self._tried_s = float("-inf")
        if file is not None and file.exists():
            with suppress(OSError, msgspec.DecodeError):  # then only the configuration counts
                kept = msgspec.json.decode(file.read_bytes(), type=_Known)
                if kept.given == given:
                    self._known = kept

    @property
    def verify_key(self) -> bytes | None:
        """By which what the centre signs is checked; None before it was told."""
        return bytes.fromhex(self._known.verify_key) or None

    @property
    def doors(self) -> list[Door]:
        """Where to knock, in this order: at the successor's first, if there is one."""
        if self._configured is None:
            return []
        known, ways = self._known, []
        if known.next is not None:
            ways += [(known.next.events, known.next.server_key)]
            ways += [(self._configured, known.next.server_key)]
        ways += [(known.events, known.server_key), (self._configured, known.server_key)]
        return [Door(events, key.encode() or None) for events, key in dict.fromkeys(ways)]

    def welcomed(self, door: Door, verify_key: bytes) -> None:
        """We were let in: what we know of it holds, and what came before is over."""
        known, key = self._known, (door.server_key or b"").decode()
        if known.next is not None and key == known.next.server_key:
            known = _Known(known.given, door.events, key, known.next.verify_key)
        elif known.next is None and door.events != known.events:
            known = msgspec.structs.replace(known, events=door.events)
        if not known.verify_key and any(verify_key) and key:
            known = msgspec.structs.replace(known, verify_key=verify_key.hex())
        self._keep(known)

    def announced(self, message: Successor) -> bool:
        """Take in who comes next; True when it is time to go there."""
        signer = self.verify_key
        digest = successor_digest(message.events, message.server_key, message.verify_key)
        if signer is None or not signed_by(signer, digest, message.signature):
            self.counts["successors_refused"] += 1
            return False
        known = self._known
        events = self._resolve(message.events)
        heir = _Next(events, message.server_key.decode(), message.verify_key.hex())
        if (heir.events, heir.server_key) == (known.events, known.server_key):
            return False  # we are there
        now_s = time.monotonic()
        if heir == known.next and now_s - self._tried_s < TRY_AGAIN_S:
            return False
        self._tried_s = now_s
        self.counts["successors"] += 1
        self._keep(msgspec.structs.replace(known, next=heir))
        return True

    def _resolve(self, events: str) -> str:
        """An address as told: empty is the configured one, and a host of ``*`` is its host."""
        configured = self._configured or ""
        if not events.startswith("tcp://*:"):
            return events or configured
        return f"{configured.rpartition(':')[0]}:{events.rpartition(':')[2]}"

    def _keep(self, known: _Known) -> None:
        if known == self._known:
            return
        self._known = known
        if self._file is not None:
            with suppress(OSError):  # then it is learnt again after a restart
                write_whole(self._file, msgspec.json.encode(known))


def successor_digest(events: str, server_key: bytes, verify_key: bytes) -> bytes:
    """What a monitor signs to say who comes after it."""
    body = msgspec.msgpack.encode([events, server_key, verify_key])
    return hashlib.sha256(b"rfproctor.successor.v1\0" + body).digest()


def write_whole(path: Path, body: bytes) -> None:
    """Replace a small file: after a power cut it is the old or the new one, never half of one."""
    fresh = path.with_name(path.name + ".new")
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(body)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make a rename durable, where the system lets us."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
