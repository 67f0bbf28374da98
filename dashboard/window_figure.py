"""The picture of `rfproctor window`: spectrum over waterfall, flags, alarm list; drawn by blitting.

Frame, ticks and words are drawn when they change and kept; with each new row only traces, pixels
and flags are drawn over them.
"""

from __future__ import annotations

import time
from typing import Any

import matplotlib
import matplotlib.image
import numpy as np
import numpy.typing as npt
from matplotlib.artist import Artist
from matplotlib.backend_bases import RendererBase
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text

from dashboard.window_feed import Flag
from dashboard.window_frame import LIST_LEFT, MOST_LISTED, TRACES, Frame, Look, Scene, p_2s
from dashboard.window_rows import DEPTH, Rows
from dsp.axis import pieces_of
from sensors import palette
from sensors.messages import SensorHealth
from sensors.palette import BREAK, DIM, FIELD, FRESH, HATCH, INK, RANGE_DB
from sensors.text import Lang

STRIPE, STRIPES = 3, 12
MOST_FLAGS = 18
FLAG_APART = 0.022
MOST_ALARMS = 1000
FORGET_NS = 3600 * 10**9
"""An alarm that was over so long before we looked is not listed."""

Words = npt.NDArray[np.uint32]


class Pixels(Artist):
    """An image drawn pixel by pixel at its place, without matplotlib's resampling."""

    def __init__(self) -> None:
        super().__init__()
        self.place = (0, 0)
        self.rgba = np.zeros((1, 1, 4), dtype=np.uint8)

    def draw(self, renderer: RendererBase) -> None:
        """Hand the pixels to the renderer, whose rows go up."""
        context = renderer.new_gc()
        renderer.draw_image(context, *self.place, self.rgba[::-1])
        context.restore()


