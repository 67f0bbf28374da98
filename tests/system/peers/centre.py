"""A centre as a process: takes what a site sends into its store, until told to stop.

``centre.py FOLDER ADDRESS [keys]``.  Runs on whichever version of the program is on the path.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

from dashboard.keyring import Keyring
from dashboard.receiver import Receiver
from dashboard.store import Store
from sensors.messages import VERSION


async def main(folder: Path, address: str, *, keys: bool) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    store = Store(f"sqlite:///{folder}/monitor.db")
    keyring = Keyring(folder / "keys") if keys else None
    try:
        async with Receiver(address, store, monitor="city", keyring=keyring):
            print("wire", VERSION, flush=True)
            await stop.wait()
    finally:
        store.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], keys="keys" in sys.argv[3:]))
