"""Frames: what is accepted comes back equal, what is not is refused by its own name."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensors import wire
from sensors.messages import (
    Ack,
    Announce,
    EmitterEvent,
    Heartbeat,
    Hello,
    Id,
    Note,
    NoticeEvent,
    Pulse,
    Record,
    Refuse,
    SensorHealth,
    Signed,
    SpectrumReference,
    SpectrumRow,
    Watch,
    Welcome,
    Who,
)

HASH = bytes(range(32))
EPOCH = bytes(range(16))
EMITTER = EmitterEvent(
    "school-3", "school-3/hall", "e1", "open", 169.5e6, 12e3, 20.0, 15.0, -60.0, 1, 2, 1
)
UP = [
    Hello(1, 1, "school-3", HASH, EPOCH, 1, 7, HASH, EPOCH, "0.1", "abc"),
    Signed(b"record", bytes(64)),
    Heartbeat("school-3", "S", 1, 1, [SensorHealth("school-3/hall", "hall", "rtl:1", "go")]),
]
DOWN = [
    Welcome(1, "city", EPOCH, 7, HASH, 1),
    Refuse("wire.fork", EPOCH, 7),
    Ack(EPOCH, 7, HASH, True),
    Who(EPOCH),
    Pulse(1, 2, 3),
]
LIVE = [
    Announce("school-3", ["school-3/hall"]),
    SpectrumRow("school-3/hall", 1, 1, 0.1, 1e8, 1e3, bytes(range(200))),
    SpectrumReference("school-3/hall", 1e8, 1e3, bytes(10), bytes(10)),
]


@pytest.mark.parametrize(
    ("plane", "message"),
    [(wire.EVENTS_UP, m) for m in UP]
    + [(wire.EVENTS_DOWN, m) for m in DOWN]
    + [(wire.LIVE_UP, m) for m in LIVE]
    + [(wire.LIVE_DOWN, Watch("school-3/hall", 1e8, 2e8, 100, 16))],
)
def test_every_message_comes_back_equal(plane: wire.Plane, message: msgspec.Struct) -> None:
    assert plane.decode(wire.encode(message)) == message


@pytest.mark.parametrize(
    ("frames", "reason"),
    [
        ([], "frames"),
        ([b"\1\2"], "frames"),
        ([b"\1\2", b"", b""], "frames"),
        ([b"\1", b"\x90"], "header"),
        ([b"\1\2\3", b"\x90"], "header"),
        ([b"\3\2", b"\x90"], "version"),
        ([b"\1\xff", b"\x90"], "type"),
        ([b"\1\x12", b"\x90"], "plane"),
        ([b"\1\2", bytes(20_000)], "size"),
        ([b"\1\2", b"\xc1"], "malformed"),
        ([b"\1\3", b"\x81\xa2\xd9\xd9\x01"], "malformed"),  # not UTF-8
        ([b"\1\2", b"\x91" * 16_000], "malformed"),
        ([b"\1\2", wire.pack(Signed(bytes(15_501), bytes(64)))], "malformed"),
        ([b"\1\2", wire.pack(Signed(b"", bytes(63)))], "malformed"),
        ([b"\1\1", wire.pack(msgspec.structs.replace(UP[0], site="a b"))], "malformed"),
        ([b"\1\3", wire.pack(msgspec.structs.replace(UP[2], time_ns=-1))], "malformed"),
    ],
)
def test_refusals_are_named(frames: list[bytes], reason: str) -> None:
    with pytest.raises(wire.Refused) as caught:
        wire.EVENTS_UP.decode(frames)
    assert caught.value.reason == reason
    assert reason in wire.REASONS


@pytest.mark.parametrize("field", ["center_freq_hz", "snr_db", "on_s", "peak_dbfs"])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_numbers_that_json_cannot_carry_are_refused(field: str, value: float) -> None:
    event = msgspec.structs.replace(EMITTER, **{field: value})
    with pytest.raises(ValueError, match=field):
        wire.check(event)
    with pytest.raises(wire.Refused, match="payload"):
        wire.read_event(wire.pack(event))


def test_a_note_may_not_smuggle_nan() -> None:
    with pytest.raises(ValueError, match="args"):
        wire.check(NoticeEvent("s", "s/h", "info", Note("x", {"a": float("nan")}), 1))


def test_tomorrows_peer_sends_more_and_is_read() -> None:
    longer = msgspec.msgpack.encode([*msgspec.structs.astuple(DOWN[0]), "new field"])
    assert wire.EVENTS_DOWN.decode([b"\1\x10", longer]) == DOWN[0]
    event = msgspec.to_builtins(EMITTER) | {"polarisation": "v"}
    assert wire.read_event(msgspec.msgpack.encode(event)) == EMITTER


def test_yesterdays_peer_sends_less_and_is_read() -> None:
    shorter = msgspec.msgpack.encode(msgspec.structs.astuple(UP[0])[:9])
    hello = wire.EVENTS_UP.decode([b"\1\1", shorter])
    assert hello == msgspec.structs.replace(UP[0], software="", config="")
    watch = msgspec.to_builtins(Watch("a/b", 1.0, 2.0, 1, 1))
    del watch["watch"]
    assert wire.LIVE_DOWN.decode([b"\1\x30", msgspec.msgpack.encode(watch)]).watch == 0


def test_an_unknown_kind_of_event_is_refused_not_guessed() -> None:
    with pytest.raises(wire.Refused, match="payload"):
        wire.read_event(msgspec.msgpack.encode({"type": "telepathy"}))


def test_the_hash_has_its_own_domain() -> None:
    record = b"anything"
    assert wire.record_hash(record) != wire.record_hash(b"rfproctor.record.v1\0" + record)
    assert len(wire.record_hash(record)) == 32


def test_a_record_of_another_version_is_refused() -> None:
    record = Record(1, EPOCH, 1, 1, 1, EPOCH, None, b"", HASH)
    assert wire.read_record(wire.pack(record)) == record
    with pytest.raises(wire.Refused, match="version"):
        wire.read_record(wire.pack(msgspec.structs.replace(record, version=2)))


@settings(max_examples=300, deadline=None)
@given(st.lists(st.binary(max_size=200), max_size=3))
def test_nothing_but_refused_comes_out(frames: list[bytes]) -> None:
    for plane in (wire.EVENTS_UP, wire.EVENTS_DOWN, wire.LIVE_UP, wire.LIVE_DOWN):
        try:
            plane.decode(frames)
        except wire.Refused as refused:
            assert refused.reason in wire.REASONS


def test_the_written_schema_is_current(repository: Path) -> None:
    written = json.loads((repository / "docs" / "wire.schema.json").read_text(encoding="utf-8"))
    assert written == json.loads(json.dumps(wire.schema()))


def test_an_id_of_a_text_has_no_control_characters() -> None:
    """PostgreSQL takes no NUL: one notice of one site would keep all its events from the store."""
    for bad in ("notice\0x", "a\nb"):
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert({"id": bad}, Note)
    assert msgspec.convert({"id": "", "args": {"why": "a\0"}}, Note).args == {"why": "a\0"}


@pytest.mark.parametrize("site", ["a/../../b", "../b", "a//b", "/a", "a/", "a/.ssh", "", "a b"])
def test_a_site_can_never_be_a_path_out_of_its_folder(site: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(site, Id)
    assert msgspec.convert("school-3/hall.2", Id) == "school-3/hall.2"
