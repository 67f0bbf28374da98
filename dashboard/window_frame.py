"""The still part of the picture of `rfproctor window`: axes, scale, head, legend and alarm list."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dashboard.window_feed import Flag
from dashboard.window_rows import SLOT_NS, Rows
from dsp.axis import Piece, nice_step
from sensors import palette
from sensors.messages import SensorHealth
from sensors.palette import BREAK, DIM, FIELD, FRESH, GRID, INK, PANEL, RANGE_DB
from sensors.text import Lang, say

LEFT, RIGHT, TOP, BOTTOM, SPLIT = 0.055, 0.775, 0.885, 0.07, 0.635
SCALE_LEFT, LIST_LEFT = 0.782, 0.845
MOST_LISTED = 9
LETTER = 0.0056
"""Mean width of a letter of the legend, in widths of the figure."""

TRACES = {
    "live": palette.LIVE,
    "hold": palette.HOLD,
    "baseline": palette.BASELINE,
    "threshold": palette.THRESHOLD,
}


@dataclass(slots=True)
class Look:
    """What the person has chosen to see."""

    excess: bool = True
    hold: bool = True
    baseline: bool = True
    paused: bool = False

    def shows(self, trace: str) -> bool:
        """Whether a trace of the spectrum is wanted."""
        return {"hold": self.hold, "live": True}.get(trace, self.baseline)


@dataclass(slots=True)
class Scene:
    """Everything that is shown besides the rows."""

    site: str = ""
    health: SensorHealth | None = None
    flags: dict[str, Flag] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)
    trouble: str = ""

    def shown(self) -> list[Flag]:
        """Alarms of the chosen sensor, those on the air first, then the newest."""
        sensor = self.health.sensor if self.health is not None else ""
        mine = [one for one in self.flags.values() if sensor in one.sensors]
        return sorted(mine, key=lambda one: (one.state == "over", -one.last_seen_ns))


class Frame:
    """Everything that does not move with each row.

    Parameters
    ----------
    figure : Figure
    lang : {"en", "zh"}
    words : uint8, shape (256, 4)
        The colour scale.

    Attributes
    ----------
    spectrum, field, scale : Axes
    """

    def __init__(self, figure: Figure, lang: Lang, words: npt.NDArray[np.uint8]) -> None:
        self._figure = figure
        self._lang: Lang = lang
        self._words = words
        self._font = palette.shipped_font()
        figure.set_facecolor(FIELD)
        tall = SPLIT - BOTTOM - 0.035
        self.spectrum = figure.add_axes((LEFT, SPLIT, RIGHT - LEFT, TOP - SPLIT))
        self.field = figure.add_axes((LEFT, BOTTOM, RIGHT - LEFT, tall))
        self.scale = figure.add_axes((SCALE_LEFT, BOTTOM, 0.012, tall))

    def draw(
        self,
        rows: Rows,
        scene: Scene,
        look: Look,
        levels: tuple[float, float],
        line_height: int,
    ) -> None:
        """Write everything anew.

        Parameters
        ----------
        rows : Rows
        scene : Scene
        look : Look
        levels : tuple of float
            Scale of the spectrum, dBFS.
        line_height : int
            Pixels of a waterfall line.
        """
        for text in list(self._figure.texts):
            text.remove()
        for axes in (self.spectrum, self.field):
            for artist in (*axes.texts, *axes.patches):
                artist.remove()
        self._draw_axes(self.spectrum, rows, levels)
        self._draw_axes(self.field, rows, (0.0, 1.0))
        self._draw_levels(levels)
        self._draw_times(line_height)
        self._draw_scale(RANGE_DB if look.excess else rows.raw_range(), excess=look.excess)
        self._draw_head(scene, paused=look.paused)
        self._draw_legend(look)
        self._draw_list(scene)

    def _draw_axes(self, axes: Axes, rows: Rows, y: tuple[float, float]) -> None:
        palette.quiet(axes)
        axes.set_facecolor(BREAK)
        axes.grid(visible=False)
        axes.set_xlim(0.0, 1.0)
        axes.set_ylim(*y)
        axes.set_xticks([])
        for piece in rows.pieces:
            axes.axvspan(piece.x0, piece.x1, color=PANEL, zorder=0, linewidth=0)
            for freq_hz, text in ticks_of(piece, axes.bbox.width):
                x = piece.x_of(freq_hz)
                axes.axvspan(x, x, color=GRID, linewidth=0.6)
                if axes is self.spectrum and text:
                    axes.text(
                        x, y[0], text, color=DIM, fontproperties=self._font, fontsize=8.5,
                        ha="center", va="top", transform=axes.transData, clip_on=False,
                    ).set_y(y[0] - 0.025 * (y[1] - y[0]))  # fmt: skip

    def _draw_levels(self, levels: tuple[float, float]) -> None:
        low, high = levels
        marks = np.arange(low + 10, high, 10)
        self.spectrum.set_yticks(marks, [f"{mark:.0f}".replace("-", "−") for mark in marks])
        self.spectrum.grid(visible=True, axis="y", color=GRID, linewidth=0.6)
        self.spectrum.set_ylabel(
            say("picture.axis_level", self._lang), color=DIM, fontproperties=self._font
        )

    def _draw_times(self, line_height: int) -> None:
        span_s = self.field.bbox.height / line_height * SLOT_NS / 1e9
        step = next((s for s in (2, 5, 10, 20, 30, 60) if span_s / s <= 9), 120)
        marks = np.arange(step, span_s, step)
        words = [f"−{mark:.0f} s" for mark in marks]
        self.field.set_yticks(
            [1.0, *(1.0 - marks / span_s)], [say("window.now", self._lang), *words]
        )
        for label in self.field.get_yticklabels():
            label.set_fontproperties(self._font)
            label.set_fontsize(8.5)

    def _draw_scale(self, span: tuple[float, float], *, excess: bool) -> None:
        axes = self.scale
        axes.clear()
        axes.imshow(
            self._words[::-1, None],
            aspect="auto",
            extent=(0, 1, *span),
            interpolation="nearest",
        )
        palette.quiet(axes)
        axes.grid(visible=False)
        axes.set_xticks([])
        axes.yaxis.tick_right()
        axes.tick_params(colors=DIM, labelsize=8.5, length=0)
        word = "window.scale_excess" if excess else "picture.axis_level"
        axes.set_title(
            say(word, self._lang), color=DIM, fontproperties=self._font, fontsize=8.5, loc="left"
        )

    def _draw_head(self, scene: Scene, *, paused: bool) -> None:
        health = scene.health
        lang = self._lang
        if health is None:
            text = scene.trouble or "window.waiting"
            self._write(LEFT, 0.955, say(text, lang), INK, 14)
            return
        name = f"{scene.site}  ·  {health.sensor.partition('/')[2] or health.sensor}"
        self._write(LEFT, 0.955, name, INK, 14)
        state = f"{palette.SIGNS[health.state]} {say(f'state.{health.state}', lang)}"
        self._write(LIST_LEFT, 0.955, state, palette.STATES[health.state], 14)
        figures = say(
            "window.figures", lang,
            percent=f"{100 * p_2s(health):.1f}", bands=len(health.bands),
            rate=f"{health.dwells_per_s:.1f}",
        )  # fmt: skip
        self._write(LEFT, 0.922, figures, DIM, 9.5)
        if scene.trouble:
            self._write(LIST_LEFT, 0.922, say(scene.trouble, lang), FRESH, 9.5)
        elif paused:
            self._write(LIST_LEFT, 0.922, say("window.paused", lang), FRESH, 9.5)
        self._write(LEFT, 0.02, say("window.keys", lang), DIM, 8.5)

    def _draw_legend(self, look: Look) -> None:
        x = RIGHT
        for name in reversed(TRACES):
            if not look.shows(name):
                continue
            text = ("┄ " if name == "threshold" else "─ ") + say(f"window.{name}", self._lang)
            self._write(x, 0.895, text, TRACES[name], 9, ha="right")
            x -= 0.02 + LETTER * sum(2 if ord(c) > 0x2E7F else 1 for c in text)

    def _draw_list(self, scene: Scene) -> None:
        shown = scene.shown()
        open_count = sum(one.state != "over" for one in shown)
        self._write(LIST_LEFT, 0.87, say("window.alarms", self._lang, count=open_count), INK, 11)
        if not shown:
            self._write(LIST_LEFT, 0.835, say("window.no_alarm", self._lang), DIM, 9)
        for index, one in enumerate(shown[:MOST_LISTED]):
            y = 0.83 - index * 0.083
            colour = {"new": FRESH, "seen": INK, "over": DIM}[one.state]
            number = scene.numbers[one.id]
            self._write(LIST_LEFT, y, f"[{number}] {one.center_freq_hz / 1e6:.4f} MHz", colour, 11)
            kind = say(f"label.{one.label}", self._lang) if one.label else ""
            drill = say("state.drill", self._lang) + "  " if one.drill else ""
            text = f"{drill}{kind}  {one.snr_db:.0f} dB".strip()
            self._write(LIST_LEFT, y - 0.025, text, DIM, 9)
            word = say("window.over" if one.state == "over" else "window.suspicion", self._lang,
                       suspicion=one.suspicion)  # fmt: skip
            self._write(LIST_LEFT, y - 0.047, word, DIM, 9)
        if len(shown) > MOST_LISTED:
            text = say("window.more", self._lang, count=len(shown) - MOST_LISTED)
            self._write(LIST_LEFT, 0.83 - MOST_LISTED * 0.083, text, DIM, 9)

    def _write(
        self, x: float, y: float, text: str, colour: str, size: float, ha: str = "left"
    ) -> None:
        self._figure.text(x, y, text, color=colour, fontproperties=self._font, fontsize=size, ha=ha)


def ticks_of(piece: Piece, width: float) -> list[tuple[float, str]]:
    """Frequencies to mark in a band, with their labels; one at an edge gets none."""
    pixels = (piece.x1 - piece.x0) * width
    span_hz = piece.stop_hz - piece.start_hz
    step = nice_step(span_hz * 62 / max(pixels, 1))
    decimals = min(4, max(0, -int(np.floor(np.log10(step / 1e6) + 1e-9))))
    ticks = []
    for k in range(int(np.ceil(piece.start_hz / step)), int(piece.stop_hz // step) + 1):
        freq_hz = k * step
        away = min(freq_hz - piece.start_hz, piece.stop_hz - freq_hz) / span_hz * pixels
        ticks.append((freq_hz, f"{freq_hz / 1e6:.{decimals}f}" if away >= 20 else ""))
    return ticks


def p_2s(health: SensorHealth) -> float:
    """Chance of hearing one 2 s message in the band that is watched worst."""
    return min((band.p_2s for band in health.bands), default=0.0)
