"""The durable outbox of a site: once `append` returns, the event survives crash and power cut.

SQLite through apsw in WAL mode with ``synchronous=FULL``: with anything less, committed events are
lost in a power cut.  Queue and cursor lie in the same file and change in the same transaction.  One
connection owns the file.  Records form a hash chain and are signed as they are stored.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apsw

from sdr.source import UserError
from sensors.keys import Keys
from sensors.messages import (
    VERSION,
    Event,
    Note,
    NoticeEvent,
    Record,
    RelayedEvent,
    Signed,
)
from sensors.wire import Refused, check, pack, read_event, read_record, record_hash

OWN_BYTES = 12_000
"""Longest event of our own: the levels above add their envelopes to it."""
NO_HASH = bytes(32)
"""What the first record of an epoch follows."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS outbox (
    id INTEGER PRIMARY KEY CHECK (id = 1), version INTEGER NOT NULL, epoch BLOB NOT NULL,
    last INTEGER NOT NULL, head BLOB NOT NULL, acked INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS record (
    seq INTEGER PRIMARY KEY, time_ns INTEGER NOT NULL, record BLOB NOT NULL,
    signature BLOB NOT NULL, hash BLOB NOT NULL
) STRICT;
"""


class OutboxFault(UserError):
    """The outbox cannot keep events; the rest of the site goes on and says so."""

    exit_code = 3


class OutboxFull(OutboxFault):
    """No space for another event; what is stored stays stored."""


@dataclass(frozen=True, slots=True)
class Clock:
    """Where the outbox takes its times from; a test passes its own.

    Attributes
    ----------
    wall_ns, mono_ns : callable
    """

    wall_ns: Callable[[], int] = time.time_ns
    mono_ns: Callable[[], int] = time.monotonic_ns


@dataclass(frozen=True, slots=True)
class Stored:
    """A record that is on the disk, and what is needed to send it."""

    seq: int
    time_ns: int
    hash: bytes
    signed: Signed


def boot_id() -> bytes:
    """Identify this boot of the machine: ``mono_ns`` can be compared within it."""
    try:
        text = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")
        return bytes.fromhex(text.strip().replace("-", ""))
    except (OSError, ValueError):
        return os.urandom(16)  # elsewhere: this process


class Outbox:
    """Append-only sequence of signed events with a cursor of what the centre has.

    All methods may be called from any thread.

    Parameters
    ----------
    path : Path
        The database; made when it does not exist.
    keys : Keys
        Signs the records.
    max_bytes : int
        Size that the file may reach; `append` raises `OutboxFull` beyond.
    keep_s, keep_bytes : float, int
        Acknowledged records are kept this long and up to this size (both limits hold), so that a
        restored monitor can ask for them again.  Records not acknowledged are never deleted.
    clock : Clock
    vfs : str or None
        SQLite's file layer; tests put a failing one in.

    Attributes
    ----------
    epoch : bytes
        16 random bytes made with the file.
    last, head : int, bytes
        Newest record and its hash.
    acked : int
        Newest record that the centre has.
    """

    def __init__(
        self,
        path: Path,
        keys: Keys,
        *,
        max_bytes: int = 256 << 20,
        keep_s: float = 7 * 86400.0,
        keep_bytes: int = 128 << 20,
        clock: Clock | None = None,
        vfs: str | None = None,
    ) -> None:
        self.path = path
        self.offset_ns: int | None = None
        self._keys = keys
        self._clock = clock or Clock()
        self._keep_ns = int(keep_s * 1e9)
        self._keep_bytes = keep_bytes
        self._boot = boot_id()
        self._lock = threading.RLock()
        self._max_bytes = max_bytes
        self._vfs = vfs
        self._broken = ""
        self._trimmed_ns = 0
        self._open()

    def _open(self) -> None:
        with self._faults():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._db = apsw.Connection(str(self.path), vfs=self._vfs)
            try:
                self._prepare()
                (version, self.epoch, self.last, self.head, self.acked) = self._load()
                if version != VERSION:
                    raise OutboxFault("outbox.version", file=str(self.path), version=version)
                self._verify()
            except BaseException:
                self._db.close(True)
                raise

    def _prepare(self) -> None:
        db = self._db
        db.set_busy_timeout(0)
        # Exclusive: one owner, and no shared-memory file that a second process could join.
        db.execute("PRAGMA locking_mode=EXCLUSIVE")
        # EXTRA syncs the folder when the first rollback journal is deleted; a power cut could bring
        # that journal back and with it the empty file (found by `bench power`).  In WAL mode EXTRA
        # means FULL.
        db.execute("PRAGMA synchronous=EXTRA")
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=FULL")
        page = db.pragma("page_size")
        db.execute(f"PRAGMA max_page_count={max(64, self._max_bytes // page)}")
        if db.pragma("quick_check") != "ok":
            raise OutboxFault("outbox.corrupt", file=str(self.path))
        with self._transaction():
            db.execute(_SCHEMA)
            db.execute(
                "INSERT OR IGNORE INTO outbox VALUES (1, ?, ?, 0, ?, 0)",
                (VERSION, os.urandom(16), NO_HASH),
            )

    def _verify(self) -> None:
        """Every record is what was signed and follows the one before; SQLite cannot know that."""
        before: bytes | None = None
        seq = self.last
        for seq, record, digest in self._db.execute(
            "SELECT seq, record, hash FROM record ORDER BY seq"
        ):
            opened = opened_record(record)
            intact = opened is not None and record_hash(record) == digest
            if not intact or opened is None or opened.seq != seq:
                raise OutboxFault("outbox.corrupt", file=str(self.path))
            if before is not None and opened.previous != before:
                raise OutboxFault("outbox.corrupt", file=str(self.path))
            before = digest
        if seq != self.last or (before or self.head) != self.head:
            raise OutboxFault("outbox.corrupt", file=str(self.path))

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        # Not apsw's own: SQLite has already rolled back when the disk is full.
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    def reopen(self) -> None:
        """Close the file and read its state anew, after a fault.

        A write that failed may be on the disk or not: only the disk can say, and a later attempt
        that works proves nothing about it.

        Raises
        ------
        OutboxFault
            It still cannot be used.
        """
        with self._lock:
            self._db.close(True)
            broken, self._broken = self._broken, ""
            try:
                self._open()
            except OutboxFault:
                self._broken = self._broken or broken or "closed"
                raise

    def _load(self) -> tuple[int, bytes, int, bytes, int]:
        row: tuple[int, bytes, int, bytes, int] = self._db.execute(
            "SELECT version, epoch, last, head, acked FROM outbox"
        ).get
        return row

    @contextmanager
    def _faults(self) -> Iterator[None]:
        """Say storage faults in our own words; nothing is retried as if it had worked."""
        if self._broken:
            raise OutboxFault("outbox.failed", file=str(self.path), why=self._broken)
        try:
            yield
        except apsw.FullError:
            raise OutboxFull("outbox.full", file=str(self.path)) from None
        except (apsw.CorruptError, apsw.NotADBError):
            self._broken = "corrupt"
            raise OutboxFault("outbox.corrupt", file=str(self.path)) from None
        except apsw.BusyError:
            raise OutboxFault("outbox.in_use", file=str(self.path)) from None
        except (apsw.Error, OSError) as error:
            self._broken = str(error)
            raise OutboxFault("outbox.failed", file=str(self.path), why=str(error)) from None

    def append(self, event: Event) -> int:
        """Store an event and return its sequence number: it is confirmed then.

        Raises
        ------
        ValueError
            The event is out of the schema's bounds: a bug of ours, nothing is stored.
        OutboxFault
            It could not be made durable; nothing is stored.
        """
        check(event)
        payload = pack(event)
        if len(payload) > OWN_BYTES and not isinstance(event, RelayedEvent):
            raise ValueError(f"an event of {len(payload)} bytes")
        with self._lock, self._faults():
            seq = self.last + 1
            now = self._clock.wall_ns()
            record = pack(
                Record(
                    version=VERSION,
                    epoch=self.epoch,
                    seq=seq,
                    time_ns=max(now, 0),
                    mono_ns=self._clock.mono_ns(),
                    boot=self._boot,
                    offset_ns=self.offset_ns,
                    payload=payload,
                    previous=self.head,
                )
            )
            digest = record_hash(record)
            with self._transaction():
                self._db.execute(
                    "INSERT INTO record VALUES (?, ?, ?, ?, ?)",
                    (seq, now, record, self._keys.sign(digest), digest),
                )
                self._db.execute("UPDATE outbox SET last = ?, head = ?", (seq, digest))
            self.last, self.head = seq, digest
            return seq

    def after(self, seq: int, limit: int) -> list[Stored]:
        """Up to ``limit`` records that follow ``seq``, in order."""
        with self._lock, self._faults():
            rows: list[Any] = self._db.execute(
                "SELECT seq, time_ns, record, signature, hash FROM record"
                " WHERE seq > ? ORDER BY seq LIMIT ?",
                (seq, limit),
            ).fetchall()
        return [Stored(s, t, digest, Signed(record, sig)) for s, t, record, sig, digest in rows]

    @property
    def first(self) -> int:
        """Oldest record that is still held; ``last + 1`` when there is none."""
        with self._lock, self._faults():
            value = self._db.execute("SELECT min(seq) FROM record").get
        return self.last + 1 if value is None else int(value)

    def hash_of(self, seq: int) -> bytes | None:
        """Hash of a record that is still held (of 0: what the first one follows)."""
        if seq == 0:
            return NO_HASH
        with self._lock, self._faults():
            found = self._db.execute("SELECT hash FROM record WHERE seq = ?", (seq,)).get
        return None if found is None else bytes(found)

    def ack(self, seq: int) -> None:
        """Note that the centre has everything up to ``seq``; old acknowledged records may go.

        ``seq`` may be smaller than before: a restored monitor wants the rest again.
        """
        with self._lock, self._faults():
            if not 0 <= seq <= self.last:
                raise ValueError(f"{seq=} outside 0..{self.last}")
            with self._transaction():
                self._db.execute("UPDATE outbox SET acked = ?", (seq,))
                self._trim(seq)
            self.acked = seq

    def _trim(self, acked: int) -> None:
        now = self._clock.wall_ns()
        if abs(now - self._trimmed_ns) < 60_000_000_000:
            return
        self._trimmed_ns = now
        self._db.execute(
            "DELETE FROM record WHERE seq <= min(?, ?) AND time_ns < ?",
            (acked, self.last - 1, now - self._keep_ns),  # the newest says where a relay goes on
        )
        page, free = self._db.pragma("page_size"), self._db.pragma("freelist_count")
        over = (self._db.pragma("page_count") - free) * page - self._keep_bytes
        if over > 0:
            held = self._db.execute("SELECT count(*) FROM record").get
            drop = held * over // (over + self._keep_bytes) + 1
            self._db.execute(
                "DELETE FROM record WHERE seq <= min(?, (SELECT min(seq) FROM record) + ? - 1)",
                (acked, drop),
            )

    @property
    def depth(self) -> int:
        """Records that the centre does not have yet."""
        return self.last - self.acked

    def oldest_unacked_s(self) -> float:
        """Age of the oldest record that the centre does not have; 0 when it has all."""
        with self._lock, self._faults():
            stamp = self._db.execute(
                "SELECT time_ns FROM record WHERE seq > ? ORDER BY seq LIMIT 1", (self.acked,)
            ).get
        return 0.0 if stamp is None else max(0.0, (self._clock.wall_ns() - int(stamp)) / 1e9)

    def close(self) -> None:
        """Release the file; may be called twice."""
        with self._lock:
            self._db.close(True)


def opened_record(record: bytes) -> Record | None:
    """Open a record; None when it is not one."""
    try:
        return read_record(record)
    except Refused:
        return None


@dataclass(frozen=True, slots=True)
class Damage:
    """What became of an outbox that could not be used any more.

    Attributes
    ----------
    path : Path
        Where the damaged file is now: evidence.
    saved : int
        Events that the centre did not have yet, taken over into the new outbox.
    lost : int
        Events known to have been there and not readable any more; -1 when nobody can say.
    """

    path: Path
    saved: int
    lost: int


def open_outbox(path: Path, keys: Keys, **limits: Any) -> tuple[Outbox, Damage | None]:
    """Open the outbox; a damaged one is set aside, what is intact in it goes into a new one.

    Parameters
    ----------
    path, keys, **limits
        As for `Outbox`.

    Returns
    -------
    outbox : Outbox
        With a new epoch after damage.
    damage : Damage or None
        The caller publishes a `NoticeEvent` about it.

    Raises
    ------
    OutboxFault
        Anything but damage.
    """
    try:
        return Outbox(path, keys, **limits), None
    except OutboxFault as fault:
        if fault.message_id != "outbox.corrupt":
            raise
    return renew_outbox(path, keys, **limits)


def renew_outbox(path: Path, keys: Keys, **limits: Any) -> tuple[Outbox, Damage]:
    """Set the outbox aside and begin a new epoch with the events that the centre lacks.

    The answer to damage, and to a centre that holds other records than this disk (a clone, a
    restored backup): the centre notes that a new epoch began, which is an alarm of its own.
    """
    aside = path.with_name(f"{path.name}.set-aside-{time.time_ns()}")
    for suffix in ("", "-wal"):
        file = path.with_name(path.name + suffix)
        if file.exists():
            file.rename(aside.with_name(aside.name + suffix))
    events, last, acked = _intact(aside)
    outbox = Outbox(path, keys, **limits)
    for event in events:
        outbox.append(event)
    lost = last - acked - len(events) if last >= acked >= 0 else -1
    return outbox, Damage(aside, len(events), lost)


def damage_notice(site: str, sensor: str, damage: Damage) -> NoticeEvent:
    """Say what became of a damaged outbox, as the first event of the new one."""
    note = Note(
        "notice.outbox_damaged",
        {"file": damage.path.name, "saved": damage.saved, "lost": damage.lost},
    )
    return NoticeEvent(site, sensor, "alarm", note, time.time_ns(), time.time_ns())


def _intact(path: Path) -> tuple[list[Event], int, int]:
    """Events of a damaged outbox that the centre lacks and that can still be proven, in order."""
    events: list[Event] = []
    last = acked = -1
    db = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    with suppress(apsw.Error):
        last, acked = db.execute("SELECT last, acked FROM outbox").fetchone() or (-1, -1)
    seq = max(acked, 0)
    while True:
        try:
            row: Any = db.execute(
                "SELECT seq, record, hash FROM record WHERE seq > ? ORDER BY seq LIMIT 1", (seq,)
            ).fetchone()
        except apsw.Error:
            seq += 1  # this one is unreadable; the next may not be
            if seq > last:
                break
            continue
        if row is None:
            break
        seq, record, digest = row
        opened = opened_record(record)
        if opened is not None and record_hash(record) == digest:
            with suppress(Refused):
                events.append(read_event(opened.payload))
    db.close(True)
    return events, int(last), int(acked)
