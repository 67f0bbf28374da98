"""What was done about keys becomes rows of the audit log: its chain shows who let whom in.

The command line writes ``keys.db`` and never the store, which has one writer.  The monitor takes
over what was done meanwhile; how far it is stands in the store, in the same transaction.
"""

from __future__ import annotations

from sqlalchemy import Connection, select

from dashboard import schema
from dashboard.database import upsert
from dashboard.keyring import Keyring
from dashboard.store import Store

DONE = "key_acts"
"""Row of `schema.about` with the number of the last act that was taken over."""


def take_over(keyring: Keyring, store: Store) -> int:
    """Note what was done about keys since the last time; returns how many acts."""
    with store.reader.connect() as connection:
        if not keyring.acts_after(_done(connection)):
            return 0
    with store.writing() as connection:
        acts = keyring.acts_after(_done(connection))  # somebody else may just have done it
        if not acts:
            return 0
        for _, time_ns, actor, act, site, key in acts:
            detail = {"by": actor, "key": key, "time_ns": time_ns}
            store.note(connection, actor[:64], f"keys.{act.replace(' ', '_')}", site, detail)
        upsert(connection, schema.about, [{"name": DONE, "value": str(acts[-1][0])}])
    return len(acts)


def _done(connection: Connection) -> int:
    where = schema.about.c.name == DONE
    return int(connection.scalar(select(schema.about.c.value).where(where)) or 0)
