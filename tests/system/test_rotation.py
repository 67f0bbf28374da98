"""Keys change while events flow: real processes, nothing lost or doubled, no pause to speak of."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import click.testing
import pytest

from dashboard.keyring import Keyring
from dashboard.keys_command import keys as keys_command
from sensors.keys import make_keys, read_keys, write_keys
from tests.system.peers import (
    Process,
    compare,
    known_centre,
    ledger,
    longest_gap_s,
    stored,
    until,
    wait_for_more,
)

pytestmark = pytest.mark.system
SITE = '[site]\nid = "school-3"\ndata = "site"\n[[dongle]]\nsource = "rtl:1"\n'
Start = Callable[..., Process]
PAUSE_S = 4.0
"""No event at the centre for so long is an outage."""


def invoke(*arguments: str) -> str:
    done = click.testing.CliRunner().invoke(
        keys_command, list(arguments), obj="en", catch_exceptions=False
    )
    assert done.exit_code == 0
    return done.output


@pytest.fixture(autouse=True)
def files(tmp_path: Path, address: str, enrolled: tuple[Path, Path, str]) -> None:
    """What the commands read, beside the folders of both."""
    (tmp_path / "site.toml").write_text(SITE, encoding="utf-8")
    config = f'[monitor]\nid = "city"\nevents = "{address}"\nkeys = "keys"\n'
    (enrolled[0] / "monitor.toml").write_text(config, encoding="utf-8")


def states(centre: Path) -> list[str]:
    ring = Keyring(centre / "keys")
    found = [entry.state(0) for entry in ring.entries()]
    ring.close()
    return found


@pytest.mark.parametrize("killed", [False, True])
def test_a_site_changes_its_keys(
    tmp_path: Path, address: str, enrolled: tuple[Path, Path, str], start: Start, killed: bool
) -> None:
    centre, site, server_key = enrolled
    old = read_keys(site / "keys.json")
    lives: list[list[str]] = []
    start("centre", centre, address, "keys")
    peer = start("site", site, address, server_key)
    wait_for_more(centre, 15)
    said = invoke("rotate", str(tmp_path / "site.toml"))
    if killed:  # wherever it is in the change
        until(lambda: len(states(centre)) == 2 or len(peer.lines) > 500)
        lives.append(peer.stop(signal.SIGKILL))
        peer = start("site", site, address, server_key)
    until(lambda: states(centre) == ["replaced", "valid"])
    new = read_keys(site / "keys.json")
    assert new.key_id != old.key_id
    assert new.key_id in said
    assert not (site / "keys.next.json").exists()
    wait_for_more(centre, 15)
    lives.append(peer.stop())
    until(lambda: stored(centre)[-1][0] == ledger(*lives)[-1])
    arrivals = stored(centre)
    compare(centre, *lives)
    if not killed:
        assert longest_gap_s(arrivals) < PAUSE_S
    ring = Keyring(centre / "keys")
    with pytest.raises(Exception, match="revoked"):
        ring.admit(old.curve_public)
    assert [act for _, _, act, _, _ in ring.acts()] == ["allow", "renew", "replace"]
    ring.close()


def test_a_key_file_that_is_merely_exchanged_is_not_let_in(
    tmp_path: Path, address: str, enrolled: tuple[Path, Path, str], start: Start
) -> None:
    """The variant that is broken on purpose: nobody signed the new key."""
    centre, site, server_key = enrolled
    start("centre", centre, address, "keys")
    peer = start("site", site, address, server_key)
    wait_for_more(centre, 15)
    peer.stop()
    until(lambda: len(stored(centre)) == len(peer.lines))
    (site / "keys.json").unlink()
    write_keys(site / "keys.json", make_keys())
    again = start("site", site, address, server_key)
    until(lambda: len(again.lines) > 50)
    again.stop(signal.SIGKILL)
    assert len(stored(centre)) == len(peer.lines)
    assert states(centre) == ["valid"]


def test_a_monitor_changes_its_key(
    tmp_path: Path, address: str, enrolled: tuple[Path, Path, str], start: Start
) -> None:
    centre, site, server_key = enrolled
    config = str(centre / "monitor.toml")
    monitor = start("centre", centre, address, "keys")
    peer = start("site", site, address, server_key)
    wait_for_more(centre, 15)
    said = invoke("rotate", config)
    new_key = until(lambda: read_keys(centre / "keys" / "monitor.next.key")).curve_public
    assert new_key.decode() in said
    until(lambda: known_centre(site)["server_key"] == new_key.decode())
    port = int(address.rpartition(":")[2])
    assert known_centre(site)["events"].endswith(f":{port + 4}")
    wait_for_more(centre, 15)
    invoke("rotate", config, "--finish")
    until(lambda: known_centre(site)["events"] == address)  # the usual ports, the new key
    assert known_centre(site)["server_key"] == new_key.decode()
    assert read_keys(centre / "keys" / "monitor.key").curve_public == new_key
    wait_for_more(centre, 15)

    # A restart of either goes on from there, although the site's file names the old key.
    monitor.stop()
    start("centre", centre, address, "keys")
    wait_for_more(centre, 15)
    confirmed = peer.stop()
    peer = start("site", site, address, server_key)
    wait_for_more(centre, 15)
    confirmed = confirmed + peer.stop()
    until(lambda: stored(centre)[-1][0] == ledger(confirmed)[-1])
    arrivals = stored(centre)
    compare(centre, confirmed)
    rotated = [a for a in arrivals if a[0] < ledger(confirmed)[len(arrivals) // 2]]
    assert longest_gap_s(rotated) < PAUSE_S
