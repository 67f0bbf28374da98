"""A site of somebody else's making, from docs/wire.md alone: it proves that the page is enough.

Nothing of ours is imported by it but free ports; the fields are told by ``docs/wire.schema.json``.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest
import zmq
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import msgpack
from websockets.sync.client import connect

from tests.bench.ports import free_ports

pytestmark = pytest.mark.system
SITE, SENSOR = "school-3", "school-3/hall"
RFPROCTOR = [sys.executable, "-m", "rfproctor", "--lang", "en"]


class Wire:
    """The schema: messages by name to two frames and back."""

    def __init__(self, schema: dict[str, Any]) -> None:
        self.codes, self.layouts, self.parts = schema["types"], schema["layouts"], schema["$defs"]
        self.names = {code: name for name, code in self.codes.items()}

    def frames(self, name: str, **fields: Any) -> list[bytes]:
        part = self.parts[name]
        body: Any = (
            {"type": part["properties"]["type"]["enum"][0], **fields}
            if (part["type"] == "object")
            else [fields[item["title"]] for item in part["prefixItems"] if item["title"] in fields]
        )
        return [bytes((self.layouts[name], self.codes[name])), msgpack.encode(body)]

    def read(self, frames: list[bytes]) -> tuple[str, dict[str, Any]]:
        (_, code), body = frames[0], msgpack.decode(frames[1])
        name = self.names[code]
        if isinstance(body, list):
            items = self.parts[name]["prefixItems"]
            body = {item["title"]: value for item, value in zip(items, body, strict=False)}
        return name, body


class Foreigner:
    """Keys, a chain of records, and a connection to each plane."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.public, self.secret = zmq.curve_keypair()
        self.signer = Ed25519PrivateKey.generate()
        self.verify_key = self.signer.public_key().public_bytes_raw()
        self.epoch, self.boot = os.urandom(16), os.urandom(16)
        self.records: list[tuple[bytes, bytes, bytes]] = []  # bytes, signature, hash
        self.context = zmq.Context()
        self.events: Any = None
        self.address, self.server_key = "", b""

    def dial(self, step: int) -> Any:
        host, port = self.address.rsplit(":", 1)
        dealer = self.context.socket(zmq.DEALER)
        dealer.linger = 0
        dealer.curve_serverkey = self.server_key
        dealer.curve_publickey, dealer.curve_secretkey = self.public, self.secret
        dealer.connect(f"{host}:{int(port) + step}")
        return dealer

    def enrol(self, text: str) -> dict[str, Any]:
        letters = text.replace("-", "")
        raw = base64.b32decode(letters + "=" * (-len(letters) % 8))
        body, check = raw[:-3], raw[-3:]
        assert hashlib.sha256(body).digest()[:3] == check
        version, site, self.address, self.server_key, secret, expires_ns = msgpack.decode(body)
        assert (version, site) == (1, SITE) and expires_ns > time.time_ns()
        meant = hashlib.sha256(b"rfproctor.enrol.v1\0" + secret + self.public).digest()
        proof = self.signer.sign(meant)
        with self.dial(3) as dealer:
            self.say(dealer, "Enrol", secret=secret, verify_key=self.verify_key, proof=proof)
            return self.hear(dealer, "Enrolled")

    def say(self, dealer: Any, name: str, **fields: Any) -> None:
        dealer.send_multipart(self.wire.frames(name, **fields))

    def hear(self, dealer: Any, wanted: str) -> dict[str, Any]:
        until = time.monotonic() + 10
        while dealer.poll(max(0, round(1000 * (until - time.monotonic())))):
            name, message = self.wire.read(dealer.recv_multipart())
            if name == wanted:
                return message
            assert name in ("Who", "Pulse", "Ack"), (name, message)
        raise AssertionError(f"no {wanted}")

    def greet(self) -> dict[str, Any]:
        if self.events is not None:
            self.events.close()
        self.events = self.dial(0)
        head = self.records[-1][2] if self.records else bytes(32)
        card = {"site": SITE, "verify_key": self.verify_key, "epoch": self.epoch, "head": head}
        held = {"first_seq": 1, "last_seq": len(self.records), "boot": self.boot}
        self.say(self.events, "Hello", low=1, high=2, **card, **held)
        return self.hear(self.events, "Welcome")

    def note(self, event: dict[str, Any]) -> None:
        """Put an event into the chain, as an outbox does."""
        before = self.records[-1][2] if self.records else bytes(32)
        clocks = [time.time_ns(), time.monotonic_ns(), self.boot, None]
        seq = len(self.records) + 1
        record = msgpack.encode([1, self.epoch, seq, *clocks, msgpack.encode(event), before])
        digest = hashlib.sha256(b"rfproctor.record.v1\0" + record).digest()
        self.records.append((record, self.signer.sign(digest), digest))

    def send_after(self, seq: int) -> dict[str, Any]:
        for record, signature, _ in self.records[seq:]:
            self.say(self.events, "Signed", record=record, signature=signature)
        while (ack := self.hear(self.events, "Ack"))["seq"] < len(self.records):
            pass
        return ack


def emitter(phase: str, sightings: int) -> dict[str, Any]:
    levels = {"snr_db": 21.0, "excess_db": 19.0, "peak_dbfs": -50.0}
    where = {"site": SITE, "sensor": SENSOR, "emitter": "1", "center_freq_hz": 169.5e6}
    seen = {"first_seen_ns": 1_800_000_000 * 10**9, "last_seen_ns": 1_800_000_002 * 10**9}
    more = {"bandwidth_hz": 12e3, "sightings": sightings, "suspicion": 55}
    return {"type": "emitter", "phase": phase, **where, **levels, **seen, **more}


