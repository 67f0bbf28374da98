from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from dashboard import schema
from dashboard.actions import Wish
from dashboard.notices import Notice
from dashboard.notify import GIVE_UP_S, PAUSES_S, Notifier, NotifySection
from dashboard.post import deliver
from dashboard.store import Store
from dashboard.tending import Patience, tend
from sensors.messages import Note, NoticeEvent
from tests.dashboard.conftest import SECOND, START_NS, Clock, Site, emitter_event

Open = Callable[..., Store]


class Post:
    """A receiver that can be out."""

    def __init__(self) -> None:
        self.got: list[tuple[str, str, str]] = []
        self.is_out = False

    def __call__(self, receiver: NotifySection, title: str, body: str) -> None:
        if self.is_out:
            raise ConnectionError("nobody there")
        self.got.append((receiver.name, title, body))


def receiver(**changes: Any) -> NotifySection:
    return NotifySection(
        **{"name": "duty", "url": "https://hook.example/x", "lang": "en", **changes}
    )


def rows(store: Store) -> list[Any]:
    with store.reader.connect() as connection:
        return list(connection.execute(select(schema.deliveries).order_by(schema.deliveries.c.id)))


def test_a_new_alarm_is_told_once_in_words(open_store: Open) -> None:
    store, site, post = open_store(), Site(), Post()
    notifier = Notifier(store, [receiver(), receiver(name="zh", lang="zh")], "https://page/", post)
    store.ingest([site.says(emitter_event())])
    store.ingest([site.says(emitter_event(phase="update", sightings=3))])
    assert notifier.send_due() == 2
    assert notifier.send_due() == 0
    (english, chinese) = sorted(post.got)
    link = f"https://page/#/alarm/{next(iter(store.desk.alarms))}"
    assert english[1] == "school-3: suspicious emission"
    assert "169.5 MHz" in english[2] and english[2].splitlines()[-1] == link
    assert "可疑" in chinese[1]
    assert [(r.state, r.tries) for r in rows(store)] == [("sent", 1), ("sent", 1)]


def test_it_is_told_when_suspicion_has_grown(open_store: Open) -> None:
    store, site, post = open_store(), Site(), Post()
    notifier = Notifier(store, [receiver(min_suspicion=60)], "", post)
    store.ingest([site.says(emitter_event(suspicion=50))])
    assert notifier.send_due() == 0
    store.ingest([site.says(emitter_event(phase="update", suspicion=65))])
    assert notifier.send_due() == 1


@pytest.mark.parametrize(
    "changes",
    [{"min_suspicion": 90}, {"sites": ["school-9"]}, {"tell": ("overdue",)}],
)
def test_who_does_not_want_it_is_left_alone(open_store: Open, changes: dict[str, Any]) -> None:
    store, post = open_store(), Post()
    notifier = Notifier(store, [receiver(**changes)], "", post)
    store.ingest([Site().says(emitter_event())])
    assert notifier.send_due() == 0


def test_drills_are_not_told(open_store: Open) -> None:
    store, post = open_store(), Post()
    notifier = Notifier(store, [receiver()], "", post)
    store.ingest([Site().says(emitter_event(drill=True))])
    assert notifier.send_due() == 0


def test_a_receiver_that_is_out_is_tried_again_and_given_up(open_store: Open, clock: Clock) -> None:
    store, post = open_store(), Post()
    notifier = Notifier(store, [receiver()], "", post)
    store.ingest([Site().says(emitter_event())])
    post.is_out = True
    assert notifier.send_due() == 0
    assert notifier.send_due() == 0
    (row,) = rows(store)
    assert (row.tries, row.state) == (1, "waiting") and "nobody there" in row.error
    clock.wait(PAUSES_S[0])
    post.is_out = False
    assert notifier.send_due() == 1
    store.ingest([Site(epoch="f" * 32).says(emitter_event(emitter="x", center_freq_hz=3e8))])
    post.is_out = True
    for _ in range(60):
        clock.wait(PAUSES_S[-1])
        notifier.send_due()
    last = rows(store)[-1]
    assert last.state == "failed" and last.done_ns - last.made_ns > GIVE_UP_S * SECOND


def test_a_receiver_that_is_out_holds_up_nobody_else(open_store: Open, clock: Clock) -> None:
    store, site = open_store(), Site()
    tried: list[str] = []

    def send(to: NotifySection, title: str, body: str) -> None:
        tried.append(to.name)
        if to.name == "dead":
            raise ConnectionError("nobody there")

    notifier = Notifier(store, [receiver(name="dead"), receiver(name="duty")], "", send)
    for number in range(30):
        store.ingest(
            [site.says(emitter_event(emitter=f"e{number}", center_freq_hz=1e8 + 1e6 * number))]
        )
    assert notifier.send_due() == 20
    assert notifier.send_due() == 10
    assert tried.count("dead") == 2  # one each time, and not thirty waits in a row
    assert [row.tries for row in rows(store) if row.receiver == "dead"].count(1) == 2


def test_what_was_written_down_is_sent_after_a_restart(open_store: Open) -> None:
    store, site = open_store(), Site()
    Notifier(store, [receiver()], "", Post())
    store.ingest([site.says(emitter_event())])
    store.close()
    again, post = open_store(), Post()
    notifier = Notifier(again, [receiver()], "", post)
    again.ingest([site.says(emitter_event(phase="update"))])
    assert notifier.send_due() == 1
    assert len(rows(again)) == 1


