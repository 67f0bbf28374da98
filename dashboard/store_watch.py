"""Whether the store takes anything: on every page while it does not, and on record afterwards."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from dashboard.notices import Notice
from dashboard.store import Store
from sensors.messages import Note

log = structlog.get_logger()


class StoreWatch:
    """Tries the store now and then.

    Parameters
    ----------
    store : Store
    tell : callable
        Shows a notice that cannot be stored.
    clock_ns : callable

    Attributes
    ----------
    trouble : Notice or None
        What is wrong now.
    """

    def __init__(
        self, store: Store, tell: Callable[[Notice], None], clock_ns: Callable[[], int]
    ) -> None:
        self.trouble: Notice | None = None
        self._store = store
        self._tell = tell
        self._clock_ns = clock_ns

    def step(self) -> None:
        """Try it once."""
        known = self.trouble
        try:
            self._store.probe()
            if known is not None:
                self._store.notice(self._notice(str(known.note.args["why"]), self._clock_ns()))
                log.info("store works again")
                self.trouble = None
        except Exception as error:  # whatever a database raises
            why = str(getattr(error, "orig", error))[:200]
            if known is None:
                log.error("store failed", why=why)
                self.trouble = known = self._notice(why)
            self._tell(known)

    def _notice(self, why: str, stop_ns: int = 0) -> Notice:
        start_ns = self._clock_ns() if self.trouble is None else self.trouble.start_ns
        note = Note("notice.store_failed", {"why": why})
        return Notice("", "", "alarm", note, start_ns, stop_ns)
