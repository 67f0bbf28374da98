"""Make the recordings of this folder: python recordings/make_recordings.py [FOLDER].

Each is a few seconds of one published kind of radio cheating (or of nothing), as an R820T dongle
at 49.6 dB would have recorded it: receiver noise of about 1 step rms, a little DC, 8 bits.  What is
in it stands as annotations in its metadata.  Seeded: the same files every time.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import scipy.fft

from dsp.values import IQBlock
from sdr.air import BLOCK, Air, Tuning
from sdr.hall import Scene, Sensor, Transmitter
from sdr.recorder import Recorder
from sdr.recording import Annotation
from sdr.scene_file import parse_scene
from sdr.sigmf_layout import time_ns_of

SEED = 20260607
START = "2026-06-07T01:00:00Z"
GAIN_DB = 49.6


@dataclass(frozen=True)
class Case:
    """One recording: its name, what it shows, where, how long, and its scene."""

    name: str
    text: str
    center_hz: float
    rate_hz: float
    seconds: float
    scene: str


CASES = (
    Case(
        "voice_210.3M",
        "FM voice reading answers aloud, as at Zhuhai in 2010",
        210.25e6,
        240e3,
        2.0,
        "tx id=voice freq_hz=210.3M type=nfm dev_hz=2800 power_dbm=-96"
        " start_s=0.4 period_s=9 on_s=1.3",
    ),
    Case(
        "text_169.0M",
        "one text message of 3 s in 2FSK, as at Jincheng in 2015 and Chuzhou in 2018",
        168.985e6,
        96e3,
        5.0,
        "tx id=text freq_hz=169.0M type=fsk2 baud=1200 dev_hz=4500 power_dbm=-100"
        " start_s=1 period_s=9 on_s=3",
    ),
    Case(
        "handheld_409.8M",
        "a handheld on a public channel, and a guard's on another",
        409.78e6,
        240e3,
        2.0,
        "tx id=handheld freq_hz=409.8M type=nfm dev_hz=2500 power_dbm=-92"
        " start_s=0.7 period_s=9 on_s=1.1\n"
        "tx id=guard freq_hz=409.8625M type=nfm dev_hz=2500 power_dbm=-102"
        " start_s=0.2 period_s=9 on_s=0.9",
    ),
    Case(
        "buttons_433.92M",
        "three presses of a hidden button in on-off keying",
        433.88e6,
        240e3,
        1.2,
        "tx id=button freq_hz=433.92M type=ook baud=2000 power_dbm=-94"
        " start_s=0.15 stop_s=1.1 period_s=0.35 on_s=0.12",
    ),
    Case(
        "bursts_491.2M",
        "four data bursts of 0.18 s at 9600 baud, as at Xiangtan in 2018",
        491.24e6,
        240e3,
        1.6,
        "tx id=burst freq_hz=491.2M type=fsk2 baud=9600 dev_hz=4800 power_dbm=-102"
        " start_s=0.1 period_s=0.4 on_s=0.18",
    ),
    Case(
        "paging_536M",
        "one paging message of 1.4 s, as at Zhangjiakou in 2013",
        535.96e6,
        240e3,
        2.0,
        "tx id=paging freq_hz=536M type=fsk2 baud=2400 dev_hz=4500 power_dbm=-103"
        " start_s=0.3 period_s=9 on_s=1.4",
    ),
    Case("quiet_169.0M", "nothing but the receiver's own noise and DC", 169.0e6, 240e3, 0.5, ""),
)


def occupied_band(
    transmitter: Transmitter, rate_hz: float, on_s: float, off_s: float
) -> tuple[float, float]:
    """Edges of the band that holds 99 % of one burst's power (ITU-R SM.443), without noise."""
    # 0 dBm is 110 dB over the noise, and not quantised: nothing is taken from the 99 %.
    loud = Scene("", (replace(transmitter, power_dbm=0.0),))
    air = Air(loud, Sensor(), Tuning(transmitter.freq_hz, rate_hz, 0.0), SEED)
    first, last = round(on_s * rate_hz), round(off_s * rate_hz)
    blocks = [air.block(number) for number in range(first // BLOCK, last // BLOCK + 1)]
    burst = np.concatenate(blocks)[first % BLOCK :][: last - first].astype(np.complex128)
    power = scipy.fft.fftshift(np.abs(scipy.fft.fft(burst)) ** 2)
    share = np.cumsum(power) / power.sum()
    freqs_hz = scipy.fft.fftshift(scipy.fft.fftfreq(power.shape[0], 1 / rate_hz))
    low, high = np.searchsorted(share, [0.005, 0.995])
    return transmitter.freq_hz + freqs_hz[low], transmitter.freq_hz + freqs_hz[high]


def make(case: Case, folder: Path) -> Path:
    """Write one recording; the path of its metadata."""
    scene = parse_scene(case.scene, case.name)
    air = Air(scene, Sensor(), Tuning(case.center_hz, case.rate_hz, GAIN_DB), SEED)
    count = round(case.seconds * case.rate_hz)
    with Recorder(
        folder / case.name,
        description=case.text,
        hardware=f"simulated R820T, {GAIN_DB} dB",
        overwrite=True,
    ) as recorder:
        recorder.write(
            IQBlock(air.raw(0, count), "cu8", case.center_hz, case.rate_hz, time_ns_of(START), 0)
        )
        for transmitter in scene.transmitters:
            for _, on_s, off_s in transmitter.bursts(0.0, case.seconds):
                low_hz, high_hz = occupied_band(transmitter, case.rate_hz, on_s, off_s)
                start = round(on_s * case.rate_hz)
                recorder.annotate(
                    Annotation(
                        sample_start=start,
                        sample_count=round(off_s * case.rate_hz) - start,
                        low_hz=round(low_hz),
                        high_hz=round(high_hz),
                        label=transmitter.name,
                        comment=f"{transmitter.kind}, {transmitter.power_dbm:g} dBm",
                    )
                )
    return recorder.meta_path


def main() -> None:
    """Make every recording into the folder given, by default this one."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    folder.mkdir(parents=True, exist_ok=True)
    for case in CASES:
        path = make(case, folder)
        print(path, path.with_suffix(".sigmf-data").stat().st_size)


if __name__ == "__main__":
    main()
