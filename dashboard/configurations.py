"""Configurations that were pushed to a site, each with what became of it there."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import Engine, select

from dashboard import queries, schema
from dashboard.asking import ANSWER, NO_ANSWER, ORDER
from sensors.messages import Note

MOST = 10
OUTCOMES = ("config.adopted", "config.taken_back")
"""What a site says of it when it has been tried."""


class Pushed(Struct, frozen=True):
    """One configuration.

    Attributes
    ----------
    version, time_ns : int
    author, text : str
    answer : Note or None
        What the site said at once; None when it did not answer.
    accepted : bool
    outcome : Note or None
        What it said after trying it; None while it has not.
    """

    version: int
    time_ns: int
    author: str
    text: str
    answer: Note | None = None
    accepted: bool = False
    outcome: Note | None = None


def pushed(reader: Engine, site: str) -> list[Pushed]:
    """The latest configurations of a site, the newest first."""
    table = schema.audit
    wanted = (
        select(table.c.time_ns, table.c.actor, table.c.act, table.c.detail)
        .where(
            table.c.subject == site,
            table.c.act.in_((ORDER, ANSWER, NO_ANSWER)),
            table.c.detail.contains('"configure"'),
        )
        .order_by(table.c.seq.desc())
        .limit(4 * MOST)
    )
    with reader.connect() as connection:
        rows = connection.execute(wanted).fetchall()
    outcomes = _outcomes(reader, site)
    found: list[Pushed] = []
    answers: dict[str, dict[str, Any]] = {}
    for row in rows:
        detail = msgspec.json.decode(row.detail)
        if detail.get("order") != "configure":
            continue
        if row.act != ORDER:
            answers[row.actor] = detail  # rows go backwards: it belongs to the order before it
            continue
        answer = answers.pop(row.actor, {})
        found.append(
            Pushed(
                version=detail["version"],
                time_ns=row.time_ns,
                author=row.actor,
                text=detail["text"],
                answer=msgspec.convert(answer["note"], Note) if "note" in answer else None,
                accepted=answer.get("accepted", False),
                outcome=outcomes.get(detail["version"]),
            )
        )
    return found[:MOST]


def _outcomes(reader: Engine, site: str) -> dict[int, Note]:
    """The newest thing that the site said of each version."""
    said: dict[int, Note] = {}
    notices = [
        notice
        for note in OUTCOMES
        for notice in queries.notices(reader, queries.NoticeQuery(site=site, note=note))
    ]
    for notice in sorted(notices, key=lambda notice: notice.start_ns):
        version = notice.note.args.get("version")
        if isinstance(version, int):
            said[version] = notice.note
    return said
