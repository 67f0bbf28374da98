"""The picture of a recording: spectrum over waterfall, one frequency axis, emissions boxed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.patches import Rectangle

from dsp.signals import Emission
from dsp.units import db
from sdr.source import UserError
from sensors.palette import (
    BOX,
    COLOURS,
    DIM,
    DPI,
    FIELD,
    FLOOR,
    FRESH,
    INK,
    MAXIMUM,
    MEAN,
    RANGE_DB,
    quiet,
    shipped_font,
)
from sensors.text import Lang, say
from sensors.waterfall import Waterfall

SIZE_IN = (12.8, 8.0)
MOST_LABELS = 28
LETTER_EM = 0.6
GLOW = ((7.0, 0.10), (4.5, 0.18), (2.6, 0.30))
"""Widths and opacities of the light around what is new."""

COLOUR = {None: BOX, True: FRESH, False: DIM}
WORDS = {None: "", True: "analyze.new", False: "analyze.known"}


def draw(
    waterfall: Waterfall, emissions: list[Emission], name: str, path: Path, lang: Lang
) -> None:
    """Write the picture as PNG.

    Parameters
    ----------
    waterfall : Waterfall
        Filled.
    emissions : list of Emission
        What to box.
    name : str
        Of the recording, for the title.
    path : Path
    lang : {"en", "zh"}

    Raises
    ------
    UserError
        The file cannot be written.
    """
    font = shipped_font()
    figure = Figure(figsize=SIZE_IN, dpi=DPI, facecolor=FIELD)
    FigureCanvasAgg(figure)
    grid = figure.add_gridspec(
        2, 2, height_ratios=(1, 3.1), width_ratios=(60, 1),
        left=0.065, right=0.945, top=0.9, bottom=0.075, hspace=0.05, wspace=0.025,
    )  # fmt: skip
    spectrum = figure.add_subplot(grid[0, 0])
    field = figure.add_subplot(grid[1, 0], sharex=spectrum)
    scale = figure.add_subplot(grid[1, 1])
    low, high = _edges_mhz(waterfall)
    _draw_spectrum(spectrum, waterfall, font, lang)
    image = _draw_field(field, waterfall, (low, high))
    _draw_boxes(field, emissions, waterfall, (low, high), font, lang)
    bar = figure.colorbar(image, cax=scale)
    bar.outline.set_visible(False)
    bar.ax.tick_params(colors=DIM, labelsize=8, length=0)
    bar.set_label(say("picture.excess", lang), color=DIM, fontproperties=font, fontsize=9)
    field.set_xlim(low, high)
    field.set_xlabel(say("picture.axis_freq", lang), color=DIM, fontproperties=font)
    field.set_ylabel(say("picture.axis_time", lang), color=DIM, fontproperties=font)
    spectrum.set_ylabel(say("picture.axis_level", lang), color=DIM, fontproperties=font)
    spectrum.tick_params(labelbottom=False)
    figure.text(0.065, 0.948, name, color=INK, fontproperties=font, fontsize=14, weight="bold")
    figure.text(
        0.065, 0.918, _title(emissions, waterfall.seconds, lang),
        color=DIM, fontproperties=font, fontsize=10,
    )  # fmt: skip
    try:
        figure.savefig(path, facecolor=FIELD)
    except (OSError, ValueError) as error:
        raise UserError("picture.unwritable", path=str(path), why=str(error)) from None


def _title(emissions: list[Emission], seconds: float, lang: Lang) -> str:
    """How many, and how many of them new where a baseline says so."""
    text = f"{seconds:.3f}"
    if all(one.new is None for one in emissions):
        return say("picture.title", lang, emissions=len(emissions), seconds=text)
    new = sum(one.new is True for one in emissions)
    return say("picture.title_new", lang, emissions=len(emissions), seconds=text, new=new)


def _edges_mhz(waterfall: Waterfall) -> tuple[float, float]:
    """Lowest and highest frequency shown."""
    middle, half = waterfall.center_freq_hz / 1e6, waterfall.sample_rate_hz / 2e6
    return middle - half, middle + half


def _draw_spectrum(axes: Axes, waterfall: Waterfall, font: FontProperties, lang: Lang) -> None:
    """Mean, maximum and floor; several bins under a pixel show their largest."""
    quiet(axes)
    low, high = _edges_mhz(waterfall)
    count = min(len(waterfall.peak), 1600)
    columns = np.arange(count) * len(waterfall.peak) // max(1, count)
    freqs = low + (np.arange(count) + 0.5) * (high - low) / max(1, count)
    assert waterfall.floor is not None
    axes.plot(
        freqs, db(np.maximum.reduceat(waterfall.peak, columns)),
        color=MAXIMUM, linewidth=0.7, label=say("picture.max", lang),
    )  # fmt: skip
    axes.plot(
        freqs, db(np.maximum.reduceat(waterfall.mean(), columns)),
        color=MEAN, linewidth=1.0, label=say("picture.mean", lang),
    )  # fmt: skip
    floor = db(waterfall.floor.noise[columns])
    axes.plot(freqs, floor, color=FLOOR, linewidth=0.9, label=say("picture.floor", lang))
    alive = floor[~waterfall.floor.dead[columns]]
    if len(alive):
        axes.set_ylim(float(alive.min()) - 6.0, float(db(waterfall.peak).max()) + 8.0)
    axes.legend(
        loc="upper right", ncols=3, frameon=False, prop=font, labelcolor=INK, handlelength=1.2
    )


def _draw_field(axes: Axes, waterfall: Waterfall, edges: tuple[float, float]):  # type: ignore[no-untyped-def]
    """The waterfall in dB over the floor, time running down."""
    quiet(axes)
    axes.grid(visible=False)
    excess = db(waterfall.excess)
    # A stronger recording stretches the upper end.
    top = max(RANGE_DB[1], float(np.percentile(excess, 99.9)))
    return axes.imshow(
        excess, aspect="auto", cmap=COLOURS, vmin=RANGE_DB[0], vmax=top,
        extent=(*edges, waterfall.seconds, 0.0), interpolation="nearest",
    )  # fmt: skip


def _frame(axes: Axes, emission: Emission, left: float, width: float) -> None:
    """Box of one emission: what is new glows, what a baseline knows steps back."""
    line, alpha = (1.0, 0.75) if emission.new is False else (1.1, 0.95)
    for width_pt, opacity in (*(GLOW if emission.new else ()), (line, alpha)):
        axes.add_patch(
            Rectangle(
                (left, emission.start_s), width, emission.stop_s - emission.start_s,
                fill=False, edgecolor=COLOUR[emission.new], linewidth=width_pt, alpha=opacity,
            )
        )  # fmt: skip


def _words(emission: Emission, lang: Lang) -> str:
    """What is written beside a box."""
    kind = say(f"label.{emission.label}", lang)
    text = f"{emission.center_freq_hz / 1e6:.4f}  {kind}  {emission.snr_db:.0f} dB"
    word = WORDS[emission.new]
    return f"{say(word, lang)}  {text}" if word else text


def _draw_boxes(
    axes: Axes,
    emissions: list[Emission],
    waterfall: Waterfall,
    edges: tuple[float, float],
    font: FontProperties,
    lang: Lang,
) -> None:
    """Frame every emission; name what is new, then the strongest, where names find room."""
    low, high = edges
    least = (high - low) * 0.006
    taken: list[tuple[float, float, float, float]] = []
    width_in, height_in = SIZE_IN[0] * 0.87, SIZE_IN[1] * 0.62
    size = 8.5
    ranked = sorted(emissions, key=lambda e: (e.new is not True, -e.snr_db))
    for number, emission in enumerate(ranked):
        width = max(emission.bandwidth_hz / 1e6 + least, 2 * least)
        left = emission.center_freq_hz / 1e6 - width / 2
        _frame(axes, emission, left, width)
        if number >= MOST_LABELS:
            continue
        text = _words(emission, lang)
        letters = sum(2 if ord(c) > 0x2E7F else 1 for c in text)
        wide = letters * size * LETTER_EM / 72 / width_in * (high - low)
        tall = size * 1.5 / 72 / height_in * waterfall.seconds
        x = min(max(left + width + 0.004 * (high - low), low), high - wide)
        if left + width + wide > high:
            x = max(low, left - wide - 0.004 * (high - low))
        y = min(max(emission.start_s, 0.0), waterfall.seconds - tall)
        place = (x, x + wide, y, y + tall)
        if any(
            place[0] < b and a < place[1] and place[2] < d and c < place[3] for a, b, c, d in taken
        ):
            continue
        taken.append(place)
        axes.text(
            x, y + tall / 2, text, color=COLOUR[emission.new],
            fontproperties=font, fontsize=size, va="center",
            bbox={"facecolor": FIELD, "edgecolor": "none", "alpha": 0.88, "pad": 1.2},
        )  # fmt: skip
