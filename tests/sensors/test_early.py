"""What is shown to the centre before its turn: when, in which order, how often."""

from __future__ import annotations

import random

import pytest

from sensors.early import EVERY_S, MOST, MOST_BELOW
from sensors.flight import WINDOW
from sensors.keys import make_keys
from sensors.messages import (
    VERSION,
    Ack,
    Ahead,
    EmitterEvent,
    Hello,
    Note,
    NoticeEvent,
    Signed,
    Welcome,
)
from sensors.outbox import Outbox
from sensors.outbox_record import NO_HASH
from sensors.protocol import Card, Sender
from sensors.wire import read_record

SITE, SENSOR = "school-3", "school-3/hall"


def emitter(number: int) -> EmitterEvent:
    return EmitterEvent(
        site=SITE,
        sensor=SENSOR,
        emitter=f"e{number}",
        phase="update",
        center_freq_hz=169e6,
        bandwidth_hz=12e3,
        snr_db=20.0,
        excess_db=15.0,
        peak_dbfs=-60.0,
        first_seen_ns=1,
        last_seen_ns=2,
        sightings=1,
    )


@pytest.fixture
def outbox(tmp_path):  # type: ignore[no-untyped-def]
    outbox = Outbox(tmp_path / "outbox.db", make_keys())
    yield outbox
    outbox.close()


def up(outbox: Outbox, version: int = VERSION) -> Sender:
    """A sender that was just welcomed."""
    sender = Sender(outbox, Card(SITE, bytes(32), bytes(16)))
    sender.opened(0.0)
    assert isinstance(sender.outgoing(0.0), Hello)
    sender.sent(0.0)
    welcome = Welcome(version, "city", outbox.epoch, 0, NO_HASH, 0)
    sender.receive(welcome, 0.0, 0)
    return sender


def went(sender: Sender, now_s: float) -> list[tuple[str, int]]:
    """All that goes out now: how, and which record."""
    sent = []
    while (message := sender.outgoing(now_s)) is not None:
        assert isinstance(message, Signed | Ahead)
        sent.append((type(message).__name__, read_record(message.record).seq))
        sender.sent(now_s)
    return sent


def test_the_newest_go_first_while_a_backlog_waits_and_each_again_in_its_place(
    outbox: Outbox,
) -> None:
    for number in range(3 * WINDOW):
        outbox.append(emitter(number))
    last, sender = outbox.last, up(outbox)
    sent = went(sender, 1.0)
    assert sent[0] == ("Ahead", last - MOST + 1)
    assert sent[1:] == [("Signed", seq) for seq in range(1, WINDOW + 1)]
    assert went(sender, 1.0 + EVERY_S / 2) == []
    assert sender.wake_s(1.0) == pytest.approx(EVERY_S)
    outbox.append(emitter(0))
    shown = [went(sender, 1.0 + step * 1.01 * EVERY_S) for step in range(1, MOST + 3)]
    assert [seq for (_, seq), *_ in filter(None, shown)] == list(range(last - MOST + 2, last + 2))
    assert sender.counts["ahead"] == MOST + 1
    for acked in range(WINDOW, last + 2):
        ack = Ack(outbox.epoch, min(acked, last + 1), outbox.hash_of(min(acked, last + 1)) or b"")
        sender.receive(ack, 5.0, 0)
        sent += [one for one in went(sender, 5.0) if one[0] == "Signed"]
    assert [seq for how, seq in sent if how == "Signed"] == list(range(1, last + 2))


def test_without_a_backlog_nothing_goes_twice(outbox: Outbox) -> None:
    for number in range(WINDOW):
        outbox.append(emitter(number))
    sender = up(outbox)
    assert went(sender, 1.0) == [("Signed", seq) for seq in range(1, WINDOW + 1)]
    outbox.append(emitter(1))  # the window is full, and its turn is near
    assert went(sender, 1.0) == []


def test_only_what_is_about_an_emitter_is_worth_it(outbox: Outbox) -> None:
    rng = random.Random(3)
    kinds = [rng.random() < 0.3 for _ in range(3 * WINDOW)]
    for number, is_emitter in enumerate(kinds):
        note = NoticeEvent(SITE, SENSOR, "info", Note("n"), number)
        outbox.append(emitter(number) if is_emitter else note)
    sender = up(outbox)
    shown = [went(sender, 1.0 + step * 1.01 * EVERY_S) for step in range(2 * MOST)]
    ahead = [seq for step in shown for how, seq in step if how == "Ahead"]
    newest = range(outbox.last - MOST + 1, outbox.last + 1)
    assert ahead == [seq for seq in newest if kinds[seq - 1]]


def test_a_centre_of_yesterday_is_not_sent_what_it_does_not_know(outbox: Outbox) -> None:
    for number in range(3 * WINDOW):
        outbox.append(emitter(number))
    assert {how for how, _ in went(up(outbox, version=1), 1.0)} == {"Signed"}


@pytest.mark.parametrize("version", [1, VERSION])
def test_a_line_that_takes_nothing_is_not_asked_again_and_again(
    outbox: Outbox, version: int
) -> None:
    for number in range(3 * WINDOW):
        outbox.append(emitter(number))
    greeting = Sender(outbox, Card(SITE, bytes(32), bytes(16)))
    greeting.opened(0.0)
    greeting.outgoing(0.0)
    greeting.sent(0.0)
    assert greeting.wake_s(0.5) == pytest.approx(0.5)  # the next greeting
    sender = up(outbox, version)
    went(sender, 1.0)
    sender.outgoing(1.5)  # and the socket does not take it
    assert sender.wake_s(1.5) > 0.1


def below(number: int) -> Ahead:
    return Ahead(bytes([number]), bytes(64), bytes(32))


def test_what_sites_below_show_goes_on_its_newest_of_each_emitter(outbox: Outbox) -> None:
    sender = up(outbox)
    for number in range(3):
        sender.early.pass_on((SENSOR, "e1"), below(number))
    sender.early.pass_on((SENSOR, "e2"), below(9))
    shown = []
    for step in range(5):
        if (ahead := sender.outgoing(1.0 + step * 1.01 * EVERY_S)) is not None:
            assert isinstance(ahead, Ahead)
            shown.append(ahead.record)
            if step == 0:  # a newer one comes while this one is on its way into the socket
                sender.early.pass_on((SENSOR, "e1"), below(7))
            sender.sent(1.0 + step * 1.01 * EVERY_S)
    assert shown == [b"\x02", b"\x09", b"\x07"]
    assert sender.wake_s(9.0) == 1.0


def test_what_waits_to_be_passed_on_is_bounded_and_a_line_that_is_down_is_not_asked(
    outbox: Outbox,
) -> None:
    sender = up(outbox)
    for number in range(MOST_BELOW + 5):
        sender.early.pass_on((SENSOR, f"e{number}"), below(number % 250))
    assert sender.early.dropped == 5
    assert sender.outgoing(1.0) == below(5)  # not taken by the socket
    assert sender.wake_s(1.0) == 1.0
    sender.sent(1.0)
    assert sender.wake_s(1.0) == pytest.approx(EVERY_S)
    assert sender.wake_s(5.0) == 1.0
