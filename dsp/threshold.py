"""From a false-alarm probability to a threshold, exact for overlapping segments.

The mean of M windowed, overlapping segments of white noise is not Gamma distributed: neighbouring
segments share samples.  It is a quadratic form in complex Gaussians, that is a sum of independent
exponentials weighted with the eigenvalues of the segments' correlation matrix.  Its tail is
integrated numerically along a parabola through the saddle point, which is exact to about ten
digits, where the usual Gamma with a matched variance is wrong by tens of per cent at 1e-9.

The floor is itself an estimate from a survey of N dwells, so the quantity under test is
``P(dwell > t * estimate)``: the same integral with the survey's eigenvalues entering negatively
(an F distribution in the case of independent segments).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from .values import WindowName
from .window import window

Array = npt.NDArray[np.float64]

NODES = 80
"""Half the points of the integral; the integrand falls like a Gaussian along the parabola."""

REACH = 9.0
"""Where the integral is cut, in standard deviations of the integrand."""


@lru_cache(maxsize=64)
def segment_correlation(name: WindowName, overlap: float) -> tuple[float, ...]:
    """Correlation between a segment's bin and the same bin k segments later, k = 0, 1, ...

    ``sum(w[n] * w[n + k * hop]) / sum(w**2)``; it depends on the overlap, hardly on the length.

    Examples
    --------
    >>> [round(r, 4) for r in segment_correlation("hann", 0.5)]
    [1.0, 0.1667]
    """
    if not 0 <= overlap < 1:
        raise ValueError(f"{overlap=} is not in [0, 1)")
    nfft = 1024
    taps = window(name, nfft).taps.astype(np.float64)
    hop_size = max(1, round(nfft * (1 - overlap)))
    lags = range(0, nfft, hop_size)
    energy = float(taps @ taps)
    return tuple(float(taps[lag:] @ taps[: nfft - lag]) / energy for lag in lags)


@lru_cache(maxsize=256)
def segment_weights(name: WindowName, overlap: float, num_segments: int) -> Array:
    """Eigenvalues of the segments' correlation matrix over M: weights of the exponentials, sum 1.

    For a half-overlapped window only neighbours are correlated and the eigenvalues are known:
    ``(1 + 2 * rho * cos(pi * i / (M + 1))) / M``.
    """
    if num_segments < 1:
        raise ValueError(f"{num_segments=} is less than 1")
    rho = segment_correlation(name, overlap)
    if len(rho) <= 2:
        neighbour = rho[1] if len(rho) == 2 else 0.0
        angle = np.pi * np.arange(1, num_segments + 1) / (num_segments + 1)
        weights = (1 + 2 * neighbour * np.cos(angle)) / num_segments
    else:
        row = np.zeros(num_segments)
        row[: len(rho)] = rho[:num_segments]
        lag = np.abs(np.arange(num_segments)[:, None] - np.arange(num_segments))
        weights = np.linalg.eigvalsh(row[lag]) / num_segments
    weights = np.maximum(weights, 1e-12)
    weights /= weights.sum()
    weights.setflags(write=False)
    return weights


def k_eff(name: WindowName, overlap: float, num_segments: int) -> float:
    """Independent segments with the same variance of their mean.

    Examples
    --------
    >>> round(k_eff("hann", 0.5, 186))
    176
    """
    return float(1 / np.sum(segment_weights(name, overlap, num_segments) ** 2))


def exceedance(
    weights: Array, ratio: float, survey: Array | None = None, scans: float = 0
) -> float:
    """Probability that a noise dwell exceeds ``ratio`` times the floor.

    Parameters
    ----------
    weights : float64, shape (m,)
        Of the dwell's exponentials, sum 1.
    ratio : float
        Threshold over the floor, linear, positive.
    survey : float64, shape (s,), optional
        Weights of one survey dwell.  Without it the floor is known exactly.
    scans : float
        Dwells averaged in the survey.

    Returns
    -------
    probability : float

    Notes
    -----
    ``P(X > x) = 1/(2 pi i) * integral exp(K(s) - s x) / s ds`` over any path that leaves the pole
    at 0 on its left and those at ``1 / weights`` on its right, K the cumulant generating function
    ``-sum(log(1 - weights * s))``.  The path is the parabola that follows the steepest descent to
    third order at the saddle point of the whole integrand.

    References
    ----------
    S. O. Rice, "Distribution of quadratic forms in normal random variables", SIAM J. Sci. Stat.
    Comput. 1(4), 1980; R. Lugannani and S. Rice, Adv. Appl. Probab. 12, 1980.

    Examples
    --------
    >>> round(exceedance(np.ones(1), 3.0) / math.exp(-3.0), 9)
    1.0
    """
    if survey is None:
        negative, power, offset = np.zeros(0), 0.0, ratio
    else:
        negative, power, offset = survey * (ratio / round(scans)), float(round(scans)), 0.0

    def derivative(order: int, s: float) -> float:
        """Of log(integrand): cumulants of the form, the exponential and the pole at zero."""
        factorial = float(math.factorial(order - 1))
        value: float = factorial * float(np.sum((weights / (1 - weights * s)) ** order))
        value += (
            (-1) ** order
            * factorial
            * power
            * float(np.sum((negative / (1 + negative * s)) ** order))
        )
        value += factorial / float((-s) ** order)
        return value - offset if order == 1 else value

    saddle = _saddle(derivative, 1 / float(weights.max()))
    curvature = derivative(2, saddle)
    bend = derivative(3, saddle) / (6 * curvature)
    step = REACH / NODES / math.sqrt(curvature)
    u = (np.arange(NODES) + 0.5) * step
    s = saddle + bend * u**2 + 1j * u
    log_integrand = -s * offset - np.log(s)
    # Products of 64 factors before one logarithm: quicker, and far from overflow.  What it loses
    # is whole turns of the phase, times a whole number of scans.
    for weight in np.split(weights, range(64, len(weights), 64)):
        log_integrand -= np.log(np.prod(1 - s[:, None] * weight, axis=1))
    for weight in np.split(negative, range(64, len(negative), 64)):
        log_integrand -= power * np.log(np.prod(1 + s[:, None] * weight, axis=1))
    scale = log_integrand.real.max()
    terms = np.exp(log_integrand - scale) * (2 * bend * u + 1j)
    return float(terms.imag.sum() * step / np.pi * math.exp(scale))


def _saddle(derivative: Callable[[int, float], float], pole: float) -> float:
    """Root of the rising first derivative on (0, pole): Newton's method, kept in by bisection."""
    low, high = 0.0, pole
    at = 0.5 * pole
    for _ in range(100):
        slope = derivative(1, at)
        if slope < 0:
            low = at
        else:
            high = at
        step = at - slope / derivative(2, at)
        if abs(step - at) <= 1e-6 * at:  # need not be exact: any path beside it gives the same
            break
        at = step if low < step < high else 0.5 * (low + high)
    return at


