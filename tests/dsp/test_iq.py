from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsp.iq import SAMPLE_TYPES, clipped_fraction, dc_offset, sample_bytes, to_complex

FORMATS = ("cu8", "cs8", "ci16", "cf32")


@pytest.mark.parametrize(
    ("sample_format", "low", "high", "ends"),
    [
        ("cu8", 0, 255, (-1.0, 1.0)),
        ("cs8", -128, 127, (-1.0, 127 / 128)),
        ("ci16", -32768, 32767, (-1.0, 32767 / 32768)),
        ("cf32", -1.0, 1.0, (-1.0, 1.0)),
    ],
)
def test_end_stops_read_full_scale(sample_format, low, high, ends):
    raw = np.array([low, high], dtype=SAMPLE_TYPES[sample_format])
    got = to_complex(raw, sample_format)
    assert got.dtype == np.complex64
    np.testing.assert_allclose([got[0].real, got[0].imag], ends, rtol=1e-6)


def test_cu8_has_no_half_step_of_dc():
    every_code = np.repeat(np.arange(256, dtype=np.uint8), 2)
    assert abs(dc_offset(to_complex(every_code, "cu8"))) < 1e-7


@pytest.mark.parametrize("sample_format", FORMATS)
def test_equals_the_plain_formula_in_double_precision(sample_format, rng):
    kind = SAMPLE_TYPES[sample_format]
    if sample_format == "cf32":
        raw = rng.uniform(-1, 1, 2000).astype(kind)
    else:
        raw = rng.integers(np.iinfo(kind).min, np.iinfo(kind).max, 2000, kind, endpoint=True)
    raw.flags.writeable = False
    offset = 127.5 if sample_format == "cu8" else 0.0
    scale = {"cu8": 127.5, "cs8": 128, "ci16": 32768, "cf32": 1}[sample_format]
    plain = (raw.astype(np.float64) - offset) / scale
    np.testing.assert_allclose(
        to_complex(raw, sample_format), plain[::2] + 1j * plain[1::2], atol=1e-7
    )


@settings(max_examples=30, deadline=None)
@given(cut=st.integers(0, 997))
def test_converting_in_pieces_changes_nothing(cut):
    raw = np.random.default_rng(3).integers(0, 256, 2 * 997, np.uint8)
    whole = to_complex(raw, "cu8")
    parts = [to_complex(raw[: 2 * cut], "cu8"), to_complex(raw[2 * cut :], "cu8")]
    assert np.array_equal(whole, np.concatenate(parts))


def test_out_is_filled_and_returned(rng):
    raw = rng.integers(0, 256, 64, np.uint8)
    out = np.empty(32, np.complex64)
    assert to_complex(raw, "cu8", out) is out
    assert np.array_equal(out, to_complex(raw, "cu8"))


@pytest.mark.parametrize(
    ("raw", "out"),
    [
        (np.zeros(3, np.uint8), None),
        (np.zeros(4, np.int16), None),
        (np.zeros((2, 2), np.uint8), None),
        (np.zeros(4, np.uint8), np.zeros(3, np.complex64)),
        (np.zeros(4, np.uint8), np.zeros(2, np.complex128)),
    ],
)
def test_what_does_not_fit_is_refused(raw, out):
    with pytest.raises(ValueError, match=r"shape|dtype"):
        to_complex(raw, "cu8", out)


@pytest.mark.parametrize(
    ("sample_format", "values"),
    [
        ("cu8", [0, 255, 1, 254]),
        ("cs8", [-128, 127, 126, 0]),
        ("ci16", [-32768, 32767, 0, 5]),
        ("cf32", [1.0, -1.2, 0.99, 0.0]),
    ],
)
def test_clipped_fraction_counts_the_end_stops(sample_format, values):
    assert clipped_fraction(np.array(values, SAMPLE_TYPES[sample_format]), sample_format) == 0.5
    assert clipped_fraction(np.array([], SAMPLE_TYPES[sample_format]), sample_format) == 0.0


def test_dc_offset_of_a_million_samples():
    samples = np.full(1_000_000, 0.01 - 0.003j, np.complex64)
    assert abs(dc_offset(samples) - (0.01 - 0.003j)) < 1e-8
    assert dc_offset(samples[:0]) == 0


@pytest.mark.parametrize(
    ("sample_format", "size"), [("cu8", 2), ("cs8", 2), ("ci16", 4), ("cf32", 8)]
)
def test_sample_bytes(sample_format, size):
    assert sample_bytes(sample_format) == size
