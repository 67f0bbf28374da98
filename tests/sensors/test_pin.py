"""Who a site believes its centre to be: the next one only when the present one has signed it."""

from __future__ import annotations

from pathlib import Path

import pytest

from sensors.keys import Keys, make_keys
from sensors.messages import Successor
from sensors.pin import Door, Pin, successor_digest

HERE, BESIDE = "tcp://centre.example:8471", "tcp://centre.example:8475"


def signed(by: Keys, heir: Keys, events: str = "tcp://*:8475") -> Successor:
    digest = successor_digest(events, heir.curve_public, heir.verify_key)
    return Successor(events, heir.curve_public, heir.verify_key, by.sign(digest))


@pytest.fixture
def keys() -> tuple[Keys, Keys]:
    return make_keys(), make_keys()


@pytest.fixture
def pin(tmp_path: Path, keys: tuple[Keys, Keys]) -> Pin:
    one = Pin(HERE, keys[0].curve_public, tmp_path / "centre.json")
    one.welcomed(Door(HERE, keys[0].curve_public), keys[0].verify_key)
    return one


def test_the_successor_is_tried_first_and_then_the_rest(pin: Pin, keys: tuple[Keys, Keys]) -> None:
    old, new = keys
    assert pin.doors == [Door(HERE, old.curve_public)]
    assert pin.announced(signed(old, new))
    assert pin.doors == [
        Door(BESIDE, new.curve_public),
        Door(HERE, new.curve_public),
        Door(HERE, old.curve_public),
    ]
    assert not pin.announced(signed(old, new))  # it was tried; the way is closed for now
    pin.welcomed(Door(BESIDE, new.curve_public), new.verify_key)
    assert pin.doors == [Door(BESIDE, new.curve_public), Door(HERE, new.curve_public)]
    assert pin.verify_key == new.verify_key
    assert pin.announced(signed(new, new, ""))  # the usual ports again
    assert pin.doors[0] == Door(HERE, new.curve_public)


def test_it_is_remembered_until_a_person_names_another_key(
    pin: Pin, keys: tuple[Keys, Keys], tmp_path: Path
) -> None:
    old, new = keys
    pin.announced(signed(old, new))
    pin.welcomed(Door(HERE, new.curve_public), new.verify_key)
    again = Pin(HERE, old.curve_public, tmp_path / "centre.json")
    assert again.doors == [Door(HERE, new.curve_public)]
    assert again.verify_key == new.verify_key
    third = make_keys()
    fresh = Pin(HERE, third.curve_public, tmp_path / "centre.json")
    assert (fresh.doors, fresh.verify_key) == ([Door(HERE, third.curve_public)], None)


def test_nobody_else_names_a_successor(pin: Pin, keys: tuple[Keys, Keys]) -> None:
    old, new = keys
    stranger = make_keys()
    good = signed(old, new)
    forged = [
        signed(stranger, stranger),
        signed(new, new),
        Successor("tcp://evil:1", good.server_key, good.verify_key, good.signature),
        Successor(good.events, stranger.curve_public, good.verify_key, good.signature),
        Successor(good.events, good.server_key, stranger.verify_key, good.signature),
    ]
    for message in forged:
        assert not pin.announced(message)
    assert pin.counts == {"successors": 0, "successors_refused": 5}
    assert pin.doors == [Door(HERE, old.curve_public)]
    unpinned = Pin(HERE, old.curve_public)
    assert not unpinned.announced(good)  # before it was welcomed it knows nobody's signature


def test_a_pinned_signing_key_is_not_exchanged_by_a_welcome(
    pin: Pin, keys: tuple[Keys, Keys]
) -> None:
    pin.welcomed(Door(HERE, keys[0].curve_public), make_keys().verify_key)
    assert pin.verify_key == keys[0].verify_key


def test_alone_or_without_keys(tmp_path: Path) -> None:
    assert Pin(None, None).doors == []
    insecure = Pin(HERE, None, tmp_path / "c.json")
    insecure.welcomed(Door(HERE, None), bytes(32))
    assert (insecure.doors, insecure.verify_key) == ([Door(HERE, None)], None)
    (tmp_path / "broken.json").write_bytes(b"{")
    assert Pin(HERE, None, tmp_path / "broken.json").doors == [Door(HERE, None)]
