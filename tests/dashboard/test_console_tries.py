"""Wrong passwords at the console leave a trace, wait, and are few."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from sqlalchemy import select

from dashboard import console_tries, schema
from dashboard.access import FAILURE_WINDOW_NS
from dashboard.console import author, signers
from dashboard.key_acts import take_over
from dashboard.keyring import Keyring
from dashboard.store import Store
from tests.dashboard.test_console import both, centre, refused, typed


@pytest.mark.usefixtures("quick_hashes")
def test_wrong_passwords_are_on_record_slow_and_few(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They left no trace, and a script could try as many as it liked."""
    config = centre(tmp_path, ["revoke"], li="admin", wang="supervisor")
    waits: list[float] = []
    monkeypatch.setattr(console_tries, "FIRST_WAIT_S", 1.0)
    monkeypatch.setattr("time.sleep", waits.append)

    def guess(*lines: str) -> str:
        return refused(lambda: signers(config, "revoke", "en", ask=typed(*lines)))

    wrong = ["wang", "guess"] * 3
    assert [guess(*wrong) for _ in range(3)] == ["console.not_signed"] * 3
    assert waits == [1.0, 2.0, 4.0] * 3
    assert guess("li", "guess") == "http.too_many_tries"  # the tenth was wrong too
    assert guess(*both("li", "wang")) == "http.too_many_tries"
    store, ring = Store(config.monitor.store), Keyring(tmp_path / "keys")
    assert take_over(ring, store) == 10
    ring.close()
    with store.reader.connect() as connection:
        rows = connection.execute(select(schema.audit).order_by(schema.audit.c.seq)).all()[-10:]
    store.close()
    assert {(row.act, row.actor, row.subject) for row in rows} == {
        ("keys.console_failed", f"console/{author()}", name) for name in ("wang", "li")
    }
    later_ns = time.time_ns() + FAILURE_WINDOW_NS
    console_tries.Tries(tmp_path / "keys", "root", "revoke", lambda: later_ns).check()
