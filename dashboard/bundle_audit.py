"""The rows of the audit log that concern one alarm, under a checkpoint of the whole log."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Row, func, or_, select

from dashboard import schema
from dashboard.audit import GENESIS
from dashboard.audit_log import AT_A_TIME
from dashboard.bundle_format import AuditLine
from dashboard.bundle_records import Found
from dashboard.checkpoint import PORTION, Checkpoint, Tree

_A = schema.audit


def last_row(connection: Connection) -> int:
    """Number of the newest row."""
    return connection.scalar(select(func.max(_A.c.seq))) or 0


def rows_about(
    reader: Engine, alarm_id: str, clips: list[str], found: Found, size: int
) -> list[int]:
    """Numbers of the rows about an alarm, its recordings, its agreements and the keys, in order."""
    subjects = {alarm_id}
    while joined := _joined(reader, subjects) - subjects:
        subjects |= joined
    approvals = schema.approvals
    agreed = select(approvals.c.id).where(approvals.c.subject.in_(subjects))
    with reader.connect() as connection:
        numbers = [str(number) for number in connection.scalars(agreed)]
        wanted = or_(
            _A.c.subject.in_([*subjects, *clips]),
            _A.c.act.startswith("pair.") & _A.c.subject.in_(numbers),
            _A.c.act == "pair.rules",
            _A.c.act.startswith("keys.") & _A.c.subject.in_(["", *found.sites]),
            _A.c.act.startswith("breach.") & _A.c.subject.in_(found.peers),
            _A.c.seq.in_(found.anchors),
        )
        query = select(_A.c.seq).where(_A.c.seq <= size, wanted).order_by(_A.c.seq)
        return list(connection.scalars(query))


def prove(
    reader: Engine, monitor: str, numbers: list[int], size: int, now_ns: int
) -> tuple[Checkpoint, dict[int, list[bytes]]]:
    """A checkpoint over the first ``size`` rows, and the paths of some of them by their number."""
    tree = Tree(number - 1 for number in numbers)
    broken, head = 0, GENESIS
    for rows in _portions(reader, size):
        for number, (seq, prev_hash, digest) in enumerate(rows, tree.size + 1):
            if not broken and (seq != number or prev_hash != head):
                broken = number
            head = digest
        tree.extend([_entry(digest) for _, _, digest in rows])
    if tree.size != size and not broken:
        broken = tree.size + 1
    root = tree.root()
    checkpoint = Checkpoint(monitor, max(tree.size, 1), root, head, now_ns, broken)
    return checkpoint, {leaf + 1: path for leaf, path in tree.paths.items()}


def lines(reader: Engine, numbers: list[int], paths: dict[int, list[bytes]]) -> Iterator[AuditLine]:
    """The rows themselves."""
    for first in range(0, len(numbers), AT_A_TIME):
        part: ColumnElement[bool] = _A.c.seq.in_(numbers[first : first + AT_A_TIME])
        with reader.connect() as connection:
            rows = connection.execute(select(_A).where(part).order_by(_A.c.seq)).fetchall()
        for row in rows:
            path = [step.hex() for step in paths[row.seq]]
            yield AuditLine(**row._mapping, path=path)


def _joined(reader: Engine, subjects: set[str]) -> set[str]:
    """Alarms that became part of these."""
    into = or_(*(_A.c.detail == f'{{"to":"{alarm}"}}' for alarm in subjects))
    query = select(_A.c.subject).where(_A.c.act == "alarm.joined", into)
    with reader.connect() as connection:
        return set(connection.scalars(query))


def _portions(reader: Engine, size: int) -> Iterator[Sequence[Row[Any, Any, Any]]]:
    """Number, predecessor and hash of every row, in portions between which others have a turn."""
    after = 0
    while True:
        query = (
            select(_A.c.seq, _A.c.prev_hash, _A.c.hash)
            .where(_A.c.seq > after, _A.c.seq <= size)
            .order_by(_A.c.seq)
            .limit(PORTION)
        )
        with reader.connect() as connection:
            rows = connection.execute(query).fetchall()
        if not rows:
            return
        yield rows
        after = rows[-1].seq


def _entry(text: str) -> bytes:
    """A row's hash as a leaf; of an edited row perhaps something that is no hash."""
    try:
        return bytes.fromhex(text)
    except ValueError:
        return text.encode()
