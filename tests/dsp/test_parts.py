"""Two tones by turns are one FSK; two carriers at once, or keyed together, are two."""

from __future__ import annotations

import numpy as np
import pytest

from dsp.parts import alternate
from dsp.synth import noise, tone

LOW, HIGH = 0.02, 0.03


def sent(rng, kind):
    """A thousand symbols of 500 samples."""
    low, high = tone(500_000, LOW, -20.0), tone(500_000, HIGH, -20.0)
    bits = np.repeat(rng.integers(0, 2, 1000), 500)
    others = np.repeat(rng.integers(0, 2, 1000), 500)
    if kind == "fsk":
        mixed = np.where(bits, low, high)
    elif kind == "both on":
        mixed = low + high
    elif kind == "keyed together":
        mixed = (low + high) * bits
    else:
        mixed = low * bits + high * others
    return (mixed + noise(rng, 500_000, -20.0)).astype(np.complex64)


@pytest.mark.parametrize(
    ("kind", "one"),
    [("fsk", True), ("both on", False), ("keyed together", False), ("unrelated", False)],
)
def test_only_what_is_on_by_turns_is_one(rng, kind, one):
    assert alternate(sent(rng, kind), LOW, HIGH) == one


def test_too_short_to_tell(rng):
    assert not alternate(sent(rng, "fsk")[:500], LOW, HIGH)
