"""``/api/v1``: the table of endpoints, each with its permission and its types.

The table is all there is: the server answers from it, the permission check reads it, and the
OpenAPI document is made of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec
from msgspec import Struct

from dashboard import queries, state
from dashboard.access import ROLES, Identity, Permission
from dashboard.actions import Action, Wish
from dashboard.audit import Entry
from dashboard.cards import Card
from dashboard.errors import Refused
from dashboard.notices import Notice
from dashboard.store import Store


@dataclass(frozen=True, slots=True)
class Monitor:
    """What the endpoints read and write.

    Attributes
    ----------
    store : Store
    board : callable
        The sites as they are now, see `dashboard.state`.
    clock_ns : callable
    """

    store: Store
    board: Callable[[], state.Board]
    clock_ns: Callable[[], int]


@dataclass(frozen=True, slots=True)
class Call:
    """One request, checked against its endpoint's types."""

    monitor: Monitor
    who: Identity
    path: dict[str, str]
    query: Any = None
    body: Any = None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One address.

    Attributes
    ----------
    method, path : str
        ``{name}`` is one step of the path, ``{name:path}`` the rest of it.
    summary : str
    permission : Permission
    answer : type
        Of the JSON answer.
    run : callable
        Plain function of a `Call`; it runs in a thread and may read the store.
    query, body : type or None
        Structs that parameters and request body must match.
    refuses : tuple of int
        Status codes besides the ones that every endpoint has.
    """

    method: str
    path: str
    summary: str
    permission: Permission
    answer: Any
    run: Callable[[Call], object]
    query: type[Struct] | None = None
    body: type[Struct] | None = None
    refuses: tuple[int, ...] = field(default=())


class Me(Struct, frozen=True):
    """Who is signed in, and what that person may do."""

    name: str
    role: str
    permissions: list[str]


def get_me(call: Call) -> Me:
    """Name, role and permissions."""
    return Me(call.who.name, call.who.role, sorted(ROLES[call.who.role]))


def get_sites(call: Call) -> list[state.SiteCard]:
    """Every site with its sensors, the worst first."""
    return state.cards(call.monitor.board(), call.monitor.clock_ns())


def get_sensors(call: Call) -> list[state.SensorCard]:
    """Every sensor, the worst first."""
    sensors = [sensor for site in get_sites(call) for sensor in site.sensors]
    return sorted(sensors, key=lambda sensor: state.WORST_FIRST.index(sensor.state))


def get_coverage(call: Call) -> state.Coverage:
    """Chance of hearing one 2 s message, by band, now."""
    site = call.monitor.board().get(call.path["site"])
    if site is None:
        raise Refused("site.unknown", 404, site=call.path["site"])
    return state.coverage(site, call.monitor.clock_ns())


def get_alarms(call: Call) -> list[msgspec.Raw]:
    """Alarms, the last seen first."""
    return queries.alarm_cards(call.monitor.store.reader, call.query)


def get_alarm(call: Call) -> msgspec.Raw:
    """One alarm."""
    found = queries.alarm_card(call.monitor.store.reader, call.path["id"])
    if found is None:
        raise Refused("alarm.unknown", 404, alarm=call.path["id"])
    return found


def get_actions(call: Call) -> list[Action]:
    """What was done about an alarm, in order."""
    get_alarm(call)
    return queries.actions_of(call.monitor.store.reader, call.path["id"])


def post_action(call: Call) -> msgspec.Raw:
    """Do something about an alarm; answers with the alarm as it is afterwards."""
    call.monitor.store.act(call.path["id"], call.body, call.who.name)
    return get_alarm(call)


def get_notices(call: Call) -> list[Notice]:
    """Gaps, silence and lost devices, the newest first."""
    return queries.notices(call.monitor.store.reader, call.query)


def get_audit(call: Call) -> list[Entry]:
    """The audit log's hash chain."""
    return queries.audit_entries(call.monitor.store.reader, call.query)


ENDPOINTS = (
    Endpoint("GET", "/me", "Who is signed in", "view", Me, get_me),
    Endpoint("GET", "/sites", "Sites, worst first", "view", list[state.SiteCard], get_sites),
    Endpoint(
        "GET", "/sensors", "Sensors, worst first", "view", list[state.SensorCard], get_sensors
    ),
    Endpoint(
        "GET",
        "/coverage/{site:path}",
        "How well a site is watched now",
        "view",
        state.Coverage,
        get_coverage,
        refuses=(404,),
    ),
    Endpoint(
        "GET",
        "/alarms",
        "Alarms, last seen first",
        "view",
        list[Card],
        get_alarms,
        query=queries.AlarmQuery,
    ),
    Endpoint("GET", "/alarms/{id}", "One alarm", "view", Card, get_alarm, refuses=(404,)),
    Endpoint(
        "GET",
        "/alarms/{id}/actions",
        "What was done about an alarm",
        "view",
        list[Action],
        get_actions,
        refuses=(404,),
    ),
    Endpoint(
        "POST",
        "/alarms/{id}/actions",
        "Do something about an alarm",
        "act",
        Card,
        post_action,
        body=Wish,
        refuses=(404, 409),
    ),
    Endpoint(
        "GET",
        "/notices",
        "Gaps, silence, lost devices",
        "view",
        list[Notice],
        get_notices,
        query=queries.NoticeQuery,
    ),
    Endpoint(
        "GET",
        "/audit",
        "Audit log",
        "audit",
        list[Entry],
        get_audit,
        query=queries.AuditQuery,
    ),
)
