"""Reasons are data: each weight is known, each has words, and the sum stays within 0-100."""

import string
from dataclasses import replace

import pytest

from dsp.signals import Emitter
from sensors.bandplan import band_plan
from sensors.bands import GuardBand
from sensors.reasons import WEIGHTS, weigh
from sensors.text import LANGS, say

RASTER = GuardBand("uhf-403", 403e6, 423.5e6, 1.0, "sweep", 1, 12.5e3)
FREE = GuardBand("tv3-low", 167e6, 175e6, 0.25, "stare", 1, None)
TEXT = Emitter(1, "active", 169.0e6, 15e3, 20.0, 19.0, -40.0, 0, 0, 4, 60, 12.0)


def ids(emitter, band, **conditions):
    verdict = weigh(emitter, band, **{"has_baseline": True, "freq_error_hz": 1200.0} | conditions)
    assert 0 <= verdict.suspicion <= 100
    for note in verdict.reasons:
        for lang in LANGS:
            text = say(note.id, lang, **note.args)
            assert "{" not in text and note.id not in text
    return [note.id for note in verdict.reasons]


def test_short_bursts_in_a_case_band():
    assert ids(TEXT, FREE) == ["reason.new", "reason.case_band", "reason.bursts"]


@pytest.mark.parametrize(
    ("freq_hz", "kind"), [(169e6, "case"), (145e6, "amateur"), (360e6, "safety")]
)
def test_who_normally_lives_there_is_said_and_counts_nothing(freq_hz, kind):
    service = band_plan("cn").at(freq_hz)
    emitter = replace(TEXT, center_freq_hz=freq_hz)
    with_service = ids(emitter, FREE, service=service)
    assert with_service == [*ids(emitter, FREE), f"reason.lives_{kind}"]
    assert WEIGHTS[f"reason.lives_{kind}"] == 0


def test_a_long_narrow_transmission_is_speech_like():
    assert "reason.voice" in ids(replace(TEXT, sightings=1, on_s=18.0), FREE)


@pytest.mark.parametrize(
    ("freq_hz", "off"), [(409.8e6, False), (409.80625e6, False), (409.8031e6, True)]
)
def test_off_the_raster(freq_hz, off):
    found = ids(replace(TEXT, center_freq_hz=freq_hz), RASTER)
    assert ("reason.off_raster" in found) == off


def test_off_the_raster_is_not_said_beyond_what_was_measured():
    emitter = replace(TEXT, center_freq_hz=409.8031e6)
    assert "reason.off_raster" not in ids(emitter, RASTER, freq_error_hz=3500.0)


def test_wide_and_weak_evidence_counts_less():
    wide = weigh(replace(TEXT, bandwidth_hz=8e6), FREE, has_baseline=False, freq_error_hz=1e3)
    narrow = weigh(TEXT, FREE, has_baseline=True, freq_error_hz=1e3)
    assert wide.suspicion < narrow.suspicion


def test_every_weight_has_words_with_matching_placeholders():
    for message_id in WEIGHTS:
        names = {
            lang: {name for _, name, _, _ in string.Formatter().parse(say_raw(message_id, lang))}
            for lang in LANGS
        }
        assert names["en"] == names["zh"]


def say_raw(message_id, lang):
    from sensors.text import catalogue

    return catalogue(lang)[message_id]
