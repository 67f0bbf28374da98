"""What is normal at a site: the distribution of every bin, learnt before the exam and frozen.

A moving average swallows a cheater who starts slowly; a frozen distribution does not.  A `Learner`
counts, learners of several sessions are added up, `Learner.freeze` makes the immutable `Baseline`
with its hash.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from .counts import HopCounts
from .hours import at_this_hour, hour_of
from .identity import BaselineMismatch, Identity
from .plan import Plan
from .reference import NOISE_P, flattened, reference_of
from .response import band_response, kept_bins
from .threshold import Segments, burst_ratio, mean_ratio, worth
from .values import Dwell, Grid, Real, Reference

RATIOS = (mean_ratio, burst_ratio)

FORMAT = 2
"""Of the arrays; another one is refused."""


class Learner:
    """Counts dwells of one plan under one identity.

    Parameters
    ----------
    identity : Identity
        Its ``plan`` must be the plan's digest.
    plan : Plan
    dc : sequence of complex, optional
        Receiver's own carrier on each hop (`Dwell.dc` of a first sweep): what is subtracted from
        the samples of all dwells learnt here and, later, compared with it.
    """

    def __init__(self, identity: Identity, plan: Plan, dc: Sequence[complex] | None = None) -> None:
        if identity.plan != plan.digest:
            raise BaselineMismatch("plan", identity.plan, plan.digest)
        self.identity = identity
        offsets = dc if dc is not None else [0j] * len(plan.hops)
        self.counts = tuple(
            HopCounts.empty(hop.grid, offset, hop.center_freq_hz)
            for hop, offset in zip(plan.hops, offsets, strict=True)
        )

    @property
    def scans(self) -> int:
        """Dwells learnt on the hop that has fewest."""
        return min(counts.scans for counts in self.counts)

    def learn(self, dwell: Dwell) -> None:
        """Add one dwell; a clipped or gapped one is the caller's to leave out."""
        self.counts[dwell.hop].learn(dwell)

    def freeze(self, masks_hz: Sequence[tuple[float, float]] = ()) -> Baseline:
        """Make the immutable baseline.

        Parameters
        ----------
        masks_hz : sequence of (low_hz, high_hz)
            The receiver's own spurs; these bins never alarm.

        Raises
        ------
        ValueError
            A hop was never visited.
        """
        empty = [i for i, counts in enumerate(self.counts) if counts.scans == 0]
        if empty:
            raise ValueError(f"hops {empty} were never visited: survey longer")
        return Baseline(
            self.identity, tuple(counts.copy() for counts in self.counts), tuple(masks_hz)
        )


