"""Tell systemd that the service is ready, alive, stopping; nothing where there is no systemd."""

from __future__ import annotations

import os
import socket


def notify(state: str) -> bool:
    """Send a state of ``sd_notify(3)``, for example ``READY=1``, ``WATCHDOG=1`` or ``STOPPING=1``.

    Returns
    -------
    bool
        Whether somebody was told.
    """
    address = os.environ.get("NOTIFY_SOCKET")
    if not address or not hasattr(socket, "AF_UNIX"):
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as peer:
        try:
            # A name that begins with @ lies in Linux's abstract namespace.
            peer.sendto(state.encode(), "\0" + address[1:] if address[0] == "@" else address)
        except OSError:
            return False
    return True


def watchdog_s() -> float | None:
    """How often to say ``WATCHDOG=1``: a third of what systemd waits; None when it does not."""
    if os.environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    usec = os.environ.get("WATCHDOG_USEC", "")
    return int(usec) / 3e6 if usec.isdecimal() and int(usec) > 0 else None
