"""Events as the fleet page asks for them: by site, level, kind and time, page after page."""

from __future__ import annotations

import pytest

from dashboard.notices import Notice
from dashboard.queries import NoticeQuery, notices
from dashboard.store import Store
from sensors.messages import Note
from tests.dashboard.conftest import SECOND, START_NS

TOLD = [("a", "info", "x.one"), ("b", "warning", "x.two"), ("a", "alarm", "x.two")]


@pytest.fixture
def store(store_url: str) -> Store:
    opened = Store(store_url)
    for k in range(9):
        site, level, note_id = TOLD[k % 3]
        at_ns = START_NS + k * SECOND
        opened.notice(Notice(site, "", level, Note(note_id, {"k": k}), at_ns, at_ns))
    return opened


def asked(store: Store, **values: object) -> list[int]:
    """Which of them, by number."""
    found = notices(store.reader, NoticeQuery(**values))  # type: ignore[arg-type]
    return [int(notice.note.args["k"]) for notice in found]


@pytest.mark.parametrize(
    ("values", "numbers"),
    [
        ({}, [8, 7, 6, 5, 4, 3, 2, 1, 0]),
        ({"site": "b"}, [7, 4, 1]),
        ({"level": "alarm"}, [8, 5, 2]),
        ({"note": "x.two", "site": "a"}, [8, 5, 2]),
        ({"since_ns": START_NS + 6 * SECOND}, [8, 7, 6]),
        ({"until_ns": START_NS + 2 * SECOND}, [1, 0]),
        ({"since_ns": START_NS + SECOND, "until_ns": START_NS + 6 * SECOND, "limit": 2}, [5, 4]),
        ({"note": "x"}, []),
    ],
)
def test_filters(store: Store, values: dict[str, object], numbers: list[int]) -> None:
    assert asked(store, **values) == numbers
    store.close()
