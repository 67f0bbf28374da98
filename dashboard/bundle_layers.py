"""A signed record opened level by level: what the site wrote, and the relays that brought it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from dashboard.clips import META
from dashboard.relayed import LEVELS
from sensors.messages import Event, NoticeEvent, Record, RelayedEvent
from sensors.wire import read_event, read_record, record_hash


@dataclass(frozen=True, slots=True)
class Signature:
    """One level of a record.

    Attributes
    ----------
    record : Record
    event : Event
    hash, signature : bytes
        Of this level's bytes.
    verify_key : bytes
        The key that a relay says it is signed by; empty for the outermost level.
    """

    record: Record
    event: Event
    hash: bytes
    signature: bytes
    verify_key: bytes = b""


def levels_of(record: bytes, signature: bytes) -> Iterator[Signature]:
    """Every level of a record, the one that came to us first, the site's own last.

    Raises
    ------
    sensors.wire.Refused
        It is not a record, or holds no event that we know.
    """
    verify_key = b""
    for _ in range(1 + LEVELS):
        opened = read_record(record)
        event = read_event(opened.payload)
        yield Signature(opened, event, record_hash(record), signature, verify_key)
        if not isinstance(event, RelayedEvent):
            return
        record, signature, verify_key = event.record, event.signature, event.verify_key


@dataclass(frozen=True, slots=True)
class Named:
    """A recording that a site has announced, as it says itself."""

    name: str
    sha256: str
    sensor: str
    emitter: str


def announced(event: Event) -> Named | None:
    """The recording that an event announces; None for another event."""
    if not isinstance(event, NoticeEvent) or event.note.id != "evidence.kept":
        return None
    args = event.note.args
    return Named(
        name=str(args.get("file", "")).removesuffix(META),
        sha256=str(args.get("sha256", "")),
        sensor=event.sensor,
        emitter=str(args.get("emitter", "")),
    )
