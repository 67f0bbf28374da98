"""``rfproctor outbox`` on the outbox of a stopped site."""

from __future__ import annotations

import json
from pathlib import Path

import click.testing
import pytest

from sdr.source import UserError
from sensors.keys import own_keys
from sensors.messages import Note, NoticeEvent
from sensors.outbox import Outbox
from sensors.outbox_command import outbox as command
from sensors.wire import read_event, read_record


def invoke(*arguments: str) -> dict[str, object]:
    runner = click.testing.CliRunner()
    done = runner.invoke(command, [*arguments, "--json"], obj="en", catch_exceptions=False)
    assert done.exit_code == 0
    fields: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return fields


@pytest.fixture
def site(tmp_path: Path) -> Path:
    path = tmp_path / "site.toml"
    path.write_text('[site]\nid = "s"\ndata = "d"\n[[dongle]]\nsource = "rtl:1"\n', "utf-8")
    return path


def filled(folder: Path) -> Outbox:
    box = Outbox(folder / "outbox.db", own_keys(folder / "keys.json"))
    for number in range(5):
        box.append(NoticeEvent("s", "s/d1", "info", Note(f"n{number}"), 1))
    box.ack(3)
    return box


def test_it_shows_and_renews(site: Path, tmp_path: Path) -> None:
    filled(tmp_path / "d").close()
    before = invoke(str(site))
    assert (before["first"], before["last"], before["acked"], before["depth"]) == (1, 5, 3, 2)
    after = invoke(str(site), "--new-epoch")
    assert after["epoch"] != before["epoch"]
    assert (after["last"], after["acked"]) == (2, 0)
    assert len(list((tmp_path / "d").glob("outbox.db.set-aside-*"))) >= 1
    box = Outbox(tmp_path / "d" / "outbox.db", own_keys(tmp_path / "d" / "keys.json"))
    events = [read_event(read_record(s.signed.record).payload) for s in box.after(0, 9)]
    assert [e.note.id for e in events if isinstance(e, NoticeEvent)] == ["n3", "n4"]
    box.close()


def test_not_while_the_daemon_runs(site: Path, tmp_path: Path) -> None:
    box = filled(tmp_path / "d")
    with pytest.raises(UserError, match=r"outbox\.in_use"):
        invoke(str(site), "--new-epoch")
    assert list((tmp_path / "d").glob("*set-aside*")) == []
    box.close()


def test_no_outbox_yet(site: Path) -> None:
    with pytest.raises(UserError, match=r"outbox\.missing"):
        invoke(str(site))
