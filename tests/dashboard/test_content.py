"""Pictures and sound of a recording: what is shown is what was on the air, and who may hear it."""

from __future__ import annotations

import functools
import hashlib
import io
import json
import wave
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt
import pytest

from dashboard.audit_log import AuditQuery, audit_entries
from dashboard.clips import DATA, LIST, META
from dashboard.content import AudioQuery, Content
from dashboard.cutout import Cutout, CutoutQuery, Cutouts
from dashboard.errors import Refused
from dashboard.evidence import Evidence
from dashboard.recorder import OFFSET_DB, STEP_DB
from dashboard.store import Store
from dsp.demod import AUDIO_HZ
from sensors.bandplan import band_plan
from sensors.messages import Note, NoticeEvent
from tests.dashboard.conftest import SECOND, START_NS, Site, emitter_event

RATE_HZ = 1.024e6
MIDDLE_HZ = 170e6
NAME = "20270115T080000.000Z_169.9000M_school-3-hall-1"
TONE_HZ = 1000.0
GAP_S = 5.0
LOOK_S = 0.05
MESSAGE_S = 1.0


@functools.cache
def samples(center_freq_hz: float, seed: int = 7) -> npt.NDArray[np.uint8]:
    """A look of 50 ms while nobody transmits, and 5 s later a second of speech."""
    count = round(RATE_HZ * (LOOK_S + MESSAGE_S))
    rng = np.random.default_rng(seed)
    signal = 0.02 * (rng.standard_normal(count) + 1j * rng.standard_normal(count))
    t = np.arange(round(RATE_HZ * MESSAGE_S)) / RATE_HZ
    swing = 2.5e3 / TONE_HZ * np.sin(2 * np.pi * TONE_HZ * t)
    offset_hz = center_freq_hz - MIDDLE_HZ
    signal[-t.shape[0] :] += 0.5 * np.exp(1j * (2 * np.pi * offset_hz * t + swing))
    pairs = np.stack([signal.real, signal.imag], axis=1).ravel()
    return np.clip(np.round(pairs * 127.5 + 127.5), 0, 255).astype(np.uint8)


def files(center_freq_hz: float = 169.9e6, datatype: str = "cu8") -> dict[str, bytes]:
    raw = samples(min(max(center_freq_hz, MIDDLE_HZ - 4e5), MIDDLE_HZ + 4e5)).tobytes()
    look, count = round(RATE_HZ * LOOK_S), len(raw) // 2
    edges = {
        "core:freq_lower_edge": center_freq_hz - 4e3,
        "core:freq_upper_edge": center_freq_hz + 4e3,
    }
    meta = {
        "global": {"core:datatype": datatype, "core:sample_rate": RATE_HZ, "core:version": "1.2.5"},
        "captures": [
            {"core:sample_start": 0, "core:global_index": 1000, "core:frequency": MIDDLE_HZ},
            {"core:sample_start": look, "core:global_index": 1000 + look + round(GAP_S * RATE_HZ)},
        ],
        "annotations": [
            {"core:sample_start": 0, "core:sample_count": count, **edges},
            {"core:sample_start": look, "core:sample_count": count - look, **edges},
        ],
    }
    made = {NAME + DATA: raw, NAME + META: json.dumps(meta).encode()}
    listed = "".join(f"{hashlib.sha256(b).hexdigest()}  {name}\n" for name, b in made.items())
    return {**made, NAME + LIST: listed.encode()}


class Desk:
    """A store with one alarm whose recording has arrived."""

    def __init__(self, store: Store, folder: Path) -> None:
        self.store, self.folder = store, folder
        self.evidence = Evidence(folder, store)

    def arrive(self, made: dict[str, bytes]) -> str:
        """Put a recording there, announced by its site; returns the alarm."""
        (self.folder / "school-3").mkdir(parents=True, exist_ok=True)
        for name, content in made.items():
            (self.folder / "school-3" / name).write_bytes(content)
        sha256 = hashlib.sha256(made[NAME + LIST]).hexdigest()
        note = Note("evidence.kept", {"file": NAME + META, "emitter": "e1", "sha256": sha256})
        stop_ns = START_NS + 6 * SECOND
        notice = NoticeEvent("school-3", "school-3/hall", "info", note, START_NS, stop_ns)
        site = Site()
        self.store.ingest([site.says(notice), site.says(emitter_event())])
        (alarm,) = self.store.desk.alarms
        return alarm

    def content(self, enabled: bool = True) -> Content:
        return Content(enabled, self.evidence, self.store, band_plan("cn"))

    def acts(self) -> list[str]:
        entries = audit_entries(self.store.reader, AuditQuery())
        return [e.act for e in entries if e.act.startswith(("content.", "evidence."))]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """On SQLite only: nothing here asks the database anything of its own."""
    store = Store(f"sqlite:///{tmp_path}/monitor.db", clock_ns=lambda: START_NS)
    yield Desk(store, tmp_path / "evidence")
    store.close()


