from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.notices import Notice
from dashboard.silence import news_of_line
from dashboard.state import SILENT_S, Board, beat, cards, coverage, listen, site_card, surroundings
from sensors.messages import BandWatch, Heartbeat, Note, SensorHealth, State

SECOND = 1_000_000_000


def heartbeat(
    site: str = "a", time_s: float = 1.0, started_s: float = 0, **states: State
) -> Heartbeat:
    band = BandWatch("b", 1e6, 2e6, 0.5, 0.8)
    sensors = [
        SensorHealth(sensor=f"{site}/{name}", position=name, source="x", state=state, bands=[band])
        for name, state in states.items()
    ]
    return Heartbeat(
        site=site,
        site_name=site,
        time_ns=round(time_s * SECOND),
        started_ns=round(started_s * SECOND),
        sensors=sensors,
    )


@given(st.lists(st.floats(0.0, 20.0), max_size=30))
def test_silence_is_never_shown_as_clear(pauses_s: list[float]) -> None:
    """Whatever the pattern of heartbeats: GO only within SILENT_S of the last one."""
    board: Board = {}
    now = SECOND
    for index, pause_s in enumerate(pauses_s):
        board = beat(board, heartbeat(time_s=index, hall="go"), now)
        now += round(pause_s * SECOND)
        board, _ = listen(board, now)
        (card,) = cards(board, now)
        silent = pause_s * SECOND > SILENT_S * 1e9 + 1
        assert (card.state == "silent") is silent
        assert {sensor.state for sensor in card.sensors} == {"silent" if silent else "go"}
        assert (coverage(board["a"], now).bands[0].p_2s == 0) is silent


def test_silence_is_noticed_once() -> None:
    board = beat({}, heartbeat(hall="go"), 10 * SECOND)
    board, silent = listen(board, 16 * SECOND)
    assert silent == ["a"]
    board, silent = listen(board, 17 * SECOND)
    assert silent == []
    assert site_card(board["a"], 18 * SECOND).silent_since_ns == 10 * SECOND
    board = beat(board, heartbeat(time_s=9, hall="go"), 19 * SECOND)
    assert site_card(board["a"], 19 * SECOND).state == "go"


