"""A replayed recording is judged as `analyze` would: no lines, no splatter, one box each."""

from __future__ import annotations

import numpy as np
import pytest

from dsp.detect import detect
from dsp.dwell import Resolution
from dsp.iq import FULL_SCALE
from dsp.rule import Rule
from dsp.synth import carrier, noise, seeded, tone
from dsp.track import Tracker
from sdr.source import EndOfRecording
from sdr.uri import open_source
from sensors.ear import Ear
from sensors.foresight import Foresight
from sensors.hops import plan_for

RATE = 1_000_000
SECONDS = 2.0


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    """Two steady lines of the receiver, a keyed strong transmitter with clicks, a voice."""
    count = round(SECONDS * RATE)
    samples = noise(seeded(5), count, -40.0)
    samples += tone(count, 0.21, -52.0) + tone(count, -0.33, -55.0)
    seconds = np.arange(count) / RATE
    bits = np.repeat(seeded(6).integers(0, 2, 200), 1000)
    keyed = np.zeros(count, dtype=np.float32)
    keyed[300_000:500_000] = bits
    samples += tone(count, 0.05, -3.0) * keyed
    audio = np.cumsum(np.convolve(seeded(7).standard_normal(count), np.ones(300) / 300, "same"))
    voice = carrier(0.5e-6 * 2e3 * audio * 17 / 1000 - 0.15 * np.arange(count))
    samples += voice * np.float32(10**-1.6) * ((seconds > 0.9) & (seconds < 1.7))
    path = tmp_path_factory.mktemp("replay") / "hall_433M_1000k.cs8"
    scaled = np.clip(np.rint(samples.view(np.float32) * FULL_SCALE["cs8"]), -128, 127)
    path.write_bytes(scaled.astype(np.int8).tobytes())
    return path


def emitters(uri, most_s=SECONDS, *, judged=True):
    """Centres and widths in kHz of all that the tracker takes for an emitter."""
    found = {}
    with open_source(uri) as source:
        plan, resolution = plan_for((), source.info, source.settings, 1024)
        assert isinstance(resolution, Resolution)
        tracker, hop = Tracker(), plan.hops[0]
        with Ear(source, plan, resolution, 0.02) as ear, Foresight(source) as foresight:
            while ear.clock_s < most_s:
                try:
                    dwell = ear.visit(hop)
                except EndOfRecording:
                    break
                if dwell is None:
                    break
                seen = ear.measure(dwell, detect(dwell, None, Rule()), None)
                if judged:
                    seen = foresight.sift(ear.block, dwell, seen)
                for one in tracker.update(seen, hop=0, grid=dwell.grid, time_ns=dwell.time_ns):
                    found[one.number] = one
    return found.values()


def test_lines_and_splatter_are_no_emitters(recording):
    uri = f"file:{recording}?pace=0"
    assert len(emitters(uri, judged=False)) > 2
    places = sorted(round((e.center_freq_hz - 433e6) / 1e4) for e in emitters(uri))
    assert places == [-15, 5]


def test_a_loop_is_heard_anew(recording):
    found = emitters(f"file:{recording}?pace=0&loop=1", most_s=2 * SECONDS)
    assert sorted(round((e.center_freq_hz - 433e6) / 1e4) for e in found) == [-15, 5]
    assert max(e.sightings for e in found) >= 2


def test_a_receiver_has_no_future(tmp_path):
    (tmp_path / "a.scene").write_text("tx id=a freq_hz=433M type=cw power_dbm=-80\n")
    with open_source(f"scene:{tmp_path / 'a.scene'}?pace=0") as source, Foresight(source) as none:
        assert none.sift(None, None, ["anything"]) == ["anything"]
