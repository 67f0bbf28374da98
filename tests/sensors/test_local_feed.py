"""A site's loopback publisher and its viewer: rows only of who is asked for, and only then."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sdr.source import UserError
from sensors.config import load_site
from sensors.keys import own_keys
from sensors.link import Link
from sensors.local_feed import LocalFeed
from sensors.messages import EmitterEvent, Heartbeat, SpectrumRow
from sensors.outbox_damage import open_outbox
from sensors.status import lines_of
from sensors.toml import BadConfig


@pytest.fixture
def address() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"tcp://127.0.0.1:{free.getsockname()[1]}"


@pytest.fixture
def link(tmp_path: Path, address: str) -> Iterator[Link]:
    keys = own_keys(tmp_path / "keys.json")
    outbox, _ = open_outbox(tmp_path / "outbox.db", keys)
    with Link(outbox, keys, "s", ("s/hall", "s/hall-2"), local=address) as link:
        yield link
    outbox.close()


def until(holds: Callable[[], bool], within_s: float = 5.0) -> None:
    end_s = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < end_s
        time.sleep(0.01)


def row(sensor: str, seq: int) -> SpectrumRow:
    return SpectrumRow(sensor, seq, 1, 0.1, 167e6, 2000.0, bytes(16))


def test_rows_of_the_chosen_sensor_only(link: Link, address: str) -> None:
    assert not link.viewed("s/hall")
    feed = LocalFeed(address)
    try:
        feed.choose("s/hall")
        until(lambda: link.viewed("s/hall"))
        assert not link.viewed("s/gate")
        link.show(row("s/hall-2", 1))
        link.show(row("s/hall", 2))
        heard: list[object] = []
        until(lambda: bool(heard.extend(feed.take()) or heard))
        assert heard == [row("s/hall", 2)]
    finally:
        feed.close()
    until(lambda: not link.viewed("s/hall"))


def test_events_and_state_come_without_asking(link: Link, address: str) -> None:
    feed = LocalFeed(address)
    try:
        until(lambda: bool(link._viewers and link._viewers.wanted("event/s")))
        event = EmitterEvent("s", "s/hall", "e1", "open", 169e6, 12e3, 20, 19, -40, 1, 2, 1)
        link.publish(event)
        link.heartbeat(Heartbeat("s", "School", 1, 1, []))
        heard: list[object] = []
        until(lambda: len(heard.extend(feed.take()) or heard) == 2)
        assert heard[0] == event
        assert isinstance(heard[1], Heartbeat)
        assert feed.heard_s() < 5
        assert feed.dropped == feed.refused == 0
    finally:
        feed.close()


def test_a_site_whose_centre_does_not_answer_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sensors.link.ALONE_S", 0.0)
    keys = own_keys(tmp_path / "keys.json")
    outbox, _ = open_outbox(tmp_path / "outbox.db", keys)
    with Link(outbox, keys, "s", ("s/hall",), events="tcp://127.0.0.1:9") as link:
        said = link.heartbeat(Heartbeat("s", "School", 1, 1, []))
    outbox.close()
    assert [note.id for note in said.link_notes] == ["link.alone"]
    assert any("has not answered" in line for line in lines_of(said, "en"))


def test_bad_address() -> None:
    with pytest.raises(UserError) as caught:
        LocalFeed("tcp://nowhere")
    assert caught.value.message_id == "local.bad_address"


SITE = '[site]\nid = "s"\nlocal = "{local}"\n[[dongle]]\nsource = "scene:hall"\n'


def test_the_key_is_loopback_only(tmp_path: Path) -> None:
    path = tmp_path / "site.toml"
    path.write_text(SITE.format(local="tcp://127.0.0.1:8480"))
    assert load_site(path).file.site.local == "tcp://127.0.0.1:8480"
    for local in ("tcp://0.0.0.0:8480", "tcp://192.168.1.5:8480", "127.0.0.1:8480", "tcp://*:1"):
        path.write_text(SITE.format(local=local))
        with pytest.raises(BadConfig):
            load_site(path)
