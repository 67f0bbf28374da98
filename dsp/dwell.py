"""One stay on one hop: raw block to the two looks at every kept bin."""

from __future__ import annotations

from dataclasses import dataclass

from .iq import FULL_SCALE, OFFSET, clipped_fraction
from .plan import Hop
from .psd import dwell_power
from .values import Dwell, IQBlock, Real, WindowName
from .window import window


@dataclass(frozen=True, slots=True)
class Resolution:
    """How finely a dwell is looked at.

    Attributes
    ----------
    nfft : int
    window : WindowName
    overlap : float
        0.5 brings nearly all that overlapping can (K_eff 176 for 186 segments against 94 for 93).
    block_s : float
        Length of the stretches of the burst look.
    """

    nfft: int = 1024
    window: WindowName = "hann"
    overlap: float = 0.5
    block_s: float = 5e-3

    @property
    def hop_size(self) -> int:
        """Samples between the starts of two segments."""
        return max(1, round(self.nfft * (1 - self.overlap)))


def look(
    block: IQBlock,
    hop: Hop,
    resolution: Resolution | None = None,
    response: Real | None = None,
    dc: complex = 0j,
) -> Dwell:
    """Compute both looks at a dwell.

    Nothing is notched at the tuned centre.  The receiver's own DC is a constant: where it was
    learnt (`Baseline.dc`) it is subtracted as such, and a signal at exactly that frequency stays.
    What is left of it is steady and therefore part of the baseline.

    Parameters
    ----------
    block : IQBlock
        Received at the hop's centre.
    hop : Hop
    resolution : Resolution, optional
    response : float32, shape (nfft,), optional
        Power response of the receiver over the sampled band, 1 in the middle; divides the bins, so
        that the roll-off at the band's edges is flat.
    dc : complex
        Learnt mean of the receiver's samples, full scale 1.

    Returns
    -------
    Dwell

    Raises
    ------
    ValueError
        The block is shorter than one segment, was tuned elsewhere (more than half a bin) or has
        another bin width than the hop.
    """
    resolution = resolution or Resolution()
    nfft = resolution.nfft
    width = hop.grid.bin_width_hz
    if abs(block.sample_rate_hz / nfft / width - 1) > 1e-3:
        raise ValueError(f"{block.sample_rate_hz=} at {nfft=} is not the hop's {width=}")
    if abs(block.center_freq_hz - hop.center_freq_hz) > width / 2:
        raise ValueError(f"{block.center_freq_hz=} is not the hop's {hop.center_freq_hz=}")
    taps = window(resolution.window, nfft)
    scale, zero = FULL_SCALE[block.sample_format], OFFSET[block.sample_format]
    power = dwell_power(
        block.raw,
        taps,
        resolution.hop_size,
        round(block.duration_s / resolution.block_s),
        scale=scale,
        offset=complex(zero, zero) + dc * scale,
    )
    first = nfft // 2 + round((hop.grid.start_hz - hop.center_freq_hz) / width)
    kept = slice(first, first + hop.grid.n_bins)
    mean, peak = power.mean()[kept], power.peak()[kept]
    if response is not None:
        mean, peak = mean / response[kept], peak / response[kept]
    return Dwell(
        hop=hop.index,
        grid=hop.grid,
        mean=mean,
        peak=peak,
        rbw_hz=taps.enbw_bins * width,
        time_ns=block.time_ns,
        duration_s=block.duration_s,
        num_segments=power.num_segments,
        num_blocks=len(power.counts),
        clipped_fraction=clipped_fraction(block.raw, block.sample_format),
        dropped_samples=block.dropped_samples,
        center_freq_hz=block.center_freq_hz,
        window=resolution.window,
        overlap=resolution.overlap,
        dc=power.center + dc,
    )