def test_a_line_that_comes_and_goes_is_told_as_one_thing_that_lasts() -> None:
    """Silent for 6 s, back for 6 s, for ten minutes; then it holds."""
    now, board, told = 100 * SECOND, beat({}, heartbeat(hall="go"), 100 * SECOND), list[Notice]()

    def step(after: Board) -> Board:
        told.extend(news_of_line(board["a"], after["a"]))
        return after

    for second in range(800):
        now += SECOND
        if second >= 600 or second // 6 % 2:
            board = step(beat(board, heartbeat(time_s=100 + second, hall="go"), now))
        board = step(listen(board, now)[0])
        silent = now - board["a"].received_ns > SILENT_S * SECOND
        assert (site_card(board["a"], now).state == "silent") is silent
    assert [(n.note.id, n.start_ns // SECOND, n.stop_ns // SECOND) for n in told] == [
        ("notice.silent", 100, 0),
        ("notice.silent", 100, 107),
        ("notice.unsteady", 112, 0),
        ("notice.unsteady", 112, 695),
    ]


def test_two_silences_far_apart_are_two() -> None:
    board, told = beat({}, heartbeat(hall="go"), SECOND), list[Notice]()
    for at_s in (100, 300):
        silent = listen(board, at_s * SECOND)[0]
        back = beat(silent, heartbeat(time_s=at_s, hall="go"), (at_s + 1) * SECOND)
        told += [*news_of_line(board["a"], silent["a"]), *news_of_line(silent["a"], back["a"])]
        board = back
        for second in range(at_s + 1, at_s + 190):
            board = beat(board, heartbeat(time_s=second, hall="go"), second * SECOND)
            board = listen(board, second * SECOND)[0]
    assert [n.note.id for n in told] == ["notice.silent"] * 4
    assert [bool(n.stop_ns) for n in told] == [False, True, False, True]


def test_a_late_heartbeat_says_nothing_and_a_restart_counts() -> None:
    board = beat({}, heartbeat(time_s=5, hall="blind"), 10)
    assert beat(board, heartbeat(time_s=4, hall="go"), 20) is board
    restarted = beat(board, heartbeat(time_s=2, started_s=1.5, hall="go"), 20)
    assert site_card(restarted["a"], 20).state == "go"


@pytest.mark.parametrize("every_s", [1, 2])
def test_a_site_whose_clock_is_set_back_is_not_silent(every_s: int) -> None:
    board = beat({}, heartbeat(time_s=7200, hall="go"), 100 * SECOND)
    for second in range(1, 60):
        if second % every_s == 0:
            said = heartbeat(time_s=3600 + second, hall="go")
            board = beat(board, said, (100 + second) * SECOND)
        board, changed = listen(board, (100 + second) * SECOND)
        assert changed == []
        assert site_card(board["a"], (100 + second) * SECOND).state == "go"
    assert site_card(board["a"], 159 * SECOND).time_ns >= 3658 * SECOND


def test_silence_shows_in_time_after_the_clock_of_the_centre_is_set_back() -> None:
    board, _ = listen(beat({}, heartbeat(hall="go"), 7200 * SECOND), 3600 * SECOND)
    board, silent = listen(board, 3606 * SECOND)
    assert silent == ["a"]
    assert site_card(board["a"], 3606 * SECOND).state == "silent"


@pytest.mark.parametrize(
    ("states", "worst"),
    [
        ({"hall": "go", "fence": "go"}, "go"),
        ({"hall": "go", "fence": "degraded"}, "degraded"),
        ({"hall": "blind", "fence": "degraded"}, "blind"),
        ({"hall": "go", "fence": "drill"}, "drill"),
    ],
)
def test_a_site_is_as_good_as_its_worst_sensor(states: dict[str, State], worst: State) -> None:
    board = beat({}, heartbeat(**states), 0)  # type: ignore[arg-type]
    card = site_card(board["a"], 0)
    assert (card.state, card.sensors[0].state) == (worst, worst)


def test_a_site_whose_events_do_not_come_is_not_well() -> None:
    said = msgspec.structs.replace(heartbeat(hall="go"), link_notes=[Note("outbox.full")])
    card = site_card(beat({}, said, 0)["a"], 0)
    assert (card.state, card.sensors[0].state) == ("degraded", "go")


def test_the_worst_site_comes_first() -> None:
    board: Board = {}
    for site, state in (("a", "go"), ("b", "blind"), ("c", "degraded")):
        board = beat(board, heartbeat(site, hall=state), 0)
    assert [card.site for card in cards(board, 0)] == ["b", "c", "a"]


def test_a_centre_below_is_no_blind_site() -> None:
    """It has no sensors of its own; it was shown as blind, and needed a person for ever."""
    board = beat({}, heartbeat("city-3"), 0)
    card = site_card(board["city-3"], 0)
    assert (card.kind, card.state, card.sensors) == ("centre", "go", [])
    troubled = msgspec.structs.replace(heartbeat("city-3", 2), link_notes=[Note("link.alone")])
    assert site_card(beat(board, troubled, 0)["city-3"], 0).state == "degraded"
    board, _ = listen(board, 9 * SECOND)
    assert site_card(board["city-3"], 9 * SECOND).state == "silent"
    board = beat(board, heartbeat("a", hall="blind"), 9 * SECOND)
    assert (site_card(board["a"], 9 * SECOND).kind, site_card(board["a"], 9 * SECOND).state) == (
        "site",
        "blind",
    )


def test_a_band_is_watched_as_well_as_its_best_sensor_watches_it() -> None:
    """The blind one is the best on paper; the learning one raises no alarm yet."""
    chances = {"hall": 0.8, "fence": 0.6, "gate": 0.99, "roof": 0.95}
    states: dict[str, State] = {"hall": "go", "fence": "drill", "gate": "blind", "roof": "survey"}
    said = heartbeat(**states)  # type: ignore[arg-type]
    sensors = [
        msgspec.structs.replace(
            sensor, bands=[BandWatch("b", 1e6, 2e6, 1 - chance, chance, 0.1, chance)]
        )
        for sensor, chance in zip(said.sensors, chances.values(), strict=True)
    ]
    board = beat({}, msgspec.structs.replace(said, sensors=sensors), 0)
    (band,) = coverage(board["a"], 0).bands
    assert (band.p_2s, band.plan_p_2s, band.revisit_s) == (0.8, 0.8, pytest.approx(0.2))
    assert band.sensors == ["a/fence", "a/hall"]


def test_a_band_that_nobody_hears_is_there_with_nothing() -> None:
    board = beat({}, heartbeat(hall="blind", fence="survey"), 0)
    (band,) = coverage(board["a"], 0).bands
    assert (band.p_2s, band.plan_p_2s, band.sensors) == (0.0, 0.0, [])


def test_the_places_of_silent_sites_are_known_but_do_not_count() -> None:
    board = beat(
        beat({}, heartbeat("a", hall="go"), SECOND), heartbeat("b", fence="go"), 10 * SECOND
    )
    board, _ = listen(board, 10 * SECOND)
    around = surroundings(board)
    assert (around.live_sites, around.live_sensors) == (1, {"b": 1})
    assert around.positions == {"a/hall": "hall", "b/fence": "fence"}
    board = beat(board, heartbeat("county"), 11 * SECOND)  # a relay hears nothing itself
    assert surroundings(board).live_sites == 1


def test_the_old_board_is_not_changed() -> None:
    board = beat({}, heartbeat(hall="go"), 0)
    before = msgspec.msgpack.encode(board)
    beat(board, heartbeat("b", hall="go"), 1)
    listen(board, 100 * SECOND)
    assert msgspec.msgpack.encode(board) == before
