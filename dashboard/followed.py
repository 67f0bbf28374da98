"""The sequences of the sites below, followed through their relays, without socket or clock.

A relay cannot change what a site has signed, but it can leave records out, bring them twice, late
or in another order.  Each record inside its own says where it belongs: its number follows and it
carries the hash of the one before, as in `dashboard.chain`.  What does not fit is said, and taken
all the same: it was signed, and holding it back would silence every other site of that relay.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace

from dashboard.inbox import Breach, BreachKind, Incoming, Item, Layer, Standing, Store

MOST = 10_000
"""Sequences whose end is remembered; of others the store is asked again."""
COMMON: tuple[BreachKind, ...] = ("repeated", "late")
"""Said once until the sequence goes on: a relay that began anew may bring thousands."""

Finding = tuple[BreachKind, int, int]
"""What is wrong, and with which numbers."""


class Followed:
    """Where the sequence of each site below has come to.

    Parameters
    ----------
    store : Store
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._ends: OrderedDict[tuple[str, str], Standing] = OrderedDict()
        self._placed: dict[tuple[str, str, int], Layer] = {}
        self._brought: OrderedDict[tuple[str, str], int] = OrderedDict()
        self._told: set[tuple[str, str, BreachKind]] = set()

    def place(self, item: Incoming, relay: str) -> list[Item]:
        """What came, after everything that is wrong with its place below a relay.

        Parameters
        ----------
        item : Incoming
            Where no relay brought it, one may have brought it before: that is marked.
        relay : str
            Site id of who brought it.
        """
        if not item.layers:
            return [self._mark(item)]
        found: list[Item] = []
        for layer in item.layers:
            kinds = self._place(layer)
            repeated = kinds[:1] == [("repeated", layer.seq, layer.seq)]
            for kind, first, last in kinds:
                if self._is_news(layer, kind):
                    found.append(
                        Breach(
                            peer=item.peer,
                            site=layer.site,
                            epoch=layer.epoch,
                            kind=kind,
                            first_seq=first,
                            last_seq=last,
                            hash=b"",
                            received_ns=item.received_ns,
                            relay=relay,
                        )
                    )
        return [*found, replace(item, repeated=repeated)]

    def before(self, site: str, epoch: str, first_seq: int) -> Standing | None:
        """Where a site goes on that comes itself now and holds no more of what relays brought."""
        last = first_seq - 1
        if last < 1 or last > self._store.layers.brought(site, epoch):
            return None
        known = self._store.layers.find(site, epoch, last)
        return None if known is None else Standing(last, known.hash)

    def has_passed(self, layer: Layer) -> bool:
        """Whether the sequence has come so far already."""
        end = self._end(layer)
        return end is not None and layer.seq <= end.seq

    def settle(self, *, stored: bool) -> None:
        """What was placed is on the disk; or some of it is not, and the store is asked again."""
        for site, epoch, _ in self._placed:
            self._brought.pop((site, epoch), None)
        self._placed.clear()
        if not stored:
            self._ends.clear()
        if not stored or len(self._told) > MOST:
            self._told.clear()
        for remembered in (self._ends, self._brought):
            while len(remembered) > MOST:
                remembered.popitem(last=False)

    def _mark(self, item: Incoming) -> Incoming:
        key = item.event.site, item.epoch
        if key not in self._brought:
            self._brought[key] = self._store.layers.brought(*key)
        if item.seq > self._brought[key]:
            return item
        known = self._store.layers.find(*key, item.seq)
        return replace(item, repeated=known is not None and known.hash == item.hash)

    def _place(self, layer: Layer) -> list[Finding]:
        key, end = (layer.site, layer.epoch), self._end(layer)
        if end is not None and layer.seq <= end.seq:
            self._ends[key] = end
            return self._look_back(layer)
        found: list[Finding] = []
        after = 0 if end is None else end.seq
        if end is None and self._began_before(layer):
            found.append(("epoch", layer.seq, layer.seq))
        if layer.seq > after + 1:
            found.append(("gap", after + 1, layer.seq - 1))
        elif end is not None and layer.previous != end.hash:
            found.append(("fork", layer.seq, layer.seq))
        self._keep(layer)
        self._ends[key] = Standing(layer.seq, layer.hash)
        self._ends.move_to_end(key)
        self._told -= {(*key, kind) for kind in COMMON}
        return found

    def _look_back(self, layer: Layer) -> list[Finding]:
        """Of a number that was passed: it is here, or was left out until now."""
        seq = layer.seq
        known = self._find(layer, seq)
        if known is not None:
            return [("repeated" if known.hash == layer.hash else "fork", seq, seq)]
        before, after = self._find(layer, seq - 1), self._find(layer, seq + 1)
        self._keep(layer)
        fits = (before is None or before.hash == layer.previous) and (
            after is None or after.previous == layer.hash
        )
        return [("late", seq, seq)] if fits else [("late", seq, seq), ("fork", seq, seq)]

    def _end(self, layer: Layer) -> Standing | None:
        key = layer.site, layer.epoch
        return self._ends.get(key) or self._store.layers.end(*key)

    def _began_before(self, layer: Layer) -> bool:
        placed = any(site == layer.site for site, _, _ in self._placed)
        return placed or self._store.layers.has_other(layer.site, layer.epoch)

    def _find(self, layer: Layer, seq: int) -> Layer | None:
        key = layer.site, layer.epoch, seq
        return self._placed.get(key) or self._store.layers.find(*key)

    def _keep(self, layer: Layer) -> None:
        self._placed[layer.site, layer.epoch, layer.seq] = layer

    def _is_news(self, layer: Layer, kind: BreachKind) -> bool:
        told = (layer.site, layer.epoch, kind)
        if kind not in COMMON:
            return True
        if told in self._told:
            return False
        self._told.add(told)
        return True
