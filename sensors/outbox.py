"""The durable outbox of a site: once `append` returns, the event survives crash and power cut.

Queue and cursor lie in the same SQLite file and change in the same transaction; one connection owns
the file (`sensors.outbox_file`).  Records form a hash chain and are signed as they are stored
(`sensors.outbox_record`).  What becomes of a damaged file: `sensors.outbox_damage`.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import apsw

from sdr.source import UserError
from sensors.clock import Clock, boot_id
from sensors.keys import Keys
from sensors.messages import RECORD_VERSION, Event, Record, RelayedEvent, Signed
from sensors.outbox_file import make_durable, make_tables, transaction
from sensors.outbox_record import NO_HASH, Stored, chained
from sensors.wire import check, pack, record_hash

OWN_BYTES = 12_000
"""Longest event of our own: the levels above add their envelopes to it."""


class OutboxFault(UserError):
    """The outbox cannot keep events; the rest of the site goes on and says so."""

    exit_code = 3


class OutboxFull(OutboxFault):
    """No space for another event; what is stored stays stored."""


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
                make_durable(self._db, self._max_bytes)
                self._must_be_intact(self._db.pragma("quick_check") == "ok")
                make_tables(self._db)
                (version, self.epoch, self.last, self.head, self.acked) = self._load()
                if version != RECORD_VERSION:
                    raise OutboxFault("outbox.version", file=str(self.path), version=version)
                rows: Any = self._db.execute("SELECT seq, record, hash FROM record ORDER BY seq")
                self._must_be_intact(chained(rows, self.last, self.head))
            except BaseException:
                self._db.close(True)
                raise

    def _must_be_intact(self, intact: bool) -> None:
        if not intact:
            raise OutboxFault("outbox.corrupt", file=str(self.path))

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
            with suppress(apsw.Error):  # a disk that fails may fail here too; it is closed
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
                    version=RECORD_VERSION,
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
            with transaction(self._db):
                self._db.execute(
                    "INSERT INTO record VALUES (?, ?, ?, ?, ?)",
                    (seq, now, record, self._keys.sign(digest), digest),
                )
                self._db.execute("UPDATE outbox SET last = ?, head = ?", (seq, digest))
            self.last, self.head = seq, digest
            return seq

    def sign_with(self, keys: Keys) -> None:
        """Sign with these keys from now on; what is stored keeps its signature."""
        with self._lock:
            self._keys = keys

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
            with transaction(self._db):
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
