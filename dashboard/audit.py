"""The audit log's hash chain: every entry holds the hash of the one before it.

Whoever edits, removes or inserts an entry changes every hash after it, so one known good hash (on a
printed page, at another site) proves the whole log up to it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

import msgspec
from msgspec import Struct

GENESIS = "0" * 64
"""What the first entry follows."""


class Entry(Struct, frozen=True):
    """One thing that was done.

    Attributes
    ----------
    seq : int
        1, 2, 3 ... without a gap.
    time_ns : int
        Monitor's clock.
    actor : str
        The account, or ``monitor`` where the program itself acted.
    act : str
        For example ``alarm.acknowledge``.
    subject : str
        What it was done to, for example an alarm's id.
    detail : str
        Canonical JSON.
    prev_hash, hash : str
        SHA-256 in hex.
    """

    seq: int
    time_ns: int
    actor: str
    act: str
    subject: str
    detail: str
    prev_hash: str
    hash: str


def canonical(detail: Mapping[str, object]) -> str:
    """JSON with sorted keys and no spaces: the same facts give the same text."""
    return msgspec.json.encode(dict(detail), order="sorted").decode()


def chain_hash(
    prev_hash: str, seq: int, time_ns: int, actor: str, act: str, subject: str, detail: str
) -> str:
    """Hash of one entry: SHA-256 over its fields as a JSON array, domain first.

    A JSON array and not the fields joined: no text can move from one field into its neighbour.
    """
    fields = ["rfproctor-audit-1", prev_hash, seq, time_ns, actor, act, subject, detail]
    return hashlib.sha256(msgspec.json.encode(fields)).hexdigest()


def next_entry(
    last: Entry | None,
    *,
    time_ns: int,
    actor: str,
    act: str,
    subject: str,
    detail: Mapping[str, object],
) -> Entry:
    """Append to the chain."""
    seq = 1 if last is None else last.seq + 1
    prev_hash = GENESIS if last is None else last.hash
    text = canonical(detail)
    return Entry(
        seq=seq,
        time_ns=time_ns,
        actor=actor,
        act=act,
        subject=subject,
        detail=text,
        prev_hash=prev_hash,
        hash=chain_hash(prev_hash, seq, time_ns, actor, act, subject, text),
    )


def first_broken(entries: Iterable[Entry], after: Entry | None = None) -> int | None:
    """Sequence number of the first entry that does not follow, or None when the chain holds.

    Parameters
    ----------
    entries : iterable of Entry
        In order of ``seq``.
    after : Entry or None
        The trusted entry before them; None from the beginning.
    """
    seq, prev_hash = (0, GENESIS) if after is None else (after.seq, after.hash)
    for entry in entries:
        expected = chain_hash(
            prev_hash, seq + 1, entry.time_ns, entry.actor, entry.act, entry.subject, entry.detail
        )
        if (entry.seq, entry.prev_hash, entry.hash) != (seq + 1, prev_hash, expected):
            return seq + 1
        seq, prev_hash = entry.seq, entry.hash
    return None
