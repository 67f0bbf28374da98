"""With keys: who gets in, who does not, and how fast that changes; over real sockets."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import click.testing
import pytest
import zmq

import sensors.protocol
from dashboard.keyring import Keyring
from dashboard.keys_command import keys as keys_command
from dashboard.receiver import Receiver
from dashboard.store import Store
from dashboard.zap import judge
from sdr.source import UserError
from sensors.enrol import join, read_token
from sensors.keys import Keys, make_keys, write_keys
from sensors.link import Link
from sensors.messages import Announce, Hello, Note, NoticeEvent
from sensors.outbox import Outbox
from sensors.wire import encode

pytestmark = pytest.mark.system
SITE, SENSOR = "school-3", "school-3/hall"


@pytest.fixture
def ring(tmp_path: Path) -> Iterator[Keyring]:
    keyring = Keyring(tmp_path / "keys")
    yield keyring
    keyring.close()


@pytest.fixture
def own() -> Keys:
    return make_keys()


@pytest.fixture
def outbox(tmp_path: Path, own: Keys) -> Iterator[Outbox]:
    box = Outbox(tmp_path / "outbox.db", own)
    yield box
    box.close()


def link(outbox: Outbox, own: Keys, address: str, ring: Keyring, site: str = SITE) -> Link:
    key = ring.keys.curve_public
    return Link(outbox, own, site, (f"{site}/hall",), events=address, server_key=key)


def notice(text: str = "x") -> NoticeEvent:
    return NoticeEvent(SITE, SENSOR, "info", Note(text), time.time_ns())


async def until(true: Callable[[], Any], within_s: float = 15.0) -> float:
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < within_s, "did not happen in time"
        await asyncio.sleep(0.005)
    return time.monotonic() - began


def run(story: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(story(), 90.0))


def test_an_allowed_site_delivers(
    outbox: Outbox, own: Keys, store: Store, ring: Keyring, address: str
) -> None:
    ring.allow(SITE, own.curve_public, own.verify_key, "test")

    async def story() -> None:
        async with Receiver(address, store, keyring=ring) as centre:
            with link(outbox, own, address, ring) as site:
                site.publish(notice())
                await until(lambda: outbox.depth == 0)
            assert centre.counters()["handshakes_ok"] >= 1

    run(story)


def test_an_unknown_key_waits_until_it_is_allowed(
    outbox: Outbox,
    own: Keys,
    store: Store,
    ring: Keyring,
    address: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sensors.protocol, "WELCOME_WITHIN_S", 1.0)
    refusals: list[tuple[str, str, str]] = []

    async def story() -> None:
        async with Receiver(
            address, store, keyring=ring, on_refused=lambda *why: refusals.append(why)
        ):
            with link(outbox, own, address, ring) as site:
                site.publish(notice())
                await until(lambda: refusals)
                assert refusals[0][:2] == ("unknown", own.curve_public.decode())
                await asyncio.sleep(1.0)
                assert outbox.depth == 1
                ring.allow(SITE, own.curve_public, own.verify_key, "test")
                await until(lambda: outbox.depth == 0)  # the socket was made anew

    run(story)


def test_a_revoked_key_is_refused_within_a_second_though_it_stays_connected(
    outbox: Outbox, own: Keys, store: Store, ring: Keyring, address: str, tmp_path: Path
) -> None:
    ring.allow(SITE, own.curve_public, own.verify_key, "test")

    async def story() -> None:
        got: list[Any] = []
        async with Receiver(address, store, keyring=ring, on_event=got.append) as centre:
            with link(outbox, own, address, ring) as site:
                site.publish(notice())
                await until(lambda: outbox.depth == 0)
                desk = Keyring(tmp_path / "keys")  # another process, such as the command line
                desk.revoke(SITE, "test")
                desk.close()
                await asyncio.sleep(1.0)
                site.publish(notice("after"))
                await until(lambda: centre.counters().get("intake_refused_revoked"))
                await asyncio.sleep(0.3)
                assert len(got) == 1

    run(story)


def test_without_a_key_or_with_the_wrong_server_key_nothing_gets_in(
    store: Store, ring: Keyring, address: str
) -> None:
    async def story() -> None:
        async with Receiver(address, store, keyring=ring) as centre:
            context = zmq.Context()
            plain = context.socket(zmq.DEALER)
            plain.connect(address)
            wrong = context.socket(zmq.DEALER)
            me = make_keys()
            wrong.curve_publickey, wrong.curve_secretkey = me.curve_public, me.curve_secret
            wrong.curve_serverkey = make_keys().curve_public
            wrong.connect(address)
            hello = Hello(1, 1, SITE, bytes(32), bytes(16), 1, 0, bytes(32), bytes(16))
            for dealer in (plain, wrong):
                dealer.send_multipart(encode(hello))
            await asyncio.sleep(1.0)
            counters = centre.counters()
            assert not any(key.startswith("intake_") for key in counters)
            assert counters.get("handshakes_ok", 0) == 0
            context.destroy(linger=0)

    run(story)


def test_one_site_cannot_speak_for_another(
    outbox: Outbox, own: Keys, store: Store, ring: Keyring, address: str
) -> None:
    ring.allow("school-4", own.curve_public, own.verify_key, "test")

    async def story() -> None:
        async with Receiver(address, store, keyring=ring) as centre:
            with link(outbox, own, address, ring) as site:  # says that it is school-3
                site.publish(notice())
                await until(lambda: centre.counters().get("intake_refused_site"))
                await until(lambda: centre.counters().get("live_refused_site"))
                assert outbox.depth == 1

    run(story)


def test_rows_of_another_sites_sensor_are_refused(
    own: Keys, store: Store, ring: Keyring, address: str
) -> None:
    ring.allow("school-4", own.curve_public, own.verify_key, "test")

    async def story() -> None:
        async with Receiver(address, store, keyring=ring) as centre:
            context = zmq.Context()
            dealer = context.socket(zmq.DEALER)
            dealer.curve_publickey, dealer.curve_secretkey = own.curve_public, own.curve_secret
            dealer.curve_serverkey = ring.keys.curve_public
            host, _, port = address.rpartition(":")
            dealer.connect(f"{host}:{int(port) + 1}")
            dealer.send_multipart(encode(Announce("school-4", ["school-3/hall"])))
            await until(lambda: centre.counters().get("live_refused_site"))
            context.destroy(linger=0)

    run(story)


def test_enrolment_by_token_works_once(
    own: Keys, store: Store, ring: Keyring, address: str
) -> None:
    async def story() -> None:
        async with Receiver(address, store, keyring=ring, monitor="city") as centre:
            token = read_token(ring.token(SITE, address, "test").text().lower())
            assert await asyncio.to_thread(join, token, own) == "city"
            assert [entry.site for entry in ring.entries()] == [SITE]
            assert ring.admit(own.curve_public).verify_key == own.verify_key
            ring.token("school-9", address, "test")  # keeps the door open for the second try
            with pytest.raises(UserError, match=r"keys\.token_refused"):
                await asyncio.to_thread(join, token, make_keys())
            assert len(ring.entries()) == 1
            assert centre.counters()["enrolments_token"] == 1

    run(story)


def test_an_enrolment_port_that_is_taken_for_a_while_is_tried_again(
    own: Keys, store: Store, ring: Keyring, address: str
) -> None:
    host, _, port = address.removeprefix("tcp://").rpartition(":")

    async def story() -> None:
        async with Receiver(address, store, keyring=ring, monitor="city") as centre:
            with socket.socket() as other:
                other.bind((host, int(port) + 3))
                other.listen()
                token = ring.token(SITE, address, "test")
                await until(lambda: centre.counters().get("enrolment_ended"))
            assert await asyncio.to_thread(join, token, own) == "city"

    run(story)


def test_a_token_that_is_old_or_mistyped(ring: Keyring, own: Keys) -> None:
    text = ring.token(SITE, "tcp://127.0.0.1:1", "test", minutes=-1.0).text()
    with pytest.raises(UserError, match=r"keys\.token_expired"):
        join(read_token(text), own)
    for spoiled in (text[:-1], text[1:], text.replace(text[5], "A" if text[5] != "A" else "B", 1)):
        with pytest.raises(UserError, match=r"keys\.token_mistyped"):
            read_token(spoiled)


def test_nobody_answers_at_a_closed_door(own: Keys, ring: Keyring, address: str) -> None:
    token = ring.token(SITE, address, "test")
    with pytest.raises(UserError, match=r"keys\.no_answer"):
        join(token, own, within_s=0.3)


def test_the_handler_lets_nobody_in_by_accident(ring: Keyring, own: Keys) -> None:
    from zmq.utils import z85

    key = z85.decode(own.curve_public)
    ask = [b"1.0", b"1", b"sites", b"127.0.0.1", b"", b"CURVE", key]
    assert judge(ask, ring).reply[2] == b"400"
    ring.allow(SITE, own.curve_public, own.verify_key, "test")
    assert judge(ask, ring).reply[2:5:2] == [b"200", own.curve_public]
    for place, value in ((2, b"other"), (5, b"NULL"), (5, b"PLAIN"), (6, key[:-1]), (0, b"2.0")):
        spoiled = list(ask)
        spoiled[place] = value
        assert judge(spoiled, ring).reply[2] != b"200"
    assert judge(ask[:5], ring).reply[2] == b"500"


def test_expired_keys(tmp_path: Path, own: Keys) -> None:
    now = [1_800_000_000_000_000_000]
    ring = Keyring(tmp_path / "keys", lambda: now[0])
    ring.allow(SITE, own.curve_public, own.verify_key, "test", days=1.0)
    assert ring.admit(own.curve_public).site == SITE
    now[0] += 86_400_000_000_001
    with pytest.raises(Exception, match="expired"):
        ring.admit(own.curve_public)
    ring.close()


def test_the_command_line(tmp_path: Path, ring: Keyring, own: Keys) -> None:
    config = tmp_path / "monitor.toml"
    config.write_text('[monitor]\nid = "city"\nkeys = "keys"\n', encoding="utf-8")
    runner = click.testing.CliRunner()

    def invoke(*arguments: str) -> str:
        done = runner.invoke(keys_command, list(arguments), obj="en", catch_exceptions=False)
        assert done.exit_code == 0
        return done.output

    for wrong in (("school 3",), (SITE, "--address", "tcp://*:8471"), (SITE, "--address", "x")):
        with pytest.raises(UserError, match=r"keys\.(bad_site|address_needed)"):
            invoke("enroll", str(config), *wrong)
    token = invoke("enroll", str(config), SITE).split()[-1]
    assert read_token(token).site == SITE
    invoke("allow", str(config), SITE, own.curve_public.decode(), own.verify_key.hex())
    assert own.key_id in invoke("list", str(config))
    assert ring.keys.key_id in invoke("show", str(config))  # what `verify --key` is given
    site = tmp_path / "site.toml"
    dongle = '[[dongle]]\nsource = "scene:hall"\n[[band]]\nname = "tv3-low"\n'
    site.write_text(f'[site]\nid = "{SITE}"\ndata = "data"\n{dongle}', encoding="utf-8")
    write_keys(tmp_path / "data" / "keys.json", own)
    assert own.key_id in invoke("show", str(site))
    assert '"state": "valid"' in invoke("list", str(config), "--json")
    assert own.key_id in invoke("revoke", str(config), own.key_id)
    assert '"state": "revoked"' in invoke("list", str(config), "--json")
    with pytest.raises(UserError, match=r"keys\.nobody"):
        runner.invoke(keys_command, ["revoke", str(config), "x"], obj="en", catch_exceptions=False)
    ring.refresh()
    assert [act for _, _, act, _, _ in ring.acts()] == ["token", "allow", "revoke"]


def test_a_token_for_a_relay_names_the_right_file(tmp_path: Path, ring: Keyring) -> None:
    config = tmp_path / "monitor.toml"
    config.write_text('[monitor]\nid = "city"\nkeys = "keys"\n', encoding="utf-8")
    asked = ["enroll", str(config), "county", "--relay"]
    done = click.testing.CliRunner().invoke(keys_command, asked, obj="en")
    assert "rfproctor keys join MONITOR.toml " in done.output