class Picture:
    """The figure and what is drawn into it.

    Parameters
    ----------
    figure : Figure
        With a canvas of the Agg family.
    lang : {"en", "zh"}

    Attributes
    ----------
    rows : Rows
    scene : Scene
    look : Look
    """

    def __init__(self, figure: Figure, lang: Lang) -> None:
        self.figure = figure
        self.look = Look()
        self.scene = Scene()
        self.rows = Rows([], 1)
        colours = np.round(matplotlib.colormaps[palette.COLOURS](np.arange(256)) * 255)
        self._colours = _words(colours.astype(np.uint8))
        self._hatch = _words(np.array([_rgba(colour) for colour in HATCH]))
        self._break = _words(np.array([_rgba(BREAK)]))[0]
        self._frame = Frame(figure, lang, colours.astype(np.uint8))
        self._canvas: Any = figure.canvas  # of the Agg family: matplotlib's types do not say so
        self._kept: object = None
        self._kept_of: tuple[object, ...] = ()
        self._levels = (-110.0, -50.0)
        self._fitted: Rows | None = None
        self._pixels = Pixels()
        self._lines: dict[str, Line2D] = {}
        for name in reversed(TRACES):
            line = Line2D([], [], color=TRACES[name], linewidth=0.9, animated=True)
            line.set_linestyle("--" if name == "threshold" else "-")
            self._lines[name] = self._frame.spectrum.add_line(line)
        self._clock = Text(
            LIST_LEFT, 0.922, "", color=DIM, fontproperties=palette.shipped_font(), fontsize=9.5
        )
        self._clock.set_figure(figure)
        self._clock.set_transform(figure.transFigure)

    @property
    def width(self) -> int:
        """Pixels of the frequency axis."""
        return max(16, round(self._frame.spectrum.bbox.width))

    def watch(self, health: SensorHealth, site: str) -> None:
        """Show this sensor; its rows begin anew when its bands are others than before."""
        bands = [(band.start_hz, band.stop_hz) for band in health.bands]
        before = self.scene.health
        changed = before is None or before.sensor != health.sensor
        if changed or self.rows.pieces != pieces_of(bands):
            self.rows = Rows(bands, self.width)
        self.scene.health, self.scene.site = health, site

    def alarm(self, flag: Flag) -> None:
        """A new or changed alarm."""
        scene = self.scene
        old = flag.last_seen_ns < time.time_ns() - FORGET_NS
        if flag.state == "over" and old and flag.id not in scene.flags:
            return
        scene.flags[flag.id] = flag
        scene.numbers.setdefault(flag.id, max(scene.numbers.values(), default=0) + 1)
        while len(scene.flags) > MOST_ALARMS:
            first = next(iter(scene.flags))
            del scene.flags[first], scene.numbers[first]

    def draw(self) -> None:
        """Draw what is new; everything where the frame has changed."""
        self.rows.resize(self.width)
        self._fit()
        frame = self._frame_now()
        if frame != self._kept_of or self._kept is None:
            self._kept_of = frame
            self._frame.draw(self.rows, self.scene, self.look, self._levels, self._line_height)
            self._canvas.draw()
            self._kept = self._canvas.copy_from_bbox(self.figure.bbox)
        else:
            self._canvas.restore_region(self._kept)
        renderer = self._canvas.get_renderer()
        self._draw_pixels(renderer)
        x = (np.arange(self.rows.width) + 0.5) / self.rows.width
        for name, line in self._lines.items():
            if self.look.shows(name):
                line.set_data(x, getattr(self.rows, name))
                self._frame.spectrum.draw_artist(line)
        self._draw_flags()
        if not self.scene.trouble and not self.look.paused:
            self._clock.set_text(time.strftime("%H:%M:%S"))
            self._clock.draw(renderer)

    def forget(self) -> None:
        """The size has changed: draw everything anew."""
        self._kept = None

    def save(self, path: str) -> None:
        """Write what is shown as PNG.

        Raises
        ------
        OSError, ValueError
            It cannot be written.
        """
        self.draw()
        shown = np.asarray(self._canvas.buffer_rgba())
        matplotlib.image.imsave(path, shown, format="png", dpi=round(self.figure.dpi))

    def _fit(self) -> None:
        """Level scale in steps of 10 dB that only grows while the same sensor is shown."""
        traces = np.concatenate((self.rows.baseline, self.rows.live, self.rows.hold))
        known = traces[np.isfinite(traces)]
        if not known.size:
            return
        low = float(np.floor((known.min() - 4) / 10) * 10)
        high = max(float(np.ceil((known.max() + 6) / 10) * 10), low + 50)
        if self._fitted is self.rows:
            low, high = min(low, self._levels[0]), max(high, self._levels[1])
        self._levels = low, high
        self._fitted = self.rows

    def _frame_now(self) -> tuple[object, ...]:
        """Everything that the kept background depends on."""
        health, look = self.scene.health, self.look
        listed = tuple(
            (one.id, one.state, round(one.center_freq_hz), round(one.snr_db), one.suspicion)
            for one in self.scene.shown()[:MOST_LISTED]
        )
        sensor = (
            (health.sensor, health.state, round(p_2s(health), 3), round(health.dwells_per_s))
            if health is not None
            else None
        )
        return (
            self.rows, self._levels, look.excess, look.hold, look.baseline, look.paused,
            self.scene.trouble, self.scene.site, sensor, self.rows.raw_range(), listed,
        )  # fmt: skip

    @property
    def _line_height(self) -> int:
        return -(-round(self._frame.field.bbox.height) // DEPTH)

    def _draw_pixels(self, renderer: RendererBase) -> None:
        """The waterfall, newest on top: colours of the levels, hatched where nobody looked."""
        box, height, width = self._frame.field.bbox, self._line_height, self.rows.width
        count = round(box.height) // height
        low, high = RANGE_DB if self.look.excess else self.rows.raw_range()
        values = (self.rows.excess if self.look.excess else self.rows.raw)[:count]
        scaled = (values - np.float32(low)) * np.float32(255 / (high - low))
        shown = self._colours[np.clip(scaled, 0, 255).astype(np.uint8)]
        lines, columns = np.ogrid[:count, :width]
        stripe = (columns + self.rows.slot % STRIPES - lines) % STRIPES < STRIPE
        shown = np.where(np.isneginf(values), self._hatch[stripe.astype(np.intp)], shown)
        between = np.ones(width, dtype=bool)
        for piece in self.rows.pieces:
            between[round(piece.x0 * width) : round(piece.x1 * width)] = False
        shown[:, between] = self._break
        shown = np.ascontiguousarray(np.repeat(shown, height, axis=0))
        self._pixels.rgba = shown.view(np.uint8).reshape(*shown.shape, 4)
        self._pixels.place = (round(box.x0), round(box.y1) - shown.shape[0])
        self._pixels.draw(renderer)

    def _draw_flags(self) -> None:
        """Numbered flags at their frequencies, with a pole down to the waterfall."""
        taken: list[float] = []
        for one in self.scene.shown():
            x = self.rows.x_of(one.center_freq_hz)
            if x is None or one.state == "over" or any(abs(x - t) < FLAG_APART for t in taken):
                continue
            if len(taken) == MOST_FLAGS:
                return
            taken.append(x)
            colour = FRESH if one.state == "new" else INK
            for axes in (self._frame.spectrum, self._frame.field):
                pole = Line2D([x, x], axes.get_ylim(), color=colour, linewidth=0.8, alpha=0.55)
                pole.set_linestyle((0, (2, 3)))
                pole.set_transform(axes.transData)
                pole.set_figure(self.figure)
                axes.draw_artist(pole)
            number = Text(
                x, self._levels[1], str(self.scene.numbers[one.id]),
                color=FIELD, fontproperties=palette.shipped_font(), fontsize=8.5, weight="bold",
                ha="center", va="top", bbox={"facecolor": colour, "edgecolor": "none", "pad": 1.8},
            )  # fmt: skip
            number.set_transform(self._frame.spectrum.transData)
            number.set_figure(self.figure)
            self._frame.spectrum.draw_artist(number)


def _words(rgba: npt.NDArray[np.uint8]) -> Words:
    """RGBA bytes as one word a pixel: moved at once."""
    return np.ascontiguousarray(rgba).view(np.uint32)[:, 0]


def _rgba(colour: str) -> npt.NDArray[np.uint8]:
    return np.array([*bytes.fromhex(colour[1:]), 255], dtype=np.uint8)
