"""Coverage-guided input for the shipped parsers and protocol cores: a program of `bench fuzz`.

libFuzzer (through atheris) watches which branches of our Python an input reaches and mutates those
that reach new ones.  Three things are fed: the decoder of every plane; a site's `Sender` that a
hostile centre talks to; a centre's `Chain` that a site with a true key but a broken program talks
to, so that what stands behind the signature is reached too.  Anything but `Refused` or `Missing` is
a crash, and so is a broken promise: an acknowledged number that was never written, an event taken
that does not follow the one before.
"""

from __future__ import annotations

import copy
import json
import random
import sys
from collections import Counter
from pathlib import Path

import atheris

with atheris.instrument_imports(
    include=["sensors.wire", "sensors.protocol", "sensors.flight", "sensors.timing"]
):
    from sensors import wire
    from sensors.protocol import Card, Sender
with atheris.instrument_imports(include=["dashboard.chain"]):
    from dashboard.chain import Chain, Missing
    from dashboard.inbox import Past

sys.path.insert(0, str(Path(__file__).parent))

from wire_world import BASE_NS, MemoryLog

from sensors.keys import make_keys
from sensors.messages import Ack, Hello, Pulse, Signed, Welcome
from sensors.outbox_record import NO_HASH

PLANES = (
    wire.EVENTS_UP,
    wire.EVENTS_DOWN,
    wire.LIVE_UP,
    wire.LIVE_DOWN,
    wire.EVIDENCE_UP,
    wire.EVIDENCE_DOWN,
    wire.ENROL_UP,
    wire.ENROL_DOWN,
)
MOST_PIECES = 6
RNG = random.Random(1)
KEYS = make_keys()
WRITTEN = MemoryLog(KEYS, RNG)
"""Three records, signed once: an input must not pay for that."""
for note in ("a", "b", "c"):
    WRITTEN.append(note, "s", BASE_NS)
found: Counter[str] = Counter()


def decode(data: bytes) -> None:
    """One frame of any plane: plane, version and type, then the body."""
    PLANES[data[0] % len(PLANES)].decode([data[1:3], data[3:]])


def pieces(data: bytes) -> list[bytes]:
    """Several messages out of one input, each after its length."""
    out: list[bytes] = []
    while len(data) > 2 and len(out) < MOST_PIECES:
        length = 1 + int.from_bytes(data[:2], "big") % 600
        out.append(data[2 : 2 + length])
        data = data[2 + length :]
    return out


def hostile_centre(data: bytes) -> None:
    """Messages to a site: it never takes for acknowledged what it did not write."""
    log = copy.copy(WRITTEN)
    sender = Sender(log, Card("s", KEYS.verify_key, bytes(16)))
    now_s = 0.0
    sender.opened(now_s)
    for piece in pieces(data):
        now_s += piece[0] / 64
        while sender.outgoing(now_s) is not None:
            sender.sent(now_s)
        try:
            message = wire.EVENTS_DOWN.decode([piece[1:3], piece[3:]])
        except wire.Refused as refused:
            found[refused.reason] += 1
            continue
        sender.receive(message, now_s, BASE_NS)
        found["taken by the site"] += 1
        if not 0 <= log.acked <= log.last:
            raise AssertionError(f"acknowledged {log.acked} of {log.last}")


def broken_site(data: bytes) -> None:
    """Records with a true signature: only the next one of the right site is taken."""
    chain = Chain(KEYS.verify_key, "s", "m")
    hello = Hello(1, 1, "s", KEYS.verify_key, WRITTEN.epoch, 1, 3, WRITTEN.head, bytes(16))
    chain.greet(hello, lambda: Past(None, []), 1, fresh=True)
    for piece in pieces(data):
        # The start of a true record spares the search for this run's random epoch.
        true = WRITTEN.records[chain.taken.seq % 3].signed.record
        record = true[: piece[0]] + piece[1:]
        before = chain.taken.seq
        try:
            chain.take(Signed(record, KEYS.sign(wire.record_hash(record))), 1)
        except wire.Refused as refused:
            found[refused.reason] += 1
        except Missing:
            found["missing"] += 1
        else:
            found["taken by the centre"] += 1
        if chain.taken.seq not in (before, before + 1, 1):
            raise AssertionError(f"{before} was followed by {chain.taken.seq}")


def one(data: bytes) -> None:
    """What libFuzzer calls."""
    found["inputs"] += 1
    if len(data) < 4:
        return
    kind, rest = data[0] % 16, data[1:]
    try:
        if kind == 0:
            broken_site(rest)
        elif kind < 4:
            hostile_centre(rest)
        else:
            decode(rest)
            found["decoded"] += 1
    except wire.Refused as refused:
        found[refused.reason] += 1


def seeds(folder: Path) -> None:
    """Write valid messages of every type as the corpus to begin with."""
    from bench_fuzz import valid

    for number, (plane, message) in enumerate(valid(RNG)):
        header, body = wire.encode(message)
        frame = bytes((PLANES.index(plane),)) + header + body[:1500]
        (folder / f"frame{number}").write_bytes(b"\x04" + frame)
    # A talk of a centre that knows this run's epoch: nobody guesses sixteen bytes.
    epoch, head = WRITTEN.epoch, WRITTEN.head
    talk = [Welcome(1, "m", epoch, 0, NO_HASH, BASE_NS), Ack(epoch, 3, head), Pulse(1, 2, 3)]
    for first in range(len(talk)):
        frames = [b"\x01" + b"".join(wire.encode(message)) for message in talk[first:]]
        (folder / f"talk{first}").write_bytes(b"\x01" + b"".join(map(piece, frames)))
    record = b"\0" + WRITTEN.records[0].signed.record
    (folder / "record").write_bytes(b"\x00" + piece(record))


def piece(data: bytes) -> bytes:
    """One piece as `pieces` reads it."""
    return (len(data) - 1).to_bytes(2, "big") + data


if __name__ == "__main__":
    total, corpus, broken = int(sys.argv[1]), Path(sys.argv[-1]), "broken" in sys.argv
    if broken:  # the control: an acknowledgement of what was never sent counts
        Sender._ack = lambda self, message, now_s: self.log.ack(message.seq)
    corpus.mkdir(exist_ok=True)
    seeds(corpus)

    def counted(data: bytes) -> None:
        one(data)
        if found["inputs"] == total:
            (corpus.parent / f"{corpus.name}.json").write_text(json.dumps(found))

    atheris.Setup(
        [sys.argv[0], *(a for a in sys.argv[2:] if a != "broken"), f"-runs={total}"], counted
    )
    atheris.Fuzz()
