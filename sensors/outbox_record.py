"""A record of the outbox: an event with its number, time and signature, chained to the one before.

The hash of a record covers the hash of its predecessor, so whoever holds the newest hash can tell
whether anything before it was changed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sensors.messages import Record, Signed
from sensors.wire import Refused, read_record, record_hash

NO_HASH = bytes(32)
"""What the first record of an epoch follows."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A record that is on the disk, and what is needed to send it."""

    seq: int
    time_ns: int
    hash: bytes
    signed: Signed


def opened_record(record: bytes) -> Record | None:
    """Open a record; None when it is not one."""
    try:
        return read_record(record)
    except Refused:
        return None


def chained(rows: Iterable[tuple[int, bytes, bytes]], last: int, head: bytes) -> bool:
    """Whether every record is what was signed and follows the one before.

    SQLite cannot know that: to it a changed record is as good as any.

    Parameters
    ----------
    rows : iterable of (int, bytes, bytes)
        Number, record and hash of what is still held, in order.
    last, head : int, bytes
        Number and hash of the newest record, as the outbox has noted them.
    """
    before: bytes | None = None
    seq = last
    for seq, record, digest in rows:
        opened = opened_record(record)
        if opened is None or opened.seq != seq or record_hash(record) != digest:
            return False
        if before is not None and opened.previous != before:
            return False
        before = digest
    return seq == last and (before or head) == head
