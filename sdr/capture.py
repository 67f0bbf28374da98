"""The last seconds of raw samples, so that evidence begins before the first symbol."""

from __future__ import annotations

from collections import deque
from dataclasses import replace

from dsp.values import IQBlock


class Ring:
    """Bounded memory of raw blocks in the order of their time; the oldest go first.

    Parameters
    ----------
    seconds : float
        Blocks that ended longer than this before the newest one are forgotten.
    max_bytes : int
        Hard bound, for sources that are faster than expected.

    Attributes
    ----------
    num_bytes : int
        Held now; never more than ``max_bytes``.
    num_samples : int
        Held now.
    short_blocks : int
        Blocks that had to go before ``seconds`` had passed: the bound was too small.
    """

    def __init__(self, seconds: float = 5.0, max_bytes: int = 64 << 20) -> None:
        self._keep_ns = round(seconds * 1e9)
        self._max_bytes = max_bytes
        self._blocks: deque[IQBlock] = deque()
        self.num_bytes = self.num_samples = self.short_blocks = 0

    def push(self, block: IQBlock) -> IQBlock:
        """Add the newest block and return it as it is held.

        Writeable samples are copied, because a source may fill the same buffer again.
        """
        if block.raw.nbytes > self._max_bytes:
            # The end of it is what comes next to the future.
            spare = block.raw.nbytes - self._max_bytes
            per_sample = 2 * block.raw.itemsize
            block = cut(block, -(-spare // per_sample), block.num_samples)
            self.short_blocks += 1
        if block.raw.flags.writeable:
            block = replace(block, raw=block.raw.copy())
        self._blocks.append(block)
        self.num_bytes += block.raw.nbytes
        self.num_samples += block.num_samples
        oldest_ns = stop_ns(block) - self._keep_ns
        while stop_ns(self._blocks[0]) < oldest_ns:
            self._forget()
        while self.num_bytes > self._max_bytes:
            self._forget()
            self.short_blocks += 1
        return block

    def extract(
        self, start_ns: int, until_ns: int, center_freq_hz: float | None = None
    ) -> list[IQBlock]:
        """Samples received in [start_ns, until_ns), blocks at both ends cut to the sample.

        Parameters
        ----------
        start_ns, until_ns : int
        center_freq_hz : float, optional
            Only blocks tuned there (within 1 Hz); a clip has one centre.
        """
        found = []
        for block in self._blocks:
            if center_freq_hz is not None and abs(block.center_freq_hz - center_freq_hz) > 1.0:
                continue
            first = _samples_until(block, start_ns)
            last = _samples_until(block, until_ns)
            if last > first:
                found.append(cut(block, first, last))
        return found

    def clear(self) -> None:
        """Forget everything, for example after the gain was changed."""
        self._blocks.clear()
        self.num_bytes = self.num_samples = 0

    def _forget(self) -> None:
        gone = self._blocks.popleft()
        self.num_bytes -= gone.raw.nbytes
        self.num_samples -= gone.num_samples


def stop_ns(block: IQBlock) -> int:
    """UTC of the first sample after the block."""
    return block.time_ns + round(block.duration_s * 1e9)


def cut(block: IQBlock, first: int, last: int) -> IQBlock:
    """Samples ``first`` to ``last`` (excluded) of a block, with their own time and index.

    What was lost before the block was lost before its first sample only.
    """
    if first == 0 and last == block.num_samples:
        return block
    return replace(
        block,
        raw=block.raw[2 * first : 2 * last],
        time_ns=block.time_ns + round(first / block.sample_rate_hz * 1e9),
        sample_index=block.sample_index + first,
        dropped_samples=block.dropped_samples if first == 0 else 0,
    )


def _samples_until(block: IQBlock, time_ns: int) -> int:
    """Samples of a block that came before a time, 0 to all of them."""
    # Up to a thousandth of a sample is the rounding of nanoseconds, not a sample.
    passed = (time_ns - block.time_ns) * block.sample_rate_hz / 1e9
    return min(max(-int(-(passed - 1e-3) // 1), 0), block.num_samples)
