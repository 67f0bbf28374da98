"""What a survey heard come and go, as words for the person who has to judge it."""

from __future__ import annotations

from collections.abc import Sequence

from dsp.compare import SurveyEmitter
from sensors.messages import Note

MOST_OF_A_HOP = 5
"""More than so many emitters in one hop are told as one: a station that overloads the receiver, or
a band so busy that nobody would read the list."""


def heard_notes(heard: Sequence[SurveyEmitter]) -> list[tuple[Note, int, int]]:
    """What a person has to judge; the many of one overloaded or crowded hop are one line.

    Returns
    -------
    list of (Note, first_ns, last_ns)
    """
    notes: list[tuple[Note, int, int]] = []
    for hop in dict.fromkeys(one.hop for one in heard):
        here = [one for one in heard if one.hop == hop]
        if len(here) > MOST_OF_A_HOP:
            span: dict[str, str | float | int] = {
                "count": len(here),
                "low_mhz": f"{min(one.low_hz for one in here) / 1e6:.3f}",
                "high_mhz": f"{max(one.high_hz for one in here) / 1e6:.3f}",
            }
            first_ns, last_ns = min(o.first_ns for o in here), max(o.last_ns for o in here)
            notes.append((Note("survey.crowd", span), first_ns, last_ns))
            continue
        for one in here:
            args: dict[str, str | float | int] = {
                "freq_mhz": f"{one.center_freq_hz / 1e6:.4f}",
                "percent": round(100 * one.occupancy),
                "excess_db": round(one.excess_db),
            }
            notes.append((Note("survey.heard", args), one.first_ns, one.last_ns))
    return notes
