"""At the console two people sign where the file says so; one at a fresh monitor goes on as ever."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import select

from dashboard import console_tries, schema
from dashboard.access import Role
from dashboard.account import AccountChange, NewAccount, NewToken
from dashboard.accounts import Accounts
from dashboard.approvals import Act
from dashboard.backup import back_up, restore
from dashboard.config import MonitorFile, load_config
from dashboard.console import accounts_before, accounts_of, author, signers
from dashboard.key_acts import take_over
from dashboard.keyring import Keyring
from dashboard.store import Store
from sensors.toml import UserError

pytestmark = pytest.mark.usefixtures("quick_hashes")

ACTS: tuple[Act, ...] = ("enroll", "revoke", "rotate", "restore")
FILE = """[monitor]
id = "city"
keys = "keys"
store = "sqlite:///monitor.db"
{pairs}
"""


def word(name: str) -> str:
    return f"{name} {name} {name} {name}"


def centre(folder: Path, acts: Sequence[str] | None, **people: Role) -> MonitorFile:
    """A monitor's file and its store with people in it."""
    pairs = "" if acts is None else f"[pairs]\nacts = {list(acts)}"
    (folder / "monitor.toml").write_text(FILE.format(pairs=pairs))
    store = Store(f"sqlite:///{folder}/monitor.db")
    accounts = Accounts(store)
    for name, role in people.items():
        accounts.create(NewAccount(name, role, word(name)), "operator")
    store.close()
    return load_config(folder / "monitor.toml")


def typed(*lines: str) -> Callable[[str, bool], str]:
    """Answers to questions, in order."""
    rest = iter(lines)
    return lambda words, hidden: next(rest)


