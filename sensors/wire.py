"""Message <-> frames: exactly two, ``[version, type][body]``; anything else is refused by name.

A frame from a peer is checked in this order and dropped at the first thing that is wrong: number of
frames, lengths, version, type, whether that type may come this way on this plane, then the body
against its Struct with every bound.  Nothing here trusts, logs or raises anything but `Refused`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import Struct

from sensors.messages import (
    RECORD_VERSION,
    VERSION,
    Ack,
    Ahead,
    Announce,
    Answer,
    Block,
    Command,
    Configure,
    EmitterEvent,
    Enrol,
    Enrolled,
    Event,
    Heartbeat,
    Hello,
    Kept,
    NoticeEvent,
    Offer,
    Pulse,
    Record,
    Refuse,
    RelayedEvent,
    Signed,
    SpectrumReference,
    SpectrumRow,
    Successor,
    Want,
    Watch,
    Welcome,
    Who,
)

READS = (VERSION - 1, VERSION)
"""Versions that this side speaks, as it says in its greeting: its own and the one before it."""

CODES: dict[type[Struct], int] = {
    Hello: 1,
    Signed: 2,
    Heartbeat: 3,
    Answer: 4,
    Ahead: 5,
    Welcome: 16,
    Refuse: 17,
    Ack: 18,
    Who: 19,
    Pulse: 20,
    Command: 21,
    Successor: 22,
    Configure: 23,
    Announce: 32,
    SpectrumRow: 33,
    SpectrumReference: 34,
    Watch: 48,
    Offer: 40,
    Block: 41,
    Want: 50,
    Kept: 51,
    Enrol: 56,
    Enrolled: 57,
    EmitterEvent: 64,  # bare, for viewers on the site's own machine
    NoticeEvent: 65,
    RelayedEvent: 66,
}
"""Second byte of the type frame.  A number is never used again for something else."""

LAYOUT: dict[type[Struct], int] = {Successor: 2, Configure: 2, Ahead: 2}
"""Version in which a message was last laid out anew or came to be; 1 for those not named.

