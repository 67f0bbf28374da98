"""The table of the records that relays have brought, and what is asked of it."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, Engine, func, select

from dashboard.database import insert_once
from dashboard.inbox import Incoming, Layer, Standing
from dashboard.schema import events, layers, standings
from sensors.wire import read_record


class LayerTable:
    """What is stored of the sites below: `dashboard.inbox.Layers`.

    A site that came here itself before has its records among the events: they count too.

    Parameters
    ----------
    reader : Engine
    """

    def __init__(self, reader: Engine) -> None:
        self._reader = reader

    def end(self, site: str, epoch: str) -> Standing | None:
        """The highest number of this epoch of a site, however it came; None when there is none."""
        brought = (
            select(layers.c.seq, layers.c.hash)
            .where(layers.c.site == site, layers.c.epoch == epoch)
            .order_by(layers.c.seq.desc())
            .limit(1)
        )
        own = (
            select(standings.c.seq, standings.c.hash)
            .where(standings.c.epoch == epoch)
            .order_by(standings.c.seq.desc())
            .limit(1)
        )
        with self._reader.connect() as connection:
            rows = [connection.execute(query).first() for query in (brought, own)]
        found = [Standing(row.seq, bytes(row.hash)) for row in rows if row is not None]
        return max(found, key=lambda standing: standing.seq, default=None)

    def brought(self, site: str, epoch: str) -> int:
        """The highest number of it that a relay has brought; 0 when there is none."""
        query = select(func.max(layers.c.seq)).where(layers.c.site == site, layers.c.epoch == epoch)
        with self._reader.connect() as connection:
            return int(connection.scalar(query) or 0)

    def has_other(self, site: str, epoch: str) -> bool:
        """Whether a relay has brought another epoch of this site."""
        query = select(layers.c.seq).where(layers.c.site == site, layers.c.epoch != epoch).limit(1)
        with self._reader.connect() as connection:
            return connection.execute(query).first() is not None

    def find(self, site: str, epoch: str, seq: int) -> Layer | None:
        """A record of a site, however it came."""
        brought = select(layers.c.hash, layers.c.previous).where(
            layers.c.site == site, layers.c.epoch == epoch, layers.c.seq == seq
        )
        peers = select(standings.c.peer).where(standings.c.epoch == epoch)
        own = select(events.c.hash, events.c.record).where(
            events.c.peer.in_(peers), events.c.epoch == epoch, events.c.seq == seq
        )
        with self._reader.connect() as connection:
            if (row := connection.execute(brought).first()) is not None:
                return Layer(site, epoch, seq, bytes(row.hash), bytes(row.previous))
            if (row := connection.execute(own).first()) is not None:
                previous = read_record(bytes(row.record)).previous
                return Layer(site, epoch, seq, bytes(row.hash), previous)
        return None


def keep_layers(connection: Connection, items: Iterable[Incoming]) -> None:
    """Write the records inside the relays'; the first one of a number stays."""
    found = {
        (layer.site, layer.epoch, layer.seq): layer
        for item in items
        for layer in reversed(item.layers)
    }
    rows = [
        {
            "site": layer.site,
            "epoch": layer.epoch,
            "seq": layer.seq,
            "hash": layer.hash,
            "previous": layer.previous,
        }
        for layer in found.values()
    ]
    insert_once(connection, layers, *rows)
