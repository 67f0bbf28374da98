"""The terminal view: what a site says, on one screen, and silence never shown as well-being."""

import threading
import time

import pytest
import zmq
from click.testing import CliRunner

from sdr.source import SourceError
from sensors.columns import cells
from sensors.local import LocalViewers
from sensors.messages import EmitterEvent, Heartbeat, Note, NoticeEvent, SensorHealth
from sensors.watch_command import watch
from sensors.watch_view import MAX_EMITTERS, SILENT_S, SiteView

T0 = 1_780_000_000_000_000_000


def beat(state="go"):
    health = SensorHealth(sensor="s3/hall", position="hall", source="rtl:7", state=state)
    return Heartbeat("s3", "No. 3", T0, T0, [health])


def event(name, suspicion=10, phase="open", freq_hz=169e6):
    return EmitterEvent(
        site="s3",
        sensor="s3/hall",
        emitter=name,
        phase=phase,
        center_freq_hz=freq_hz,
        bandwidth_hz=12_500.0,
        snr_db=20.0,
        excess_db=20.0,
        peak_dbfs=-40.0,
        first_seen_ns=T0,
        last_seen_ns=T0,
        sightings=1,
        suspicion=suspicion,
    )


def notice(message_id="ledger.gap_unexplained", **args):
    return NoticeEvent("s3", "s3/hall", "alarm", Note(message_id, args), T0)


def test_the_most_suspicious_on_the_air_comes_first_and_what_is_gone_last():
    view = SiteView("en")
    view.take(beat(), 0.0)
    for one in (event("a", 10, freq_hz=100e6), event("b", 90, "close", 200e6)):
        view.take(one, 0.0)
    view.take(event("c", 60, freq_hz=300e6), 0.0)
    text = "\n".join(view.screen(120, 40, 1.0))
    assert text.index("300.0000") < text.index("100.0000") < text.index("200.0000")


def test_silence_is_said_instead_of_the_last_good_state():
    view = SiteView("en")
    view.take(beat("go"), 0.0)
    assert "GO" in view.screen(120, 40, 1.0)[2]
    late = view.screen(120, 40, SILENT_S + 1.0)
    assert "nothing for 7 s" in late[0]
    assert not any("GO" in line for line in late)


@pytest.mark.parametrize(("width", "height"), [(20, 5), (80, 24), (200, 60)])
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_screen_never_overflows(lang, width, height):
    view = SiteView(lang)
    for number in range(300):
        view.take(event(f"e{number}"), 0.0)
        view.take(notice(), 0.0)
    view.take(beat("blind"), 0.0)
    lines = view.screen(width, height, 1.0)
    assert len(lines) <= height
    plain = [line.replace("\x1b[31m", "").replace("\x1b[0m", "") for line in lines]
    assert max(map(cells, plain)) <= width


def test_memory_is_bounded_and_the_latest_word_on_an_emitter_counts():
    view = SiteView("en")
    for number in range(MAX_EMITTERS + 50):
        view.take(event(f"e{number}"), 0.0)
    view.take(event("e240", 77), 0.0)
    text = "\n".join(view.screen(200, 1000, 0.0))
    assert text.count("169.0000 MHz") == MAX_EMITTERS
    assert " 77 " in text


def test_a_notice_with_other_fields_than_ours_is_shown_as_it_is():
    view = SiteView("en")
    view.take(notice("source.dongle_silent", other="x"), 0.0)
    assert "source.dongle_silent" in "\n".join(view.screen(200, 50, 0.0))


def test_the_command_shows_a_site_that_publishes(unused_port):
    address = f"tcp://127.0.0.1:{unused_port}"
    context = zmq.Context()
    viewers = LocalViewers(context, address)
    stop = threading.Event()

    def publish():
        while not stop.is_set():
            viewers.serve()
            viewers.put("heartbeat/s3", beat("degraded"))
            time.sleep(0.05)

    thread = threading.Thread(target=publish)
    thread.start()
    try:
        result = CliRunner().invoke(watch, [address], obj="en")
    finally:
        stop.set()
        thread.join()
        viewers.close()
        context.term()
    assert result.exit_code == 0, result.output
    assert "DEGRADED" in result.output


def test_nobody_there_is_one_clear_fault(unused_port, monkeypatch):
    monkeypatch.setattr("sensors.watch_command.PATIENCE_S", 0.3)
    result = CliRunner().invoke(watch, [f"tcp://127.0.0.1:{unused_port}"], obj="en")
    assert isinstance(result.exception, SourceError)
    assert result.exception.message_id == "watch.nobody"
    wrong = CliRunner().invoke(watch, ["nonsense"], obj="en")
    assert wrong.exception.message_id == "watch.bad_address"


@pytest.fixture
def unused_port():
    with zmq.Context() as context, context.socket(zmq.PUB) as socket:
        return socket.bind_to_random_port("tcp://127.0.0.1")
