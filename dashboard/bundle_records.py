"""The signed records of an alarm as they are stored, and those between them in their sequences."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Engine, Row, select

from dashboard import schema
from dashboard.bundle_format import KeyLine, RecordLine, Role
from dashboard.bundle_layers import Signature, announced, levels_of
from dashboard.clips import Announced
from sensors.renewal import NOTE as RENEWED
from sensors.wire import Refused

MOST_BETWEEN = 20_000
"""Records that only prove the sequence; where a site sent more they are left out."""
PORTION = 500
LOOKED_AT = 1000
"""Checkpoints after the alarm, among which one that knows its records is looked for."""
HEEDED_NS = 60_000_000_000
"""Between the arrival of a record and the row of the key that it names."""

_E = schema.events
Place = tuple[str, str]
"""Peer and epoch."""


@dataclass(slots=True)
class Run:
    """A piece of one sequence.

    Attributes
    ----------
    roles : dict of int to Role
        Numbers that are needed for what they say.
    last : int
        How far the piece goes: to what the audit log's next checkpoint names.
    newest_ns : int
        When the last record of the alarm itself was received.
    """

    roles: dict[int, Role] = field(default_factory=dict)
    last: int = 0
    newest_ns: int = 0

    def numbers(self, *, sparse: bool) -> list[int]:
        """Of the records to show; where it is not sparse none is missing between the alarm's."""
        own = [seq for seq, role in self.roles.items() if role != "renewal"]
        between = range(min(own), self.last + 1) if own and not sparse else [self.last]
        return sorted({*self.roles, *between})


@dataclass(slots=True)
class Found:
    """What is to be in the bundle.

    Attributes
    ----------
    runs : dict of Place to Run
    anchors : set of int
        Rows of the audit log: checkpoints that name the ends of the runs.
    sites : set of str
        Who signed the records, relays too.
    below : set of (str, bytes)
        Sites that relays brought, each with the key that signed.
    sparse : bool
        See `dashboard.bundle_format.Manifest`.
    """

    runs: dict[Place, Run] = field(default_factory=dict)
    anchors: set[int] = field(default_factory=set)
    sites: set[str] = field(default_factory=set)
    below: set[tuple[str, bytes]] = field(default_factory=set)
    sparse: bool = False

    @property
    def peers(self) -> set[str]:
        """Who sent them."""
        return {peer for peer, _ in self.runs}


def find_records(reader: Engine, alarm_id: str, clips: Sequence[Announced]) -> Found:
    """Look for everything that belongs to an alarm."""
    found = Found()
    for row in _rows(reader, _E.c.alarm == alarm_id):
        _take(found, row, "alarm")
    wanted = {(clip.name, clip.sha256) for clip in clips}
    times = [clip.announced_ns for clip in clips]
    for first in range(0, len(times), PORTION):
        at = _E.c.received_ns.in_(times[first : first + PORTION])
        for row in _rows(reader, _E.c.kind == "notice", _E.c.peer.in_(found.peers), at):
            inner = _opened(row)[-1:]
            clip = announced(inner[0].event) if inner else None
            if clip is not None and (clip.name, clip.sha256) in wanted:
                _take(found, row, "announcement")
    for run in found.runs.values():
        run.last = max(run.roles)
    if found.runs:
        _find_anchors(reader, found)
    return found


def finish(reader: Engine, found: Found, keys: Iterable[KeyLine]) -> None:
    """Look for the records by which keys followed one another; see whether it is too much."""
    renewed = [(key.peer, key.added_ns) for key in keys if key.how == "renewed"]
    _find_renewals(reader, found, renewed)
    for run in found.runs.values():
        run.last = run.last or max(run.roles)
    total = sum(len(run.numbers(sparse=False)) for run in found.runs.values())
    found.sparse = total > MOST_BETWEEN


