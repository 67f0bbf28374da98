"""Where the relay goes on when it starts: each event goes up once, whatever became of the store."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from dashboard import upstream
from dashboard.inbox import Incoming
from dashboard.store import Store
from dashboard.upstream import Upstream
from sensors.keys import make_keys
from sensors.messages import RelayedEvent
from sensors.renewal import announcement
from sensors.wire import read_event, read_record, record_hash
from tests.dashboard.conftest import Clock, Site, emitter_event

Open = Callable[..., Store]
KEYS, SIGNER = make_keys(), make_keys()
SIGNER_KEY = SIGNER.verify_key


def event(site: Site) -> Incoming:
    """The next event of a site, with a signature that holds."""
    item = site.says(emitter_event(emitter=f"{site.peer}-{site.seq}"))
    digest = record_hash(item.record)
    return replace(item, signature=SIGNER.sign(digest), hash=digest)


@contextmanager
def relay(folder: Path, store: Store) -> Iterator[Upstream]:
    """The relay as it is when it starts."""
    events = "tcp://127.0.0.1:9"
    one = Upstream(folder, KEYS, "county", events, None, store.reader, lambda _: (SIGNER_KEY,))
    yield one
    one.link.close()
    one.outbox.close()


def sent(one: Upstream) -> list[bytes]:
    """Let it work; the records that it has sent up in all."""
    while one._relay():
        pass
    records = one.outbox.after(0, 10_000)
    events = [read_event(read_record(stored.signed.record).payload) for stored in records]
    return [event.record for event in events if isinstance(event, RelayedEvent)]


def renew(one: Upstream) -> None:
    """Announce other keys: the newest record is no event of a site then."""
    one.outbox.append(announcement("county", KEYS, make_keys(), **one._where()))


@pytest.mark.parametrize("renewed", [False, True])
def test_it_goes_on_where_it_was(tmp_path: Path, open_store: Open, renewed: bool) -> None:
    store, site = open_store(), Site()
    items = [event(site), event(site)]
    store.ingest(items)
    with relay(tmp_path, store) as one:
        assert sent(one) == [item.record for item in items]
        if renewed:
            renew(one)
    with relay(tmp_path, store) as one:
        assert len(sent(one)) == 2
        items.append(event(site))
        store.ingest(items[2:])
        assert sent(one) == [item.record for item in items]


@pytest.mark.parametrize("renewed", [False, True])
@pytest.mark.parametrize("kept", [0, 1, 3])
def test_an_older_store_loses_and_doubles_nothing_above(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: int, renewed: bool
) -> None:
    """What comes again comes in another order, among what is new."""
    monkeypatch.setattr(upstream, "BATCH", 2)
    one, other = Site(), Site(peer="ff112233aabbccdd")
    before = [event(one), event(one), event(one), event(other), event(other), event(other)]
    store = Store(f"sqlite:///{tmp_path}/first.db", clock_ns=Clock())
    store.ingest(before)
    with relay(tmp_path, store) as county:
        assert sent(county) == [item.record for item in before]
        if renewed:
            renew(county)
    store.close()
    older = Store(f"sqlite:///{tmp_path}/older.db", clock_ns=Clock())
    older.ingest(before[:kept])
    fresh = [event(other), event(one)]
    with relay(tmp_path, older) as county:
        older.ingest([*before[3:], fresh[0]])
        assert sent(county) == [item.record for item in [*before, fresh[0]]]
        older.ingest([*before[kept:3], fresh[1]])
        assert sent(county) == [item.record for item in before + fresh]
    older.close()
