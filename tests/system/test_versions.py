"""Monitor N and sites N and N-1, and the other way round: real processes, upgraded as they run.

Yesterday's side is the program of that day, out of a zip; tomorrow's is today's with a higher
version, fields more and a message that nobody here knows.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from sensors.keys import own_keys
from sensors.outbox import Outbox
from tests.system.peers import (
    HERE,
    TODAY,
    TOMORROW,
    YESTERDAY,
    Process,
    compare,
    ledger,
    stored,
    until,
    wait_for_more,
)

pytestmark = pytest.mark.system
Start = Callable[..., Process]


@pytest.mark.parametrize("order", [("monitor", "site"), ("site", "monitor")])
def test_from_yesterday_to_tomorrow_either_side_first_and_nothing_is_lost(
    address: str, enrolled: tuple[Path, Path, str], start: Start, order: tuple[str, str]
) -> None:
    centre, site, server_key = enrolled
    monitor = start("centre", centre, address, "keys", code=YESTERDAY)
    peer = start("site", site, address, server_key, code=YESTERDAY)
    assert (monitor.version, peer.version) == (1, 1)
    wait_for_more(centre, 20)
    lives: list[list[str]] = []
    for code, version in ((TODAY, 2), (TOMORROW, 3)):
        for what in order:
            if what == "monitor":
                monitor.stop(signal.SIGKILL)  # no last words
                monitor = start("centre", centre, address, "keys", code=code)
            else:
                lives.append(peer.stop(signal.SIGKILL))
                peer = start("site", site, address, server_key, code=code)
            wait_for_more(centre, 20)
        assert (monitor.version, peer.version) == (version, version)
    lives.append(peer.stop())
    until(lambda: stored(centre)[-1][0] == ledger(*lives)[-1])
    compare(centre, *lives)


def test_two_versions_apart_is_refused_by_name_and_the_events_wait(
    address: str, enrolled: tuple[Path, Path, str], start: Start
) -> None:
    centre, site, server_key = enrolled
    start("centre", centre, address, "keys", code=TOMORROW)
    peer = start("site", site, address, server_key, code=YESTERDAY)
    until(lambda: len(peer.lines) > 50)
    assert stored(centre) == []
    peer.stop(signal.SIGKILL)
    keys = own_keys(site / "keys.json")
    outbox = Outbox(site / "outbox.db", keys)
    assert outbox.depth >= len(peer.lines)
    outbox.close()


def test_with_our_own_version_on_everything_yesterdays_side_hears_nothing(
    address: str, enrolled: tuple[Path, Path, str], start: Start
) -> None:
    """The variant that is broken on purpose: what the rule about layouts is there for."""
    centre, site, server_key = enrolled
    start("centre", centre, address, "keys", code=YESTERDAY)
    peer = start("site", site, address, server_key, code=HERE / "loud")
    until(lambda: len(peer.lines) > 50)
    assert stored(centre) == []
