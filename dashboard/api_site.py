"""``/api/v1``, one site: the drills that it has told of, and its plan."""

from __future__ import annotations

from dashboard.answers import Call
from dashboard.drills import Drill
from dashboard.endpoint import Endpoint
from dashboard.plans import PlanCard
from dashboard.saving import OpenFile


def get_drills(call: Call) -> list[Drill]:
    """The latest drills of a site, the newest first; begun with ``POST /orders/drill``."""
    return call.monitor.drills.history(call.path["site"])


def get_plans(call: Call) -> list[PlanCard]:
    """Every plan, and where on it the sensors stand."""
    return call.monitor.plans.cards()


def get_plan_picture(call: Call) -> OpenFile:
    """Picture of a plan."""
    return call.monitor.plans.picture(call.path["site"])


SITE = (
    Endpoint(
        "GET",
        "/drills/{site:path}",
        "Drills of a site, newest first",
        "view",
        list[Drill],
        get_drills,
    ),
    Endpoint("GET", "/plans", "Plans of the sites", "view", list[PlanCard], get_plans),
    Endpoint(
        "GET",
        "/plans/{site:path}",
        "Picture of a site's plan",
        "view",
        bytes,
        get_plan_picture,
        refuses=(404,),
        media="image/*",
    ),
)
