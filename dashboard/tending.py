"""What changes in alarms when nothing happens: silence and the passing of time."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from dashboard.alarms import WAITING, Alarm
from dashboard.store import MONITOR, Store

FORGOTTEN_S = 600.0
"""An emitter that its sensor neither repeats nor closes for so long is off the air."""


class Patience(Struct, frozen=True):
    """How long alarms may wait for somebody, and who hears of it then.

    Attributes
    ----------
    acknowledge_s : float
        Then it is overdue; 0 for never.
    escalate_s : float
        Every further time as long it is told one level higher.
    levels : int
        The highest level that has a receiver.
    """

    acknowledge_s: float = 0.0
    escalate_s: float = 300.0
    levels: int = 1

    def level(self, waited_s: float) -> int:
        """How far up it is to be told after so long; 0 for nowhere yet."""
        if not self.acknowledge_s or waited_s <= self.acknowledge_s:
            return 0
        return min(1 + int((waited_s - self.acknowledge_s) / self.escalate_s), self.levels)


def tend(store: Store, patience: Patience) -> None:
    """End what sensors forgot to close; mark and tell what nobody took notice of in time."""
    now_ns = store.now_ns()
    with store.changing() as (connection, changed):
        for alarm in list(store.desk.alarms.values()):
            later = fall_due(left_air(alarm, now_ns), now_ns, patience)
            if later is not alarm:
                changed.append(later)
            if later.level > alarm.level:
                detail = {"site": alarm.site, "level": later.level}
                store.note(connection, MONITOR, "alarm.overdue", alarm.id, detail)
                store.tell_alarm(connection, "overdue", later)
    store.settle()


def fall_due(alarm: Alarm, now_ns: int, patience: Patience) -> Alarm:
    """Mark an alarm that nobody took notice of in the time allowed, one level up at a time."""
    level = patience.level((now_ns - alarm.raised_ns) / 1e9)
    if alarm.state not in WAITING or alarm.drill or level <= alarm.level:
        return alarm
    return msgspec.structs.replace(alarm, overdue=True, level=level, changed_ns=now_ns)


def left_air(alarm: Alarm, now_ns: int) -> Alarm:
    """End the parts that their sensor stopped repeating without closing them: it died meanwhile."""
    limit_ns = now_ns - round(FORGOTTEN_S * 1e9)
    if not any(part.on_air and part.heard_ns < limit_ns for part in alarm.parts):
        return alarm
    parts = tuple(
        msgspec.structs.replace(part, on_air=part.on_air and part.heard_ns >= limit_ns)
        for part in alarm.parts
    )
    return msgspec.structs.replace(alarm, parts=parts, changed_ns=now_ns)
