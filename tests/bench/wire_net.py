"""Two network namespaces and between them a relay that loses, delays, cuts and resets packets.

The relay reads IP packets from one TUN device and writes them to the other, so TCP behaves as on a
bad line.  Needs root and Linux; `why_not` says what is missing.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import heapq
import multiprocessing
import os
import random
import select
import shutil
import struct
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

NEAR, FAR = "10.97.0.1", "10.97.0.2"
OTHER_FAR = "10.97.0.3"
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
CLONE_NEWNET = 0x40000000


@dataclass(frozen=True)
class Weather:
    """What the line does now, each way (near to far, far to near)."""

    loss: tuple[float, float] = (0.0, 0.0)
    delay_s: tuple[float, float] = (0.0, 0.0)
    bits_per_s: float = 0.0
    reset: bool = False


FINE = Weather()
CUT = Weather(loss=(1.0, 1.0))
PHASES: dict[str, Weather] = {
    "fine": FINE,
    "loss 5 %": Weather(loss=(0.05, 0.05)),
    "loss 20 %": Weather(loss=(0.2, 0.2)),
    "cut towards the site": Weather(loss=(1.0, 0.0)),
    "cut towards the monitor": Weather(loss=(0.0, 1.0)),
    "cut": CUT,
    "resets": Weather(reset=True),
    "512 kbit/s": Weather(bits_per_s=512e3),
    "600 ms": Weather(delay_s=(0.3, 0.3)),
}


def why_not() -> str:
    """Empty when namespaces can be made here."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    if shutil.which("ip") is None:
        return "no `ip` command (Debian: iproute2)"
    if not Path("/dev/net/tun").exists():
        return "no /dev/net/tun"
    probe = subprocess.run(["ip", "netns", "add", "rfproctor-probe"], capture_output=True)
    if probe.returncode:
        return f"no network namespaces: {probe.stderr.decode().strip()}"
    subprocess.run(["ip", "netns", "del", "rfproctor-probe"], check=False)
    return ""


def enter(namespace: str) -> None:
    """Move this process into a namespace."""
    if namespace:
        with Path(f"/run/netns/{namespace}").open("rb") as handle:
            libc = ctypes.CDLL(None, use_errno=True)
            if libc.setns(handle.fileno(), CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "setns")


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


class Line:
    """The two namespaces ``near`` (monitor) and ``far`` (sites), and the weather between them."""

    def __init__(self) -> None:
        tag = f"rf{os.getpid() % 100_000}"
        self.near, self.far = f"{tag}n", f"{tag}f"
        context = multiprocessing.get_context("spawn")
        self._ours, theirs = context.Pipe()
        for namespace in (self.near, self.far):
            ip("netns", "add", namespace)
        self._relay = context.Process(target=relay, args=(self.near, self.far, theirs), daemon=True)
        self._relay.start()
        theirs.close()
        if not self._ours.poll(15):
            raise OSError("the relay did not start")
        self._ours.recv()
        self._far_address = FAR
        for namespace, address in ((self.near, NEAR), (self.far, self._far_address)):
            ip("-n", namespace, "addr", "add", f"{address}/24", "dev", "tun0")
            ip("-n", namespace, "link", "set", "tun0", "up", "mtu", "1400")
            ip("-n", namespace, "link", "set", "lo", "up")

    def set(self, weather: Weather) -> None:
        self._ours.send(weather)

    @property
    def alive(self) -> bool:
        """Whether the relay still runs."""
        return bool(self._relay.is_alive())

    def move_far(self) -> None:
        """The far end gets its other address."""
        ip("-n", self.far, "addr", "del", f"{self._far_address}/24", "dev", "tun0")
        self._far_address = OTHER_FAR if self._far_address == FAR else FAR
        ip("-n", self.far, "addr", "add", f"{self._far_address}/24", "dev", "tun0")

    def close(self) -> None:
        self._relay.kill()
        self._relay.join(5)
        for namespace in (self.near, self.far):
            subprocess.run(["ip", "netns", "del", namespace], check=False, capture_output=True)


