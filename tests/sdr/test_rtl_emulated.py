"""The real librtlsdr on an emulated dongle: levels, frequencies, stale samples, every USB fault."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap

import pytest

pytestmark = [pytest.mark.emudongle, pytest.mark.system]

LISTEN = """
    import json, time
    import numpy as np
    from dsp.iq import to_complex
    from sdr.uri import open_source

    def spectrum(block):
        x = to_complex(block.raw, block.sample_format)
        n = 2400
        rows = x[: len(x) // n * n].reshape(-1, n) * np.hanning(n)
        return np.mean(np.abs(np.fft.fftshift(np.fft.fft(rows), axes=1) / (n / 2)) ** 2, axis=0)
"""

HAMMER = """
    import json, time
    from sdr.source import TunerNotLocked, UserError
    from sdr.uri import open_source
    started, reads, dropped, unlocked, told = time.monotonic(), 0, 0, 0, None
    try:
        with open_source("rtl:") as source:
            started = time.monotonic()
            while time.monotonic() - started < SECONDS:
                for freq_hz in (100.9e6, 409.6e6):
                    try:
                        source.tune(freq_hz)
                    except TunerNotLocked:
                        unlocked += 1
                        continue
                    block = source.read(48_000)
                    reads, dropped = reads + 1, dropped + block.dropped_samples
    except UserError as error:
        told = error.message_id
    after = time.monotonic() - started
    print(json.dumps(dict(told=told, after=after, reads=reads, dropped=dropped, unlocked=unlocked)))
"""


@pytest.fixture
def under(emudongle, repository):
    """Run Python code under the emulator and return the JSON that it prints last."""

    def run(code: str, *environment: str) -> dict:
        done = subprocess.run(
            [str(emudongle), *environment, sys.executable, "-c", textwrap.dedent(code)],
            cwd=repository,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return json.loads(done.stdout.splitlines()[-1])

    return run


def test_a_carrier_is_where_it_should_be_with_its_level(under):
    got = under(
        LISTEN
        + """
    levels = {}
    with open_source("rtl:") as source:
        info = source.info
        for gain_db in (20.7, 40.2):
            settings = source.configure(gain_db=gain_db)
            source.tune(300e6)
            power = spectrum(source.read(240_000))
            levels[gain_db] = [int(power.argmax()), float(10 * np.log10(power.max()))]
    print(json.dumps(dict(tuner=info.tuner, serial=info.serial, gain=settings.gain_db,
                          rate=settings.sample_rate_hz, levels=levels)))
    """,
        "EMU_TX=tx freq_hz=300.3M type=cw power_dbm=-90",
    )
    assert (got["tuner"], got["serial"]) == ("R820T", "00000001")
    assert got["rate"] == pytest.approx(2.4e6)
    assert got["gain"] == 40.2
    (low_bin, low_db), (high_bin, high_db) = got["levels"].values()
    assert low_bin == high_bin == 1200 + 300
    assert high_db - low_db == pytest.approx(19.5, abs=0.3)


def test_samples_flow_without_gaps_and_carry_the_right_time(under):
    got = under(
        LISTEN
        + """
    with open_source("rtl:") as source:
        source.tune(300e6)
        blocks = [source.read(24_000) for _ in range(100)]
        late_s = [(time.time_ns() - source.read(240).time_ns) / 1e9 for _ in range(200)]
    steps = {b.sample_index - a.sample_index for a, b in zip(blocks, blocks[1:])}
    took_s = (blocks[-1].time_ns - blocks[0].time_ns) / 1e9
    print(json.dumps(dict(steps=list(steps), took=took_s, late=min(late_s),
                          dropped=sum(b.dropped_samples for b in blocks))))
    """
    )
    assert got["steps"] == [24_000]
    assert got["dropped"] == 0
    assert got["took"] == pytest.approx(0.99, rel=0.01)
    assert -0.001 < got["late"] < 0.01


def test_no_sample_of_another_frequency_after_a_retune(under):
    """The emulated tuner needs 4 ms; the carrier must never be heard where it is not."""
    got = under(
        LISTEN
        + """
    stale, hops = 0, 0
    with open_source("rtl:") as source:
        source.settle_s = 0.005
        for _ in range(25):
            for freq_hz in (300e6, 400e6):
                source.tune(freq_hz)
                block = source.read(12_000)
                hops += 1
                x = np.abs(to_complex(block.raw, "cu8"))
                pieces = x.reshape(-1, 240).mean(axis=1)
                odd = pieces < 0.7 * pieces[-1] if freq_hz == 300e6 else pieces > 1.5 * pieces[-1]
                stale += bool(odd.any())
    print(json.dumps(dict(stale=stale, hops=hops)))
    """,
        "EMU_TX=tx freq_hz=300.3M type=cw power_dbm=-80",
    )
    assert got == {"stale": 0, "hops": 50}


PIPELINED = (
    LISTEN
    + """
    from concurrent.futures import ThreadPoolExecutor
    def visit(freq_hz):
        source.tune(freq_hz)
        return freq_hz, source.begin(24_000)
    wrong = hops = 0
    away = [137e6, 301.5e6, 470e6, 310e6, 860e6]
    with open_source("rtl:") as source, ThreadPoolExecutor(1) as hand:
        source.settle_s = 0.0045
        asked = [300e6 if n % 2 else away[n // 2 % 5] for n in range(VISITS)]
        # One is on the air while one waits: it is retuned before the last samples have arrived.
        under_way = [hand.submit(visit, asked.pop(0)) for _ in range(2)]
        while under_way:
            freq_hz, finish = under_way.pop(0).result()
            block = finish()
            under_way += [hand.submit(visit, asked.pop(0))] if asked else []
            if freq_hz != 300e6:
                continue
            x = to_complex(block.raw, "cu8")
            x = x * np.exp(-2j * np.pi * 0.3e6 / 2.4e6 * np.arange(len(x)))
            power = np.abs(x[: len(x) // 120 * 120].reshape(-1, 120).mean(axis=1)) ** 2
            middle = np.median(power)
            hops += 1
            wrong += bool(((power < 0.7 * middle) | (power > 1.4 * middle)).any())
    print(json.dumps(dict(wrong=wrong, hops=hops)))
    """
)


@pytest.mark.parametrize(("faults", "visits"), [("", 100), ("drop every_s=0.07 bytes=30000", 200)])
def test_tuned_away_before_its_samples_arrive_a_visit_is_still_all_its_own(under, faults, visits):
    """Pieces of 50 us: the carrier stands in each, to the last, also where samples are lost."""
    carrier = "EMU_TX=tx freq_hz=300.3M type=cw power_dbm=-80"
    got = under(PIPELINED.replace("VISITS", str(visits)), carrier, f"EMU_FAULTS={faults}")
    assert (got["wrong"], got["hops"]) == (0, visits // 2)


def test_ppm_moves_the_carrier_back_to_its_place(under):
    got = under(
        LISTEN
        + """
    bins = []
    with open_source("rtl:") as source:
        for ppm in (0, 40, 39.5):
            source.configure(ppm=ppm)
            source.tune(400e6)
            bins.append(int(spectrum(source.read(240_000)).argmax()) - 1200 - 300)
    print(json.dumps(bins))
    """,
        "EMU_TX=tx freq_hz=400.3M type=cw power_dbm=-90",
        "EMU_PPM=40",
    )
    # 40 ppm of 400 MHz are 16 bins of 1 kHz; half a ppm left is less than a bin.
    assert got[0] in (-16, 16)
    assert abs(got[1]) <= 1
    assert abs(got[2]) <= 1


def test_dongles_by_serial(under):
    code = """
    import json
    from sdr.devices import list_dongles
    from sdr.source import UserError
    from sdr.uri import open_source
    def told(uri):
        try:
            with open_source(uri) as source:
                return source.info.serial
        except UserError as error:
            return error.message_id
    serials = [dongle.serial for dongle in list_dongles()]
    print(json.dumps([serials, told("rtl:"), told("rtl:B2"), told("rtl:C3")]))
    """
    assert under(code, "EMU_COUNT=2", "EMU_SERIAL=A1,B2") == [
        ["A1", "B2"],
        "source.several_dongles",
        "B2",
        "source.no_such_dongle",
    ]
    assert under(code, "EMU_COUNT=0") == [[], *["source.no_dongle"] * 3]
    assert under(code, "EMU_COUNT=2", "EMU_SERIAL=B2,B2")[2] == "source.duplicate_serial"


@pytest.mark.parametrize(
    ("fault", "told", "within_s"),
    [
        ("access", "source.dongle_access", 1),
        ("busy", "source.dongle_busy", 1),
        ("kdriver", "source.dongle_busy", 1),
        ("stall ref=stream after_s=0.5", "source.dongle_silent", 3.2),
        ("unplug ref=stream after_s=0.5", "source.dongle_lost", 1.5),
        ("ctrl ref=stream after_s=0.5 prob=1 code=-9", "source.control_failed", 1.5),
        ("ctrl ref=stream after_s=0.5 prob=1 code=-1", "source.control_failed", 1.5),
        ("ctrl ref=stream after_s=0.5 prob=1 code=-9 block=i2c", "source.control_failed", 1.5),
    ],
)
def test_faults_that_end_it_are_told_in_time(under, fault, told, within_s):
    got = under(HAMMER.replace("SECONDS", "6"), f"EMU_FAULTS={fault}")
    assert got["told"] == told
    assert got["after"] < within_s


@pytest.mark.parametrize(
    "fault",
    [
        "stall ref=stream after_s=0.5 for_s=0.4",
        "short ref=stream after_s=0.2 prob=0.3",
        "short ref=stream after_s=0.2 prob=0.3 bytes=333",
        "drop every_s=0.3 bytes=8192",
    ],
)
def test_faults_that_it_survives(under, fault):
    got = under(HAMMER.replace("SECONDS", "1.5"), f"EMU_FAULTS={fault}")
    assert got["told"] is None
    assert got["reads"] > 8


def test_frequencies_that_do_not_lock_cost_only_their_hops(under):
    got = under(HAMMER.replace("SECONDS", "1.5"), "EMU_FAULTS=nolock lo_hz=400M hi_hz=420M")
    assert got["told"] is None
    assert got["unlocked"] >= 5
    assert abs(got["reads"] - got["unlocked"]) <= 1


def test_small_losses_are_counted_across_retunes(under, tmp_path):
    truth = tmp_path / "truth.jsonl"
    got = under(
        """
    import json, time
    from sdr.uri import open_source
    with open_source("rtl:") as source:
        started, total = time.monotonic(), 0
        while time.monotonic() - started < 6.5:
            for freq_hz in (100.9e6, 409.6e6):
                source.tune(freq_hz)
                total += source.read(48_000).dropped_samples
    print(json.dumps(dict(total=total)))
    """,
        "EMU_FAULTS=drop ref=stream after_s=1.5 for_s=4 every_s=0.3 bytes=5000",
        f"EMU_LOG={truth}",
    )
    logged = [json.loads(line) for line in truth.read_text().splitlines()]
    # What was lost before the first transfer was asked for belongs to nobody.
    lost = sum(one["samples"] for one in logged if one["ev"] == "drop" and one["n"] > 4096)
    assert lost >= 10 * 2500
    assert got["total"] == pytest.approx(lost, rel=0.03)
