"""Colours, font and frame of every picture: the same as on the page."""

from __future__ import annotations

from functools import cache
from importlib import resources

from matplotlib.axes import Axes
from matplotlib.font_manager import FontProperties
from matplotlib.ticker import FuncFormatter, MaxNLocator

DPI = 150
FIELD, PANEL, INK, DIM, GRID = "#0a0d13", "#0f141d", "#e8edf4", "#8b98aa", "#232c3a"
MEAN, MAXIMUM, FLOOR, BOX = "#f5b942", "#7d8da3", "#4cc2ff", "#62e6b0"
LIVE, HOLD, BASELINE, THRESHOLD = "#d8ecff", "#9a7b3a", "#8a949f", "#c9727f"
FRESH = "#ffb45c"
"""What nobody has looked at yet."""

HATCH, BREAK = ("#1c2025", "#272c33"), "#0b0e13"
"""Field and stripes of what was not received; between two bands."""

COLOURS = "inferno"
RANGE_DB = (-3.0, 30.0)
"""The excess view's fixed scale."""

SIGNS = {"go": "●", "degraded": "▲", "blind": "■", "silent": "×", "drill": "◆", "survey": "○"}
STATES = {
    "go": "#63d297",
    "degraded": "#f5c044",
    "blind": "#ff8f80",
    "silent": "#c9b1ff",
    "drill": "#7cc4ff",
    "survey": "#b3bec9",
}
"""State -> shape (of those that the shipped font has) and colour; the word follows."""


@cache
def shipped_font() -> FontProperties:
    """The shipped font with Chinese characters, or matplotlib's own where it is not there."""
    shipped = resources.files("sensors") / "font" / "NotoSansSC-GB2312.otf"
    with resources.as_file(shipped) as file:
        return FontProperties(fname=str(file)) if file.is_file() else FontProperties()


def quiet(axes: Axes) -> None:
    """Quiet frame: no spines, thin grid, small ticks in MHz."""
    axes.set_facecolor(PANEL)
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.tick_params(colors=DIM, labelsize=8.5, length=0)
    axes.grid(color=GRID, linewidth=0.6)
    axes.xaxis.set_major_locator(MaxNLocator(9))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.6g}"))
