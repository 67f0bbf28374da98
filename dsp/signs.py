"""Signs of illness in one dwell: the shape of its noise, its known carriers, its clipping."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from .noise import excised_floor, segments_of
from .units import ratio_db
from .values import Dwell, Real, Reference

Ailment = Literal["stuck", "garbage", "overload", "deaf", "lost_carriers", "drowned"]

DEAD_POWER = 1e-14
"""-140 dBFS: below the quantisation noise in one bin of any receiver of up to 16 bits."""

DEAF_DB = -3.0
DROWNED_DB = 6.0
"""The floor's change that matters; a warm dongle drifts by less than 1 dB."""

CLIPPED = 1e-4
BLIND_CLIPPED = 1e-2

CARRIER_DB = 10.0
"""A bin this far over the floor in the reference is a known carrier ..."""

CARRIER_LOST_DB = 6.0
"""... and lost where it fell by this; `LOST_SHARE` of a hop's carriers make the hop suspicious."""

LOST_SHARE = 0.8
MIN_CARRIER_BINS = 3

ROUGH = 4.0
ROUGH_EVER = 12.0
"""Weak bins scatter this many times more than in the reference, or than averaged noise anywhere:
counters, combs, repeated buffers.  A band crowded with keyed signals reaches 10."""


@dataclass(frozen=True, slots=True, eq=False)
class HopReference:
    """What a healthy receiver shows on one hop.

    Attributes
    ----------
    floor : float
        Linear, as `dsp.noise.excised_floor`.
    carriers : int64, shape (n,)
        Bins of known steady carriers.
    levels : float32, shape (n,)
        Their power.
    roughness : float
        As `roughness`; 1 where it is not known better.
    """

    floor: float
    carriers: npt.NDArray[np.int64]
    levels: Real
    roughness: float = 1.0

    @classmethod
    def of_baseline(cls, reference: Reference) -> HopReference:
        """Take it from a frozen baseline."""
        floor = float(np.median(reference.floor))
        return cls._of(reference.steady, reference.steady, floor, reference.masked)

    @classmethod
    def of_dwells(cls, dwells: Iterable[Dwell]) -> HopReference:
        """Learn it from the first dwells of a receiver that is taken to be healthy.

        A carrier must be there in every one of them: who talks now and then is none.
        """
        looks = list(dwells)
        powers = np.stack([d.mean for d in looks])
        typical = np.median(powers, axis=0).astype(np.float32)
        k = segments_of(looks[0]).k_mean
        rough = float(np.median([roughness(d.mean, k) for d in looks]))
        floor = excised_floor(typical, k)
        never = np.zeros(typical.shape, dtype=np.bool_)
        return cls._of(typical, powers.min(axis=0), floor, never, rough)

    @classmethod
    def _of(
        cls,
        typical: Real,
        least: Real,
        floor: float,
        masked: npt.NDArray[np.bool_],
        rough: float = 1.0,
    ) -> HopReference:
        over = (least > floor * 10 ** (CARRIER_DB / 10)) & ~masked
        over[_center(typical.shape[0])] = False  # the receiver's own DC spike is always there
        bins = np.flatnonzero(over)
        return cls(floor, bins, typical[bins], max(rough, 1.0))

    def without_carriers(self) -> HopReference:
        """Return the same hop, from which no carrier is expected any more."""
        return replace(self, carriers=self.carriers[:0], levels=self.levels[:0])


@dataclass(frozen=True, slots=True)
class Signs:
    """What one dwell shows.

    Attributes
    ----------
    floor_change_db : float
        Against the reference; NaN without one.
    lost_share : float
        Share of the hop's known carriers that are gone; NaN where it has none.
    roughness : float
        Scatter of the weak bins over that of averaged noise: 1 is right.
    rough_limit : float
        What it may be here.
    clipped_fraction : float
    dead : bool
        No power in it, or the very same numbers as the time before.
    """

    floor_change_db: float
    lost_share: float
    roughness: float
    rough_limit: float
    clipped_fraction: float
    dead: bool

    @property
    def ailments(self) -> frozenset[Ailment]:
        """What is wrong with this dwell; a cause hides its consequences."""
        if self.dead:
            return frozenset({"stuck"})
        if self.clipped_fraction > BLIND_CLIPPED:
            return frozenset({"overload"})
        found: set[Ailment] = set()
        if self.clipped_fraction > CLIPPED:
            found.add("overload")
        if self.floor_change_db > DROWNED_DB:
            return frozenset(found | {"drowned"})
        if self.roughness > self.rough_limit and not found:
            return frozenset({"garbage"})
        if self.floor_change_db < DEAF_DB:
            found.add("deaf")
        if self.lost_share >= LOST_SHARE:
            found.add("lost_carriers")
        return frozenset(found)


def signs(dwell: Dwell, reference: HopReference | None, before: Real | None = None) -> Signs:
    """Examine one dwell.

    Parameters
    ----------
    dwell : Dwell
    reference : HopReference or None
    before : float32, shape (n_bins,), optional
        ``mean`` of the hop's previous dwell.
    """
    k = segments_of(dwell).k_mean
    floor = excised_floor(dwell.mean, k)
    change_db = lost = math.nan
    rough_limit = ROUGH_EVER
    if reference is not None:
        rough_limit = min(ROUGH_EVER, ROUGH * reference.roughness)
        change_db = ratio_db(floor / reference.floor)
        if reference.carriers.shape[0] >= MIN_CARRIER_BINS:
            least = reference.levels * np.float32(10 ** (-CARRIER_LOST_DB / 10))
            lost = float(np.mean(dwell.mean[reference.carriers] < least))
    repeated = before is not None and np.array_equal(before, dwell.mean)
    return Signs(
        floor_change_db=change_db,
        lost_share=lost,
        roughness=roughness(dwell.mean, k),
        rough_limit=rough_limit,
        clipped_fraction=dwell.clipped_fraction,
        dead=repeated or not floor > DEAD_POWER,
    )


def roughness(power: Real, k_eff: float) -> float:
    """Scatter of the weaker half of the bins, over what ``k_eff`` averages leave.

    The logarithm of Gamma(k)/k scatters by 1/sqrt(k); half the differences between two bins of
    its lower half are smaller than 0.545 of that.  The bins are three apart: far enough that a Hann
    window couples nothing, near enough that a slope does not count.

    Examples
    --------
    >>> gamma = np.random.default_rng(1).gamma(176.0, 1 / 176.0, 8680).astype(np.float32)
    >>> round(roughness(gamma, 176.0), 1)
    1.0
    """
    weak = power <= np.median(power)
    pairs = weak[:-3] & weak[3:]
    if not pairs.any():
        return math.nan
    logs = np.log(np.maximum(power, 1e-30))
    scatter = float(np.median(np.abs(logs[3:] - logs[:-3])[pairs]))
    return scatter * math.sqrt(k_eff) / 0.545


def _center(n_bins: int) -> slice:
    """The bins around the tuned centre that hold the DC spike."""
    return slice(n_bins // 2 - 3, n_bins // 2 + 4)