def refused(call: Callable[[], object]) -> tuple[str, int]:
    with pytest.raises(Refused) as caught:
        call()
    return caught.value.message_id, caught.value.status


def heard(content: Content, alarm: str, query: AudioQuery | None = None) -> npt.NDArray[np.int16]:
    answer = content.audio(alarm, NAME, query or AudioQuery(), "zhao")
    assert (answer.media, answer.name) == ("audio/wav", f"{NAME}.wav")
    with answer.file, wave.open(io.BytesIO(answer.file.read())) as file:
        assert (file.getnchannels(), file.getframerate()) == (1, AUDIO_HZ)
        return np.frombuffer(file.readframes(file.getnframes()), dtype="<i2")


def test_radio_staff_hear_the_message_and_it_is_recorded(desk: Desk) -> None:
    alarm = desk.arrive(files())
    audio = heard(desk.content(), alarm)
    # Only the message: a look of 50 ms holds no word.
    assert audio.shape[0] / AUDIO_HZ == pytest.approx(MESSAGE_S, abs=0.01)
    spectrum = np.abs(np.fft.rfft(audio[2000:-2000].astype(float) * np.hanning(audio.size - 4000)))
    peak_hz = spectrum.argmax() * AUDIO_HZ / (audio.size - 4000)
    assert peak_hz == pytest.approx(TONE_HZ, abs=3)
    assert 0.85 * 32767 < np.abs(audio).max() < 32767
    (entry,) = [e for e in audit_entries(desk.store.reader, AuditQuery()) if "content" in e.act]
    detail = json.loads(entry.detail)
    assert (entry.actor, entry.act, entry.subject) == ("zhao", "content.heard", alarm)
    assert detail["file"] == NAME and detail["seconds"] == pytest.approx(1.0, abs=0.01)
    assert detail["center_freq_hz"] == 169.9e6


def test_a_part_of_it(desk: Desk) -> None:
    alarm = desk.arrive(files())
    begin_s = LOOK_S + GAP_S + 0.5
    part = heard(desk.content(), alarm, AudioQuery(start_s=begin_s, seconds=0.3))
    assert part.shape[0] / AUDIO_HZ == pytest.approx(0.3, abs=0.01)
    late = AudioQuery(start_s=60.0)
    assert refused(lambda: desk.content().audio(alarm, NAME, late, "zhao")) == (
        "content.too_short",
        409,
    )


def test_switched_off_nobody_hears_anything(desk: Desk) -> None:
    alarm = desk.arrive(files())
    content = desk.content(enabled=False)
    assert refused(lambda: content.audio(alarm, NAME, AudioQuery(), "zhao")) == ("content.off", 409)
    assert desk.acts() == []


@pytest.mark.parametrize("center_freq_hz", [121.5e6, 360e6, 406.05e6, 900e6])
def test_nobody_listens_to_air_police_distress_or_phones(desk: Desk, center_freq_hz: float) -> None:
    alarm = desk.arrive(files(center_freq_hz))
    found = refused(lambda: desk.content().audio(alarm, NAME, AudioQuery(), "zhao"))
    assert found == ("content.protected", 403)
    assert desk.acts() == []


@pytest.mark.parametrize(("suffix", "old", "new"), [(DATA, b"", b"\x00"), (META, b"169", b"168")])
def test_what_was_changed_is_neither_heard_nor_shown(
    desk: Desk, suffix: str, old: bytes, new: bytes
) -> None:
    """Neither the samples nor where in them the emission is said to be."""
    alarm = desk.arrive(files())
    path = desk.folder / "school-3" / (NAME + suffix)
    path.write_bytes(path.read_bytes().replace(old, new) if old else path.read_bytes() + new)
    look = lambda: Cutouts(desk.evidence).of(alarm, NAME, CutoutQuery(), "wang")  # noqa: E731
    assert refused(look) == ("evidence.damaged", 409)
    hear = lambda: desk.content().audio(alarm, NAME, AudioQuery(), "zhao")  # noqa: E731
    assert refused(hear) == ("evidence.damaged", 409)
    assert desk.acts() == ["evidence.damaged"] * 2


