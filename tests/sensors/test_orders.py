"""Commands at a site: once each, not too late, answered again when asked again."""

from __future__ import annotations

from sensors.messages import Answer, Command, Note
from sensors.orders import WAITING, Orders


def command(number: int, expires_ns: int = 100) -> Command:
    return Command(number, "retask", {}, 30.0, expires_ns)


def test_a_number_is_carried_out_once_and_its_answer_repeated() -> None:
    orders = Orders()
    for _ in range(3):
        orders.arrived(command(1), 0)
    assert orders.take() == command(1)
    assert orders.take() is None
    assert orders.ready() is None
    done = Answer(1, True, Note("command.done"))
    orders.answer(done)
    assert orders.ready() == done
    orders.arrived(command(1), 0)
    assert (orders.ready(), orders.take()) == (done, None)
    assert orders.counts == {"taken": 1, "repeated": 3}


def test_late_ones_are_refused() -> None:
    orders = Orders()
    orders.arrived(command(1, expires_ns=100), 101)
    assert orders.take() is None
    answer = orders.ready()
    assert answer is not None
    assert (answer.accepted, answer.note.id) == (False, "command.late")


def test_more_than_the_station_takes_are_refused_and_memory_is_bounded() -> None:
    orders = Orders()
    for number in range(1, 2000):
        orders.arrived(command(number), 0)
    taken = 0
    while orders.take() is not None:
        taken += 1
    assert taken == WAITING
    assert orders.counts["refused"] == 1999 - WAITING
    assert len(orders._answers) <= 256
