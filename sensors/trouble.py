"""Words for what is wrong with a receiver."""

from __future__ import annotations

from dsp.health import Trouble
from sensors.messages import Note


def trouble_note(trouble: Trouble) -> Note:
    """What is wrong with the receiver, as words."""
    args: dict[str, str | float | int] = {
        "low_mhz": round(trouble.low_hz / 1e6, 1),
        "high_mhz": round(trouble.high_hz / 1e6, 1),
        "value_db": round(trouble.value, 1),
        "value_percent": round(100 * trouble.value, 2),
    }
    return Note(f"health.{trouble.ailment}", args)
