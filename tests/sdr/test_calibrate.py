"""Measuring a receiver: on arrays, on the simulated hall, on the emulated dongle."""

import json
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdr.calibrate import (
    FM_BAND_HZ,
    centers,
    find_stations,
    look,
    measure_gains,
)
from sdr.flow import Flow, count_jumps, measure_flow
from sdr.uri import open_source


@given(st.lists(st.tuples(st.integers(1, 400), st.integers(0, 255)), min_size=1, max_size=8))
def test_every_break_of_the_counter_is_counted(parts):
    """Runs of counting bytes with a number of lost bytes before each."""
    position, pieces, lost, breaks = 0, [], 0, 0
    for length, gap in parts:
        position += gap
        lost += gap
        breaks += gap != 0
        pieces.append(np.arange(position, position + length) % 256)
        position += length
    raw = np.concatenate(pieces).astype(np.uint8)
    assert count_jumps(raw, 0) == (breaks, lost)


def test_centres_tile_a_band_with_overlap():
    made = centers(137e6, 167e6, 2.4e6)
    half = 0.4 * 2.4e6
    assert made[0] - half <= 137e6
    assert made[-1] + half >= 167e6
    assert max(np.diff(made)) <= 2 * half - 200e3


@pytest.fixture
def hall():
    with open_source("scene:hall?pace=0&seed=3&exam_s=1000") as source:
        source.configure(sample_rate_hz=2.4e6, gain_db=40.2)
        yield source


def test_the_hall_has_its_three_stations_and_no_more(hall):
    looks = [look(hall, hz) for hz in centers(*FM_BAND_HZ, 2.4e6)]
    found = {round(one.freq_hz / 1e6, 1) for one in find_stations(looks)}
    assert found == {91.6, 98.8, 104.3}


def test_an_empty_band_has_no_stations(hall):
    looks = [look(hall, hz) for hz in centers(300e6, 330e6, 2.4e6)]
    assert find_stations(looks) == []


def test_the_noise_follows_the_gain_and_the_gain_is_put_back(hall):
    steps = measure_gains(hall, 305e6, [0.0, 29.7, 49.6])
    floors = [step.floor_dbfs_per_hz for step in steps]
    assert floors == sorted(floors)
    assert floors[2] - floors[0] > 10
    assert [step.gain_db for step in steps] == [0.0, 29.7, 49.6]
    assert hall.settings.gain_db == 40.2


def test_flow_of_a_source_that_loses_nothing():
    with open_source("scene:quiet") as source:
        flow = measure_flow(source, 0.5, counter=False)
    assert isinstance(flow, Flow)
    assert flow.dropped == 0
    assert flow.jumps is None
    assert abs(flow.late_s) < 0.02


MEASURE = """
import json, sys
from sdr.uri import open_source
from sdr.calibrate import measure_settling
from sdr.flow import measure_flow
with open_source("rtl:") as source:
    source.configure(sample_rate_hz=2.4e6, gain_db=20.7)
    flow = measure_flow(source, 2.0, counter=True)
    settling = measure_settling(source, 100e6, [300e6, 430e6])
    again = measure_flow(source, 0.3, counter=False)
print(json.dumps([flow.jumps, flow.counted_lost, settling.settle_s, again.jumps]))
"""


@pytest.mark.emudongle
@pytest.mark.parametrize(
    ("faults", "jumps", "lost"), [("", 0, 0), ("drop every_s=0.4 bytes=5000", (4, 6), 5000 % 256)]
)
def test_loss_and_settling_of_the_emulated_dongle(emudongle, repository, faults, jumps, lost):
    """What the emulator drops and how long it takes to settle are what is measured."""
    done = subprocess.run(
        [
            str(emudongle),
            "EMU_TX=tx id=a freq_hz=100M type=cw power_dbm=-70",
            "EMU_SETTLE_MS=6",
            f"EMU_FAULTS={faults}",
            sys.executable,
            "-c",
            MEASURE,
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        cwd=repository,
    )
    found, counted, settle_s, plain = json.loads(done.stdout.splitlines()[-1])
    if faults:
        assert jumps[0] <= found <= jumps[1]
        # One of them may be a transfer that a busy machine lost.
        assert counted >= (found - 1) * lost
    else:
        # A machine that is busy with other things may lose a transfer of the emulator too.
        assert found <= 1
        assert settle_s == pytest.approx(6e-3, abs=2.5e-3)
    assert plain is None
