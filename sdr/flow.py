"""Whether every sample arrives: by this computer's clock and by the chip's own test counter."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol, cast

import numpy as np

from dsp.values import Raw
from sdr.source import Source, SourceError


class _Counting(Protocol):
    def test_counter(self, on: bool) -> None: ...


@dataclass(frozen=True, slots=True)
class Flow:
    """What arrived while nothing but reading was done.

    Attributes
    ----------
    seconds : float
        Measured by this computer's clock.
    num_samples : int
        Received.
    dropped : int
        Lost, as the source says.
    late_s : float
        How much later the samples come at the end than at the beginning: crystal error (1e-4 of
        the time at most) plus what was lost.
    jumps : int or None
        Breaks of the test counter; None without one.
    counted_lost : int or None
        Bytes lost by the counter, of which it sees the remainder by 256 only: a lower bound.
    short_transfers : int
        USB transfers that ended early.
    """

    seconds: float
    num_samples: int
    dropped: int
    late_s: float
    jumps: int | None
    counted_lost: int | None
    short_transfers: int = 0


def can_count(source: Source) -> bool:
    """Whether the source has the test counter of the RTL2832U."""
    return hasattr(source, "test_counter")


def measure_flow(source: Source, seconds: float, *, counter: bool) -> Flow:
    """Read for some seconds and compare with the clock and with the chip's test counter.

    In test mode the chip sends a byte that counts up instead of samples: every lost byte shows.
    """
    if counter:
        cast("_Counting", source).test_counter(True)
    try:
        return _flow(source, seconds, counter=counter)
    finally:
        if counter:
            with suppress(SourceError):  # a lost dongle has said so already
                cast("_Counting", source).test_counter(False)


def _flow(source: Source, seconds: float, *, counter: bool) -> Flow:
    rate_hz = source.settings.sample_rate_hz
    size = round(rate_hz * 0.005)
    # What was in flight belongs to the time before, in test mode with other bytes.
    source.read(round(rate_hz * 0.3))
    jumps = lost = dropped = num_samples = 0
    expected: int | None = None
    delays_s: list[tuple[float, float]] = []
    short_before = getattr(source, "short_transfers", 0)
    start_s = now_s = time.monotonic()
    while now_s - start_s < seconds:
        block = source.read(size)
        now_s = time.monotonic()
        num_samples += block.num_samples
        dropped += block.dropped_samples
        delays_s.append((now_s - start_s, now_s - start_s - num_samples / rate_hz))
        if counter:
            if expected is not None:
                found, bytes_lost = count_jumps(block.raw, expected)
                jumps, lost = jumps + found, lost + bytes_lost
            expected = (int(block.raw[-1]) + 1) % 256
    # The scheduler makes samples late, never early: the earliest of each end are compared.
    first = min(delay for at, delay in delays_s if at < 0.25 * seconds)
    last = min(delay for at, delay in delays_s if at > 0.75 * seconds)
    return Flow(
        seconds=now_s - start_s,
        num_samples=num_samples,
        dropped=dropped,
        late_s=last - first,
        jumps=jumps if counter else None,
        counted_lost=lost if counter else None,
        short_transfers=getattr(source, "short_transfers", 0) - short_before,
    )


def count_jumps(raw: Raw, expected: int) -> tuple[int, int]:
    """Breaks in a run of counting bytes, and bytes lost at them (each modulo 256).

    Parameters
    ----------
    raw : uint8, shape (n,)
    expected : int
        What the first byte should be.

    Examples
    --------
    >>> count_jumps(np.array([254, 255, 0, 5, 6], dtype=np.uint8), 254)
    (1, 4)
    """
    steps = np.diff(raw, prepend=np.uint8((expected - 1) % 256))
    wrong = steps[steps != 1].astype(np.int64)
    return int(wrong.shape[0]), int(((wrong - 1) % 256).sum())
