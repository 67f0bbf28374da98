"""SNR for Pd 0.9 at Pfa 1e-6 in a 40 ms dwell of 8-bit samples against the chi-square value.

The SNR is that of the analogue signal in one resolution bandwidth before the converter, so its
quantisation noise counts against us.  Twenty tones in every dwell are twenty trials.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy import optimize, stats

from dsp.baseline import Learner
from dsp.detect import detect
from dsp.dwell import look
from dsp.identity import Identity
from dsp.noise import segments_of
from dsp.plan import Band, make_plan
from dsp.rule import Rule
from dsp.synth import carrier, noise, quantise_cu8, seeded
from dsp.units import from_db, ratio_db
from dsp.values import IQBlock
from dsp.window import window
from sensors.benches import Metric, Skip

SAMPLE_RATE_HZ = 2.4e6
NUM_SAMPLES = 96_000
P_FA = 1e-6
P_D = 0.9
TONES = 20


def chi_square_snr_db(k_eff: float) -> float:
    """SNR per bin at which a Gamma(K) detector of this Pfa finds a tone with P_D (domain: 5.1)."""
    limit = stats.gamma.isf(P_FA, k_eff, scale=1 / k_eff)

    def miss(snr_db: float) -> float:
        snr = 10 ** (snr_db / 10)
        return stats.ncx2.sf(2 * k_eff * limit, 2 * k_eff, 2 * k_eff * snr) - P_D

    return float(optimize.brentq(miss, -12, 15))


def run(dwells: int = 40) -> Iterator[Metric | Skip]:
    """Find the SNR at which nine of ten tones are found."""
    plan = make_plan([Band("bench", 168e6, 170e6, 1.0)])
    hop = plan.hops[0]
    rule = Rule(p_fa=P_FA, on_db=0.0, off_db=0.0)
    taps = window("hann", 1024)
    bin_share = 1 / 1024
    for rms_lsb in (1.0, 2.0):
        noise_dbfs = ratio_db(2 * (rms_lsb / 127.5) ** 2)

        def block(samples: np.ndarray) -> IQBlock:
            return IQBlock(quantise_cu8(samples), "cu8", hop.center_freq_hz, SAMPLE_RATE_HZ, 1, 0)

        identity = Identity("bench", "none", None, SAMPLE_RATE_HZ, 1024, "hann", plan.digest)
        learner = Learner(identity, plan)
        for number in range(200):
            quiet = noise(seeded(1, number), NUM_SAMPLES, noise_dbfs)
            dwell = look(block(quiet), hop)
            learner.learn(dwell)
        reference = learner.freeze().at(0)
        segments = segments_of(dwell)
        expected = chi_square_snr_db(segments.k_mean)
        density_per_bin = float(from_db(noise_dbfs)) * taps.enbw_bins * bin_share
        for placed in ("bin-centred", "random offset"):
            levels = expected + np.arange(-0.75, 2.6, 0.25)
            shares = []
            rng = seeded(2)
            for snr_db in levels:
                found = 0
                for number in range(dwells):
                    bins = np.linspace(-400, 400, TONES).round() + (rng.integers(-8, 9))
                    if placed == "random offset":
                        bins = bins + rng.uniform(-0.5, 0.5, TONES)
                    samples = noise(seeded(3, number, round(snr_db * 100)), NUM_SAMPLES, noise_dbfs)
                    scale = np.float32(np.sqrt(density_per_bin * 10 ** (snr_db / 10)))
                    time = np.arange(NUM_SAMPLES) * bin_share
                    for place in bins:
                        samples += scale * carrier(time * place + rng.uniform())
                    seen = detect(look(block(samples), hop), reference, rule)
                    for place in bins:
                        hz = hop.center_freq_hz + place * hop.grid.bin_width_hz
                        slack = hop.grid.bin_width_hz / 2
                        found += any(d.low_hz - slack <= hz <= d.high_hz + slack for d in seen)
                shares.append(found / dwells / TONES)
            reached = float(np.interp(P_D, np.maximum.accumulate(shares), levels))
            yield Metric.of(
                f"SNR for Pd 0.9, floor {rms_lsb:g} LSB rms, {placed}",
                reached,
                "dB",
                reference=expected,
                ratio=reached - expected,
                at_most=0.5 if placed == "bin-centred" else None,
                on="ratio",
            )
    yield Metric.of("K_eff of the dwell", segments.k_mean, "segments")