def ends(reader: Engine, found: Found) -> dict[str, tuple[int, str]]:
    """Number and hash of the last record of every run, as the audit log names them."""
    named: dict[str, tuple[int, str]] = {}
    for (peer, epoch), run in sorted(found.runs.items()):
        mine = (_E.c.peer == peer) & (_E.c.epoch == epoch) & (_E.c.seq == run.last)
        with reader.connect() as connection:
            digest = connection.scalar(select(_E.c.hash).where(mine))
        named[f"{peer}/{epoch}"] = (run.last, bytes(digest or b"").hex())
    return named


def lines(reader: Engine, found: Found) -> Iterator[RecordLine]:
    """Every record, sorted by peer, epoch and number."""
    for (peer, epoch), run in sorted(found.runs.items()):
        mine = (_E.c.peer == peer) & (_E.c.epoch == epoch)
        numbers = run.numbers(sparse=found.sparse)
        for begin in range(0, len(numbers), PORTION):
            part = mine & _E.c.seq.in_(numbers[begin : begin + PORTION])
            with reader.connect() as connection:
                rows = connection.execute(select(_E).where(part).order_by(_E.c.seq)).fetchall()
            for row in rows:
                yield RecordLine(
                    peer=peer,
                    epoch=epoch,
                    seq=row.seq,
                    role=run.roles.get(row.seq, "between"),
                    received_ns=row.received_ns,
                    record=bytes(row.record),
                    signature=bytes(row.signature),
                )


def _rows(reader: Engine, *where: ColumnElement[bool]) -> Iterator[Row[Any]]:
    """Rows of the events, some at a time."""
    after = 0
    while True:
        query = select(_E).where(*where, _E.c.id > after).order_by(_E.c.id).limit(PORTION)
        with reader.connect() as connection:
            rows = connection.execute(query).fetchall()
        yield from rows
        if len(rows) < PORTION:
            return
        after = rows[-1].id


def _opened(row: Row[Any]) -> list[Signature]:
    try:
        return list(levels_of(bytes(row.record), bytes(row.signature)))
    except Refused:
        return []  # of an edited row: it goes into the bundle as it is, and the verifier says so


def _take(found: Found, row: Row[Any], role: Role) -> None:
    run = found.runs.setdefault((row.peer, row.epoch), Run())
    run.roles.setdefault(row.seq, role)
    if role != "renewal":
        run.newest_ns = max(run.newest_ns, row.received_ns)
    for level in _opened(row):
        found.sites.add(level.event.site)
        if level.verify_key:
            found.below.add((level.event.site, level.verify_key))


def _find_anchors(reader: Engine, found: Found) -> None:
    """Find the checkpoints that name a record of each run at or after its last one."""
    table = schema.audit
    missing = {f"{peer}/{epoch}": run for (peer, epoch), run in found.runs.items()}
    first_ns = min(run.newest_ns for run in found.runs.values())
    query = (
        select(table.c.seq, table.c.detail)
        .where(table.c.act == "checkpoint", table.c.time_ns >= first_ns)
        .order_by(table.c.seq)
        .limit(LOOKED_AT)
    )
    with reader.connect() as connection:
        rows = connection.execute(query).fetchall()
    for row in rows:
        heads = msgspec.json.decode(row.detail)
        for place in [place for place in missing if place in heads]:
            if heads[place][0] >= missing[place].last:
                missing.pop(place).last = heads[place][0]
                found.anchors.add(row.seq)


def _find_renewals(reader: Engine, found: Found, renewed: Iterable[tuple[str, int]]) -> None:
    """Find the records in which these peers named their next keys, by when that was."""
    for peer, added_ns in renewed:
        at = _E.c.received_ns.between(added_ns - HEEDED_NS, added_ns + HEEDED_NS)
        for row in _rows(reader, _E.c.peer == peer, _E.c.kind == "notice", at):
            levels = _opened(row)
            note = getattr(levels[-1].event, "note", None) if levels else None
            if note is not None and note.id == RENEWED:
                _take(found, row, "renewal")
