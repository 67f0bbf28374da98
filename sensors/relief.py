"""When a dongle is lost others take its bands within two seconds, and give them back."""

from __future__ import annotations

from typing import Literal

import structlog

from sensors.crew import Crew
from sensors.herald import Herald
from sensors.listener import Listener
from sensors.roster import Change, Roster

LOST_S = 1.5
"""A dongle that has worked and then says nothing for so long is lost."""

log = structlog.get_logger()


class Relief:
    """Hands the work of a place to those who are there, and says what that means.

    Parameters
    ----------
    roster : Roster
    crew : Crew
    listeners : dict
        `Listener` by sensor id.
    herald : Herald
    """

    def __init__(
        self, roster: Roster, crew: Crew, listeners: dict[str, Listener], herald: Herald
    ) -> None:
        self._roster = roster
        self._crew = crew
        self._listeners = listeners
        self._herald = herald

    def heard(self, sensor: str, hop_s: float, time_ns: int) -> None:
        """Note a dwell of it: it works, and a hop takes it so long (0: not measured yet)."""
        if hop_s:
            self._roster.measured(sensor, hop_s)
        if self._roster.is_away(sensor) and self._listeners[sensor].fault is None:
            self.come(sensor, time_ns)

    def check(self, time_ns: int) -> None:
        """Look for those that fell silent without a word; call it often."""
        for sensor, listener in self._listeners.items():
            quiet_s = max(LOST_S, 3 * listener.task.dwell_s)
            if listener.settings is None or listener.silent_s() < quiet_s:
                continue
            if self._roster.mates(sensor) and not self._roster.is_away(sensor):
                self.leave(sensor, time_ns)

    def leave(self, sensor: str, time_ns: int) -> None:
        """It is lost."""
        self._carry_out(sensor, self._roster.leave(sensor), time_ns)

    def come(self, sensor: str, time_ns: int) -> None:
        """It is back."""
        self._carry_out(sensor, self._roster.come(sensor), time_ns)

    def _carry_out(self, sensor: str, change: Change | None, time_ns: int) -> None:
        if change is None:
            return
        for member, order in change.orders.items():
            self._crew.give(member, order)
            self._listeners[member].take(order.hops, order.hop_s)
            short = self._roster.short(member)
            self._listeners[member].short = change.note if short else None
        log.warning("plan_changed", note=change.note.id, **change.note.args)
        level: Literal["info", "alarm"] = "alarm" if change.worse else "info"
        self._herald.notice(sensor, level, change.note, time_ns)