def test_a_format_that_is_not_ours(desk: Desk) -> None:
    alarm = desk.arrive(files(datatype="rf64_le"))
    look = lambda: Cutouts(desk.evidence).of(alarm, NAME, CutoutQuery(), "wang")  # noqa: E731
    assert refused(look) == ("evidence.unreadable", 409)


def levels(cutout: Cutout) -> npt.NDArray[np.float64]:
    codes = np.frombuffer(cutout.levels, dtype=np.uint8).reshape(cutout.height, cutout.width)
    return np.where(codes == 0, np.nan, OFFSET_DB + STEP_DB * codes)


def test_the_picture_has_the_look_the_gap_and_the_message(desk: Desk) -> None:
    alarm = desk.arrive(files())
    query = CutoutQuery(width=200, height=121)  # 50 ms a row
    cutout = Cutouts(desk.evidence).of(alarm, NAME, query, "wang")
    assert (cutout.low_hz, cutout.high_hz) == (169.896e6, 169.904e6)
    assert cutout.stop_hz - cutout.start_hz == pytest.approx(100e3)
    assert cutout.stop_ns - cutout.start_ns == pytest.approx(6.05e9, abs=1e6)
    (burst,) = cutout.bursts
    assert burst[0] - START_NS == pytest.approx((LOOK_S + GAP_S) * 1e9, abs=1e6)
    assert burst[1] - START_NS == pytest.approx(6.05e9, abs=1e6)
    seen = ~np.isnan(levels(cutout)).all(axis=1)
    assert seen[0] and not seen[2:100].any() and seen[102:].all()
    picture = levels(cutout)
    middle = slice(92, 108)
    assert np.nanmax(picture[110, middle]) > np.nanmax(picture[110, :60]) + 20
    assert np.nanmax(picture[0]) < np.nanmax(picture[110, middle]) - 20
    # A tone of half of full scale reads what it is: FM spreads it over some lines of 1 kHz.
    assert np.nanmax(picture[110]) == pytest.approx(-6.0 - 6.0, abs=6.0)


def test_a_picture_is_too_coarse_to_be_listened_to(desk: Desk) -> None:
    made = files()
    meta = json.loads(made[NAME + META])
    meta["captures"] = meta["captures"][:1]  # as if there were no gap: 1.05 s in all
    made[NAME + META] = json.dumps(meta).encode()
    listed = [f"{hashlib.sha256(made[n]).hexdigest()}  {n}\n" for n in (NAME + DATA, NAME + META)]
    made[NAME + LIST] = "".join(listed).encode()
    alarm = desk.arrive(made)
    cutout = Cutouts(desk.evidence).of(alarm, NAME, CutoutQuery(width=20, height=1024), "wang")
    assert (cutout.height, len(cutout.levels)) == (105, 105 * 20)


def test_before_and_during(desk: Desk) -> None:
    alarm = desk.arrive(files())
    cutout = Cutouts(desk.evidence).of(alarm, NAME, CutoutQuery(width=100, height=50), "wang")
    before, during = (
        np.frombuffer(b, np.uint8).astype(float) for b in (cutout.before, cutout.during)
    )
    assert (during[46:54].max() - before[46:54].max()) * STEP_DB > 20
    assert np.median(during[:30] - before[:30]) * STEP_DB == pytest.approx(0, abs=2.5)


def test_the_same_picture_is_made_once(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    from dashboard import cutout as module

    made: list[object] = []
    draw = module.draw
    monkeypatch.setattr(module, "draw", lambda *given: made.append(given) or draw(*given))
    alarm = desk.arrive(files())
    cutouts = Cutouts(desk.evidence)
    query = CutoutQuery(width=50, height=20)
    assert cutouts.of(alarm, NAME, query, "wang") is cutouts.of(alarm, NAME, query, "li")
    assert len(made) == 1
    cutouts.of(alarm, NAME, msgspec.structs.replace(query, width=60), "li")
    assert len(made) == 2