@pytest.fixture(autouse=True)
def patient_console(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many wrong passwords in no time: `test_console_tries` has what is done about that."""
    monkeypatch.setattr(console_tries, "FIRST_WAIT_S", 0)
    monkeypatch.setattr(console_tries, "MAX_FAILURES", 1000)


def both(*names: str) -> list[str]:
    return [line for name in names for line in (name, word(name))]


def refused(call: Callable[[], object]) -> str:
    with pytest.raises(UserError) as caught:
        call()
    return caught.value.message_id


def test_people_are_read_beside_a_running_monitor(
    open_store: Callable[..., Store], store_url: str
) -> None:
    accounts = Accounts(open_store())
    accounts.create(NewAccount("li", "admin", word("li")), "operator")
    assert accounts_of(store_url) == {"li": accounts.account("li")}


@pytest.mark.parametrize("act", ACTS)
def test_two_sign_each_act(tmp_path: Path, act: Act) -> None:
    config = centre(tmp_path, [act], li="admin", wang="supervisor")
    by = signers(config, act, "en", ask=typed(*both("li", "wang")))
    assert by == f"li + wang ({author()})"
    others = [one for one in ACTS if one != act]
    assert [signers(config, one, "en") for one in others] == [author()] * 3


@pytest.mark.parametrize("act", ACTS)
def test_nobody_signs_twice_or_for_another(tmp_path: Path, act: Act) -> None:
    people: dict[str, Role] = {"li": "admin", "wang": "supervisor", "bo": "officer", "wu": "admin"}
    config = centre(tmp_path, [act], **people)
    store = Store(config.monitor.store)
    accounts = Accounts(store)
    accounts.change("wu", AccountChange(disabled=True), "li")
    script = accounts.make_token(NewToken("script", "admin"), "li")
    store.close()
    for second in (
        both("li"),  # oneself
        both("bo"),  # who may not
        both("wu"),  # whose account is closed
        ["wang", word("li")],
        ["wang", ""],
        ["script", script.token],
        ["nobody", ""],
    ):
        ask = typed(*both("li"), *second * 3)
        assert refused(lambda ask=ask: signers(config, act, "en", ask=ask)) == "console.not_signed"


def test_a_fresh_monitor_is_set_up_by_one(tmp_path: Path) -> None:
    config = centre(tmp_path, None)
    assert [signers(config, act, "en") for act in ACTS] == [author()] * 4
    (tmp_path / "monitor.db").unlink()
    assert signers(config, "enroll", "en") == author()


def test_two_are_wanted_and_there_are_fewer(tmp_path: Path) -> None:
    config = centre(tmp_path, ACTS, li="admin", bo="officer")
    assert refused(lambda: signers(config, "enroll", "en", ask=typed())) == "console.too_few"


def test_no_pipe_stands_in_for_a_person(tmp_path: Path) -> None:
    centre(tmp_path, ["enroll"], li="admin", wang="admin")
    environment = {**os.environ, "RFPROCTOR_TOKEN": "x"}
    done = subprocess.run(
        [sys.executable, "-m", "rfproctor", "--lang", "en", "keys", "enroll", "monitor.toml", "s3"],
        input="\n".join(both("li", "wang")),
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**environment, "PYTHONPATH": str(Path(__file__).parents[2])},
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "at a terminal" in done.stderr
    assert Keyring(tmp_path / "keys").acts() == []


def at_terminal(folder: Path, *lines: str) -> str:
    """Run ``keys enroll`` at a terminal and type; answers with what stood on it."""
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(folder)
        command = ["-m", "rfproctor", "--lang", "en", "keys", "enroll", "monitor.toml", "school-3"]
        os.execve(
            sys.executable,
            [sys.executable, *command],
            {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        )
    shown = b""
    rest = list(lines)
    deadline_s = time.monotonic() + 60
    while time.monotonic() < deadline_s:
        try:
            shown += os.read(terminal, 4096)
        except OSError:
            break
        if rest and shown.endswith(b": ") and shown.count(b": ") > len(lines) - len(rest):
            time.sleep(0.1)  # the terminal has stopped echoing
            os.write(terminal, f"{rest.pop(0)}\n".encode())
    os.waitpid(child, 0)
    return shown.decode()


def test_two_sign_at_a_terminal_and_the_audit_log_says_so(tmp_path: Path) -> None:
    config = centre(tmp_path, ["enroll"], li="admin", wang="admin")
    store = Store(config.monitor.store)  # the monitor runs meanwhile
    shown = at_terminal(tmp_path, *both("li", "wang"))
    assert "enroll takes two persons here" in shown and "keys join" in shown
    assert word("li") not in shown
    ring = Keyring(tmp_path / "keys")
    assert [(act, actor) for _, actor, act, *_ in ring.acts()] == [
        ("token", f"li + wang ({author()})")
    ]
    ring.revoke("school-3", "wu")  # nobody there: no act
    assert (take_over(ring, store), take_over(ring, store)) == (1, 0)
    ring.allow("school-9", b"c" * 40, b"v" * 32, "wu")
    ring.revoke("school-9", "wu")
    assert take_over(ring, store) == 2
    with store.reader.connect() as connection:
        rows = connection.execute(select(schema.audit).order_by(schema.audit.c.seq)).all()
    keys = [(row.actor, row.act, row.subject) for row in rows if row.act.startswith("keys.")]
    assert keys == [
        (f"li + wang ({author()})", "keys.token", "school-3"),
        ("wu", "keys.allow", "school-9"),
        ("wu", "keys.revoke", "school-9"),
    ]
    ring.close()
    store.close()


@pytest.fixture
def copied(tmp_path: Path) -> Iterator[tuple[MonitorFile, Path]]:
    """A store, and an older copy in which other people had accounts."""
    config = centre(tmp_path, ["restore"], old1="admin", old2="admin")
    copy = tmp_path / "copy.db"
    back_up(config.monitor.store, copy)
    store = Store(config.monitor.store)
    accounts = Accounts(store)
    for name in ("li", "wang"):
        accounts.create(NewAccount(name, "admin", word(name)), "old1")
    for name in ("old1", "old2"):
        accounts.change(name, AccountChange(disabled=True), "li")
    store.close()
    yield config, copy


def test_who_restores_has_an_account_in_what_is_replaced(
    copied: tuple[MonitorFile, Path], tmp_path: Path
) -> None:
    """Not in the copy: whoever brings one could have put anybody into it."""
    config, copy = copied
    url = config.monitor.store

    def sign(*names: str) -> str:
        people = accounts_before(url, copy)
        return signers(config, "restore", "en", lambda: people, typed(*both(*names) * 3))

    assert refused(lambda: sign("old1", "old2")) == "console.not_signed"
    restore(url, copy, tmp_path / "kept", sign("li", "wang"))
    store = Store(url)
    with store.reader.connect() as connection:
        last = connection.execute(select(schema.audit).order_by(schema.audit.c.seq.desc())).first()
    store.close()
    assert last is not None and last.actor == f"console/li + wang ({author()})"
    assert msgspec.json.decode(last.detail)["by"] == f"li + wang ({author()})"


def test_where_the_store_is_lost_those_in_the_copy_sign(
    copied: tuple[MonitorFile, Path], tmp_path: Path
) -> None:
    config, copy = copied
    (tmp_path / "monitor.db").write_bytes(b"not a database at all" * 100)
    assert accounts_before(config.monitor.store, copy).keys() == {"old1", "old2"}
    (tmp_path / "monitor.db").unlink()
    assert accounts_of(config.monitor.store) == {}
    assert accounts_before(config.monitor.store, copy).keys() == {"old1", "old2"}
    assert accounts_before(config.monitor.store, tmp_path / "none.db") == {}
