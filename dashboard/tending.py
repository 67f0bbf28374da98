"""What changes in alarms when nothing happens: silence and the passing of time."""

from __future__ import annotations

from dashboard.alarms import fall_due, left_air
from dashboard.store import MONITOR, Store


def tend(store: Store, acknowledge_s: float) -> None:
    """End what sensors forgot to close; mark and tell what nobody took notice of in time.

    Parameters
    ----------
    store : Store
    acknowledge_s : float
        Time that people have; 0 for any.
    """
    now_ns = store.now_ns()
    with store.changing() as (connection, changed):
        for alarm in list(store.desk.alarms.values()):
            later = left_air(alarm, now_ns)
            if acknowledge_s:
                later = fall_due(later, now_ns, acknowledge_s)
            if later is not alarm:
                changed.append(later)
            if later.overdue and not alarm.overdue:
                store.note(connection, MONITOR, "alarm.overdue", alarm.id, {"site": alarm.site})
                store.tell_alarm(connection, "overdue", later)
    store.settle()
