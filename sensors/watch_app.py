"""The terminal view with panes and a coarse waterfall: `rfproctor watch` where textual is there."""

from __future__ import annotations

import time
from collections import deque
from typing import ClassVar, Protocol

import numpy as np
import numpy.typing as npt
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import BindingType
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Static

from dsp.axis import pieces_of
from sensors.local_feed import Shown
from sensors.messages import SpectrumReference, SpectrumRow
from sensors.palette import BREAK, COLOURS, FIELD, HATCH, INK, PANEL, RANGE_DB
from sensors.text import Lang, say
from sensors.watch_view import SiteView

REDRAW_S = 0.25
KEPT_LINES = 400
LINE_S = 0.5
"""Time that half a cell of the waterfall stands for."""

LONGEST_S = 2.0
HALF = "▀"


class Feed(Protocol):
    """What the view hears; `sensors.local_feed.LocalFeed` is one."""

    def choose(self, sensor: str) -> None:
        """Hear the rows of this sensor."""
        ...

    def take(self) -> list[Shown]:
        """What has come."""
        ...


class Waterfall(Widget):
    """The newest lines on top, two to a cell; every cell the maximum of what is under it.

    Attributes
    ----------
    bands : tuple of (low_hz, high_hz)
    """

    def __init__(self) -> None:
        super().__init__(id="waterfall")
        self.bands: tuple[tuple[float, float], ...] = ()
        self._lines: deque[dict[float, npt.NDArray[np.float32]]] = deque(maxlen=KEPT_LINES)
        self._slot = 0
        self._normal: dict[float, npt.NDArray[np.float32]] = {}
        self._table = _colours()

    def watch_bands(self, bands: tuple[tuple[float, float], ...]) -> None:
        """Begin anew with these bands."""
        if bands != self.bands:
            self.bands = bands
            self._lines.clear()
            self._normal.clear()

    def refer(self, reference: SpectrumReference) -> None:
        """Take a band's baseline."""
        codes = np.frombuffer(reference.baseline, dtype=np.uint8).astype(np.float32)
        self._normal[reference.start_hz] = np.where(codes == 0, np.float32(np.inf), codes)

    def take(self, row: SpectrumRow) -> None:
        """Take a row: it raises the present line of its band."""
        normal = self._normal.get(row.start_hz)
        codes = np.frombuffer(row.levels, dtype=np.uint8).astype(np.float32)
        if normal is None or normal.shape != codes.shape:
            return
        self.advance(row.time_ns)
        excess = np.where(codes == 0, -np.inf, (codes - normal) * np.float32(row.step_db))
        line = self._lines[0]
        before = line.get(row.start_hz, excess)
        line[row.start_hz] = np.maximum(before, excess) if len(before) == len(excess) else excess
        # What the row stands for may reach into lines before it.
        reach = 1 + round(min(row.duration_s, LONGEST_S) / LINE_S)
        for earlier in list(self._lines)[1:reach]:
            earlier.setdefault(row.start_hz, excess)

    def advance(self, time_ns: int) -> None:
        """Let time go on; a line that nobody fills stays hatched."""
        slot = time_ns // round(LINE_S * 1e9)
        for _ in range(min(max(slot - self._slot, 0), KEPT_LINES)):
            self._lines.appendleft({})
        self._slot = max(slot, self._slot)

    def render_line(self, y: int) -> Strip:
        """One row of cells: two lines, in the upper and the lower half."""
        width = self.size.width
        upper, lower = (self._cells(2 * y + k, width) for k in (0, 1))
        return Strip(
            [
                Segment(HALF, Style(color=top, bgcolor=bottom))
                for top, bottom in zip(upper, lower, strict=True)
            ]
        )

    def _cells(self, back: int, width: int) -> list[str]:
        line = self._lines[back] if back < len(self._lines) else {}
        cells = [BREAK] * width
        low, high = RANGE_DB
        for piece in pieces_of(self.bands):
            first, last = round(piece.x0 * width), max(1, round(piece.x1 * width))
            excess = line.get(piece.start_hz)
            for x in range(first, last):
                if excess is None:
                    cells[x] = HATCH[(x + self._slot - back) % 4 == 0]
                    continue
                a = (x - first) * excess.shape[0] // (last - first)
                b = max(a + 1, (x + 1 - first) * excess.shape[0] // (last - first))
                value = float(excess[a:b].max())
                if value == -np.inf:
                    cells[x] = HATCH[(x + self._slot - back) % 4 == 0]
                else:
                    part = (value - low) / (high - low)
                    cells[x] = self._table[round(255 * min(max(part, 0.0), 1.0))]
        return cells

    def axis(self, width: int) -> str:
        """Edges of the bands in MHz, under the waterfall."""
        text = [" "] * width
        for piece in pieces_of(self.bands):
            first, last = round(piece.x0 * width), round(piece.x1 * width)
            words = f"{piece.start_hz / 1e6:g}", f"{piece.stop_hz / 1e6:g}"
            if last - first >= len(words[0]) + len(words[1]) + 1:
                text[first : first + len(words[0])] = words[0]
                text[last - len(words[1]) : last] = words[1]
        return "".join(text[:width])


class WatchApp(App[None]):
    """One site in a terminal.

    Parameters
    ----------
    feed : Feed
    lang : {"en", "zh"}
    """

    CSS = f"""
    Screen {{ background: {FIELD}; color: {INK}; overflow: hidden; }}
    Static {{ text-wrap: nowrap; }}
    #head {{ height: auto; max-height: 45%; }}
    #title {{ background: {PANEL}; height: 1; }}
    #axis {{ height: 1; }}
    #waterfall {{ height: 1fr; min-height: 1; }}
    #rest {{ height: 1fr; min-height: 2; }}
    #keys {{ height: 1; dock: bottom; background: {PANEL}; }}
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        ("n", "next(1)", ""),
        ("p", "next(-1)", ""),
        ("q", "quit", ""),
    ]

    def __init__(self, feed: Feed, lang: Lang) -> None:
        super().__init__()
        self.view = SiteView(lang)
        self.sensor = ""
        self._feed = feed
        self._lang: Lang = lang

    def compose(self) -> ComposeResult:
        """Head, waterfall with its axis, emitters and notices."""
        yield Static(id="head", markup=False)
        yield Static(id="title", markup=False)
        yield Waterfall()
        yield Static(id="axis", markup=False)
        yield Static(id="rest", markup=False)
        yield Static(say("watch.keys", self._lang), id="keys", markup=False)

    def on_mount(self) -> None:
        """Begin to listen."""
        self.set_interval(REDRAW_S, self.step)
        self.step()

    def action_next(self, step: int) -> None:
        """Show the waterfall of another sensor."""
        beat = self.view.beat
        ids = [one.sensor for one in beat.sensors] if beat is not None else []
        if ids:
            at = ids.index(self.sensor) if self.sensor in ids else -step
            self._choose(ids[(at + step) % len(ids)])
            self.step()

    def step(self) -> None:
        """Take in what has come and show it."""
        now_s = time.monotonic()
        waterfall = self.query_one(Waterfall)
        for message in self._feed.take():
            if isinstance(message, SpectrumReference):
                if message.sensor == self.sensor:
                    waterfall.refer(message)
            elif isinstance(message, SpectrumRow):
                if message.sensor == self.sensor:
                    waterfall.take(message)
            else:
                self.view.take(message, now_s)
        beat = self.view.beat
        if beat is not None and beat.sensors:
            if self.sensor not in {one.sensor for one in beat.sensors}:
                self._choose(beat.sensors[0].sensor)
            health = next(one for one in beat.sensors if one.sensor == self.sensor)
            bands = pieces_of((b.start_hz, b.stop_hz) for b in health.bands)
            waterfall.watch_bands(tuple((p.start_hz, p.stop_hz) for p in bands))
        waterfall.advance(time.time_ns() - 10**9)
        waterfall.refresh()
        width = self.size.width
        head = Text.from_ansi("\n".join(self.view.head(width, now_s)))
        self.query_one("#head", Static).update(head)
        title = say("watch.waterfall", self._lang, sensor=self.sensor or "-")
        self.query_one("#title", Static).update(title)
        self.query_one("#axis", Static).update(waterfall.axis(width))
        rest = self.query_one("#rest", Static)
        rest.update("\n".join(self.view.rest(width, rest.size.height)))

    def _choose(self, sensor: str) -> None:
        self.sensor = sensor
        self._feed.choose(sensor)
        waterfall = self.query_one(Waterfall)
        bands, waterfall.bands = waterfall.bands, ()
        waterfall.watch_bands(bands)


def _colours() -> list[str]:
    """256 colours of the map, for levels from low to high."""
    import matplotlib
    from matplotlib.colors import to_hex

    return [to_hex(colour) for colour in matplotlib.colormaps[COLOURS](np.arange(256))]
