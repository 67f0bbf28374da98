"""The ledger of a running site: what goes into it, when it is stored, and when it is forgotten."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import structlog

from dsp.values import Dwell
from sensors.config import Site
from sensors.ledger import Ledger
from sensors.listener import Listener
from sensors.reports import FaultReport, MissedHop, PauseReport
from sensors.visit import Gap, Visit

FLUSH_S = 1.0
DAY_S = 86_400.0
DAY_NS = 86_400_000_000_000

log = structlog.get_logger()


class Bookkeeper:
    """Keeps the ledger of one site.

    Parameters
    ----------
    site : Site
    now_ns : int
        UTC; the start of this run.
    """

    def __init__(self, site: Site, now_ns: int) -> None:
        self._ledger = Ledger(site.data / "ledger.db", now_ns, site.sensor_ids)
        self._keep_ns = site.file.ledger.days * DAY_NS
        self._flush_due_s = 0.0
        self._forget_due_s = 0.0
        self._forgotten = 0

    def dwell(self, listener: Listener, dwell: Dwell) -> Gap | None:
        """Note a visit; the silence that it ended, which the site has to tell."""
        assert listener.settings is not None
        return self._ledger.visit(
            Visit.of(
                listener.task.sensor,
                dwell,
                listener.settings.sample_rate_hz,
                listener.task.dwell_s,
                listener.threshold_dbfs(dwell),
                listener.settings.gain_db,
                listener.baseline_name,
            )
        )

    def silent(self, report: FaultReport | PauseReport | MissedHop) -> None:
        """Note why a sensor delivers nothing for a while."""
        if isinstance(report, MissedHop):
            self._ledger.hint(report.sensor, report.message_id, report.fields)
        else:
            fields = report.fields if isinstance(report, FaultReport) else None
            self._ledger.gap(report.sensor, report.time_ns, report.message_id, fields)

    def step(self, now_s: float) -> None:
        """Store what is waiting, once a second, and once a day forget what is too old.

        Parameters
        ----------
        now_s : float
            Monotonic.
        """
        if now_s < self._flush_due_s:
            return
        self._flush_due_s = now_s + FLUSH_S
        if not self._ledger.flush():
            log.error("ledger_failed", why=self._ledger.trouble)
        elif now_s >= self._forget_due_s:
            self._forget(now_s)

    def close(self) -> None:
        """Store the rest."""
        self._ledger.close(time.time_ns())

    def _forget(self, now_s: float) -> None:
        """Delete a piece of what is too old; the reports of the dongles must not wait long."""
        before_ns = time.time_ns() - self._keep_ns
        deleted = self._ledger.forget(before_ns)
        self._forgotten += deleted
        if deleted:
            return
        self._forget_due_s = now_s + DAY_S
        if self._forgotten:
            before = datetime.fromtimestamp(before_ns / 1e9, UTC).isoformat(timespec="seconds")
            log.info("ledger_forgotten", visits=self._forgotten, before=before)
            self._forgotten = 0