@pytest.fixture
def centre(tmp_path: Path) -> Iterator[tuple[Path, str, str]]:
    """A centre with keys: its file, its address, the link that signs an administrator in."""
    port = free_ports(8)
    config = tmp_path / "monitor.toml"
    config.write_text(
        f'[monitor]\nid = "city"\nkeys = "keys"\nhttp = "127.0.0.1:{port}"\n'
        f'events = "tcp://127.0.0.1:{port + 1}"\n',
        encoding="utf-8",
    )
    with subprocess.Popen(
        [*RFPROCTOR, "monitor", str(config)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        link = process.stdout.readline().split()[-1]
        yield config, f"127.0.0.1:{port}", link
        process.terminate()


@pytest.fixture
def foreigner(repository: Path) -> Iterator[Foreigner]:
    text = (repository / "docs" / "wire.schema.json").read_text(encoding="utf-8")
    one = Foreigner(Wire(json.loads(text)))
    yield one
    one.context.destroy(linger=0)


def test_a_client_written_from_the_page(
    centre: tuple[Path, str, str], foreigner: Foreigner
) -> None:
    config, host, link = centre
    asked = [*RFPROCTOR, "keys", "enroll", str(config), SITE, "--json"]
    token = json.loads(subprocess.check_output(asked, text=True))["token"]
    assert foreigner.enrol(token) == {"monitor": "city", "site": SITE}

    welcome = foreigner.greet()
    assert (welcome["seq"], welcome["hash"], welcome["version"]) == (0, bytes(32), 2)
    foreigner.note(emitter("open", 1))
    assert foreigner.send_after(0)["hash"] == foreigner.records[0][2]
    foreigner.note(emitter("update", 2))  # the line is down, or so
    welcome = foreigner.greet()
    assert (welcome["seq"], welcome["hash"]) == (1, foreigner.records[0][2])
    assert foreigner.send_after(welcome["seq"])["resend"] is False

    with httpx2.Client(base_url=f"http://{host}", headers={"Origin": f"http://{host}"}) as http:
        http.get(link)
        (alarm,) = http.get("/api/v1/alarms").json()
        assert (alarm["site"], alarm["sightings"], alarm["suspicion"]) == (SITE, 2, 55)
        beat(foreigner)
        pulse = foreigner.hear(foreigner.events, "Pulse")
        assert pulse["received_ns"] <= pulse["sent_ns"]
        wait_for(lambda: [s["state"] for s in http.get("/api/v1/sites").json()] == ["go"])
        watched(foreigner, host, "; ".join(f"{k}={v}" for k, v in http.cookies.items()))
        with ThreadPoolExecutor(1) as pool:
            order = {"sensor": SENSOR, "start_hz": 167e6, "stop_hz": 175e6, "seconds": 5}
            answer = pool.submit(http.post, f"/api/v1/orders/retask/{SITE}", json=order)
            command = foreigner.hear(foreigner.events, "Command")
            assert (command["name"], command["args"]["sensor"]) == ("retask", SENSOR)
            note = {"id": "order.not_here"}
            number = command["number"]
            foreigner.say(foreigner.events, "Answer", number=number, accepted=False, note=note)
            assert answer.result().json()["note"]["id"] == "order.not_here"


def beat(foreigner: Foreigner) -> None:
    now = time.time_ns()
    hall = {"sensor": SENSOR, "position": "hall", "source": "mine", "state": "go"}
    said = {"site": SITE, "site_name": "No. 3", "time_ns": now, "started_ns": now - 10**9}
    foreigner.say(foreigner.events, "Heartbeat", **said, sensors=[hall])


def watched(foreigner: Foreigner, host: str, cookie: str) -> None:
    """A browser asks for a window; the row that we send arrives there as it was."""
    levels = bytes(range(100))
    headers = {"Cookie": cookie, "Origin": f"http://{host}"}
    with (
        foreigner.dial(1) as live,
        connect(f"ws://{host}/api/v1/live", additional_headers=headers) as page,
    ):
        foreigner.say(live, "Announce", site=SITE, sensors=[SENSOR])
        window = {"sensor": SENSOR, "start_hz": 167e6, "stop_hz": 169e6, "bins": 100}
        page.send(json.dumps({"op": "watch", "id": "a", **window}))
        while (watch := foreigner.hear(live, "Watch"))["n_bins"] != 100 or not watch["credit"]:
            pass  # the recorder of the history watches too
        grid = {"start_hz": 167e6, "bin_width_hz": 20e3, "duration_s": 0.1}
        row = {"seq": 0, "time_ns": time.time_ns(), "levels": levels, "watch": watch["watch"]}
        foreigner.say(live, "SpectrumRow", sensor=SENSOR, **grid, **row)
        while not isinstance(frame := page.recv(timeout=10), bytes):
            pass
        (length,) = struct.unpack_from("<I", frame)
        header = json.loads(frame[4 : 4 + length])
        assert (header["kind"], header["id"], header["n_bins"]) == ("row", "a", 100)
        assert frame[4 + length :] == levels


def wait_for(true: Callable[[], bool], within_s: float = 5.0) -> None:
    until = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < until, "not in time"
        time.sleep(0.05)
