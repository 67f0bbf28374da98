"""A real `rfproctor sensor` on emulated dongles under the real driver; the emulator's log is truth.

Nothing here is paced faster than real time.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import apsw
import msgspec
import numpy as np
import numpy.typing as npt

from sensors.benches import Skip
from sensors.calibration import FILE_NAME, Calibration

SOURCE = Path(__file__).resolve().parents[3] / "shared" / "emudongle"

MEASURE = """
import json, random, sys, time
from sdr.calibrate import measure_settling
from sdr.uri import open_source
with open_source("rtl:00000001") as source:
    settling = measure_settling(source, 98.4e6, [433e6, 158.4e6, 34e6])
    driver_s = []
    for _ in range(100):
        freq_hz = random.uniform(137e6, 470e6)
        start_s = time.monotonic()
        source._dongle.attempt("set_center_freq", round(freq_hz))
        driver_s.append(time.monotonic() - start_s)
print(json.dumps({"settle_s": settling.settle_s, "settle_spread_s": settling.spread_s,
                  "tune_s": settling.tune_s, "driver_s": sorted(driver_s)[50]}))
"""
"""What the product's own test measures, and the bare driver's retune."""


def build(folder: Path) -> Skip | Path:
    """Build the emulator in a folder of ours, or say why not."""
    if not SOURCE.is_dir() or shutil.which("make") is None:
        return Skip("no emulated dongle in ../shared/emudongle, or no make")
    shutil.copytree(SOURCE, folder / "emu", copy_function=shutil.copyfile)
    (folder / "emu" / "emurun").chmod(0o755)
    built = subprocess.run(
        ["make", "-s", "-C", str(folder / "emu")], capture_output=True, check=False
    )
    if built.returncode != 0:
        return Skip("the emulated dongle cannot be built (libusb-1.0-0-dev, gcc)")
    return folder / "emu" / "emurun"


def calibrate(emurun: Path, data: Path, serials: Sequence[str]) -> tuple[Calibration, float]:
    """Measure retune and settling on one emulated dongle and note them for all (they are alike).

    Returns
    -------
    Calibration
    driver_s : float
        Median of the bare driver's retune.
    """
    scene = emurun.parent / "scenes" / "quiet.scene"
    done = subprocess.run(
        [str(emurun), f"EMU_SCENE={scene}", sys.executable, "-c", MEASURE],
        capture_output=True,
        check=True,
        text=True,
    )
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    data.mkdir(parents=True, exist_ok=True)
    driver_s = found.pop("driver_s")
    one = Calibration(time.time_ns(), **found)
    (data / FILE_NAME).write_bytes(msgspec.json.encode(dict.fromkeys(serials, one)))
    return one, driver_s


def bare_hop_s(emurun: Path, dwell_s: float, settle_s: float, hops: int = 100) -> float:
    """Mean time of a plain loop of tune and read on this machine now, for comparison."""
    code = f"""
import random, time
from sdr.uri import open_source
with open_source("rtl:00000001") as source:
    source.settle_s = {settle_s}
    source.tune(100e6); source.read(48000)
    start_s = time.monotonic()
    for _ in range({hops}):
        source.tune(random.uniform(137e6, 470e6))
        source.read(round({dwell_s} * 2.4e6))
    print((time.monotonic() - start_s) / {hops})
"""
    done = subprocess.run(
        [str(emurun), sys.executable, "-c", code], capture_output=True, check=True, text=True
    )
    return float(done.stdout.splitlines()[-1])


class EmulatedSite:
    """A running site; a context manager.

    Parameters
    ----------
    folder : Path
    emurun : Path
    site_toml : str
        ``data`` must be ``"data"``.
    scene : str
    dongles : int
    """

    def __init__(
        self, folder: Path, emurun: Path, site_toml: str, scene: str, dongles: int = 1
    ) -> None:
        self.folder = folder
        self.epoch_s = time.time()
        self._faults = folder / "faults.txt"
        self.fault("")
        (folder / "site.toml").write_text(site_toml)
        (folder / "hall.scene").write_text(scene)
        (folder / "locks").mkdir(exist_ok=True)
        with (folder / "log.jsonl").open("wb") as log:
            self.process = subprocess.Popen(
                [
                    str(emurun),
                    f"EMU_COUNT={dongles}",
                    f"EMU_SCENE={folder / 'hall.scene'}",
                    f"EMU_FAULT={self._faults}",
                    f"EMU_LOG={folder / 'truth.jsonl'}",
                    f"EMU_LOCK={folder / 'locks'}",
                    f"EMU_EPOCH={self.epoch_s}",
                    *(sys.executable, "-m", "rfproctor", "sensor", str(folder / "site.toml")),
                ],
                stderr=log,
                env=os.environ | {"RFPROCTOR_LOG": "json"},
                start_new_session=True,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def fault(self, text: str) -> None:
        """Begin this fault, or end all with an empty text."""
        part = self._faults.with_suffix(".part")
        part.write_text(text + "\n" if text else "")
        part.replace(self._faults)

    def log(self, event: str) -> list[dict[str, Any]]:
        """Lines of the site's own log about something."""
        lines = (self.folder / "log.jsonl").read_text().splitlines()
        return [json.loads(one) for one in lines if f'"event": "{event}"' in one]

    def wait_for(self, event: str, count: int = 1, patience_s: float = 30.0) -> None:
        """Wait until the site has said something so often."""
        end_s = time.monotonic() + patience_s
        while len(self.log(event)) < count:
            if time.monotonic() > end_s:
                raise TimeoutError((self.folder / "log.jsonl").read_text()[-2000:])
            time.sleep(0.1)

    def truth(self) -> list[dict[str, Any]]:
        """The emulator's log."""
        lines = (self.folder / "truth.jsonl").read_text().splitlines()
        return [json.loads(line) for line in lines if line.endswith("}")]

    def visits(self) -> npt.NDArray[np.float64]:
        """Ledger rows: start_s, stop_s, low_hz, high_hz, number of the sensor."""
        db = apsw.Connection(
            str(self.folder / "data" / "ledger.db"), flags=apsw.SQLITE_OPEN_READONLY
        )
        rows = db.execute(
            "SELECT time_ns / 1e9, time_ns / 1e9 + duration_s, low_hz, high_hz, sensor FROM visits"
        ).fetchall()
        db.close()
        sensors = sorted({row[4] for row in rows})
        return np.array([(*row[:4], sensors.index(row[4])) for row in rows])

    def stop(self) -> None:
        """Ask it to end, then make sure of it."""
        if self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def site_toml(dongles: int, dwell_s: float, bands: Sequence[str], more: str = "") -> str:
    """Write a configuration of some dongles at one position."""
    text = f'[site]\nid = "bench"\ndata = "data"\n{more}[scan]\ndwell_s = {dwell_s}\n'
    text += "".join(
        f'[[dongle]]\nsource = "rtl:{n + 1:08d}"\nname = "d{n + 1}"\nposition = "hall"\n'
        for n in range(dongles)
    )
    return text + "".join(f'[[band]]\nname = "{band}"\n' for band in bands)
