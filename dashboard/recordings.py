"""Every recording of a site, also those that belong to no alarm because a person asked for them.

Who asked is found by the order's number, which the site puts at the end of the recording's name.
"""

from __future__ import annotations

import re
from typing import Annotated

import msgspec
from msgspec import Meta, Struct
from sqlalchemy import Engine, select

from dashboard import schema
from dashboard.access import Identity
from dashboard.approvals import agreement
from dashboard.asking import ANSWER
from dashboard.clips import SUFFIXES, Announced, find_clip
from dashboard.errors import Refused
from dashboard.evidence import ClipCard, Evidence
from dashboard.pairs import Pairs
from dashboard.saving import OpenFile
from dashboard.store import Store

_ASKED = re.compile(r"_asked-([0-9]{1,18})$")


class RecordingQuery(Struct, forbid_unknown_fields=True, frozen=True):
    """``GET /api/v1/recordings/of/{site}``: the newest first.

    Attributes
    ----------
    before : str
        Name of the last one on the page before; names begin with the time.
    limit : int
    """

    before: Annotated[str, Meta(max_length=128)] = ""
    limit: Annotated[int, Meta(ge=1, le=200)] = 50


class RecordingCard(ClipCard, frozen=True, kw_only=True):
    """A recording, with where it comes from and what is known of its hashes.

    Attributes
    ----------
    verified : bool or None
        Whether its files were what the site signed when they arrived; None: not checked (yet).
        Whatever is saved is checked once more.
    asked_by : str
        Who ordered it; empty when an alarm made the site keep it.
    alarms : list of str
        The alarms that it belongs to.
    """

    site: str
    announced_ns: int
    verified: bool | None
    asked_by: str
    alarms: list[str]


class Recordings:
    """The recordings of the sites.

    Parameters
    ----------
    store : Store
    evidence : Evidence
    pairs : Pairs
        Says whether it takes two persons to take one away.
    """

    def __init__(self, store: Store, evidence: Evidence, pairs: Pairs) -> None:
        self._store = store
        self._evidence = evidence
        self._pairs = pairs

    def listing(self, site: str, query: RecordingQuery) -> list[RecordingCard]:
        """One page of a site's recordings."""
        reader = self._store.reader
        clips = _clips(reader, site, query)
        cards = self._evidence.cards(clips)
        arrivals, authors = _arrivals(reader, clips), _authors(reader, site, clips)
        alarms = _alarms(reader, clips)
        return [
            RecordingCard(
                **msgspec.structs.asdict(card),
                site=site,
                announced_ns=clip.announced_ns,
                verified=arrivals.get(clip.name),
                asked_by=authors.get(_order(clip), ""),
                alarms=sorted(alarms.get(_emitter(clip), ())),
            )
            for clip, card in zip(clips, cards, strict=True)
        ]

    def open_file(self, site: str, name: str, who: Identity) -> OpenFile:
        """Open a file of a recording for who takes it away.

        Raises
        ------
        Refused
            No such file (404); it takes a second person, or as `Evidence.take` (409).
        """
        base = next((name.removesuffix(end) for end in SUFFIXES if name.endswith(end)), "")
        with self._store.reader.connect() as connection:
            clip = find_clip(connection, site, base)
        if clip is None:
            raise Refused("recording.unknown", 404, site=site, file=name)
        agreed: dict[str, object] = {}
        if self._pairs.needs_two("export"):
            agreed = self._agreed(clip, name, who)
        return self._evidence.take(clip, name, who.name, clip.name, **agreed)

    def _agreed(self, clip: Announced, name: str, who: Identity) -> dict[str, object]:
        """The agreement that lets this person have it, as an alarm's or as the site's."""
        reader = self._store.reader
        subjects = (*_alarms(reader, [clip]).get(_emitter(clip), ()), clip.site)
        signed, since_ns = {clip.name: clip.sha256}, self._pairs.since_ns()
        by = agreement(reader, subjects, signed, who.name, since_ns)
        if by is None:
            raise Refused("recording.takes_two", 409, file=name)
        return by


def _order(clip: Announced) -> int:
    """Number of the order that made it; 0 for none."""
    asked = _ASKED.search(clip.name)
    return int(asked[1]) if asked else 0


def _clips(reader: Engine, site: str, query: RecordingQuery) -> list[Announced]:
    table = schema.clips
    wanted = select(table).where(table.c.site == site)
    if query.before:
        wanted = wanted.where(table.c.name < query.before)
    wanted = wanted.order_by(table.c.name.desc()).limit(query.limit)
    with reader.connect() as connection:
        return [Announced(**row._mapping) for row in connection.execute(wanted)]


def _arrivals(reader: Engine, clips: list[Announced]) -> dict[str, bool]:
    """Whether those that have arrived were what their site signed, by name."""
    table, names = schema.audit, [clip.name for clip in clips]
    wanted = select(table.c.subject, table.c.detail).where(
        table.c.act == "evidence.arrived", table.c.subject.in_(names)
    )
    found: dict[str, bool] = {}
    sites = {clip.name: clip.site for clip in clips}
    with reader.connect() as connection:
        for row in connection.execute(wanted):
            detail = msgspec.json.decode(row.detail)
            if detail.get("site") == sites[row.subject] and "verified" in detail:
                found[row.subject] = detail["verified"]
    return found


def _authors(reader: Engine, site: str, clips: list[Announced]) -> dict[int, str]:
    """Who gave the orders that made these recordings, by the order's number."""
    numbers = {number for number in map(_order, clips) if number}
    if not numbers:
        return {}
    table = schema.audit
    wanted = select(table.c.actor, table.c.detail).where(
        table.c.act == ANSWER, table.c.subject == site, table.c.detail.contains('"record"')
    )
    with reader.connect() as connection:
        rows = connection.execute(wanted).fetchall()
    given = {msgspec.json.decode(row.detail).get("number"): row.actor for row in rows}
    return {number: given[number] for number in numbers & given.keys()}


def _emitter(clip: Announced) -> tuple[str, str]:
    return clip.sensor, clip.emitter


def _alarms(reader: Engine, clips: list[Announced]) -> dict[tuple[str, str], set[str]]:
    """Alarms of the emitters that these recordings are of."""
    table = schema.emitters
    wanted = select(table.c.sensor, table.c.emitter, table.c.alarm).where(
        table.c.sensor.in_({clip.sensor for clip in clips}),
        table.c.emitter.in_({clip.emitter for clip in clips}),
    )
    found: dict[tuple[str, str], set[str]] = {}
    with reader.connect() as connection:
        for row in connection.execute(wanted):
            found.setdefault((row.sensor, row.emitter), set()).add(row.alarm)
    return found
