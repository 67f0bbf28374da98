"""The end of a survey: what was learnt becomes one immutable file."""

from __future__ import annotations

from pathlib import Path

import structlog

from sdr.source import UserError
from sensors.listener import Listener
from sensors.survey import Survey, save_survey

log = structlog.get_logger()


def freeze(
    path: Path, site: str, listeners: dict[str, Listener], seconds: float, stop_ns: int
) -> None:
    """Save the baselines of all dongles; each is used by its listener from now on.

    Parameters
    ----------
    path : Path
    site : str
    listeners : dict
        `Listener` by sensor id.
    seconds : float
        Length of the survey.
    stop_ns : int
        UTC of its end.

    Raises
    ------
    UserError
        Nobody has learnt anything, or it cannot be saved.
    """
    baselines = {}
    for sensor, listener in listeners.items():
        if listener.learner is not None and listener.learner.scans:
            baselines[sensor] = listener.learner.freeze()
        else:
            log.error("survey_too_short", sensor=sensor)
    if not baselines:
        raise UserError("survey.too_short", seconds=f"{seconds:g}")
    start_ns = stop_ns - round(seconds * 1e9)
    save_survey(path, Survey(site, start_ns, stop_ns, baselines))
    for sensor, listener in listeners.items():
        listener.use(baselines.get(sensor))
    log.info("baseline_frozen", file=str(path), sensors=len(baselines))
