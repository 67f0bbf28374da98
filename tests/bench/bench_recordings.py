"""`analyze` on the annotated captures beside the repository: found, false, and how exact.

The scorer is the shared one; ADS-B and cellular captures, which it leaves out, are judged here.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

from sensors.benches import Metric, Skip
from sensors.findings import Job, collect

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "recordings"
FORMATS = {"cu8": "cu8", "cs8": "cs8", "cs16": "ci16", "ci16": "ci16", "cf32": "cf32"}


def run() -> Iterator[Metric | Skip]:
    """Score everything."""
    if not (FOLDER / "score.py").is_file():
        yield Skip("no ../shared/recordings beside the repository")
        return
    command = Path(sysconfig.get_path("scripts")) / "rfproctor"
    done = subprocess.run(
        [sys.executable, str(FOLDER / "score.py"), str(command), str(FOLDER)],
        capture_output=True, text=True, timeout=900, check=True,
    )  # fmt: skip
    score = json.loads(done.stdout)
    yield Metric.of("failed", score["failed"], "files", at_most=0)
    yield Metric.of(
        "found", score["found"], "signals", reference=score["signals"],
        ratio=score["recall"], at_least=1.0, on="ratio",
    )  # fmt: skip
    yield Metric.of("false", score["false_per_s"], "per quiet second", at_most=0.1)
    yield Metric.of("detections per signal", score["split"], "1", at_most=1.1)
    yield Metric.of("centre error, median", score["centre_hz"], "Hz", at_most=1000)
    yield Metric.of("bandwidth error, median", score["bandwidth_rel"], "1", at_most=0.15)
    yield Metric.of("start error, median", score["start_s"], "s", at_most=0.002)
    yield Metric.of("stop error, median", score["stop_s"], "s", at_most=0.002)
    yield from _cellular_and_adsb()


def _cellular_and_adsb() -> Iterator[Metric]:
    """Steady wide emissions, not one per frame; one emission per reply or short train."""
    manifest = json.loads((FOLDER / "manifest.json").read_text(encoding="utf-8"))
    for entry in manifest["files"]:
        name = entry["file"]
        if not name.startswith(("cell_", "adsb_")):
            continue
        found = collect(
            Job(
                str(FOLDER / name),
                FORMATS[entry["sample_format"]],
                entry["sample_rate_hz"],
                entry["center_hz"],
            )
        ).emissions
        if name.startswith("cell_"):
            steady = [e for e in found if e.stop_s - e.start_s > 0.9 * entry["duration_s"]]
            yield Metric.of(
                f"{name}: steady of all", len(steady), "emissions",
                reference=len(found), ratio=len(steady) / max(1, len(found)),
                at_least=0.66, on="ratio",
            )  # fmt: skip
            continue
        covered = [
            sum(max(0.0, min(e.stop_s, t["stop_s"]) - max(e.start_s, t["start_s"])) for e in found)
            >= 0.5 * (t["stop_s"] - t["start_s"])
            for t in entry["expected"]
        ]
        yield Metric.of(f"{name}: replies covered", statistics.mean(covered), "1", at_least=0.7)
        lengths = [e.stop_s - e.start_s for e in found]
        yield Metric.of(
            f"{name}: length, median", 1e6 * statistics.median(lengths), "us", at_most=300
        )


if __name__ == "__main__":
    for metric in run():
        sys.stdout.write(f"{metric}\n")
