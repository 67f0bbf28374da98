"""THE WIRE SCHEMA: every message between a site and the centre, as msgspec Structs.

Times are UTC nanoseconds, frequencies hertz, levels dBFS.  Text for people never travels: a message
id and its arguments do, and become words where they are shown.  New fields get defaults, so that
monitor N reads sensors N and N-1.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

VERSION = 1

Id = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]*$")]
Text = Annotated[str, Meta(max_length=200)]
Freq = Annotated[float, Meta(ge=0, le=1e11)]
Level = Annotated[float, Meta(ge=-300, le=300)]
Count = Annotated[int, Meta(ge=0, le=2**63 - 1)]
TimeNs = Annotated[int, Meta(ge=0, le=2**63 - 1)]
State = Literal["go", "degraded", "blind", "silent", "drill", "survey"]


class Note(Struct, frozen=True, forbid_unknown_fields=False):
    """One reason or remark: a message id of the catalogue and its named arguments."""

    id: Text
    args: Annotated[dict[str, str | float | int], Meta(max_length=16)] = {}
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
    on_s: Annotated[float, Meta(ge=0)] = 0.0
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


Event = EmitterEvent | NoticeEvent


class BandWatch(Struct, frozen=True):
    """How well one guard band is watched now."""

    name: Text
    start_hz: Freq
    stop_hz: Freq
    revisit_s: Annotated[float, Meta(ge=0)]
    p_2s: Annotated[float, Meta(ge=0, le=1)]  # chance of hearing one 2 s message


class SensorHealth(Struct, frozen=True):
    """One dongle of a site, as its heartbeat tells."""

    sensor: Id
    position: Text
    source: Text
    state: State
    notes: Annotated[list[Note], Meta(max_length=16)] = []
    bands: Annotated[list[BandWatch], Meta(max_length=64)] = []
    gain_db: float | None = None
    baseline: Text = ""  # short hash; empty without one
    dwells_per_s: Annotated[float, Meta(ge=0)] = 0.0
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


class Watch(Struct, frozen=True, tag="watch"):
    """Monitor to site: send rows of this window; one credit is one row. Lossy."""

    sensor: Id
    start_hz: Freq
    stop_hz: Freq
    n_bins: Annotated[int, Meta(ge=1, le=8192)]
    credit: Annotated[int, Meta(ge=0, le=64)]
    reference: bool = False  # also send a SpectrumReference for this window


class SpectrumRow(Struct, frozen=True, tag="row"):
    """One waterfall row of one window: the maximum of what was seen since the last one. Lossy.

    ``levels`` holds u8 codes: 0 is unseen, code c is ``offset_db + c * step_db`` dBFS.
    """

    sensor: Id
    seq: Count
    time_ns: TimeNs
    duration_s: Annotated[float, Meta(ge=0)]
    start_hz: Freq  # lower edge of the first bin
    bin_width_hz: Annotated[float, Meta(gt=0)]
    levels: Annotated[bytes, Meta(max_length=8192)]
    offset_db: float = -140.0
    step_db: float = 0.5


class SpectrumReference(Struct, frozen=True, tag="reference"):
    """Baseline and threshold of one window, in the codes of `SpectrumRow`. Lossy, on request."""

    sensor: Id
    start_hz: Freq
    bin_width_hz: Annotated[float, Meta(gt=0)]
    baseline: Annotated[bytes, Meta(max_length=8192)]
    threshold: Annotated[bytes, Meta(max_length=8192)]
    offset_db: float = -140.0
    step_db: float = 0.5


Live = SpectrumRow | SpectrumReference | Watch
