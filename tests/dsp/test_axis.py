"""The axis over disjoint bands: whole, in order, and linear inside a band."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsp.axis import join_bands, nice_step, pieces_of

BANDS = st.lists(
    st.tuples(st.integers(100, 500), st.integers(1, 30)).map(
        lambda at: (at[0] * 1e6, (at[0] + at[1]) * 1e6)
    ),
    min_size=1,
    max_size=30,
)


@given(BANDS, st.floats(0.0, 0.2))
def test_pieces_fill_the_axis_in_order(bands: list[tuple[float, float]], gap: float) -> None:
    pieces = pieces_of(bands, gap)
    assert pieces[0].x0 == 0.0
    assert pieces[-1].x1 == pytest.approx(1.0)
    for piece, after in itertools.pairwise(pieces):
        assert piece.x0 < piece.x1 <= after.x0
        assert piece.stop_hz < after.start_hz
    for start_hz, stop_hz in bands:
        assert any(p.start_hz <= start_hz and stop_hz <= p.stop_hz for p in pieces)


def test_a_wide_band_gets_the_root_of_its_share() -> None:
    narrow, wide = pieces_of([(1e8, 1.01e8), (2e8, 2.16e8)], gap=0.0)
    assert (wide.x1 - wide.x0) / (narrow.x1 - narrow.x0) == pytest.approx(4.0)
    assert wide.x_of(2.08e8) == pytest.approx((wide.x0 + wide.x1) / 2)


def test_no_bands_no_axis() -> None:
    assert pieces_of([]) == []
    assert join_bands([]) == []


@given(st.floats(1e-3, 1e9))
def test_nice_step(least: float) -> None:
    assert least * (1 - 1e-8) <= nice_step(least) <= 2.51 * least
