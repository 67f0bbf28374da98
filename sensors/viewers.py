"""Rows for whoever watches: one window each, at most eight a second, nothing when nobody does."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from dsp.axis import join_bands
from dsp.rule import thresholds
from dsp.values import Dwell
from sensors.link import Link
from sensors.listener import Listener
from sensors.messages import SpectrumReference, SpectrumRow, Watch
from sensors.panorama import OFFSET_DB, STEP_DB, Window, encode_levels

ROW_S = 0.125
"""Eight rows a second: what an eye can follow."""

REFERENCE_S = 2.0
"""Baseline and threshold are told again this often; without a baseline they move."""

LOCAL_BINS = 4096
"""Most bins of a band for viewers on this machine."""

Rows = Callable[[SpectrumRow | SpectrumReference], None]


@dataclass(slots=True)
class _View:
    """One watched window and what was last sent of it."""

    watch: Watch
    window: Window
    newest_ns: int
    seq: int = 0
    row_s: float = -ROW_S
    reference_s: float = -REFERENCE_S


class Viewers:
    """The windows that are watched at a site.

    Parameters
    ----------
    link : Link
        Knows the watches and takes the rows.
    listeners : dict
        `Listener` by sensor id.
    """

    def __init__(self, link: Link, listeners: dict[str, Listener]) -> None:
        self._link = link
        self._listeners = listeners
        self._views: dict[int, _View] = {}
        self._local: dict[tuple[str, float], _View] = {}

    def dwell(self, sensor: str, dwell: Dwell) -> None:
        """Show a dwell in every window on this sensor."""
        for view in (*self._views.values(), *self._local.values()):
            if view.watch.sensor == sensor:
                view.window.update(dwell)
                view.newest_ns = max(view.newest_ns, dwell.time_ns)

    def send(self, now_s: float) -> None:
        """Offer what is due; call it often."""
        watches = {watch.watch: watch for watch in self._link.watches}
        for number in self._views.keys() - watches.keys():
            del self._views[number]
        for number, watch in watches.items():
            view = self._views.get(number)
            if view is None or not _same_window(view.watch, watch):
                if watch.sensor not in self._listeners:
                    continue
                window = window_of(self._listeners[watch.sensor], watch)
                view = self._views[number] = _View(watch, window, newest_ns=0)
            self._send(view, now_s, partial(self._link.offer, view.watch))
        for sensor, listener in self._listeners.items():
            self._show(sensor, listener, now_s)

    def _show(self, sensor: str, listener: Listener, now_s: float) -> None:
        """Rows of every band of a sensor for viewers on this machine, only while there are any."""
        mine = {key: view for key, view in self._local.items() if key[0] == sensor}
        if not self._link.viewed(sensor):
            for key in mine:
                del self._local[key]
            return
        if listener.settings is None:
            return
        if not mine or any(now_s - view.reference_s >= REFERENCE_S for view in mine.values()):
            bin_hz = listener.settings.sample_rate_hz / listener.task.nfft
            health = listener.health(time.time_ns())
            for low_hz, high_hz in join_bands((b.start_hz, b.stop_hz) for b in health.bands):
                bins = min(LOCAL_BINS, max(16, round((high_hz - low_hz) / bin_hz)))
                watch = Watch(sensor, low_hz, high_hz, bins, credit=0, reference=True)
                known = mine.pop((sensor, low_hz), None)
                if known is None or not _same_window(known.watch, watch):
                    view = _View(watch, window_of(listener, watch), newest_ns=0)
                    self._local[sensor, low_hz] = view
            for key in mine:  # another dongle has this band now
                del self._local[key]
        for key, view in self._local.items():
            if key[0] == sensor:
                self._send(view, now_s, self._link.show)

    def _send(self, view: _View, now_s: float, out: Rows) -> None:
        listener = self._listeners[view.watch.sensor]
        if now_s - view.reference_s >= REFERENCE_S:
            view.reference_s = now_s
            out(references_of(listener, view.watch, view.window))
        # Nothing new from the sensor is no row: the page shows its age, not an old row again.
        if not view.newest_ns or now_s - view.row_s < max(ROW_S, view.watch.every_s):
            return
        # A row reaches back to the one before it, but not over a silence.
        reach_s = min(now_s - view.row_s, counts_s(listener)) if view.seq else 0.0
        row = SpectrumRow(
            sensor=view.watch.sensor,
            seq=view.seq,
            time_ns=view.newest_ns,
            duration_s=max(reach_s, ROW_S),
            start_hz=view.watch.start_hz,
            bin_width_hz=view.window.bin_width_hz,
            levels=view.window.row(view.newest_ns).tobytes(),
            offset_db=OFFSET_DB,
            step_db=STEP_DB,
        )
        out(row)
        view.seq += 1
        view.row_s = now_s
        view.newest_ns = 0


def _same_window(a: Watch, b: Watch) -> bool:
    return (a.sensor, a.start_hz, a.stop_hz, a.n_bins) == (
        b.sensor,
        b.start_hz,
        b.stop_hz,
        b.n_bins,
    )


def counts_s(listener: Listener) -> float:
    """How long a hop's last dwell counts for what is there now."""
    hops = len(listener.plan.hops) if listener.plan is not None else 1
    return max(4.0, 4.0 * hops * listener.task.dwell_s)


def window_of(listener: Listener, watch: Watch) -> Window:
    """Make a viewer's window, filled with what was seen last."""
    counts_ns = round(counts_s(listener) * 1e9)
    view = Window(watch.start_hz, watch.stop_hz, watch.n_bins, counts_ns)
    for dwell in listener.latest.values():
        view.update(dwell)
    return view


def references_of(listener: Listener, watch: Watch, view: Window) -> SpectrumReference:
    """Baseline and threshold of a viewer's window."""
    baseline = np.full(view.n_bins, np.nan, dtype=np.float32)
    threshold = baseline.copy()
    for dwell in listener.latest.values():
        reference = listener.reference(dwell)
        assert listener.rule is not None
        limit = thresholds(dwell, reference, listener.rule).burst_on
        # Known traffic is normal too: the excess view must glow with what is new only.
        normal = np.fmax(reference.typical_peak, reference.traffic_peak)
        baseline = np.fmax(baseline, view.reduce(dwell.grid, normal))
        finite = np.where(np.isfinite(limit), limit, np.float32(1.0))
        threshold = np.fmax(threshold, view.reduce(dwell.grid, finite))
    return SpectrumReference(
        sensor=listener.task.sensor,
        start_hz=watch.start_hz,
        bin_width_hz=view.bin_width_hz,
        baseline=encode_levels(baseline).tobytes(),
        threshold=encode_levels(threshold).tobytes(),
        offset_db=OFFSET_DB,
        step_db=STEP_DB,
    )
