from __future__ import annotations

import pytest

from dashboard.access import MAX_FAILURES, SESSION_S, Door, Identity
from dashboard.errors import Refused


class Clock:
    now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def test_wrong_tokens_are_throttled_and_the_right_one_never() -> None:
    clock = Clock()
    door = Door("right", clock_s=clock)
    for _ in range(MAX_FAILURES):
        with pytest.raises(Refused) as caught:
            door.by_token("wrong")
        assert caught.value.status == 401
    with pytest.raises(Refused) as caught:
        door.by_token("wrong")
    assert caught.value.status == 429
    assert door.by_token("right").role == "admin"
    clock.now_s += 61
    with pytest.raises(Refused) as caught:
        door.by_token("wrong")
    assert caught.value.status == 401


def test_sessions_end() -> None:
    clock = Clock()
    door = Door("right", clock_s=clock)
    key = door.open_session(Identity("li", "officer"))
    assert door.by_session(key) == Identity("li", "officer")
    assert door.by_session(key + "x") is None
    clock.now_s += SESSION_S + 1
    assert door.by_session(key) is None
    second = door.open_session(Identity("li", "officer"))
    door.close_session(second)
    assert door.by_session(second) is None
