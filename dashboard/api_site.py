"""``/api/v1``, one site: the drills that it has told of."""

from __future__ import annotations

from dashboard.answers import Call
from dashboard.drills import Drill
from dashboard.endpoint import Endpoint


def get_drills(call: Call) -> list[Drill]:
    """The latest drills of a site, the newest first; begun with ``POST /orders/drill``."""
    return call.monitor.drills.history(call.path["site"])


SITE = (
    Endpoint(
        "GET",
        "/drills/{site:path}",
        "Drills of a site, newest first",
        "view",
        list[Drill],
        get_drills,
    ),
)