A message goes out under its own version and not under ours, so that a peer one version behind reads
everything that has not changed.  Fields that are appended with a default change no layout.
"""

_BROKEN = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_RECORD_TAG = b"rfproctor.record.v1\0"
_ENCODER = msgspec.msgpack.Encoder()
_RECORD = msgspec.msgpack.Decoder(Record)
_EVENT: msgspec.msgpack.Decoder[Event] = msgspec.msgpack.Decoder(Event)

Frames = list[bytes]


class Refused(Exception):
    """A frame that is dropped; ``reason`` is one of `REASONS` and is what gets counted."""

    def __init__(self, reason: str, detail: str = "") -> None:
        self.reason = reason
        self.detail = detail
        super().__init__(f"{reason}: {detail}" if detail else reason)


REASONS = (
    "frames",  # not two of them
    "header",  # the type frame is not two bytes
    "version",  # not one that we read
    "type",  # unknown number
    "plane",  # a known type that has no business here
    "size",  # longer than this plane allows
    "malformed",  # the body is not what its type says
    "record",  # the bytes inside the signature are not a record, or not of this session
    "payload",  # the record holds no event that we know
    "site",  # an event in another site's name
    "signature",  # not signed by the key that it claims
    "unknown",  # no greeting, no such peer
    "revoked",  # the peer's key was withdrawn
    "expired",  # the peer's key is too old
    "token",  # an enrolment without a valid token
    "flood",  # more messages than any site needs
    "held",  # the peer waits for a person's decision
)


@dataclass(frozen=True)
class Plane:
    """One direction of one socket: what may come and how long it may be.

    Attributes
    ----------
    name : str
    max_bytes : int
        Of one frame; also the socket's MAXMSGSIZE.
    types : tuple of type
    """

    name: str
    max_bytes: int
    types: tuple[type[Struct], ...]

    def decode(self, frames: Sequence[bytes]) -> Any:
        """Turn the frames of a peer into a message of `types`.

        Raises
        ------
        Refused
            With the reason to count.
        """
        if len(frames) != 2:
            raise Refused("frames", str(len(frames)))
        header, body = frames
        if len(header) != 2:
            raise Refused("header")
        if len(body) > self.max_bytes:
            raise Refused("size", str(len(body)))
        if not 1 <= header[0] <= VERSION:
            raise Refused("version", str(header[0]))
        decoder = _DECODERS.get(header[1])
        if decoder is None:
            raise Refused("type", str(header[1]))
        if decoder.type not in self.types:
            raise Refused("plane", decoder.type.__name__)
        if header[0] != LAYOUT.get(decoder.type, 1):
            raise Refused("version", f"{decoder.type.__name__} {header[0]}")
        try:
            return decoder.decode(body)
        except _BROKEN as error:
            raise Refused("malformed", str(error)) from None


EVENTS_UP = Plane("events", 16 * 1024, (Hello, Signed, Ahead, Heartbeat, Answer))
EVENTS_DOWN = Plane(
    "events", 16 * 1024, (Welcome, Refuse, Ack, Who, Pulse, Command, Successor, Configure)
)
LIVE_UP = Plane("live", 24 * 1024, (Announce, SpectrumRow, SpectrumReference))
LIVE_DOWN = Plane("live", 4 * 1024, (Watch,))
EVIDENCE_UP = Plane("evidence", 24 * 1024, (Offer, Block))
EVIDENCE_DOWN = Plane("evidence", 1024, (Want, Kept))
ENROL_UP = Plane("enrolment", 1024, (Enrol,))
ENROL_DOWN = Plane("enrolment", 1024, (Enrolled,))

_HEADERS: dict[type[Struct], bytes] = {
    kind: bytes((LAYOUT.get(kind, 1), code)) for kind, code in CODES.items()
}
_DECODERS: dict[int, msgspec.msgpack.Decoder[Any]] = {
    code: msgspec.msgpack.Decoder(kind) for kind, code in CODES.items()
}


def encode(message: Struct) -> Frames:
    """Frames of a message, headed by the version in which it was laid out as it is now."""
    return [_HEADERS[type(message)], _ENCODER.encode(message)]


def pack(message: Struct) -> bytes:
    """Body alone: payload of a record, or what is signed."""
    return _ENCODER.encode(message)


def check(message: Struct) -> None:
    """Make sure that the other side will accept a message, before it is stored or sent.

    Raises
    ------
    ValueError
        A field is out of its bounds; says which.
    """
    try:
        _DECODERS[CODES[type(message)]].decode(_ENCODER.encode(message))
    except (*_BROKEN, msgspec.EncodeError, OverflowError) as error:
        raise ValueError(f"{type(message).__name__}: {error}") from None


def record_hash(record: bytes) -> bytes:
    """SHA-256 of a record under our domain tag: what is signed and what the next one carries."""
    return hashlib.sha256(_RECORD_TAG + record).digest()


def read_record(record: bytes) -> Record:
    """Open a record.

    Raises
    ------
    Refused
        ``record``.
    """
    try:
        opened = _RECORD.decode(record)
    except _BROKEN as error:
        raise Refused("record", str(error)) from None
    if opened.version != RECORD_VERSION:
        raise Refused("version", str(opened.version))
    return opened


def read_event(payload: bytes) -> Event:
    """Open the payload of a record.

    Raises
    ------
    Refused
        ``payload``.
    """
    try:
        return _EVENT.decode(payload)
    except _BROKEN as error:
        raise Refused("payload", str(error)) from None


def schema() -> dict[str, Any]:
    """JSON Schema of every message, by name: ``docs/wire.schema.json``."""
    kinds: list[type[Struct]] = [*CODES, Record]
    _, parts = msgspec.json.schema_components(kinds, ref_template="#/$defs/{name}")
    for kind in kinds:  # an array's items have no names in a schema: their titles are
        items = parts[kind.__name__].get("prefixItems", ())
        for item, field in zip(items, kind.__struct_fields__, strict=False):
            item["title"] = field
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "rfproctor wire messages (MessagePack; bytes are base64 in JSON)",
        "version": VERSION,
        "types": {kind.__name__: code for kind, code in CODES.items()},
        "layouts": {kind.__name__: LAYOUT.get(kind, 1) for kind in CODES},
        "$defs": dict(sorted(parts.items())),
    }
