"""Telling people who do not look at the page: what, to whom, and whether it arrived.

A message is written down in the transaction of the event that it tells of, and sent afterwards,
again and again with growing pauses: neither a restart nor a lost line makes it disappear.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, Literal

from msgspec import Meta, Struct
from sqlalchemy import Connection, select, update

from dashboard import schema
from dashboard.alarms import Alarm
from dashboard.cards import sentence
from dashboard.database import insert_once
from dashboard.notices import Notice
from dashboard.post import deliver, has_apprise, needs_apprise
from dashboard.store import Store
from sensors.messages import Note
from sensors.text import Lang, say

News = Literal["new", "reopened", "overdue", "found", "handed_over", "notice"]
HIGHEST_LEVEL = 9
_LEVELS = {"new": 1, "reopened": 1, "found": HIGHEST_LEVEL, "handed_over": HIGHEST_LEVEL}
"""How far up news go at once; what is overdue goes as far as the alarm says."""

REVIEW_OVERDUE = "notice.review_overdue"
PAUSES_S = (5, 15, 60, 300, 900, 1800, 3600)
"""Before the second, third ... try; the last one repeats."""
GIVE_UP_S = 86_400.0
PORTION = 20
"""Messages to one receiver in one go."""
SECOND = 1_000_000_000
Mark = tuple[str, str, str, int]
"""Receiver, news, subject and when it was raised: told once."""


class NotifySection(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """``[[notify]]``: one receiver.

    Attributes
    ----------
    name : str
        In the delivery record; the address may hold secrets and is not shown.
    url : str
        See `dashboard.post.deliver`.
    lang : {"zh", "en"}
    tell : tuple of News
    min_suspicion : int
        Of alarms.
    level : int
        1 hears of alarms at once; a higher one of what is overdue, when nobody took notice when it
        was told one level below.
    sites : list of str
        Empty for all.
    """

    name: Annotated[str, Meta(min_length=1, max_length=32)]
    url: Annotated[
        str, Meta(pattern=r"^[A-Za-z][A-Za-z0-9+.-]*://.+", examples=["https://example.org/hook"])
    ]
    lang: Lang = "zh"
    tell: tuple[News, ...] = ("new", "reopened", "overdue", "found", "handed_over")
    min_suspicion: Annotated[int, Meta(ge=0, le=100)] = 40
    level: Annotated[int, Meta(ge=1, le=HIGHEST_LEVEL)] = 1
    sites: list[str] = []

    def __post_init__(self) -> None:
        if needs_apprise(self.url) and not has_apprise():
            raise ValueError("url: notify.no_apprise")

    def wants(self, news: str, site: str, level: int = 1) -> bool:
        """Whether this receiver is to hear of it."""
        here = not self.sites or site in self.sites
        return news in self.tell and here and self.level <= level


class Delivery(Struct, frozen=True):
    """One message to one receiver.

    Attributes
    ----------
    state : {"waiting", "sent", "failed"}
    tries : int
    next_ns, done_ns : int
        When it is tried again; when it was sent or given up.
    error : str
        Of the last try.
    """

    id: int
    receiver: str
    news: str
    subject: str
    raised_ns: int
    title: str
    body: str
    state: str
    tries: int
    made_ns: int
    next_ns: int
    done_ns: int
    error: str


class Notifier:
    """Writes messages down and sends them.

    Parameters
    ----------
    store : Store
    receivers : iterable of NotifySection
    page : str
        Address of the page, for the link in a message.
    send : callable
        Receiver, title and body; raises when it did not arrive.
    """

    def __init__(
        self,
        store: Store,
        receivers: Iterable[NotifySection],
        page: str = "",
        send: Callable[[NotifySection, str, str], None] | None = None,
    ) -> None:
        self._store = store
        self._receivers = {receiver.name: receiver for receiver in receivers}
        self._page = page
        self._send = send or (lambda receiver, title, body: deliver(receiver.url, title, body))
        store.tell_alarm = self.alarm
        store.tell_notice = self.notice

    @property
    def levels(self) -> int:
        """The highest level that has a receiver."""
        return max((receiver.level for receiver in self._receivers.values()), default=1)

    def alarm(self, connection: Connection, news: str, alarm: Alarm) -> None:
        """Write down what is to be told of an alarm, once each time that it is raised.

        Called at every sighting while nobody has taken notice: suspicion grows with the evidence
        and may pass a receiver's limit later than the alarm began.
        """
        level = _LEVELS.get(news, alarm.level)
        raised_ns = alarm.changed_ns if level == HIGHEST_LEVEL else alarm.raised_ns
        name = f"{news}.{level}" if 1 < level < HIGHEST_LEVEL else news
        for receiver in self._receivers.values():
            if (
                alarm.drill
                or alarm.suspicion < receiver.min_suspicion
                or not receiver.wants(news, alarm.site, level)
            ):
                continue
            title = say(f"notify.{news}", receiver.lang, site=alarm.site)
            lines = [words(sentence(alarm), receiver.lang)]
            lines.append(say("notify.suspicion", receiver.lang, suspicion=alarm.suspicion))
            if news == "overdue" and level > 1:
                lines.append(say("notify.level", receiver.lang, level=level))
            mark = (receiver.name, name, alarm.id, raised_ns)
            if self._page:
                lines.append(f"{self._page}#/alarm/{alarm.id}")
            self._write(connection, mark, title, lines)

    def notice(self, connection: Connection, notice: Notice) -> None:
        """Write down what is to be told of a notice; what is over is not told."""
        if notice.level == "info" or notice.stop_ns:
            return
        review = notice.note.id == REVIEW_OVERDUE
        news, level = ("overdue", 2) if review else ("notice", HIGHEST_LEVEL)
        for receiver in self._receivers.values():
            if receiver.wants(news, notice.site, level):
                what = "notify.review" if review else "notify.notice"
                title = say(what, receiver.lang, site=notice.site)
                lines = [words([notice.note], receiver.lang)]
                subject = f"{notice.site}/{notice.note.id}"
                mark = (receiver.name, "notice", subject[:64], notice.start_ns)
                self._write(connection, mark, title, lines)

    def send_due(self) -> int:
        """Send what is due, to all receivers at once; returns how many arrived."""
        table, now_ns = schema.deliveries, self._store.now_ns()
        is_due = (table.c.state == "waiting") & (table.c.next_ns <= now_ns)
        with self._store.reader.connect() as connection:
            names = list(connection.scalars(select(table.c.receiver).where(is_due).distinct()))
            due = [
                [
                    Delivery(**row._mapping)
                    for row in connection.execute(
                        select(table)
                        .where(is_due, table.c.receiver == name)
                        .order_by(table.c.id)
                        .limit(PORTION)
                    )
                ]
                for name in names
            ]
        if not due:
            return 0
        with ThreadPoolExecutor(len(due), "notify") as pool:
            return sum(pool.map(self._send_in_order, due))

    def _send_in_order(self, deliveries: list[Delivery]) -> int:
        """Send to one receiver until one does not arrive: the others would wait as long for it."""
        arrived = 0
        for delivery in deliveries:
            if not self._try(delivery):
                break
            arrived += 1
        return arrived

    def _try(self, delivery: Delivery) -> bool:
        receiver = self._receivers.get(delivery.receiver)
        error = ""
        try:
            if receiver is None:
                raise LookupError("no receiver of this name is configured any more")
            self._send(receiver, delivery.title, delivery.body)
        except Exception as failure:  # whatever a transport raises: it is recorded and tried again
            error = f"{type(failure).__name__}: {failure}"[:500]
        now_ns, tries = self._store.now_ns(), delivery.tries + 1
        over = not error or now_ns - delivery.made_ns > GIVE_UP_S * SECOND
        pause_s = PAUSES_S[min(tries, len(PAUSES_S)) - 1]
        change = {
            "state": "failed" if error and over else "sent" if over else "waiting",
            "tries": tries,
            "next_ns": now_ns + pause_s * SECOND,
            "done_ns": now_ns if over else 0,
            "error": error,
        }
        table = schema.deliveries
        with self._store.writing() as connection:
            connection.execute(update(table).where(table.c.id == delivery.id).values(change))
        return not error

    def _write(self, connection: Connection, mark: Mark, title: str, lines: list[str]) -> None:
        receiver, news, subject, raised_ns = mark
        now_ns = self._store.now_ns()
        row = {
            **{"receiver": receiver, "news": news, "subject": subject, "raised_ns": raised_ns},
            **{"title": title, "body": "\n".join(lines)},
            **{"state": "waiting", "tries": 0, "error": ""},
            **{"made_ns": now_ns, "next_ns": now_ns, "done_ns": 0},
        }
        insert_once(connection, schema.deliveries, row)


def words(notes: Iterable[Note], lang: Lang) -> str:
    """Notes as one sentence."""
    return ("，" if lang == "zh" else ", ").join(say(note.id, lang, **note.args) for note in notes)
