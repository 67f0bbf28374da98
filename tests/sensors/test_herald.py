"""What people are told of a silence: all of it, but for the moments that belong to starting."""

import pytest

from sensors.herald import Herald
from sensors.keys import own_keys
from sensors.link import Link
from sensors.messages import NoticeEvent
from sensors.outbox_damage import open_outbox
from sensors.visit import Gap
from sensors.wire import read_event, read_record

S = 1_000_000_000


@pytest.fixture
def told(tmp_path):
    """A herald and what it has put into a real outbox."""
    keys = own_keys(tmp_path / "keys.json")
    outbox, _ = open_outbox(tmp_path / "outbox.db", keys)
    with Link(outbox, keys, "s", ("s/hall",)) as link:
        herald = Herald("s", link)

        def events() -> list[NoticeEvent]:
            return [
                read_event(read_record(one.signed.record).payload) for one in outbox.after(0, 100)
            ]

        yield herald, events
    outbox.close()


@pytest.mark.parametrize(
    ("cause", "seconds", "level"),
    [
        ("ledger.gap_unexplained", 1.2, "warning"),
        ("source.dongle_lost", 0.4, "warning"),
        ("ledger.gap_baseline", 0.4, None),
        ("ledger.gap_starting", 2.0, None),
        ("ledger.gap_starting", 9.0, "info"),
    ],
)
def test_gaps(told, cause, seconds, level):
    herald, events = told
    herald.gap(Gap("s/hall", S, S + round(seconds * S), cause, {}))
    if level is None:
        assert events() == []
        return
    [notice] = events()
    assert (notice.level, notice.note.id, notice.sensor) == (level, cause, "s/hall")
    assert notice.note.args["seconds"] == seconds
