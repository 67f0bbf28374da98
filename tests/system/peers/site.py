"""A site as a process: numbered events into its outbox and on to a centre, until told to stop.

``site.py FOLDER ADDRESS [SERVER_KEY]``.  Runs on whichever version of the program is on the path.
Prints every number when its event is durable: the ledger that a test compares with the centre's.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from pathlib import Path

from sensors.keys import own_keys
from sensors.link import Link
from sensors.messages import VERSION, Heartbeat, Note, NoticeEvent, SensorHealth
from sensors.outbox import Outbox

SITE = "school-3"
EVERY_S = 0.02


def open_link(folder: Path, address: str, server_key: bytes | None) -> Link:
    keys = own_keys(folder / "keys.json")
    outbox = Outbox(folder / "outbox.db", keys)
    more = {}
    try:
        from sensors.renewal import Renewal
    except ImportError:
        pass  # yesterday's
    else:
        more = {
            "pin_file": folder / "centre.json",
            "renewal": Renewal(folder / "keys.json", keys, outbox, SITE),
        }
    sensors = (f"{SITE}/hall",)
    return Link(outbox, keys, SITE, sensors, events=address, server_key=server_key, **more)


def main(folder: Path, address: str, server_key: bytes | None) -> None:
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    link = open_link(folder, address, server_key)
    health = SensorHealth(f"{SITE}/hall", "hall", "scene:hall", "go")
    beat_s = 0.0
    number = int(time.time() * 1e3)  # rises over restarts
    print("wire", VERSION, flush=True)
    with link:
        while not stop.wait(EVERY_S):
            number += 1
            now = time.time_ns()
            link.publish(NoticeEvent(SITE, f"{SITE}/hall", "info", Note(f"n{number}"), now))
            print(number, flush=True)
            if time.monotonic() >= beat_s:
                beat_s = time.monotonic() + 0.5
                link.heartbeat(Heartbeat(SITE, "School", now, now, [health]))
        link.drained(10.0)
    link.outbox.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3].encode() if len(sys.argv) > 3 else None)
