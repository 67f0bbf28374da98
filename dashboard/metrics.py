"""The monitor's counters in Prometheus' words."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import Engine

from dashboard.alarm_list import alarm_counts
from dashboard.live import Live
from dashboard.metrics_link import link_metrics
from dashboard.state import WORST_FIRST, Board, site_card

_NAME = re.compile(r"[^a-zA-Z0-9_]")


class _MonitorCollector(Collector):
    """Reads what is there when Prometheus asks; keeps nothing."""

    def __init__(
        self,
        board: Callable[[], Board],
        live: Live,
        reader: Engine,
        counters: Callable[[], Mapping[str, float]],
        clock_ns: Callable[[], int],
    ) -> None:
        self._board = board
        self._live = live
        self._reader = reader
        self._counters = counters
        self._clock_ns = clock_ns

    def collect(self) -> Iterable[Metric]:
        """Make the metrics."""
        now_ns = self._clock_ns()
        cards = [site_card(site, now_ns) for site in self._board().values()]
        sensors = GaugeMetricFamily("rfproctor_sensors", "Sensors by state", labels=["state"])
        for state in WORST_FIRST:
            count = sum(sensor.state == state for card in cards for sensor in card.sensors)
            sensors.add_metric([state], count)
        yield sensors
        counts = self._counters()
        yield from link_metrics(cards, counts)
        yield GaugeMetricFamily(
            "rfproctor_browsers", "Open live connections", value=len(self._live.browsers)
        )
        alarms = GaugeMetricFamily("rfproctor_alarms", "Alarms by state", labels=["state"])
        for name, count in alarm_counts(self._reader).by_state.items():
            alarms.add_metric([name], count)
        yield alarms
        rows = CounterMetricFamily("rfproctor_browser_rows", "Rows for browsers", labels=["fate"])
        rows.add_metric(["sent"], self._live.rows_sent - self._live.rows_skipped)
        rows.add_metric(["skipped"], self._live.rows_skipped)
        yield rows
        received = CounterMetricFamily(
            "rfproctor_receiver", "Counted at the sockets", labels=["what"]
        )
        for name, value in sorted(counts.items()):
            received.add_metric([_NAME.sub("_", name)], value)
        yield received


def prometheus_text(
    board: Callable[[], Board],
    live: Live,
    reader: Engine,
    counters: Callable[[], Mapping[str, float]],
    clock_ns: Callable[[], int],
) -> Callable[[], bytes]:
    """Make the function that answers ``GET /metrics``."""
    registry = CollectorRegistry()
    registry.register(_MonitorCollector(board, live, reader, counters, clock_ns))
    return lambda: generate_latest(registry)
