"""Which acts take two is on record: who changes ``monitor.toml`` does so before all eyes."""

from __future__ import annotations

import msgspec
from sqlalchemy import select

from dashboard import schema
from dashboard.approvals import PairSection
from dashboard.audit import canonical
from dashboard.database import upsert
from dashboard.store import MONITOR, Store

RULES = "pair_rules"
"""Row of `schema.about` with the rules of the last start."""


def note_rules(store: Store, section: PairSection) -> None:
    """Write rules into the audit log that are not those of the last start."""
    now = msgspec.to_builtins(msgspec.structs.replace(section, acts=section.acts or ()))
    with store.reader.connect() as connection:
        query = select(schema.about.c.value).where(schema.about.c.name == RULES)
        before = connection.scalar(query)
    if canonical(now) == before or (before is None and not section.acts):
        return
    was = msgspec.json.decode(before) if before else None
    with store.writing() as connection:
        store.note(connection, MONITOR, "pair.rules", "", {**now, "before": was})
        upsert(connection, schema.about, [{"name": RULES, "value": canonical(now)}])
