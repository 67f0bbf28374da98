"""The time line of a session's record: phases, what each sensor watched, alarms, drills. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from dashboard.report import Report

MOST_SENSORS = 40
MOST_TICKS = 400
"""Alarms are drawn once per pixel of a wide screen; more of them look the same."""
Run = tuple[str, str, str]
"""Name, begin and width, in per cent."""


@dataclass(frozen=True, slots=True)
class TimeLine:
    """Everything on the line, in per cent of its width.

    Attributes
    ----------
    phases : list of Run
    sensors : list of (str, list of Run)
        What is on record, with the gaps in it.
    more : int
        Sensors that are not drawn.
    alarms : list of str
    drills : list of (str, str)
    """

    phases: list[Run]
    sensors: list[tuple[str, list[Run]]]
    more: int
    alarms: list[str]
    drills: list[tuple[str, str]]


def time_line(report: Report) -> TimeLine | None:
    """Draw a session from its drill to its seal; None before the drill."""
    begin_ns, end_ns = report.span.begin_ns, report.span.end_ns
    if end_ns <= begin_ns:
        return None

    def at(time_ns: int) -> float:
        return 100 * min(max((time_ns - begin_ns) / (end_ns - begin_ns), 0.0), 1.0)

    def run(name: str, start_ns: int, stop_ns: int) -> Run:
        return name, f"{at(start_ns):.3f}", f"{at(stop_ns) - at(start_ns):.3f}"

    watching = report.watching
    gaps = [gap for gap in watching.gaps if not gap.stop_hz]
    names = sorted({band.sensor for band in watching.bands})
    sensors = [
        (
            name,
            [
                run("seen", watching.start_ns, watching.stop_ns),
                *(run("gap", gap.start_ns, gap.stop_ns) for gap in gaps if gap.sensor == name),
            ],
        )
        for name in names[:MOST_SENSORS]
    ]
    phases, before_ns = [], 0
    for name, until_ns in report.session.until():
        if at(until_ns) > at(before_ns):
            phases.append(run(name, before_ns, until_ns))
        before_ns = until_ns
    lines = [line for line in report.alarms.lines if not line.drill]
    ticks = {round(at(line.first_seen_ns) * MOST_TICKS / 100) for line in lines}
    return TimeLine(
        phases=phases,
        sensors=sensors,
        more=len(names[MOST_SENSORS:]),
        alarms=[f"{tick * 100 / MOST_TICKS:.2f}" for tick in sorted(ticks)],
        drills=[run("", one.start_ns, one.stop_ns)[1:] for one in report.looked.drills],
    )
