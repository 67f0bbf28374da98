"""A store that takes nothing is on the page while it lasts, and on record afterwards."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dashboard.notices import Notice
from dashboard.queries import NoticeQuery, notices
from dashboard.store import Store
from dashboard.store_watch import StoreWatch
from tests.dashboard.conftest import START_NS, Clock


def test_its_trouble_is_told_and_kept(
    open_store: Callable[..., Store], clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, told = open_store(), list[Notice]()
    watch = StoreWatch(store, told.append, clock)
    watch.step()
    assert (told, watch.trouble) == ([], None)

    def full() -> None:
        raise OSError("disk full")

    with monkeypatch.context() as broken:
        broken.setattr(store, "probe", full)
        for _ in range(3):
            watch.step()
            clock.wait(5)
    assert told == [watch.trouble] * 3
    assert (told[0].start_ns, told[0].stop_ns, told[0].level) == (START_NS, 0, "alarm")
    watch.step()
    assert watch.trouble is None
    (kept,) = notices(store.reader, NoticeQuery(limit=5))
    assert (kept.note, kept.start_ns, kept.stop_ns) == (told[0].note, START_NS, clock())
