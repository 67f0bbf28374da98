"""THE WIRE SCHEMA: every message between a site and the centre, as msgspec Structs.

Times are UTC nanoseconds, frequencies hertz, levels dBFS.  Text for people never travels: a message
id and its arguments do, and become words where they are shown.  New fields get defaults, so that
monitor N reads sensors N and N-1.  What the messages are for and in which order they go:
``docs/wire.md``.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

VERSION = 2
"""Of the whole protocol, told in `Hello` and `Welcome`: which messages the other side knows."""
RECORD_VERSION = 1
"""Of what is signed and stored; independent of what is said around it."""

_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]*"  # no "..", no leading dot: ids become folders at the centre
Id = Annotated[str, Meta(min_length=1, max_length=64, pattern=rf"^{_NAME}(/{_NAME})*$")]
Text = Annotated[str, Meta(max_length=200)]
MessageId = Annotated[str, Meta(max_length=200, pattern=r"^[^\x00-\x1f]*$")]
Freq = Annotated[float, Meta(ge=0, le=1e11)]
BinWidth = Annotated[float, Meta(gt=0, le=1e10)]
Level = Annotated[float, Meta(ge=-300, le=300)]
Number = Annotated[float, Meta(ge=-1e18, le=1e18)]  # finite: JSON knows neither NaN nor infinity
Seconds = Annotated[float, Meta(ge=0, le=1e9)]
Step = Annotated[float, Meta(gt=0, le=10)]
Count = Annotated[int, Meta(ge=0, le=2**63 - 1)]
TimeNs = Annotated[int, Meta(ge=0, le=2**63 - 1)]
OffsetNs = Annotated[int, Meta(ge=-(2**62), le=2**62)]
Seq = Annotated[int, Meta(ge=1, le=2**63 - 1)]
Key16 = Annotated[bytes, Meta(min_length=16, max_length=16)]
Key32 = Annotated[bytes, Meta(min_length=32, max_length=32)]
State = Literal["go", "degraded", "blind", "silent", "drill", "survey"]


class Note(Struct, frozen=True, forbid_unknown_fields=False):
    """One reason or remark: a message id of the catalogue and its named arguments."""

    id: MessageId
    args: Annotated[dict[Text, Text | Number | int], Meta(max_length=16)] = {}
    weight: Annotated[int, Meta(ge=-100, le=100)] = 0


class EmitterEvent(Struct, frozen=True, tag="emitter"):
    """An emitter at one sensor: opened, updated (state, repeated while true), closed. Lossless."""

    site: Id
    sensor: Id
    emitter: Id
    phase: Literal["open", "update", "close"]
    center_freq_hz: Freq
    bandwidth_hz: Freq
    snr_db: Level
    excess_db: Level
    peak_dbfs: Level
    first_seen_ns: TimeNs
    last_seen_ns: TimeNs
    sightings: Count
    on_s: Seconds = 0.0
    label: Text = ""
    label_confidence: Annotated[float, Meta(ge=0, le=1)] = 0.0
    suspicion: Annotated[int, Meta(ge=0, le=100)] = 0
    reasons: Annotated[list[Note], Meta(max_length=32)] = []
    drill: bool = False


class NoticeEvent(Struct, frozen=True, tag="notice"):
    """Something about a sensor that must not be lost: a gap, a lost device. Lossless."""

    site: Id
    sensor: Id
    level: Literal["info", "warning", "alarm"]
    note: Note
    start_ns: TimeNs
    stop_ns: TimeNs = 0  # 0 while it lasts


class RelayedEvent(Struct, frozen=True, tag="relayed"):
    """An event of a site below, as its own monitor stored it: signed by the site, not by the relay.

    ``record`` may hold a relayed event again: county, city, province.
    """

    site: Id  # the relay's
    number: Seq  # of the relay's own list of events; where it goes on after a restart
    verify_key: Key32  # whose signature it is
    record: Annotated[bytes, Meta(max_length=15_000)]
    signature: Annotated[bytes, Meta(min_length=64, max_length=64)]


Event = EmitterEvent | NoticeEvent | RelayedEvent


class BandWatch(Struct, frozen=True):
    """How well one guard band is watched now."""

    name: Text
    start_hz: Freq
    stop_hz: Freq
    revisit_s: Seconds
    p_2s: Annotated[float, Meta(ge=0, le=1)]  # chance of hearing one 2 s message
    # What the plan promises; 0 where there is none (a recording) or from an older site.
    plan_revisit_s: Seconds = 0.0
    plan_p_2s: Annotated[float, Meta(ge=0, le=1)] = 0.0


class SensorHealth(Struct, frozen=True):
    """One dongle of a site, as its heartbeat tells."""

    sensor: Id
    position: Text
    source: Text
    state: State
    notes: Annotated[list[Note], Meta(max_length=16)] = []
    bands: Annotated[list[BandWatch], Meta(max_length=64)] = []
    gain_db: Level | None = None
    baseline: Text = ""  # short hash; empty without one
    dwells_per_s: Number = 0.0
    dropped_samples: Count = 0
    clipped_fraction: Annotated[float, Meta(ge=0, le=1)] = 0.0
    noise_dbfs_per_hz: Level = -300.0
    last_dwell_ns: TimeNs = 0
    emitters: Count = 0


class Heartbeat(Struct, frozen=True, tag="heartbeat"):
    """State of a whole site, repeated every second or two. Lossy: the newest wins."""

    site: Id
    site_name: Text
    time_ns: TimeNs
    started_ns: TimeNs
    sensors: Annotated[list[SensorHealth], Meta(max_length=64)]
    outbox_depth: Count = 0
    version: Text = ""
    # The following are filled in by the link itself.
    outbox_oldest_s: Seconds = 0.0  # age of the oldest event not acknowledged
    clock_offset_ns: OffsetNs | None = None  # site minus monitor; None before it was measured
    round_trip_s: Seconds = 0.0
    link_notes: Annotated[list[Note], Meta(max_length=16)] = []


class Watch(Struct, frozen=True, tag="watch"):
    """Monitor to site: send rows of this window; one credit is one row. Lossy."""

    sensor: Id
    start_hz: Freq
    stop_hz: Freq
    n_bins: Annotated[int, Meta(ge=1, le=8192)]
    credit: Annotated[int, Meta(ge=0, le=64)]
    reference: bool = False  # also send a SpectrumReference for this window
    watch: Count = 0  # number that the monitor gave it; comes back in every row
    every_s: Seconds = 0.0  # at most one row in so long; 0 as often as the site makes them
    received: Count = (
        0  # rows of this watch that came over this connection; credit counts from here
    )


class SpectrumRow(Struct, frozen=True, tag="row"):
    """One waterfall row of one window: the maximum of what was seen since the last one. Lossy.

    ``levels`` holds u8 codes: 0 is unseen, code c is ``offset_db + c * step_db`` dBFS.
    """

    sensor: Id
    seq: Count
    time_ns: TimeNs
    duration_s: Seconds
    start_hz: Freq  # lower edge of the first bin
    bin_width_hz: BinWidth
    levels: Annotated[bytes, Meta(max_length=8192)]
    offset_db: Level = -140.0
    step_db: Step = 0.5
    watch: Count = 0
    skipped: Count = 0  # rows of this watch that were made and never sent, up to this one


class SpectrumReference(Struct, frozen=True, tag="reference"):
    """Baseline and threshold of one window, in the codes of `SpectrumRow`. Lossy, on request."""

    sensor: Id
    start_hz: Freq
    bin_width_hz: BinWidth
    baseline: Annotated[bytes, Meta(max_length=8192)]
    threshold: Annotated[bytes, Meta(max_length=8192)]
    offset_db: Level = -140.0
    step_db: Step = 0.5
    watch: Count = 0


class Announce(Struct, frozen=True, array_like=True):
    """Site to monitor on the live plane, every 2 s: these sensors can be watched here."""

    site: Id
    sensors: Annotated[list[Id], Meta(max_length=64)]


Live = SpectrumRow | SpectrumReference | Watch | Announce


class Record(Struct, frozen=True, array_like=True):
    """What is signed: one event in its place in the sequence of a site.  Never re-encoded.

    Its hash is SHA-256 over a domain tag and these bytes; the next record carries it.
    """

    version: Annotated[int, Meta(ge=1, le=255)]
    epoch: Key16  # random, made with the outbox
    seq: Seq
    time_ns: TimeNs
    mono_ns: TimeNs  # orders events of one boot even when the clock was set
    boot: Key16
    offset_ns: OffsetNs | None  # site's clock minus the monitor's as last measured
    payload: Annotated[bytes, Meta(max_length=15_000)]  # an Event in MessagePack
    previous: Key32  # hash of the record before it; zeros for the first


class Signed(Struct, frozen=True, array_like=True):
    """A record as it travels: its bytes and the Ed25519 signature of its hash."""

    record: Annotated[bytes, Meta(max_length=15_500)]
    signature: Annotated[bytes, Meta(min_length=64, max_length=64)]


class Ahead(Struct, frozen=True, array_like=True):
    """A record shown before its turn, since version 2: what happens now, while a backlog drains.

    It is neither stored nor acknowledged for this; it comes again in its place.
    """

    record: Annotated[bytes, Meta(max_length=15_500)]
    signature: Annotated[bytes, Meta(min_length=64, max_length=64)]
    verify_key: Annotated[bytes, Meta(max_length=32)] = b""  # of a site below; empty: the sender's


class Hello(Struct, frozen=True, array_like=True):
    """Site to monitor: who I am and which records I hold."""

    low: Annotated[int, Meta(ge=1, le=255)]  # protocol versions that I speak
    high: Annotated[int, Meta(ge=1, le=255)]
    site: Id
    verify_key: Key32  # Ed25519
    epoch: Key16
    first_seq: Seq  # oldest record still held (last_seq + 1 when there is none)
    last_seq: Count
    head: Key32  # hash of record last_seq
    boot: Key16
    software: Text = ""
    config: Text = ""
    answer: Key16 = bytes(16)  # the challenge of the `Who` that this answers
    acked: Count = 0  # how far the monitor has confirmed, as this site knows it


class Welcome(Struct, frozen=True, array_like=True):
    """Monitor to site: go on after this record."""

    version: Annotated[int, Meta(ge=1, le=255)]
    monitor: Id
    epoch: Key16
    seq: Count  # last record stored here
    hash: Key32
    time_ns: TimeNs
    verify_key: Key32 = bytes(32)  # the monitor's Ed25519 key; zeros where it runs without keys


class Refuse(Struct, frozen=True, array_like=True):
    """Monitor to site: nothing of yours is stored until a person decides."""

    reason: Text  # message id
    epoch: Key16
    seq: Count


class Ack(Struct, frozen=True, array_like=True):
    """Monitor to site: everything up to ``seq`` is on the monitor's disk."""

    epoch: Key16
    seq: Count
    hash: Key32
    resend: bool = False  # something after it did not arrive: send again from seq + 1


