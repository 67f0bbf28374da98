"""What the sites say of themselves, folded into one board. Pure: the time is an argument.

Silence is a state of its own.  A site that stops talking keeps the last it said, marked silent and
with its age; nothing on the board ever turns green because nothing was heard.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Literal

import msgspec
from msgspec import Struct

from dashboard.drills import Drill
from dashboard.fuse import Surroundings
from dashboard.phases import Now, Session, current
from sensors.messages import BandWatch, Heartbeat, Note, SensorHealth, State

SILENT_S = 5.0
"""More than two missed heartbeats of 2 s."""
SET_BACK_S = 2.5
"""Only older heartbeats for so long: not late ones, the site's clock was set back."""
STEADY_S = 60.0
"""A line that breaks again within this time comes and goes."""

HEARING: frozenset[State] = frozenset(("go", "degraded", "drill"))
"""Who raises alarms: not who is silent or blind, and not who still learns what is usual."""
WORST_FIRST: tuple[State, ...] = ("silent", "blind", "degraded", "survey", "drill", "go")


NO_DRILLS: Mapping[str, Drill] = MappingProxyType({})


class Site(Struct, frozen=True):
    """The newest heartbeat of a site and when it came.

    Attributes
    ----------
    heartbeat : Heartbeat
    received_ns : int
        Monitor's clock.
    silent_since_ns : int
        0 while it talks.
    back_ns : int
        When it last spoke again after a silence.
    unsteady_since_ns : int
        Begin of the second silence of a line that comes and goes; 0 for one that holds.
    """

    heartbeat: Heartbeat
    received_ns: int
    silent_since_ns: int = 0
    back_ns: int = 0
    unsteady_since_ns: int = 0


Board = Mapping[str, Site]
"""Sites by id."""


def beat(board: Board, heartbeat: Heartbeat, now_ns: int) -> Board:
    """Take a heartbeat.

    One that is older than what we know of the same start of the site arrived late and says nothing,
    unless the newer one is long past: a site whose clock was set back is not silent.
    """
    known = board.get(heartbeat.site)
    if (
        known is not None
        and known.heartbeat.started_ns == heartbeat.started_ns
        and heartbeat.time_ns < known.heartbeat.time_ns
        and now_ns - known.received_ns < SET_BACK_S * 1e9
    ):
        return board
    site = Site(heartbeat, now_ns)
    if known is not None:
        site = msgspec.structs.replace(
            site,
            back_ns=now_ns if known.silent_since_ns else known.back_ns,
            unsteady_since_ns=known.unsteady_since_ns,
        )
    return {**board, heartbeat.site: site}


def listen(board: Board, now_ns: int) -> tuple[Board, list[str]]:
    """Mark who has become silent, and whose line holds again.

    Returns
    -------
    board : Board
    changed : list of str
        Sites that changed by this.
    """
    marked = {site_id: _listened(site, now_ns) for site_id, site in board.items()}
    changed = [site_id for site_id, site in marked.items() if site is not board[site_id]]
    return (marked, changed) if changed else (board, [])


def _listened(site: Site, now_ns: int) -> Site:
    """A site as time makes it."""
    if site.received_ns > now_ns:  # our own clock was set back: it counts from here
        site = msgspec.structs.replace(site, received_ns=now_ns)
    if site.silent_since_ns:
        return site
    held = now_ns - site.back_ns > STEADY_S * 1e9
    if now_ns - site.received_ns > SILENT_S * 1e9:
        since_ns = site.received_ns
        unsteady_ns = site.unsteady_since_ns or (since_ns if site.back_ns and not held else 0)
        return msgspec.structs.replace(
            site, silent_since_ns=since_ns, unsteady_since_ns=unsteady_ns
        )
    if site.unsteady_since_ns and held:
        return msgspec.structs.replace(site, unsteady_since_ns=0)
    return site


class SensorCard(SensorHealth, frozen=True, kw_only=True):
    """A sensor as pages and scripts see it: its health, with the centre's own view of it."""

    site: str
    age_s: float


class SiteCard(Struct, frozen=True):
    """A site as pages and scripts see it.

    Attributes
    ----------
    kind : {"site", "centre"}
        A monitor of the level below has no sensors of its own: it passes on what its sites say.
    state : State
        The worst of its sensors, ``go`` for a centre; ``silent`` when it stopped talking,
        ``degraded`` when something is wrong with its outbox or its link.
    age_s : float
        Since its last heartbeat.
    sensors : list of SensorCard
        The worst first.
    session : Now or None
        The exam that counts here, its phase and what remains of it.
    drill : Drill or None
        The last one that it has told of.
    """

    site: str
    site_name: str
    kind: Literal["site", "centre"]
    state: State
    age_s: float
    time_ns: int
    started_ns: int
    sensors: list[SensorCard]
    outbox_depth: int
    version: str
    silent_since_ns: int
    clock_offset_ns: int | None
    round_trip_s: float
    outbox_oldest_s: float
    link_notes: list[Note]
    session: Now | None = None
    drill: Drill | None = None


