"""Bands and dongles to hops with deadlines, and the chance to hear one message."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from .intercept import TOUCH_S
from .values import Grid

Mode = Literal["sweep", "stare", "wide"]

KEEP = 0.846
"""Share of the sampled band that is used: 2.03 of 2.4 MHz, so that hops with their seams advance by
2.0 MHz.  Nearer to the edge an alias is hardly weaker than a signal."""

SEAM_HZ = 25e3
"""Neighbouring hops overlap by at least this: a channel on the seam lies whole in one of them."""

CENTER_GUARD_HZ = 8e3
"""Watched frequencies keep this distance from the tuned centre and from seams where possible."""


JITTER = 0.25
"""Times between visits are spread over so wide a share of the revisit time, around it."""


@dataclass(frozen=True, slots=True)
class Band:
    """A stretch of spectrum to watch and how often.

    Attributes
    ----------
    name : str
    start_hz, stop_hz : float
    max_revisit_s : float
        Longest time between the starts of two looks at the same frequency.
    mode : {"sweep", "stare", "wide"}
    priority : int
        1 is the most important; the last ones lose when there is not enough time.
    """

    name: str
    start_hz: float
    stop_hz: float
    max_revisit_s: float
    mode: Mode = "sweep"
    priority: int = 1

    def __post_init__(self) -> None:
        if not 0 < self.start_hz < self.stop_hz:
            raise ValueError(f"band {self.name!r}: {self.start_hz=} is not below {self.stop_hz=}")
        if not self.max_revisit_s > 0:
            raise ValueError(f"band {self.name!r}: {self.max_revisit_s=} is not positive")


@dataclass(frozen=True, slots=True)
class Hop:
    """One tuning of one dongle.

    Attributes
    ----------
    index : int
        In its plan.
    center_freq_hz : float
        What to tune to: a multiple of the bin width, so that all hops share one grid.
    grid : Grid
        The kept bins.
    band : int
        Index of its band in the plan.
    """

    index: int
    center_freq_hz: float
    grid: Grid
    band: int

    def covers(self, freq_hz: float) -> bool:
        """Whether a frequency lies in the kept bins."""
        return self.grid.low_hz <= freq_hz < self.grid.high_hz


@dataclass(frozen=True, slots=True)
class Share:
    """What a band gets of a dongle's time.

    Attributes
    ----------
    band : Band
    hops : int
    wanted_revisit_s, revisit_s : float
        Asked for; reached.
    utilisation : float
        Share of the dongle's time that the reached revisit takes.
    met : bool
    """

    band: Band
    hops: int
    wanted_revisit_s: float
    revisit_s: float
    utilisation: float
    met: bool

    def intercept(self, message_s: float, dwell_s: float) -> float:
        """Probability that one message of this length is heard: see `touched`.

        Examples
        --------
        >>> band = Band("uhf", 440e6, 470e6, 2.0)
        >>> Share(band, 15, 2.0, 2.0, 0.5, True).intercept(0.5, 0.04)
        0.265
        """
        return touched(message_s, dwell_s, self.revisit_s)


def touched(message_s: float, dwell_s: float, revisit_s: float) -> float:
    """Probability that one message is heard by a dwell, one dwell every ``revisit_s`` in the mean.

    A message is missed only where it lies wholly between two dwells, but for the `TOUCH_S` of it
    that a dwell needs at either end.  Times between dwells are spread evenly over `JITTER` of the
    revisit time (`dsp.schedule`), so that even a message as long as that can be missed.

    Examples
    --------
    >>> round(touched(2.0, 0.04, 4.0), 4)
    0.5075
    >>> touched(2.0, 0.04, 2.03), touched(2.0, 0.04, 1.0)
    (0.96875, 1.0)
    """
    heard_s = message_s + dwell_s - 2 * min(TOUCH_S, message_s, dwell_s)
    shortest_s, longest_s = (revisit_s * (1 + side * JITTER / 2) for side in (-1, 1))
    if heard_s <= shortest_s:
        return heard_s / revisit_s
    if heard_s >= longest_s:
        return 1.0
    # Mean of the smaller one of what is heard and the time between two dwells.
    over_s = longest_s - heard_s
    return 1.0 - over_s**2 / (2 * JITTER * revisit_s**2)


@dataclass(frozen=True, slots=True)
class Plan:
    """Hops of one dongle.

    Attributes
    ----------
    bands : tuple of Band
    hops : tuple of Hop
    sample_rate_hz : float
    nfft : int
    """

    bands: tuple[Band, ...]
    hops: tuple[Hop, ...]
    sample_rate_hz: float
    nfft: int

    @property
    def bin_width_hz(self) -> float:
        """Of every hop."""
        return self.sample_rate_hz / self.nfft

    @property
    def digest(self) -> str:
        """Short name of exactly these hops; a baseline learnt on other hops does not fit."""
        text = f"{self.sample_rate_hz:.3f} {self.nfft}" + "".join(
            f" {hop.center_freq_hz:.3f}:{hop.grid.start_hz:.3f}:{hop.grid.n_bins}"
            for hop in self.hops
        )
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def hops_at(self, freq_hz: float) -> tuple[Hop, ...]:
        """Hops that see a frequency: none, one, or two on a seam."""
        return tuple(hop for hop in self.hops if hop.covers(freq_hz))

    def hops_of(self, band: int) -> tuple[Hop, ...]:
        """Hops of one band."""
        return tuple(hop for hop in self.hops if hop.band == band)

    def utilisation(self, hop_time_s: float) -> float:
        """Share of the dongle's time that all wishes together ask for; over 1 somebody loses."""
        return sum(
            len(self.hops_of(i)) * hop_time_s / band.max_revisit_s
            for i, band in enumerate(self.bands)
        )


