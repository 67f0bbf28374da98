"""The links of the sites in Prometheus' words: who is there, how far behind, what was lost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from dashboard.state import SiteCard

PER_SITE = {
    "rfproctor_site_age_seconds": "Since the last word",
    "rfproctor_outbox_depth": "Events waiting there",
    "rfproctor_outbox_oldest_seconds": "Age of the oldest event waiting there",
    "rfproctor_link_round_trip_seconds": "From a message to its answer",
    "rfproctor_clock_offset_seconds": "Site's clock minus the monitor's",
    "rfproctor_link_troubles": "Things that are wrong with the link or the outbox",
}


def link_metrics(cards: Sequence[SiteCard], counts: Mapping[str, float]) -> Iterable[Metric]:
    """Make the metrics of the links.

    Parameters
    ----------
    cards : sequence of SiteCard
    counts : mapping
        Of `dashboard.receiver.Receiver.counters`.
    """
    peers = GaugeMetricFamily("rfproctor_link_peers", "Sites by link", labels=["link"])
    silent = sum(card.silent_since_ns != 0 for card in cards)
    peers.add_metric(["up"], len(cards) - silent)
    peers.add_metric(["silent"], silent)
    yield peers
    families = {name: GaugeMetricFamily(name, PER_SITE[name], labels=["site"]) for name in PER_SITE}
    lost = CounterMetricFamily(
        "rfproctor_dropped_samples", "Samples lost at the dongle", labels=["site", "sensor"]
    )
    for card in cards:
        values = (
            card.age_s,
            card.outbox_depth,
            card.outbox_oldest_s,
            card.round_trip_s,
            (card.clock_offset_ns or 0) / 1e9,
            len(card.link_notes),
        )
        for family, value in zip(families.values(), values, strict=True):
            family.add_metric([card.site], value)
        for sensor in card.sensors:
            lost.add_metric([card.site, sensor.sensor], sensor.dropped_samples)
    yield from families.values()
    yield lost
    yield GaugeMetricFamily(
        "rfproctor_link_sites_to_move",
        "Sites that still come by a key that is being left",
        value=counts.get("sites_to_move", 0.0),
    )
    drops = CounterMetricFamily(
        "rfproctor_link_drops", "Messages not taken, by why", labels=["why"]
    )
    for why, value in sorted(drop_counts(counts).items()):
        drops.add_metric([why], value)
    yield drops


def drop_counts(counts: Mapping[str, float]) -> dict[str, float]:
    """What was not taken or not delivered, by reason, over all planes."""
    found: dict[str, float] = {}
    for name, value in counts.items():
        plane, _, reason = name.partition("_refused_")
        if reason:
            found[f"{plane}_{reason}"] = value
        elif name.startswith(("replies_", "handshakes_", "live_skipped")):
            found[name] = value
    found.pop("handshakes_ok", None)
    return found