class Baseline:
    """A frozen survey.  Its arrays are read-only; two with the same content have the same hash.

    Parameters
    ----------
    identity : Identity
    counts : tuple of HopCounts
        Taken over and made read-only.
    masks_hz : tuple of (low_hz, high_hz)
        The receiver's own spurs.
    refused_hz : tuple of (low_hz, high_hz)
        Emitters of the survey that a person did not accept as legal: their traffic is not
        excused, they alarm.

    Attributes
    ----------
    hash : str
        SHA-256 over everything that decides a detection.

    Notes
    -----
    The counts are as the receiver gave them.  What a dwell is compared with is flattened by
    `response`, and so must the dwell be.
    """

    def __init__(
        self,
        identity: Identity,
        counts: tuple[HopCounts, ...],
        masks_hz: tuple[tuple[float, float], ...] = (),
        refused_hz: tuple[tuple[float, float], ...] = (),
    ) -> None:
        self.identity = identity
        self.counts = counts
        self.masks_hz = masks_hz
        self.refused_hz = refused_hz
        digest = hashlib.sha256(self._metadata().encode())
        for each in counts:
            each.freeze()
            for array in each.arrays().values():
                digest.update(np.ascontiguousarray(array).data)
        self.hash = digest.hexdigest()
        self._references: dict[int, Reference] = {}
        self._hourly: dict[int, tuple[int, Reference]] = {}

    @property
    def scans(self) -> int:
        """Dwells learnt on the hop that has fewest."""
        return min(counts.scans for counts in self.counts)

    def at(self, hop: int, time_ns: int | None = None) -> Reference:
        """What to compare a dwell on this hop with; computed once.

        Parameters
        ----------
        hop : int
        time_ns : int, optional
            When: traffic that never was there at this hour of the day is not excused, where the
            hour was learnt on `dsp.hours.DAYS` days.  Without it the whole day counts.
        """
        if hop not in self._references:
            self._references[hop] = self._flat(hop, self._whole_day(hop))
        if time_ns is None:
            return self._references[hop]
        hour = hour_of(time_ns)
        if hop not in self._hourly or self._hourly[hop][0] != hour:  # one hour at a time is kept
            self._hourly[hop] = hour, self._at_hour(hop, hour)
        return self._hourly[hop][1]

    @cached_property
    def response(self) -> Real | None:
        """What dwells must be flattened with, shape (nfft,); None where it could not be learnt."""
        known = [
            (counts.center_freq_hz, counts.grid, counts.hist_mean.quantile(0.5))
            for counts in self.counts
            if counts.center_freq_hz is not None
        ]
        return band_response(known, self.identity.nfft)

    def dc(self, hop: int) -> complex:
        """What to subtract from samples of this hop as the receiver's own carrier."""
        return self.counts[hop].dc

    def refuse(self, bands_hz: Sequence[tuple[float, float]]) -> Baseline:
        """Copy in which these emitters of the survey are not excused."""
        return Baseline(
            self.identity, self.counts, self.masks_hz, self.refused_hz + tuple(bands_hz)
        )

    def merge(self, other: Baseline) -> Baseline:
        """Both surveys together, as if they had been one.

        Raises
        ------
        BaselineMismatch
            They were learnt under different conditions.
        """
        self.identity.require(other.identity)
        merged = tuple(counts.copy() for counts in self.counts)
        for mine, theirs in zip(merged, other.counts, strict=True):
            mine.add(theirs)
        return Baseline(
            self.identity,
            merged,
            tuple(sorted({*self.masks_hz, *other.masks_hz})),
            tuple(sorted({*self.refused_hz, *other.refused_hz})),
        )

    def arrays(self) -> Iterator[tuple[str, npt.NDArray[Any]]]:
        """Name and value of all that is kept on disk, a hop at a time; metadata as JSON bytes."""
        yield "metadata", np.frombuffer(self._metadata().encode(), dtype=np.uint8)
        for index, counts in enumerate(self.counts):
            for name, array in counts.arrays().items():
                yield f"hop{index}_{name}", array

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> Baseline:
        """Read back what `arrays` gave; each is asked for once, so that they need not all be there.

        Raises
        ------
        ValueError
            Not a baseline, of another format, or damaged; the message says which.
        """
        if "metadata" not in arrays:
            raise ValueError("no metadata: not a baseline")
        metadata = json.loads(bytes(arrays["metadata"]))
        if metadata.get("format") != FORMAT:
            raise ValueError(f"baseline format {metadata.get('format')!r} is not {FORMAT}")
        counts = []
        for index, hop in enumerate(metadata["hops"]):
            names = [name for name in arrays if name.startswith(f"hop{index}_")]
            found = {name.removeprefix(f"hop{index}_"): arrays[name] for name in names}
            counts.append(HopCounts.restore(Grid(**hop.pop("grid")), hop, found))
        return cls(
            Identity(**metadata["identity"]),
            tuple(counts),
            tuple((low, high) for low, high in metadata["masks_hz"]),
            tuple((low, high) for low, high in metadata["refused_hz"]),
        )

    def _metadata(self) -> str:
        """All that is not an array, in one canonical text."""
        return json.dumps(
            {
                "format": FORMAT,
                "identity": asdict(self.identity),
                "hops": [counts.numbers() for counts in self.counts],
                "masks_hz": self.masks_hz,
                "refused_hz": self.refused_hz,
            },
            sort_keys=True,
        )

    def _whole_day(self, hop: int) -> Reference:
        """As counted."""
        counts = self.counts[hop]
        return reference_of(counts, self._segments(counts), self.masks_hz, self.refused_hz)

    def _at_hour(self, hop: int, hour: int) -> Reference:
        """At one hour of the day; the same object where it says nothing of its own."""
        counts = self.counts[hop]
        segments, scans = self._segments(counts), worth(counts.scans)
        whole_day = self._whole_day(hop)
        ratios = [ratio(segments, NOISE_P, scans) for ratio in RATIOS]
        found = at_this_hour(whole_day, counts.hours, hour, *ratios)
        return self._references[hop] if found is whole_day else self._flat(hop, found)

    def _flat(self, hop: int, reference: Reference) -> Reference:
        """With the slope of the receiver's filter taken out."""
        center_hz = self.counts[hop].center_freq_hz
        if self.response is None or center_hz is None:
            return reference
        bins = kept_bins(reference.grid, center_hz, self.identity.nfft)
        return flattened(reference, self.response[bins])

    def _segments(self, counts: HopCounts) -> Segments:
        """How the survey's dwells were cut, on average."""
        return Segments(
            self.identity.window,
            self.identity.overlap,
            round(counts.segments / counts.scans),
            counts.num_blocks,
        )
