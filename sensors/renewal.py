"""How a site changes its keys while it runs: the old key signs the new one, nothing is lost.

The announcement is a record of the site's own chain, so it is delivered like every event: durably,
once, in its place.  What follows it is signed by the new key.  When the centre has acknowledged it,
the new key file takes the old one's name and the site connects with it; the centre drops the old
key with the first good message.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from sensors.keys import Keys, make_keys, read_keys, signed_by, write_keys
from sensors.messages import Event, Note, NoticeEvent
from sensors.outbox import Outbox
from sensors.pin import sync_folder

NOTE = "keys.renewed"
"""Message id of the announcement; its arguments are the new public keys and their proof."""

SINCE_VERSION = 2
"""A monitor of an older protocol would take the announcement for a mere notice."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """New public keys of somebody, signed by the old ones.

    Attributes
    ----------
    verify_key : bytes
        Ed25519.
    curve : bytes
        Z85.
    """

    verify_key: bytes
    curve: bytes


def next_file(file: Path) -> Path:
    """Where the next keys wait for their turn."""
    return file.with_name(file.stem + ".next" + file.suffix)


def prepare(file: Path) -> Keys:
    """Make the next keys; whoever runs with ``file`` changes to them as soon as it is connected.

    Raises
    ------
    KeyFault
        ``keys.exists``: a change is under way already.
    """
    keys = make_keys()
    waiting = next_file(file)
    fresh = waiting.with_name(waiting.name + ".new")
    fresh.unlink(missing_ok=True)
    if waiting.exists():
        return read_keys(waiting)
    write_keys(fresh, keys)
    fresh.rename(waiting)
    sync_folder(file.parent)
    return keys


def announcement(site: str, old: Keys, new: Keys, **more: int) -> NoticeEvent:
    """Say who comes next; to be signed by the old key."""
    proof = new.sign(_digest(site, old.verify_key, new.verify_key, new.curve_public))
    args: dict[str, str | float | int] = {
        "verify": new.verify_key.hex(),
        "curve": new.curve_public.decode(),
        "proof": proof.hex(),
        "key": new.key_id,
        **more,
    }
    now = time.time_ns()
    return NoticeEvent(site, site, "info", Note(NOTE, args), now, now)


def certificate_of(event: Event, signer: bytes) -> Certificate | None:
    """Read an announcement that ``signer`` has signed; None when it is none, or proves nothing."""
    if not isinstance(event, NoticeEvent) or event.note.id != NOTE:
        return None
    args = event.note.args
    try:
        verify_key = bytes.fromhex(str(args["verify"]))
        proof = bytes.fromhex(str(args["proof"]))
        curve = str(args["curve"]).encode("ascii")
    except (KeyError, ValueError):
        return None
    digest = _digest(event.site, signer, verify_key, curve)
    if len(verify_key) != 32 or len(curve) != 40 or not signed_by(verify_key, digest, proof):
        return None
    return Certificate(verify_key, curve)


class Renewal:
    """The change of one key file, under a link that runs.

    Parameters
    ----------
    file : Path
        The key file in use.
    keys : Keys
        What is in it.
    outbox : Outbox
    site : str
    more : callable
        Further arguments of the announcement.
    """

    def __init__(
        self,
        file: Path,
        keys: Keys,
        outbox: Outbox,
        site: str,
        more: Callable[[], dict[str, int]] = dict,
    ) -> None:
        self._file = file
        self._keys = keys
        self._outbox = outbox
        self._site = site
        self._more = more
        self._next: Keys | None = None
        self._seq = 0

    def step(self, version: int) -> Keys | None:
        """Go on; returns the new keys when the time has come to connect with them.

        Parameters
        ----------
        version : int
            Of the protocol with the centre.

        Raises
        ------
        KeyFault, OutboxFault, OSError
            It cannot go on now; try again later.
        """
        waiting = next_file(self._file)
        if self._next is None:
            if version < SINCE_VERSION or not waiting.exists():
                return None
            new = read_keys(waiting)
            # Also after a restart in the middle: said twice is as good as said once.
            event = announcement(self._site, self._keys, new, **self._more())
            self._seq = self._outbox.append(event)
            self._outbox.sign_with(new)
            self._next = new
        if self._outbox.acked < self._seq:
            return None
        waiting.replace(self._file)
        sync_folder(self._file.parent)
        self._keys, self._next = self._next, None
        return self._keys


def _digest(site: str, old: bytes, new: bytes, curve: bytes) -> bytes:
    body = msgspec.msgpack.encode([site, old, new, curve])
    return hashlib.sha256(b"rfproctor.renewal.v1\0" + body).digest()