class Who(Struct, frozen=True, array_like=True):
    """Monitor to site: say Hello.  I do not know this connection, or doubt what it said.

    A greeting may be old: connections of one site overlap when it reconnects.  Before a greeting
    makes an alarm it must carry a challenge that was made after it.
    """

    challenge: Key16 = bytes(16)


class Pulse(Struct, frozen=True, array_like=True):
    """Monitor to site: answer to a heartbeat, for the round trip and the clock offset."""

    echo_ns: TimeNs  # Heartbeat.time_ns
    received_ns: TimeNs
    sent_ns: TimeNs


BLOCK_BYTES = 16 * 1024
"""Of a file: at 1 Mbit/s two of them hold up an alarm by a quarter of a second."""
FileName = Annotated[str, Meta(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]


class Offer(Struct, frozen=True, array_like=True):
    """Site to monitor on the evidence plane: I have this file for you."""

    site: Id
    name: FileName
    size: Annotated[int, Meta(ge=0, le=1 << 36)]
    sha256: Key32
    late: bool = False  # from the archive: whatever happens now goes first
    asked: bool = False  # a person waits for it: it goes before everything else

    @property
    def rank(self) -> int:
        """Place in the order of files: what a person waits for, what happens now, the past."""
        return 0 if self.asked else 2 if self.late else 1


class Want(Struct, frozen=True, array_like=True):
    """Monitor to site: send me the block at this offset."""

    name: FileName
    sha256: Key32
    offset: Count


class Block(Struct, frozen=True, array_like=True):
    """Site to monitor: a piece of a file."""

    name: FileName
    sha256: Key32
    offset: Count
    data: Annotated[bytes, Meta(max_length=BLOCK_BYTES)]


class Kept(Struct, frozen=True, array_like=True):
    """Monitor to site: I have the whole file (``intact``), or another one of that name."""

    name: FileName
    sha256: Key32
    intact: bool


class Enrol(Struct, frozen=True, array_like=True):
    """New site to monitor, on the enrolment plane: the token's secret and my signing key."""

    secret: Key16
    verify_key: Key32
    proof: Annotated[bytes, Meta(min_length=64, max_length=64)]


class Enrolled(Struct, frozen=True, array_like=True):
    """Monitor to new site: you are on the list (or not: ``monitor`` is empty)."""

    monitor: Annotated[str, Meta(max_length=64)]
    site: Annotated[str, Meta(max_length=64)]


class Successor(Struct, frozen=True, array_like=True):
    """Monitor to site, since version 2: from now on I am known by this key, at this address.

    Signed by the monitor's present key; a site that pinned that one believes the next.
    """

    events: Annotated[str, Meta(max_length=200)]
    server_key: Annotated[bytes, Meta(min_length=40, max_length=40)]  # Z85
    verify_key: Key32
    signature: Annotated[bytes, Meta(min_length=64, max_length=64)]


class Configure(Struct, frozen=True, array_like=True):
    """Monitor to site, since version 2: run with this configuration; answered like a command.

    Signed by the monitor's key over site, version and text, so that neither a relay nor an old
    copy can make a site do something else.  A site takes no version twice and none that is older.
    """

    number: Seq
    version: Seq
    text: Annotated[bytes, Meta(max_length=12_000)]  # TOML
    signature: Annotated[bytes, Meta(min_length=64, max_length=64)]
    expires_ns: TimeNs


class Command(Struct, frozen=True, array_like=True):
    """Monitor to site: do this, for so long.  A number is carried out once, however often it comes.

    What a command means is the station's business; the link only carries it, refuses one that is
    too old, and gives the first answer again when the number comes again.
    """

    number: Seq
    name: Id
    args: Annotated[dict[Text, Text | Number | int], Meta(max_length=32)]
    lease_s: Annotated[float, Meta(ge=0, le=86400)]  # afterwards the site does as before by itself
    expires_ns: TimeNs  # monitor's clock: not to be begun later


class Answer(Struct, frozen=True, array_like=True):
    """Site to monitor: whether a command is being carried out, and why not."""

    number: Seq
    accepted: bool
    note: Note


Down = Welcome | Refuse | Ack | Who | Pulse | Command | Successor | Configure
Up = Hello | Signed | Ahead | Heartbeat | Answer
