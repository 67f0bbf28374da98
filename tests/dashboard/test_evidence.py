from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from dashboard import queries
from dashboard.audit_log import AuditQuery, audit_entries
from dashboard.clips import DATA, LIST, META, SUFFIXES
from dashboard.errors import Refused
from dashboard.evidence import ClipCard, Evidence
from dashboard.store import Store
from sensors.messages import Note, NoticeEvent
from tests.dashboard.conftest import SECOND, START_NS, Site, emitter_event

Open = Callable[..., Store]
NAME = "20270115T080000.000Z_169.5000M_school-3-hall-1"
SAMPLES = bytes(range(256)) * 40


def clip_files(name: str = NAME) -> dict[str, bytes]:
    """A clip as a site writes it: samples, SigMF metadata, list of hashes."""
    meta = {
        "global": {
            "core:datatype": "cu8",
            "core:sample_rate": 2.4e6,
            "core:version": "1.2.5",
        },
        "captures": [{"core:sample_start": 0, "core:frequency": 170e6}],
        "annotations": [{"core:sample_start": 0, "core:sample_count": len(SAMPLES) // 2}],
    }
    files = {name + DATA: SAMPLES, name + META: json.dumps(meta).encode()}
    listed = "".join(f"{hashlib.sha256(b).hexdigest()}  {n}\n" for n, b in files.items())
    return {**files, name + LIST: listed.encode()}


def kept(name: str = NAME, emitter: str = "e1", **changes: object) -> NoticeEvent:
    sha256 = hashlib.sha256(clip_files(name)[name + LIST]).hexdigest()
    args = {"file": name + META, "emitter": emitter, "seconds": 1.0, "sha256": sha256, **changes}
    note = Note("evidence.kept", args)  # type: ignore[arg-type]
    return NoticeEvent("school-3", "school-3/hall", "info", note, START_NS, START_NS + SECOND)


def deleted(first: str, count: int) -> NoticeEvent:
    note = Note("evidence.deleted", {"count": count, "first": first})
    return NoticeEvent("school-3", "school-3/hall", "warning", note, START_NS)


@pytest.fixture
def store(open_store: Open) -> Store:
    return open_store()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "evidence"


@pytest.fixture
def evidence(folder: Path, store: Store) -> Evidence:
    return Evidence(folder, store)


@pytest.fixture
def alarm(store: Store) -> str:
    """An alarm with one clip, announced before the emitter's own event."""
    site = Site()
    store.ingest([site.says(kept())])
    store.ingest([site.says(emitter_event())])
    (alarm,) = store.desk.alarms
    return alarm


def put(folder: Path, *suffixes: str, name: str = NAME) -> None:
    (folder / "school-3").mkdir(parents=True, exist_ok=True)
    for suffix in suffixes:
        (folder / "school-3" / (name + suffix)).write_bytes(clip_files(name)[name + suffix])


def only(evidence: Evidence, alarm: str) -> ClipCard:
    (card,) = evidence.listing(alarm)
    return card


def refused(evidence: Evidence, alarm: str, name: str) -> tuple[str, int]:
    with pytest.raises(Refused) as caught:
        evidence.open_file(alarm, name, "li")
    return caught.value.message_id, caught.value.status


def acts(store: Store) -> list[str]:
    entries = audit_entries(store.reader, AuditQuery(limit=100))
    return [entry.act for entry in entries if entry.act.startswith("evidence.")]


def test_from_announced_to_complete(evidence: Evidence, alarm: str, folder: Path) -> None:
    card = only(evidence, alarm)
    assert (card.name, card.state, card.share, card.bytes) == (NAME, "announced", 0.0, None)
    assert (card.start_ns, card.stop_ns) == (START_NS, START_NS + SECOND)
    assert refused(evidence, alarm, NAME + DATA) == ("evidence.announced", 409)

    put(folder, META)
    part = folder / "school-3" / f"{NAME}{DATA}.0123456789abcdef.part"
    part.write_bytes(SAMPLES[: len(SAMPLES) // 4])
    card = only(evidence, alarm)
    assert (card.state, card.share, card.files) == ("arriving", 0.25, [])
    assert (card.center_freq_hz, card.sample_rate_hz) == (170e6, 2.4e6)
    assert card.bytes == len(SAMPLES)
    assert refused(evidence, alarm, NAME + DATA) == ("evidence.arriving", 409)

    part.unlink()
    put(folder, DATA)
    assert (only(evidence, alarm).state, only(evidence, alarm).share) == ("arriving", 1.0)
    put(folder, LIST)
    card = only(evidence, alarm)
    assert (card.state, card.share) == ("complete", 1.0)
    assert card.files == [NAME + suffix for suffix in SUFFIXES]


def test_what_is_read_is_what_was_signed_and_who_had_it_is_written(
    evidence: Evidence, alarm: str, folder: Path, store: Store
) -> None:
    put(folder, *SUFFIXES)
    for name, content in clip_files().items():
        opened = evidence.open_file(alarm, name, "li")
        with opened.file as file:
            assert file.read() == content
        assert opened.num_bytes == len(content)
        assert opened.sha256 == hashlib.sha256(content).digest()
    assert acts(store) == ["evidence.taken"] * 3
    assert refused(evidence, alarm, "../monitor.db") == ("evidence.unknown", 404)
    assert refused(evidence, "another", NAME + DATA) == ("evidence.unknown", 404)


@pytest.mark.parametrize("touched", SUFFIXES)
def test_a_changed_file_is_not_given_out(
    evidence: Evidence, alarm: str, folder: Path, store: Store, touched: str
) -> None:
    put(folder, *SUFFIXES)
    path = folder / "school-3" / (NAME + touched)
    content = bytearray(path.read_bytes())
    content[-2] ^= 1
    path.write_bytes(content)
    assert refused(evidence, alarm, NAME + touched) == ("evidence.damaged", 409)
    assert acts(store) == ["evidence.damaged"]


def test_a_list_with_other_hashes_does_not_make_other_samples_good(
    evidence: Evidence, alarm: str, folder: Path
) -> None:
    put(folder, *SUFFIXES)
    other = b"\x80" * len(SAMPLES)
    (folder / "school-3" / (NAME + DATA)).write_bytes(other)
    text = f"{hashlib.sha256(other).hexdigest()}  {NAME}{DATA}\n"
    (folder / "school-3" / (NAME + LIST)).write_text(text)
    assert refused(evidence, alarm, NAME + DATA) == ("evidence.damaged", 409)


def test_an_arrival_is_written_once_and_a_loss_here_is_told(
    evidence: Evidence, alarm: str, folder: Path, store: Store
) -> None:
    for suffix in SUFFIXES:
        put(folder, suffix)
        evidence.arrived("school-3", folder / "school-3" / (NAME + suffix))
    evidence.arrived("school-3", folder / "school-3" / (NAME + LIST))
    assert acts(store) == ["evidence.arrived"]
    (folder / "school-3" / (NAME + DATA)).unlink()
    assert only(evidence, alarm).state == "deleted"
    assert refused(evidence, alarm, NAME + DATA) == ("evidence.gone", 409)


def test_what_a_site_deletes_is_the_oldest_of_its_own(
    evidence: Evidence, store: Store, folder: Path
) -> None:
    site = Site()
    names = [f"20270115T08000{i}.000Z_169.5000M_x" for i in range(5)]
    store.ingest([site.says(kept(name)) for name in reversed(names)])
    store.ingest([site.says(emitter_event())])
    (alarm,) = store.desk.alarms
    put(folder, *SUFFIXES, name=names[1])
    store.ingest([site.says(deleted(names[1], 2))])
    states = [card.state for card in evidence.listing(alarm)]
    assert states == ["announced", "complete", "deleted", "announced", "announced"]
    store.ingest([site.says(deleted(names[3], 1))])
    assert [card.state for card in evidence.listing(alarm)][3:] == ["deleted", "announced"]
    gone = [evidence.is_gone("school-3", name + DATA) for name in names]
    assert gone == [False, True, True, True, False]
    assert not evidence.is_gone("school-4", names[2] + META)


def test_two_clips_that_begin_together_are_two(evidence: Evidence, store: Store) -> None:
    site = Site()
    store.ingest([site.says(kept("a", "e1")), site.says(kept("b", "e1"))])
    store.ingest([site.says(kept("a", "e1")), site.says(emitter_event())])
    (alarm,) = store.desk.alarms
    assert [card.name for card in evidence.listing(alarm)] == ["a", "b"]


@pytest.mark.parametrize("bad", [{"file": "../../x"}, {"file": ""}, {"sha256": "abc"}])
def test_an_announcement_that_names_no_clip_stays_a_notice(
    evidence: Evidence, store: Store, bad: dict[str, str]
) -> None:
    site = Site()
    store.ingest([site.says(kept(**bad)), site.says(emitter_event())])  # type: ignore[arg-type]
    (alarm,) = store.desk.alarms
    assert evidence.listing(alarm) == []
    assert len(queries.notices(store.reader, queries.NoticeQuery())) == 1


def test_metadata_that_cannot_be_read_hides_nothing(
    evidence: Evidence, alarm: str, folder: Path
) -> None:
    put(folder, DATA)
    (folder / "school-3" / (NAME + META)).write_text("{")
    card = only(evidence, alarm)
    assert (card.state, card.center_freq_hz, card.bytes) == ("arriving", None, len(SAMPLES))
