"""How often noise exceeds a level: exact for overlapping segments and an estimated floor.

The mean of M windowed, overlapping segments of white noise is not Gamma distributed: neighbouring
segments share samples.  It is a quadratic form in complex Gaussians, that is a sum of independent
exponentials weighted with the eigenvalues of the segments' correlation matrix.  Its tail is
integrated numerically along a parabola through the saddle point, to a hundred-thousandth of its
value for eight segments and more, where the usual Gamma with a matched variance is a quarter off at
1e-9.

The floor is itself an estimate from a survey of N dwells, so the quantity under test is
``P(dwell > t * estimate)``: the same integral with the survey's eigenvalues entering negatively
(an F distribution in the case of independent segments).
"""

from __future__ import annotations

import math
from collections.abc import Callable
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