@dataclass(frozen=True)
class SlowLine:
    """What the two ends of a bench over a slow line need to know.

    Attributes
    ----------
    line : Line
    folder, home : str
        The monitor's folder, with its keys in ``keys``; the site's, with its own in ``site.key``.
    address : str
    server_key : bytes
    """

    line: Line
    folder: str
    home: str
    address: str
    server_key: bytes

    @property
    def keys(self) -> Path:
        """The monitor's key folder."""
        return Path(self.folder) / "keys"


@contextlib.contextmanager
def slow_line(port: int) -> Iterator[SlowLine]:
    """Two namespaces, and the keys of a monitor that knows ``site-0``."""
    from dashboard.keyring import Keyring
    from sensors.keys import own_keys

    line = Line()
    try:
        with tempfile.TemporaryDirectory(prefix="rfproctor-slow-") as folder:
            home = Path(folder) / "site"
            ring = Keyring(Path(folder) / "keys")
            own = own_keys(home / "site.key")
            ring.allow("site-0", own.curve_public, own.verify_key, "bench")
            server_key = ring.keys.curve_public
            ring.close()
            yield SlowLine(line, folder, str(home), f"tcp://{NEAR}:{port}", server_key)
    finally:
        line.close()


def open_tun(namespace: str) -> int:
    enter(namespace)
    tun = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH", b"tun0", IFF_TUN | IFF_NO_PI))
    return tun


def relay(near: str, far: str, control: Any) -> None:
    """Child process: move packets according to the weather."""
    tuns = (open_tun(near), open_tun(far))
    control.send("ready")
    rng = random.Random()
    weather = FINE
    waiting: list[tuple[float, int, int, bytes]] = []
    free_at = [0.0, 0.0]
    serial = 0
    while True:
        now = time.monotonic()
        pause = max(0.0, min(waiting[0][0] - now, 0.5)) if waiting else 0.5
        ready, _, _ = select.select([*tuns, control], [], [], pause)
        if control in ready:
            weather = control.recv()
        now = time.monotonic()
        for way, tun in enumerate(tuns):
            for _ in range(64 if tun in ready else 0):
                try:
                    packet = os.read(tun, 65536)
                except BlockingIOError:
                    break
                if rng.random() < weather.loss[way]:
                    continue
                if weather.reset:
                    packet = resetting(packet)
                due = now + weather.delay_s[way]
                if weather.bits_per_s:
                    due = max(due, free_at[way]) + len(packet) * 8 / weather.bits_per_s
                    if due - now > 0.5:  # the queue of a cheap router is full
                        continue
                    free_at[way] = due
                serial += 1
                heapq.heappush(waiting, (due, serial, tuns[1 - way], packet))
        while waiting and waiting[0][0] <= now:
            _, _, target, packet = heapq.heappop(waiting)
            try:
                os.write(target, packet)
            except (BlockingIOError, OSError):
                continue


def resetting(packet: bytes) -> bytes:
    """The same TCP segment as a reset, as a middlebox would send it."""
    if len(packet) < 40 or packet[0] >> 4 != 4 or packet[9] != 6:
        return packet
    start = (packet[0] & 15) * 4
    tcp = bytearray(packet[start : start + 20])
    if tcp[13] & 0x02:
        return packet  # let a new connection begin
    tcp[12], tcp[13], tcp[16:18] = 0x50, 0x14, b"\0\0"
    pseudo = packet[12:20] + b"\0\6" + struct.pack(">H", 20)
    tcp[16:18] = struct.pack(">H", checksum(pseudo + bytes(tcp)))
    head = bytearray(packet[:start])
    head[2:4] = struct.pack(">H", start + 20)
    head[10:12] = b"\0\0"
    head[10:12] = struct.pack(">H", checksum(bytes(head)))
    return bytes(head + tcp)


def checksum(data: bytes) -> int:
    """Internet checksum (RFC 1071)."""
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
