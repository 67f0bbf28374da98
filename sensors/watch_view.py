"""What a site says of itself, folded into one screen of text for a terminal."""

from __future__ import annotations

import re
from collections import OrderedDict, deque
from datetime import datetime

from sensors.columns import cells, columns
from sensors.messages import EmitterEvent, Heartbeat, NoticeEvent
from sensors.status import SIGNS, lines_of
from sensors.text import Lang, say

SILENT_S = 6.0
"""Three heartbeats missed: what is on the screen is no longer true."""

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")

MAX_EMITTERS = 200
MAX_NOTICES = 100


class SiteView:
    """One site as its messages tell.

    Parameters
    ----------
    lang : Lang

    Attributes
    ----------
    beat : Heartbeat or None
        The newest.
    """

    def __init__(self, lang: Lang) -> None:
        self.beat: Heartbeat | None = None
        self._lang: Lang = lang
        self._beat_s = float("-inf")
        self._emitters: OrderedDict[str, EmitterEvent] = OrderedDict()
        self._notices: deque[NoticeEvent] = deque(maxlen=MAX_NOTICES)

    def take(self, message: Heartbeat | EmitterEvent | NoticeEvent, now_s: float) -> None:
        """Take in one message."""
        if isinstance(message, Heartbeat):
            self.beat, self._beat_s = message, now_s
        elif isinstance(message, NoticeEvent):
            self._notices.append(message)
        else:
            self._emitters[message.emitter] = message
            self._emitters.move_to_end(message.emitter)
            while len(self._emitters) > MAX_EMITTERS:
                self._emitters.popitem(last=False)

    def screen(self, width: int, height: int, now_s: float) -> list[str]:
        """Lines that fill a terminal: sensors, then emitters, then what happened.

        Never wider or higher than asked; a site that no longer speaks says so first.
        """
        lines = [*self.head(width, now_s), ""]
        return [*lines, *self.rest(width, max(0, height - len(lines)))][:height]

    def head(self, width: int, now_s: float) -> list[str]:
        """The site and its sensors."""
        return [clip(line, width) for line in self._head(now_s)]

    def rest(self, width: int, height: int) -> list[str]:
        """Emitters, then what happened."""
        lines = [*self._emitter_lines()[: max(2, height * 2 // 3)], ""]
        lines += self._notice_lines()[: max(0, height - len(lines))]
        return [clip(line, width) for line in lines[:height]]

    def _head(self, now_s: float) -> list[str]:
        if self.beat is None:
            return [say("watch.waiting", self._lang)]
        quiet_s = now_s - self._beat_s
        if quiet_s > SILENT_S:
            sign, _ = SIGNS["silent"]
            words = say("watch.silent", self._lang, seconds=f"{quiet_s:.0f}")
            return [f"{sign} {self.beat.site_name}: {words}"]
        return lines_of(self.beat, self._lang)

    def _emitter_lines(self) -> list[str]:
        """On the air first, the most suspicious first."""
        if not self._emitters:
            return [say("watch.no_emitters", self._lang)]
        order = sorted(self._emitters.values(), key=_urgency)
        heads = ["on_air", "freq", "width", "snr", "suspicion", "last", "sensor"]
        rows = [[say(f"watch.head_{head}", self._lang) for head in heads]]
        rows += [
            [
                "●" if one.phase != "close" else "",
                f"{one.center_freq_hz / 1e6:.4f} MHz",
                f"{one.bandwidth_hz / 1e3:.1f} kHz",
                f"{one.snr_db:.0f} dB",
                f"{one.suspicion}",
                _clock(one.last_seen_ns),
                one.sensor + (f" {say('state.drill', self._lang)}" if one.drill else ""),
            ]
            for one in order
        ]
        return columns(rows).splitlines()

    def _notice_lines(self) -> list[str]:
        """Newest first."""
        return [
            f"{_clock(one.start_ns)} {one.sensor}: {self._words(one)}"
            for one in reversed(self._notices)
        ]

    def _words(self, notice: NoticeEvent) -> str:
        try:
            return say(notice.note.id, self._lang, **notice.note.args)
        except KeyError:  # a site of another version has other fields
            return f"{notice.note.id} {notice.note.args}"


def clip(line: str, width: int) -> str:
    """Cut a line to so many terminal cells; one that must be cut loses its colours.

    Examples
    --------
    >>> clip("频段 abc", 5), clip("abc", 5)
    ('频段 ', 'abc')
    """
    plain = _COLOUR.sub("", line)
    if cells(plain) <= width:
        return line
    while cells(plain) > width:
        plain = plain[:-1]
    return plain


def _urgency(event: EmitterEvent) -> tuple[bool, int, int]:
    """Sort key: on the air before gone, the more suspicious first, the newest of the gone first."""
    gone = event.phase == "close"
    return gone, 0 if gone else -event.suspicion, -event.last_seen_ns


def _clock(time_ns: int) -> str:
    return f"{datetime.fromtimestamp(time_ns / 1e9):%H:%M:%S}"
