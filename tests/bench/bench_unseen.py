"""`analyze` on seeded recordings of many receivers and kinds with known truth.

What is found, false, split, and how exact.  A box counts where it holds the truth's middle and half
of its time; one that touches no truth is false.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from dsp.burst import BurstFinder
from dsp.signals import Emission
from sensors.benches import Metric, Skip

sys.path.insert(0, str(Path(__file__).parent))

from unseen import Case, cases
from unseen_air import Truth

TOUCH_HZ = 2000.0


@dataclass(slots=True)
class Score:
    """Sums over the cases."""

    signals: int = 0
    found: int = 0
    boxes: int = 0
    false: int = 0
    seconds: float = 0.0
    centre_hz: list[float] = field(default_factory=list)
    width: list[float] = field(default_factory=list)
    edges_s: list[float] = field(default_factory=list)

    def take(self, case: Case, found: list[Emission]) -> str:
        """Add one case; what went wrong in it, in words."""
        used: set[int] = set()
        missed = split = 0
        for truth in case.air.truth:
            hits = [i for i, e in enumerate(found) if touches(e, truth)]
            covered = sum(together(found[i], truth) for i in hits)
            self.signals += 1
            used |= set(hits)
            if covered < 0.5 * (truth.stop_s - truth.start_s):
                missed += 1
                continue
            self.found += 1
            self.boxes += len(hits)
            split += len(hits) > 1
            best = found[max(hits, key=lambda i: together(found[i], truth))]
            width_hz = truth.high_hz - truth.low_hz
            self.centre_hz.append(abs(best.center_freq_hz - (truth.low_hz + truth.high_hz) / 2))
            self.width.append(abs(best.bandwidth_hz / width_hz - 1))
            self.edges_s += [abs(min(found[i].start_s for i in hits) - truth.start_s)]
            self.edges_s += [abs(max(found[i].stop_s for i in hits) - truth.stop_s)]
        false = [e for i, e in enumerate(found) if i not in used]
        self.false += len(false)
        self.seconds += case.air.seconds
        wrong = f"missed {missed}, split {split}, false {len(false)}"
        return wrong if missed or split or false else ""


def together(emission: Emission, truth: Truth) -> float:
    """Seconds in which both are on."""
    return max(0.0, min(emission.stop_s, truth.stop_s) - max(emission.start_s, truth.start_s))


def touches(emission: Emission, truth: Truth) -> bool:
    """Whether a box and the truth share time and band."""
    low = emission.center_freq_hz - emission.bandwidth_hz / 2
    high = emission.center_freq_hz + emission.bandwidth_hz / 2
    # Neighbours 12.5 kHz apart must not answer for each other.
    middle = (truth.low_hz + truth.high_hz) / 2
    slack = max(TOUCH_HZ, (truth.high_hz - truth.low_hz) / 4)
    return low - slack <= middle <= high + slack and together(emission, truth) > 0


def analyze(case: Case) -> list[Emission]:
    """Everything found, primed as `sensors.findings` does."""
    finder = BurstFinder(case.air.rate_hz, 0.0, sample_format=case.sample_format)
    length = 2 * round(0.06 * case.air.rate_hz)
    if len(case.raw) >= 4 * length:
        count = min(16, len(case.raw) // length)
        for index in range(count):
            first = 2 * ((len(case.raw) - length) // 2 * index // (count - 1))
            finder.prime(case.raw[first : first + length])
    return [*finder.feed(case.raw), *finder.finish()]


def run(show: bool = False, only: str = "") -> Iterator[Metric | Skip]:
    """Score everything; ``--show true`` names the cases with faults."""
    score = Score()
    for case in cases(only):
        found = analyze(case)
        wrong = score.take(case, found)
        if wrong and show:
            sys.stderr.write(f"{case.name}: {wrong}\n")
            for e in sorted(found, key=lambda e: e.start_s)[:12]:
                sys.stderr.write(
                    f"    {e.start_s:8.4f} {e.stop_s:8.4f} {e.center_freq_hz / 1e3:10.1f} "
                    f"{e.bandwidth_hz / 1e3:8.1f} kHz {e.snr_db:6.1f} dB {e.label}\n"
                )
            for t in case.air.truth[:12]:
                sys.stderr.write(
                    f"  T {t.start_s:8.4f} {t.stop_s:8.4f} {(t.low_hz + t.high_hz) / 2e3:10.1f} "
                    f"{(t.high_hz - t.low_hz) / 1e3:8.1f}\n"
                )
    yield Metric.of(
        "found", score.found, "signals", reference=score.signals,
        ratio=score.found / score.signals, at_least=0.97, on="ratio",
    )  # fmt: skip
    yield Metric.of("false boxes", score.false / score.seconds, "per second", at_most=0.02)
    yield Metric.of("boxes per signal", score.boxes / max(1, score.found), "1", at_most=1.05)
    yield Metric.of("centre error, median", statistics.median(score.centre_hz), "Hz", at_most=1000)
    yield Metric.of("bandwidth error, median", statistics.median(score.width), "1", at_most=0.15)
    yield Metric.of("edge error, median", statistics.median(score.edges_s), "s", at_most=0.002)
