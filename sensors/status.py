"""``sensor`` at a terminal: one calm block that stays at the bottom, the log above it."""

from __future__ import annotations

import sys
from typing import TextIO

from sensors.messages import Heartbeat, SensorHealth
from sensors.text import Lang, say

SIGNS = {
    "go": ("●", "32"),
    "degraded": ("▲", "33"),
    "blind": ("⊘", "31"),
    "silent": ("✕", "31"),
    "drill": ("◆", "35"),
    "survey": ("◌", "36"),
}
"""State -> shape and ANSI colour; the word follows, so that nobody needs the colour."""


class StatusBlock:
    """A stream for the log that keeps a block of lines below what is written.

    Parameters
    ----------
    stream : TextIO
        A terminal.
    lang : Lang
    """

    def __init__(self, stream: TextIO, lang: Lang) -> None:
        self._stream = stream
        self._lang: Lang = lang
        self._lines: list[str] = []

    def write(self, text: str) -> int:
        """Write a log line above the block."""
        self._erase()
        self._stream.write(text)
        if text.endswith("\n"):
            self._draw()
        return len(text)

    def flush(self) -> None:
        """Pass on."""
        self._stream.flush()

    def show(self, beat: Heartbeat) -> None:
        """Draw the state of the site."""
        self._erase()
        self._lines = lines_of(beat, self._lang)
        self._draw()
        self._stream.flush()

    def _erase(self) -> None:
        if self._lines:
            self._stream.write(f"\x1b[{len(self._lines)}F\x1b[J")

    def _draw(self) -> None:
        self._stream.writelines(line + "\n" for line in self._lines)


def lines_of(beat: Heartbeat, lang: Lang) -> list[str]:
    """Head, what is wrong with the way to the centre, then each dongle with its remarks."""
    head = say(
        "status.head",
        lang,
        site=beat.site_name,
        waiting=beat.outbox_depth,
        emitters=sum(one.emitters for one in beat.sensors),
    )
    lines = ["─" * 78, head]
    lines += [f"  ! {say(note.id, lang, **note.args)}" for note in beat.link_notes]
    for health in beat.sensors:
        lines.append(_sensor(health, lang))
        lines += [f"    {say(note.id, lang, **note.args)}" for note in health.notes]
    return [line[:120] if "\x1b" not in line else line for line in lines]


def _sensor(health: SensorHealth, lang: Lang) -> str:
    shape, colour = SIGNS[health.state]
    worst = min((band.p_2s for band in health.bands), default=0.0)
    figures = say(
        "status.sensor",
        lang,
        percent=f"{100 * worst:.1f}",
        bands=len(health.bands),
        rate=f"{health.dwells_per_s:.1f}",
        dropped=health.dropped_samples,
        emitters=health.emitters,
    )
    state = say(f"state.{health.state}", lang)
    name = health.sensor.partition("/")[2] or health.sensor
    return f"\x1b[{colour}m{shape} {state}\x1b[0m  {name}  {figures}"


def status_block(lang: Lang) -> StatusBlock | None:
    """The block of this terminal; None where stderr is none."""
    return StatusBlock(sys.stderr, lang) if sys.stderr.isatty() else None
