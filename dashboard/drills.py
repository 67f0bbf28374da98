"""Drills that the sites have told of: synthetic transmissions, and which bands heard them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct
from sqlalchemy import Engine, func, select

from dashboard import schema
from dashboard.notices import Notice

TOLD = "drill.band"
"""Message id of a band's result; one notice for each band, all with the drill's begin."""

MOST_BANDS = 64


class BandResult(Struct, frozen=True):
    """One band of a drill.

    Attributes
    ----------
    sent, heard : int
        Messages of 2 s.
    unvisited, unrecognised : int or None
        Of those not heard: nobody was there meanwhile; somebody was and did not recognise it.
        None from an older site.
    median_s, worst_s : float or None
        From the first sample to the event on the site's disk; None where nothing was heard.
    delivered : int or None
        Known here before the drill's end.
    delivered_median_s : float or None
    """

    band: str
    sent: int
    heard: int
    unvisited: int | None = None
    unrecognised: int | None = None
    median_s: float | None = None
    worst_s: float | None = None
    delivered: int | None = None
    delivered_median_s: float | None = None


class Drill(Struct, frozen=True):
    """One drill of a site; passed when every message was heard in every band."""

    site: str
    start_ns: int
    stop_ns: int
    passed: bool
    bands: list[BandResult]


def drills_of(notices: Iterable[Notice]) -> list[Drill]:
    """Put the bands of each drill together, the newest drill first; other notices are left out."""
    together: dict[tuple[str, int], list[Notice]] = {}
    for notice in notices:
        if notice.note.id == TOLD:
            together.setdefault((notice.site, notice.start_ns), []).append(notice)
    found = [
        Drill(
            site=site,
            start_ns=start_ns,
            stop_ns=max(one.stop_ns for one in told),
            passed=all(one.level == "info" for one in told),
            bands=sorted((_band(one) for one in told), key=lambda band: band.band),
        )
        for (site, start_ns), told in together.items()
    ]
    return sorted(found, key=lambda drill: -drill.start_ns)


class LastDrills:
    """The newest drill of every site.

    Parameters
    ----------
    reader : Engine
        Of the store.

    Attributes
    ----------
    by_site : mapping of str to Drill
        A new one after each change.
    """

    def __init__(self, reader: Engine) -> None:
        self._reader = reader
        table = schema.notices
        newest = (
            select(table.c.site, func.max(table.c.start_ns).label("start_ns"))
            .where(table.c.note_id == TOLD)
            .group_by(table.c.site)
            .subquery()
        )
        query = select(table).join(
            newest, (table.c.site == newest.c.site) & (table.c.start_ns == newest.c.start_ns)
        )
        with reader.connect() as connection:
            kept = [Notice.of_row(row) for row in connection.execute(query)]
        self.by_site: Mapping[str, Drill] = {drill.site: drill for drill in drills_of(kept)}

    def take(self, notices: Sequence[Notice]) -> set[str]:
        """Take in what is new; return the sites whose newest drill it changed.

        The bands of one drill may come apart, so that what is known of it already counts on.
        """
        changed: dict[str, Drill] = {}
        for drill in drills_of(notices):
            known = changed.get(drill.site) or self.by_site.get(drill.site)
            if known is not None and known.start_ns > drill.start_ns:
                continue
            if known is not None and known.start_ns == drill.start_ns:
                bands = {band.band: band for band in [*known.bands, *drill.bands]}
                drill = Drill(
                    site=drill.site,
                    start_ns=drill.start_ns,
                    stop_ns=max(known.stop_ns, drill.stop_ns),
                    passed=known.passed and drill.passed,
                    bands=sorted(bands.values(), key=lambda band: band.band),
                )
            changed[drill.site] = drill
        self.by_site = {**self.by_site, **changed}
        return set(changed)

    def history(self, site: str, drills: int = 20) -> list[Drill]:
        """The latest drills of a site, the newest first."""
        table = schema.notices
        query = (
            select(table)
            .where(table.c.site == site, table.c.note_id == TOLD)
            .order_by(table.c.start_ns.desc(), table.c.id.desc())
            .limit(drills * MOST_BANDS)
        )
        with self._reader.connect() as connection:
            kept = [Notice.of_row(row) for row in connection.execute(query)]
        return drills_of(kept)[:drills]


def _band(notice: Notice) -> BandResult:
    """Result of a band from its notice; seconds travel as text, "-" where nothing was heard."""
    args = notice.note.args

    def seconds(name: str) -> float | None:
        try:
            return float(args[name])
        except (KeyError, ValueError):
            return None

    def count(name: str) -> int | None:
        return int(args[name]) if isinstance(args.get(name), int) else None

    return BandResult(
        band=str(args.get("band", "")),
        sent=count("sent") or 0,
        heard=count("heard") or 0,
        unvisited=count("unvisited"),
        unrecognised=count("unrecognised"),
        median_s=seconds("median_s"),
        worst_s=seconds("worst_s"),
        delivered=count("delivered"),
        delivered_median_s=seconds("delivered_median_s"),
    )