def make_plan(
    bands: Sequence[Band],
    *,
    sample_rate_hz: float = 2.4e6,
    nfft: int = 1024,
    keep: float = KEEP,
    watched_hz: Sequence[float] = (),
) -> Plan:
    """Cut bands into hops without gaps.

    Parameters
    ----------
    bands : sequence of Band
        May overlap each other; each gets hops of its own.
    sample_rate_hz : float
    nfft : int
    keep : float
        Share of the sampled band that is used.
    watched_hz : sequence of float
        Frequencies (guard channels, known cases) that should lie neither on a seam nor at a
        tuned centre.  They are moved there only where the band leaves no choice.

    Returns
    -------
    Plan
    """
    width = sample_rate_hz / nfft
    kept = 2 * int(keep * nfft / 2)
    seam = math.ceil(SEAM_HZ / width)
    hops: list[Hop] = []
    for index, band in enumerate(bands):
        first = math.floor(band.start_hz / width)
        last = math.ceil(band.stop_hz / width)
        wanted = [f / width for f in watched_hz if band.start_hz <= f <= band.stop_hz]
        for center in _centers(first, last, kept, seam, wanted, CENTER_GUARD_HZ / width):
            low = max(first, center - kept // 2)
            high = min(last, center + kept // 2 - 1)
            grid = Grid(low * width, width, high - low + 1)
            hops.append(Hop(len(hops), center * width, grid, index))
    return Plan(tuple(bands), tuple(hops), sample_rate_hz, nfft)


def _centers(
    first: int, last: int, kept: int, seam: int, watched: Sequence[float], guard: float
) -> list[int]:
    """Tuned bins that cover ``first..last``, the watched bins clear of centres and seams."""
    span = last - first + 1
    step = kept - seam
    fewest = 1 if span <= kept else 1 + math.ceil((span - kept) / step)
    candidates: list[tuple[int, int, int, list[int]]] = []
    for count in (fewest, fewest + 1) if watched else (fewest,):
        slack = kept + (count - 1) * step - span
        # Without watched frequencies the hops stand in the middle of what they must cover.
        shifts = sorted(range(slack + 1), key=lambda shift: abs(shift - slack // 2))
        for shift in shifts[:: max(1, slack // 64)]:
            centers = [first - shift + kept // 2 + i * step for i in range(count)]
            seams = [center + kept // 2 - seam / 2 for center in centers[:-1]]
            trouble = sum(
                any(abs(bin_ - center) < guard for center in centers)
                or any(abs(bin_ - middle) < seam / 2 + guard for middle in seams)
                for bin_ in watched
            )
            candidates.append((trouble, count, len(candidates), centers))
    return min(candidates)[-1]