def site_card(
    site: Site,
    now_ns: int,
    sessions: Iterable[Session] = (),
    drills: Mapping[str, Drill] = NO_DRILLS,
) -> SiteCard:
    """Show a site; while it is silent its sensors are silent, whatever they said last."""
    said = site.heartbeat
    age_s = max(0.0, (now_ns - site.received_ns) / 1e9)
    silent = bool(site.silent_since_ns) or age_s > SILENT_S
    sensors = [
        SensorCard(
            **{
                **msgspec.structs.asdict(sensor),
                "state": "silent" if silent else sensor.state,
                "site": said.site,
                "age_s": round(age_s, 3),
            }
        )
        for sensor in said.sensors
    ]
    sensors.sort(key=lambda sensor: (WORST_FIRST.index(sensor.state), sensor.sensor))
    # A site has a sensor for every dongle of its file, also while none of them works.
    kind: Literal["site", "centre"] = "site" if sensors else "centre"
    worst: State = "silent" if silent else sensors[0].state if sensors else "go"
    if said.link_notes and worst not in ("silent", "blind"):
        worst = "degraded"  # it may hear everything: what it hears does not come here
    return SiteCard(
        site=said.site,
        site_name=said.site_name,
        kind=kind,
        state=worst,
        age_s=round(age_s, 3),
        time_ns=said.time_ns,
        started_ns=said.started_ns,
        sensors=sensors,
        outbox_depth=said.outbox_depth,
        version=said.version,
        silent_since_ns=site.silent_since_ns,
        clock_offset_ns=said.clock_offset_ns,
        round_trip_s=said.round_trip_s,
        outbox_oldest_s=said.outbox_oldest_s,
        link_notes=said.link_notes,
        session=current(sessions, said.site, now_ns),
        drill=drills.get(said.site),
    )


def cards(
    board: Board,
    now_ns: int,
    sessions: Sequence[Session] = (),
    drills: Mapping[str, Drill] = NO_DRILLS,
) -> list[SiteCard]:
    """Every site, the worst first."""
    shown = [site_card(site, now_ns, sessions, drills) for site in board.values()]
    return sorted(shown, key=lambda card: (WORST_FIRST.index(card.state), card.site))


def surroundings(board: Board) -> Surroundings:
    """What `dashboard.fuse` wants to know about the places."""
    live = [site.heartbeat for site in board.values() if not site.silent_since_ns]
    return Surroundings(
        live_sites=sum(bool(said.sensors) for said in live),  # a relay hears nothing itself
        live_sensors={said.site: len(said.sensors) for said in live},
        positions={
            sensor.sensor: sensor.position
            for site in board.values()
            for sensor in site.heartbeat.sensors
        },
    )


class BandCover(BandWatch, frozen=True, kw_only=True):
    """One band of a site: the watch of its best sensor, and all who hear it."""

    sensors: list[str]


class Coverage(Struct, frozen=True):
    """How well a site is watched now; a silent or blind sensor watches nothing."""

    site: str
    state: State
    age_s: float
    bands: list[BandCover]


def coverage(site: Site, now_ns: int) -> Coverage:
    """How well each band is watched: as well as the best sensor that hears it watches it.

    Several sensors together do not miss less than that for certain: they hear different rooms, and
    what takes one away (a hunt, a busy machine) takes the others away too.  The best one is a bound
    that holds whatever they have in common.
    """
    card = site_card(site, now_ns)
    heard: dict[tuple[float, float], list[tuple[str, BandWatch]]] = {}
    for sensor in sorted(card.sensors, key=lambda sensor: sensor.sensor):
        for band in sensor.bands:
            watches = heard.setdefault((band.start_hz, band.stop_hz), [])
            hears = sensor.state in HEARING
            watches.append((sensor.sensor if hears else "", band))
    bands = sorted(map(_cover, heard.values()), key=lambda band: (band.p_2s, band.start_hz))
    return Coverage(site=card.site, state=card.state, age_s=card.age_s, bands=bands)


def _cover(watches: list[tuple[str, BandWatch]]) -> BandCover:
    """One band, as the best of those watches it who hear anything."""
    hearing = [(sensor, band) for sensor, band in watches if sensor]
    _, best = max(hearing or watches, key=lambda watch: watch[1].p_2s)
    values = msgspec.structs.asdict(best)
    if not hearing:
        values |= {"p_2s": 0.0, "plan_p_2s": 0.0}
    return BandCover(**values, sensors=[sensor for sensor, _ in hearing])