def test_a_batch_that_failed_is_told_when_it_comes_again(open_store: Open) -> None:
    store, site, post = open_store(), Site(), Post()
    notifier = Notifier(store, [receiver()], "", post)
    first = site.says(NoticeEvent("school-3", "school-3/hall", "info", Note("x"), START_NS))
    store.ingest([first])
    event = site.says(emitter_event())
    with pytest.raises(IntegrityError):
        store.ingest([event, first])
    assert notifier.send_due() == 0
    store.ingest([event])
    assert notifier.send_due() == 1


def test_an_alarm_that_nobody_takes_notice_of_is_overdue_once(
    open_store: Open, clock: Clock
) -> None:
    store, post = open_store(), Post()
    notifier = Notifier(store, [receiver(tell=("overdue",))], "", post)
    store.ingest([Site().says(emitter_event())])
    clock.wait(100)
    tend(store, Patience(120))
    assert notifier.send_due() == 0
    clock.wait(30)
    tend(store, Patience(120))
    tend(store, Patience(120))
    assert notifier.send_due() == 1
    (alarm,) = store.desk.alarms.values()
    assert alarm.overdue
    assert not store.act(alarm.id, Wish(action="acknowledge"), "li").overdue
    clock.wait(300)
    tend(store, Patience(120))
    assert notifier.send_due() == 0


def test_what_nobody_takes_notice_of_goes_one_level_up_at_a_time(
    open_store: Open, clock: Clock
) -> None:
    store, post = open_store(), Post()
    receivers = [receiver(), *(receiver(name=f"level{n}", level=n) for n in (2, 3))]
    notifier = Notifier(store, receivers, "", post)
    patience = Patience(120, 300, notifier.levels)

    def told() -> list[str]:
        tend(store, patience)
        tend(store, patience)
        notifier.send_due()
        names = sorted(name for name, _, _ in post.got)
        post.got.clear()
        return names

    store.ingest([Site().says(emitter_event())])
    assert told() == ["duty"]  # that there is a new alarm
    clock.wait(121)
    assert told() == ["duty"]
    clock.wait(298)
    assert told() == []
    clock.wait(2)
    assert told() == ["duty", "level2"]
    (alarm,) = store.desk.alarms.values()
    assert (alarm.overdue, alarm.level) == (True, 2)
    clock.wait(3000)
    assert told() == ["duty", "level2", "level3"]
    clock.wait(3000)
    assert told() == []
    # Somebody takes notice; when it is raised again all of it begins anew.
    assert store.act(alarm.id, Wish(action="acknowledge"), "li").level == 0
    clock.wait(3000)
    assert told() == []
    store.act(alarm.id, Wish(action="dismiss", reason="gone"), "li")
    store.act(alarm.id, Wish(action="reopen"), "li")
    clock.wait(500)
    assert told() == ["duty", "level2"]


def test_what_was_found_is_told_to_every_level_at_once(open_store: Open, clock: Clock) -> None:
    store, post = open_store(), Post()
    notifier = Notifier(store, [receiver(level=3), receiver(name="low", tell=("new",))], "", post)
    store.ingest([Site().says(emitter_event())])
    (key,) = store.desk.alarms
    store.act(key, Wish(action="hand_over", owner="police"), "li")
    clock.wait(60)
    store.act(key, Wish(action="close", reason="found"), "li")
    notifier.send_due()
    assert [title for name, title, _ in post.got if name == "low"] == [
        "school-3: suspicious emission"
    ]
    assert [title for name, title, _ in post.got if name == "duty"] == [
        "school-3: an alarm was handed over",
        "school-3: an emitter was found",
    ]


@pytest.mark.parametrize(
    ("waited_s", "level"), [(0, 0), (120, 0), (121, 1), (419, 1), (420, 2), (10_000, 3)]
)
def test_how_far_up(waited_s: float, level: int) -> None:
    assert Patience(120, 300, 3).level(waited_s) == level
    assert Patience(0, 300, 3).level(waited_s) == 0


def test_notices_are_told_to_who_wants_them(open_store: Open) -> None:
    store, post = open_store(), Post()
    notifier = Notifier(store, [receiver(), receiver(name="it", tell=("notice",))], "", post)
    silent = Notice("school-3", "", "warning", Note("notice.silent", {"seconds": 5}), START_NS)
    store.notice(silent)
    store.notice(silent)
    store.notice(Notice("school-3", "", "info", Note("x"), START_NS))
    assert notifier.send_due() == 1
    assert post.got[0][0] == "it" and "no word from this site for 5 s" in post.got[0][2]


def test_a_notice_of_a_newer_site_is_stored_and_told_as_it_is(open_store: Open) -> None:
    """It has other fields than our text wants: its events must come in all the same."""
    store, site, post = open_store(), Site(), Post()
    notifier = Notifier(store, [receiver(tell=("notice",))], "", post)
    note = Note(id="health.no_samples", args={"lang": "en", "why": "a\nb"})
    store.ingest([site.says(NoticeEvent("school-3", "school-3/hall", "alarm", note, START_NS))])
    assert notifier.send_due() == 1
    assert post.got[0][2] == "health.no_samples lang=en, why=a b"


def test_a_web_hook_gets_json_and_its_refusal_is_an_error() -> None:
    got: list[dict[str, str]] = []

    class Hook(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200 if self.path == "/good" else 500)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return

    server = http.server.HTTPServer(("127.0.0.1", 0), Hook)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        url = f"http://127.0.0.1:{server.server_port}"
        deliver(f"{url}/good", "title", "正文")
        assert got == [{"title": "title", "text": "正文"}]
        with pytest.raises(OSError, match="500"):
            deliver(f"{url}/bad", "title", "text")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
