"""Every hour of an exam is looked through again in time, by somebody who was not on duty."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert, select

from dashboard import schema
from dashboard.actions import Wish
from dashboard.errors import Refused
from dashboard.notify import Notifier, NotifySection
from dashboard.phases import NewSession, Session
from dashboard.queries import NoticeQuery, notices
from dashboard.reviews import Due, NewReview, Review, ReviewQuery, Reviews, missing
from dashboard.store import Store
from tests.dashboard.conftest import SECOND, START_NS, Clock, Site, emitter_event

Open = Callable[..., Store]
HOUR_NS = 3600 * SECOND


def exam(hours: float = 2, **changes: Any) -> Session:
    """Papers open at START_NS."""
    new = NewSession("maths", START_NS, START_NS + round(hours * HOUR_NS))
    values = {name: getattr(new, name) for name in NewSession.__struct_fields__}
    return Session(**{**values, "id": 1, "author": "li", "created_ns": 0, **changes})


def reviews_of(store: Store, *sessions: Session, hours: float = 6) -> Reviews:
    return Reviews(store, lambda: sessions, lambda: ["school-3", "school-9"], hours * 3600)


def left(reviews: Reviews) -> list[tuple[str, float, float, bool]]:
    def hours(one: Due) -> tuple[float, float]:
        return (one.start_ns - START_NS) / HOUR_NS, (one.stop_ns - START_NS) / HOUR_NS

    return [(one.site, *hours(one), one.overdue) for one in reviews.due()]


def look(reviews: Reviews, first: float, last: float, site: str = "school-3") -> None:
    spans = (START_NS + round(each * HOUR_NS) for each in (first, last))
    reviews.add(NewReview(site, *spans, "nothing"), "sun")


def test_what_is_recorded_is_due_until_somebody_looked(open_store: Open, clock: Clock) -> None:
    reviews = reviews_of(open_store(), exam(site="school-3"))
    assert left(reviews) == []
    clock.wait(3600)
    assert left(reviews) == [("school-3", 0, 1, False)]
    look(reviews, 0.25, 0.5)
    assert left(reviews) == [("school-3", 0, 0.25, False), ("school-3", 0.5, 1, False)]
    clock.wait(5.3 * 3600)
    assert left(reviews) == [("school-3", 0, 0.25, True), ("school-3", 0.5, 2, False)]
    look(reviews, -1, 0.3)
    look(reviews, 0.4, 3)
    assert left(reviews) == []


def test_an_exam_of_all_sites_is_due_at_each(open_store: Open, clock: Clock) -> None:
    reviews = reviews_of(open_store(), exam())
    clock.wait(3 * 3600)
    look(reviews, 0, 2, "school-9")
    assert left(reviews) == [("school-3", 0, 2, False)]


def test_nothing_is_due_of_what_was_taken_out_or_is_long_ago(
    open_store: Open, clock: Clock
) -> None:
    store = open_store()
    clock.wait(7 * 3600)
    assert left(reviews_of(store, exam(ended_ns=START_NS))) == []
    assert left(reviews_of(store, exam(), hours=0)) == []
    clock.wait(15 * 86_400)
    assert left(reviews_of(store, exam())) == []


def test_what_is_overdue_is_told_up_once_and_ends(open_store: Open, clock: Clock) -> None:
    store = open_store()
    got: list[tuple[str, str]] = []

    def post(receiver: NotifySection, title: str, body: str) -> None:
        got.append((receiver.name, body))

    url = "https://hook.example/x"
    receivers = [NotifySection(name=f"l{n}", url=url, lang="en", level=n) for n in (1, 2, 3)]
    notifier = Notifier(store, receivers, "", post)
    reviews = reviews_of(store, exam(site="school-3"))
    clock.wait(6 * 3600)
    reviews.tend()
    assert notices(store.reader, NoticeQuery()) == []
    clock.wait(1)
    reviews.tend()
    reviews.tend()
    reviews = reviews_of(store, exam(site="school-3"))  # the monitor was started anew
    reviews.tend()
    notifier.send_due()
    text = "120 min of maths were not looked through again in time"
    assert got == [("l1", text), ("l2", text)]
    look(reviews, 0, 2)
    reviews.tend()
    (told,) = notices(store.reader, NoticeQuery())
    assert told.stop_ns == clock()
    with store.reader.connect() as connection:
        acts = list(connection.scalars(select(schema.audit.c.act).order_by(schema.audit.c.seq)))
    assert acts == ["notice.alarm", "review.made", "notice.alarm"]


def test_nobody_reviews_their_own_watch(open_store: Open, clock: Clock) -> None:
    store = open_store()
    store.ingest([Site().says(emitter_event())])
    reviews = reviews_of(store, exam())
    clock.wait(60)
    (key,) = store.desk.alarms
    store.act(key, Wish(action="acknowledge"), "sun")
    clock.wait(3600)
    with pytest.raises(Refused, match=r"review\.own_watch"):
        look(reviews, 0, 1)
    look(reviews, 0, 1, "school-9")
    look(reviews, 0.5, 1)
    reviews.add(NewReview("school-3", START_NS, START_NS + HOUR_NS, "nothing"), "zhao")
    assert [one.author for one in reviews.reviews(ReviewQuery())] == ["zhao", "sun", "sun"]


def takes_over(store: Store, who: str, to: str, hours: float) -> None:
    """A shift was handed over so long after the papers opened."""
    at_ns = START_NS + round(hours * HOUR_NS)
    row = {"act": "shift", "subject": to, "what": "{}", "hash": "", "wanted_by": who}
    times = {"wanted_ns": at_ns, "until_ns": at_ns, "decided_ns": at_ns}
    with store.writing() as connection:
        connection.execute(
            insert(schema.approvals).values(
                **row, **times, state="approved", decided_by=to, note=""
            )
        )


@pytest.mark.parametrize(
    ("handovers", "free"),
    [
        ([], True),
        ([("sun", "li", 0.5)], False),  # had it until then
        ([("li", "sun", -3)], False),  # had it all the time
        ([("li", "sun", -3), ("sun", "li", -1)], True),
        ([("li", "sun", 1.5)], True),  # came later
        ([("li", "sun", -12.5)], True),  # nobody watches that long
        ([("li", "zhao", 0.5)], True),
    ],
)
def test_who_had_the_shift_was_on_duty(
    open_store: Open, clock: Clock, handovers: list[tuple[str, str, float]], free: bool
) -> None:
    """Also of a quiet hour, in which nobody did anything about an alarm."""
    store = open_store()
    for who, to, hours in handovers:
        takes_over(store, who, to, hours)
    reviews = reviews_of(store, exam(site="school-3"))
    clock.wait(3600)
    (due,) = reviews.due("sun")
    assert due.own_watch is not free
    if free:
        look(reviews, 0, 1)
        return
    with pytest.raises(Refused, match=r"review\.own_watch"):
        look(reviews, 0, 1)


def test_a_script_looks_through_nothing(open_store: Open, clock: Clock) -> None:
    told: list[Review] = []
    people = {"sun"}
    reviews = Reviews(open_store(), list, list, 0, people.__contains__, told.append)
    clock.wait(3600)
    with pytest.raises(Refused, match=r"review\.needs_account"):
        reviews.add(NewReview("school-3", START_NS, START_NS + SECOND, "nothing"), "script")
    look(reviews, 0, 1)
    assert [one.author for one in told] == ["sun"]


def test_reviews_are_found_by_site_and_time(open_store: Open, clock: Clock) -> None:
    reviews = reviews_of(open_store())
    clock.wait(3 * 3600)
    for site in ("school-3", "school-9"):
        for hour in range(3):
            look(reviews, hour, hour + 1, site)

    def found(**query: Any) -> list[int]:
        return [one.id for one in reviews.reviews(ReviewQuery(**query))]

    assert found(site="school-3") == [3, 2, 1]
    assert found(since_ns=START_NS + HOUR_NS, until_ns=START_NS + 2 * HOUR_NS) == [5, 2]
    assert found(before=4, limit=2) == [3, 2]


def test_less_than_a_second_is_no_gap(open_store: Open, clock: Clock) -> None:
    reviews = reviews_of(open_store(), exam(site="school-3"))
    clock.wait(7200)
    reviews.add(NewReview("school-3", START_NS + 128, START_NS + HOUR_NS, "nothing"), "sun")
    assert left(reviews) == [("school-3", 1, 2, False)]


@pytest.mark.parametrize(("first", "last"), [(1, 0), (1, 1), (0, 3)])
def test_a_time_that_cannot_have_been_looked_through(
    open_store: Open, clock: Clock, first: float, last: float
) -> None:
    clock.wait(2 * 3600)
    with pytest.raises(Refused, match=r"review\.backwards"):
        look(reviews_of(open_store()), first, last)


spans = st.tuples(st.integers(0, 40), st.integers(0, 40)).map(lambda pair: tuple(sorted(pair)))


@given(spans, st.lists(spans, max_size=6))
def test_what_is_missing_is_what_no_part_covers(
    whole: tuple[int, int], parts: list[tuple[int, int]]
) -> None:
    gaps = missing(whole, parts)
    found = [second for first, last in gaps for second in range(first, last)]
    wanted = [second for second in range(*whole) if not any(a <= second < b for a, b in parts)]
    assert found == wanted
    assert all(a < b for a, b in gaps)
