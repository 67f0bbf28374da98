"""What is known of a clip and cannot be read from its samples, and the annotations that say it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import msgspec

from dsp.values import IQBlock
from sdr.recording import Annotation


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known about a clip and cannot be read from its samples.

    Attributes
    ----------
    site, sensor, emitter : str
    low_hz, high_hz : float
        Edges of the emission.
    bursts : tuple of (start_ns, stop_ns)
        When it was on the air, as detected.
    label : str
    serial, tuner, antenna : str
    gain_db : float or None
    ppm : float
    baseline : str
        Hash.
    threshold_dbfs : float or None
    drill : bool
        True: made by us to test the site; never evidence against anybody.
    """

    site: str
    sensor: str
    emitter: str
    low_hz: float
    high_hz: float
    bursts: tuple[tuple[int, int], ...] = ()
    label: str = ""
    serial: str = ""
    tuner: str = ""
    antenna: str = ""
    gain_db: float | None = None
    ppm: float = 0.0
    baseline: str = ""
    threshold_dbfs: float | None = None
    drill: bool = False


def annotations_of(facts: Facts, blocks: Sequence[IQBlock]) -> list[Annotation]:
    """One annotation of the whole clip with all facts, and one for each burst."""
    total = sum(block.num_samples for block in blocks)
    known = {name: value for name, value in asdict(facts).items() if name != "bursts"}
    comment = msgspec.json.encode(known).decode()
    label = facts.label or "emission"
    made = [Annotation(0, total, facts.low_hz, facts.high_hz, facts.emitter, comment)]
    for start_ns, stop_ns in facts.bursts:
        first, last = _position(blocks, start_ns), _position(blocks, stop_ns)
        if last > first:
            made.append(Annotation(first, last - first, facts.low_hz, facts.high_hz, label))
    return made


def _position(blocks: Sequence[IQBlock], time_ns: int) -> int:
    """Sample of the clip that was received at a time, or the next one that it holds."""
    before = 0
    for block in blocks:
        inside = round((time_ns - block.time_ns) * block.sample_rate_hz / 1e9)
        if inside < block.num_samples:
            return before + max(inside, 0)
        before += block.num_samples
    return before
