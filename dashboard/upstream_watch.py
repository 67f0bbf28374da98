"""Whether the level above takes our reports: an alarm here while it does not, then on record."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import Engine, select

from dashboard.notices import Notice
from dashboard.schema import notices
from sensors.messages import Note

PATIENCE_S = 30.0
"""A line that is back by then is nobody's business."""


class UpstreamWatch:
    """Follows what the link says of itself.

    Parameters
    ----------
    tell : callable
        Keeps and shows a notice; may raise, then it is told at the next step.
    clock_ns : callable
    told : Notice, optional
        What lasted when the program ended, see `still_told`.
    """

    def __init__(
        self,
        tell: Callable[[Notice], None],
        clock_ns: Callable[[], int],
        told: Notice | None = None,
    ) -> None:
        self._tell = tell
        self._clock_ns = clock_ns
        self._since_ns = 0
        self._told = told

    def step(self, notes: Sequence[Note]) -> None:
        """Take in what is wrong now, the worst first; empty: nothing."""
        now_ns = self._clock_ns()
        if not notes:
            self._since_ns = 0
        elif not self._since_ns:
            self._since_ns = now_ns
        told = self._told
        if told is not None and (not notes or notes[0].id != told.note.id):
            self._tell(Notice("", "", "alarm", told.note, told.start_ns, now_ns))
            self._told = None
        if self._told is None and notes and now_ns - self._since_ns >= PATIENCE_S * 1e9:
            notice = Notice("", "", "alarm", notes[0], self._since_ns)
            self._tell(notice)
            self._told = notice


def still_told(reader: Engine) -> Notice | None:
    """What a program that ended had told, and nobody has said that it is over."""
    ours = select(notices).where(
        notices.c.site == "",
        notices.c.sensor == "",
        notices.c.stop_ns == 0,
        notices.c.level == "alarm",
        notices.c.note_id != "notice.store_failed",
    )
    with reader.connect() as connection:
        row = connection.execute(ours.order_by(notices.c.id.desc()).limit(1)).first()
    return None if row is None else Notice.of_row(row)