@dataclass(frozen=True, slots=True)
class Segments:
    """How a dwell's segments were cut: all that the noise statistics depend on.

    Attributes
    ----------
    window : WindowName
    overlap : float
        Share of a segment that the next one sees again.
    num_segments : int
        In the whole dwell.
    num_blocks : int
        Stretches that the peak was taken over.
    """

    window: WindowName
    overlap: float
    num_segments: int
    num_blocks: int

    @property
    def block_segments(self) -> tuple[int, int]:
        """Segments of the shorter stretches, and how many stretches have one more."""
        return divmod(self.num_segments, self.num_blocks)

    @property
    def k_mean(self) -> float:
        """Effective number of averages of the mean look."""
        return k_eff(self.window, self.overlap, self.num_segments)

    @property
    def k_burst(self) -> float:
        """Effective number of averages of one stretch of the burst look."""
        return k_eff(self.window, self.overlap, max(1, self.block_segments[0]))


def mean_p_fa(segments: Segments, ratio: float, scans: float = math.inf) -> float:
    """Probability that the mean look exceeds ``ratio`` times a floor learnt in ``scans`` dwells."""
    weights = segment_weights(segments.window, segments.overlap, segments.num_segments)
    return exceedance(weights, ratio, weights if math.isfinite(scans) else None, scans)


def burst_p_fa(segments: Segments, ratio: float, scans: float = math.inf) -> float:
    """Probability that the largest stretch exceeds ``ratio`` times the mean look's floor.

    Stretches are taken as independent; neighbours share half a segment, which lowers the
    probability by less than a per cent.
    """
    survey = None
    if math.isfinite(scans):
        survey = segment_weights(segments.window, segments.overlap, segments.num_segments)
    short, longer = segments.block_segments
    log_quiet = 0.0
    for count, stretches in ((short, segments.num_blocks - longer), (short + 1, longer)):
        if stretches:
            weights = segment_weights(segments.window, segments.overlap, count)
            single = exceedance(weights, ratio, survey, scans)
            log_quiet += stretches * math.log1p(-min(single, 1 - 1e-16))
    return -math.expm1(log_quiet)


def worth(scans: float) -> float:
    """Scans to two digits, rounded down: hops of one survey then share their thresholds.

    Examples
    --------
    >>> worth(1807.0), worth(34.0), worth(math.inf)
    (1800.0, 34.0, inf)
    """
    if not math.isfinite(scans) or scans < 100:
        return scans
    step = 10.0 ** (math.floor(math.log10(scans)) - 1)
    return math.floor(scans / step) * step


@lru_cache(maxsize=4096)
def mean_ratio(segments: Segments, p_fa: float, scans: float = math.inf) -> float:
    """Threshold of the mean look over the floor, linear.

    Raises
    ------
    ValueError
        ``p_fa`` outside (1e-15, 0.5).

    Examples
    --------
    >>> from dsp.units import ratio_db
    >>> round(ratio_db(mean_ratio(Segments("hann", 0.5, 186, 8), 1e-9)), 2)
    1.83
    """
    return _invert(lambda ratio: mean_p_fa(segments, ratio, scans), p_fa)


@lru_cache(maxsize=4096)
def burst_ratio(segments: Segments, p_fa: float, scans: float = math.inf) -> float:
    """Threshold of the burst look over the mean look's floor, linear; see `mean_ratio`."""
    return _invert(lambda ratio: burst_p_fa(segments, ratio, scans), p_fa)


def _invert(probability: Callable[[float], float], p_fa: float) -> float:
    """Ratio at which a falling probability reaches ``p_fa``: regula falsi on its logarithm."""
    if not 1e-15 < p_fa < 0.5:
        raise ValueError(f"{p_fa=} is not in (1e-15, 0.5)")
    low, high = 1.0, 2.0
    while probability(high) > p_fa:
        low, high = high, high * 2
    target = math.log(p_fa)
    at_low, at_high = math.log(probability(low)) - target, math.log(probability(high)) - target
    for _ in range(60):
        ratio = high - at_high * (high - low) / (at_high - at_low)
        value = math.log(probability(ratio)) - target
        if abs(value) < 1e-9:
            return ratio
        if value > 0:
            low, at_low = ratio, value
            at_high /= 2  # Illinois: keeps the other end from sticking
        else:
            high, at_high = ratio, value
            at_low /= 2
    return high
