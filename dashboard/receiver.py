"""The monitor's sockets: three ROUTERs in the monitor's own loop, events committed before acks.

Signatures are fixed; see ``dashboard/inbox.py`` for what the store must do and ``docs/wire.md``.
"""

from __future__ import annotations

from collections.abc import Callable

from dashboard.inbox import Breach as Breach
from dashboard.inbox import Incoming as Incoming
from dashboard.inbox import Standing as Standing
from dashboard.inbox import Store as Store
from sensors.messages import Heartbeat, SpectrumReference, SpectrumRow

OnEvent = Callable[[Incoming], None]
OnHeartbeat = Callable[[Heartbeat], None]
OnRow = Callable[[SpectrumRow | SpectrumReference], None]
