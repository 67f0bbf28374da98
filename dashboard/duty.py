"""When somebody was on watch, as far as the records tell: who was is not the one to look again."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy import Connection, or_, select

from dashboard import schema

WATCH_NS = 12 * 3600 * 1_000_000_000
"""Nobody watches longer: a shift that was never handed over has ended by then."""


class Duty:
    """What one person did, and which shifts that person had.

    Parameters
    ----------
    connection : Connection
    who : str
    since_ns : int
        Of times before that nothing will be asked.
    """

    def __init__(self, connection: Connection, who: str, since_ns: int) -> None:
        actions, alarms = schema.actions, schema.alarms
        done = (
            select(alarms.c.site, actions.c.time_ns)
            .join(alarms, alarms.c.id == actions.c.alarm)
            .where(actions.c.author == who, actions.c.time_ns >= since_ns)
            .order_by(actions.c.time_ns)
        )
        self._done: dict[str, list[int]] = defaultdict(list)
        for site, time_ns in connection.execute(done):
            self._done[site].append(time_ns)
        pairs = schema.approvals
        shifts = (
            select(pairs.c.decided_ns, pairs.c.subject)
            .where(
                pairs.c.act == "shift",
                pairs.c.state.in_(("approved", "single")),
                or_(pairs.c.wanted_by == who, pairs.c.subject == who),
                pairs.c.decided_ns >= since_ns - WATCH_NS,
            )
            .order_by(pairs.c.decided_ns)
        )
        rows = connection.execute(shifts).all()
        self._handovers = [row.decided_ns for row in rows]
        self._took_over = [row.subject == who for row in rows]

    def includes(self, site: str, start_ns: int, stop_ns: int) -> bool:
        """Whether that person worked on alarms of a site then, or had a shift."""
        return (
            _any_between(self._done.get(site, ()), start_ns, stop_ns)
            or _any_between(self._handovers, start_ns, stop_ns)
            or self._was_in_charge(start_ns)
        )

    def _was_in_charge(self, time_ns: int) -> bool:
        """Whether the last hand-over before gave the shift to this person."""
        last = bisect_left(self._handovers, time_ns) - 1
        return last >= 0 and self._took_over[last] and time_ns - self._handovers[last] < WATCH_NS


def _any_between(times_ns: Sequence[int], start_ns: int, stop_ns: int) -> bool:
    first = bisect_left(times_ns, start_ns)
    return first < len(times_ns) and times_ns[first] < stop_ns
