"""The cases of `bench unseen`: what is on the air, and which receiver writes it down."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from unseen_air import Air, Receiver

from dsp.values import Raw, SampleFormat


@dataclass(frozen=True, slots=True)
class Case:
    """One recording and its truth."""

    name: str
    air: Air
    raw: Raw
    sample_format: SampleFormat


Fill = Callable[[Air], None]

CU8 = Receiver()
CS8 = Receiver("cs8", 2.0, -0.4 + 0.2j, -33.0)
CI16 = Receiver("ci16", 60.0, 20 - 35j, -45.0)
CF32 = Receiver("cf32", 1.0, 0j, -60.0, False, ())
LOUD = Receiver("cu8", 6.0, 2 + 1j, -28.0)
"""Gain too high: the floor fills much of the converter, images and DC are strong."""

RECEIVERS = {"cu8": CU8, "cs8": CS8, "ci16": CI16, "cf32": CF32, "loud": LOUD}
RATES_HZ = (250e3, 1.0e6, 1.024e6, 1.44e6, 2.048e6, 2.4e6, 3.2e6)


def cases(only: str = "") -> Iterator[Case]:
    """Every scene, or those of that name, each at three rates with three receivers."""
    number = 0
    for rate_hz in RATES_HZ:
        for name, receiver in RECEIVERS.items():
            number += 1
            if only not in "quiet":
                continue
            yield _case(f"quiet {name}", rate_hz, 1.2, receiver, number, lambda air: None)
    for name, fill, seconds, widest_hz in SCENES:
        for turn in range(3):
            number += 1
            fitting = [rate for rate in RATES_HZ if rate > 1.3 * widest_hz]
            rate_hz = fitting[(number + turn) % len(fitting)]
            kind, receiver = list(RECEIVERS.items())[(number * 2 + turn) % len(RECEIVERS)]
            if only not in name:
                continue
            yield _case(f"{name} {kind}", rate_hz, seconds, receiver, number, fill)


def _case(
    name: str, rate_hz: float, seconds: float, receiver: Receiver, seed: int, fill: Fill
) -> Case:
    air = Air(rate_hz, seconds, seed)
    fill(air)
    raw = receiver.receive(air)
    return Case(f"{name} {rate_hz / 1e3:g}k", air, raw, receiver.sample_format)


def _voice(snr_db: float) -> Fill:
    def fill(air: Air) -> None:
        air.add(air.voice(0.9), 0.2, -0.11 * air.rate_hz, 8.5e3, snr_db)
        air.add(air.voice(1.1), 1.6, -0.11 * air.rate_hz, 8.5e3, snr_db)

    return fill


def _paging(snr_db: float) -> Fill:
    def fill(air: Air) -> None:
        air.add(air.fsk(0.6, 1200, 4500), 0.3, 0.08 * air.rate_hz, 10.5e3, snr_db)
        air.add(air.fsk(0.18, 2400, 2400), 1.4, -0.21 * air.rate_hz, 7.2e3, snr_db)

    return fill


def _neighbours(apart_hz: float, less_db: float) -> Fill:
    def fill(air: Air) -> None:
        air.add(air.voice(1.0, 1800), 0.3, 0.1 * air.rate_hz, 6.5e3, 30.0)
        air.add(air.fsk(0.8, 1200, 1500), 0.5, 0.1 * air.rate_hz + apart_hz, 5e3, 30.0 - less_db)

    return fill


def _train(snr_db: float, baud: float) -> Fill:
    def fill(air: Air) -> None:
        width_hz = 4 * baud
        air.add(air.keyed(baud, 40, 8e-3, 5), 0.25, 0.07 * air.rate_hz, width_hz, snr_db)
        air.add(air.keyed(baud, 24, 5e-3, 3), 1.2, 0.07 * air.rate_hz, width_hz, snr_db)

    return fill


def _hopping(air: Air) -> None:
    places = air.rng.permutation(20)
    for turn in range(12):
        offset_hz = (places[turn] - 9.6) * 0.035 * air.rate_hz
        air.add(air.fsk(0.05, 9600, 4800), 0.2 + 0.09 * turn, offset_hz, 17e3, 20.0)


def _lora(spread: int, snr_db: float) -> Fill:
    def fill(air: Air) -> None:
        length_s = min(0.7, 40 * 2**spread / 125e3)
        air.add(air.lora(length_s, 125e3, spread), 0.3, 0.12 * air.rate_hz, 125e3, snr_db)

    return fill


def _replies(air: Air) -> None:
    for turn in range(20):
        shape = air.reply()
        start_s = 0.05 + 0.04 * turn + float(air.rng.uniform(0, 0.02))
        air.add(shape, start_s, 0.0, min(2e6, 0.8 * air.rate_hz), 15.0 + turn % 4 * 5)


def _edge_to_edge(air: Air) -> None:
    air.add(air.block(air.seconds, 0.93 * air.rate_hz), 0.0, 0.0, 0.93 * air.rate_hz, 25.0)


def _bursts_of_ofdm(air: Air) -> None:
    air.add(air.block(0.2, 0.35 * air.rate_hz), 0.2, 0.15 * air.rate_hz, 0.35 * air.rate_hz, 15.0)
    air.add(air.block(0.05, 0.35 * air.rate_hz), 0.7, 0.15 * air.rate_hz, 0.35 * air.rate_hz, 15.0)


def _steady_block(air: Air) -> None:
    width_hz = 0.4 * air.rate_hz
    air.add(air.block(air.seconds, width_hz), 0.0, -0.1 * air.rate_hz, width_hz, 15.0)


def _broadcast(air: Air) -> None:
    air.add(air.broadcast(air.seconds), 0.0, 0.1 * air.rate_hz, 130e3, 35.0)


def _clipping(air: Air) -> None:
    air.add(air.fsk(0.5, 1200, 4500), 0.4, 0.13 * air.rate_hz, 10.5e3, 75.0)


def _clipping_keyed(air: Air) -> None:
    air.add(air.keyed(1500, 60, 9e-3, 4), 0.4, 0.13 * air.rate_hz, 6e3, 72.0)


def _at_zero(air: Air) -> None:
    air.add(air.fsk(0.6, 1200, 4500), 0.5, 0.0, 10.5e3, 25.0)


def _at_the_edge(air: Air) -> None:
    air.add(air.fsk(0.6, 1200, 4500), 0.5, 0.455 * air.rate_hz, 10.5e3, 30.0)


def _carriers(air: Air) -> None:
    air.add(air.tone(0.8), 0.2, 0.21 * air.rate_hz, 1.5e3, 25.0)
    air.add(air.tone(1.0, 4e3), 0.6, -0.17 * air.rate_hz, 4e3, 25.0)


def _two_kinds(air: Air) -> None:
    air.add(air.voice(1.4), 0.2, 0.2 * air.rate_hz, 8.5e3, 45.0)
    air.add(air.fsk(0.04, 9600, 4800), 0.5, -0.12 * air.rate_hz, 17e3, 12.0)
    air.add(air.fsk(0.005, 19200, 9600), 0.9, 0.05 * air.rate_hz, 35e3, 18.0)


def _dmr(slot: bool) -> Fill:
    def fill(air: Air) -> None:
        air.add(air.dmr(1.2, slot), 0.4, -0.14 * air.rate_hz, 7.5e3, 22.0)

    return fill


def _weak_long(air: Air) -> None:
    air.add(air.voice(1.5), 0.3, 0.16 * air.rate_hz, 8.5e3, 7.0)


SCENES: tuple[tuple[str, Fill, float, float], ...] = (
    ("voice 10 dB", _voice(10.0), 3.0, 30e3),
    ("voice 25 dB", _voice(25.0), 3.0, 30e3),
    ("voice 50 dB", _voice(50.0), 3.0, 30e3),
    ("voice 7 dB", _weak_long, 2.2, 30e3),
    ("paging 10 dB", _paging(10.0), 2.0, 30e3),
    ("paging 40 dB", _paging(40.0), 2.0, 30e3),
    ("neighbours 12.5 kHz", _neighbours(12.5e3, 0.0), 1.6, 60e3),
    ("neighbours 12.5 kHz, 15 dB less", _neighbours(12.5e3, 15.0), 1.6, 60e3),
    ("neighbours 25 kHz", _neighbours(25e3, 0.0), 1.6, 60e3),
    ("neighbours 25 kHz, 20 dB less", _neighbours(25e3, 20.0), 1.6, 60e3),
    ("keyed 15 dB", _train(15.0, 1000.0), 1.8, 30e3),
    ("keyed 50 dB", _train(50.0, 2000.0), 1.8, 30e3),
    ("keyed 65 dB", _train(65.0, 4000.0), 1.8, 60e3),
    ("hopping", _hopping, 1.6, 200e3),
    ("LoRa SF7", _lora(7, 10.0), 0.8, 300e3),
    ("LoRa SF9", _lora(9, 10.0), 1.0, 300e3),
    ("LoRa SF12 weak", _lora(12, 5.0), 1.4, 300e3),
    ("ADS-B", _replies, 0.95, 1.5e6),
    ("edge to edge", _edge_to_edge, 1.0, 100e3),
    ("OFDM bursts", _bursts_of_ofdm, 1.0, 400e3),
    ("steady block", _steady_block, 1.0, 400e3),
    ("broadcast", _broadcast, 1.5, 400e3),
    ("clipping", _clipping, 1.3, 100e3),
    ("clipping keyed", _clipping_keyed, 1.3, 100e3),
    ("at 0 Hz", _at_zero, 1.6, 30e3),
    ("at the edge", _at_the_edge, 1.6, 200e3),
    ("carriers", _carriers, 1.9, 60e3),
    ("strong and weak", _two_kinds, 1.9, 120e3),
    ("DMR", _dmr(slot=False), 2.0, 30e3),
    ("DMR one slot", _dmr(slot=True), 2.0, 30e3),
)
