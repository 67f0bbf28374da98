"""Version 4 of the store knows each record that relays have brought: from the events of before.

Frozen, as the SQL of every step is: it reads the records as they were laid out then.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import msgspec
from sqlalchemy import Connection, text

AT_ONCE = 1000
TAG = b"rfproctor.record.v1\0"
EPOCH, SEQ, PAYLOAD, PREVIOUS = 1, 2, 7, 8
"""Places in a record."""

_EVENTS = text("SELECT id, record FROM events WHERE id > :after ORDER BY id LIMIT :most")
_LAYERS = text(
    "INSERT INTO layers (site, epoch, seq, hash, previous)"
    " VALUES (:site, :epoch, :seq, :hash, :previous) ON CONFLICT DO NOTHING"
)


def fill_layers(connection: Connection) -> None:
    """Write down the records inside those that relays have brought so far."""
    after = 0
    while rows := connection.execute(_EVENTS, {"after": after, "most": AT_ONCE}).fetchall():
        found = [layer for _, record in rows for layer in _layers_of(bytes(record))]
        if found:
            connection.execute(_LAYERS, found)
        after = rows[-1][0]


def _layers_of(record: bytes) -> Iterator[dict[str, Any]]:
    while b"relayed" in record:  # else opening a million others would take half a minute
        event = _event_of(record)
        if event.get("type") != "relayed":
            return
        record = event["record"]
        fields = msgspec.msgpack.decode(record)
        yield {
            "site": _event_of(record)["site"],
            "epoch": fields[EPOCH].hex(),
            "seq": fields[SEQ],
            "hash": hashlib.sha256(TAG + record).digest(),
            "previous": fields[PREVIOUS],
        }


def _event_of(record: bytes) -> dict[str, Any]:
    event: dict[str, Any] = msgspec.msgpack.decode(msgspec.msgpack.decode(record)[PAYLOAD])
    return event
