"""Whatever is done to a bundle, the verifier says so, and so does one without a line of ours."""

from __future__ import annotations

import base64
import io
import json
import random
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from dashboard.bundle_format import NEEDED
from dashboard.store import Store
from dashboard.verify import verify
from dashboard.verify_zip import BadBundle, BundleFile
from rfproctor import main
from sensors.fingerprint import fingerprint_words
from sensors.keys import Keys, make_keys
from sensors.wire import pack, read_record, record_hash
from tests.dashboard import other_verifier
from tests.dashboard.casefile import (
    NAMES,
    Entries,
    School,
    entries_of,
    exam,
    hash_list,
    signed_again,
    with_lines,
    zipped,
)
from tests.dashboard.conftest import Clock

STRANGER = make_keys()
DATA, META, LIST = (
    f"recordings/{NAMES[0]}{end}" for end in (".sigmf-data", ".sigmf-meta", ".sha256")
)


@pytest.fixture(scope="module")
def school(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder, clock = tmp_path_factory.mktemp("school"), Clock()
    store = Store(f"sqlite:///{folder}/monitor.db", clock_ns=clock)
    yield_it = School(folder, store, clock)
    exam(yield_it)
    yield yield_it
    store.close()


@pytest.fixture(scope="module")
def bundle(school: School) -> bytes:
    return school.take()


@pytest.fixture(scope="module")
def whole(bundle: bytes) -> Entries:
    return entries_of(bundle)


@pytest.fixture
def judge(school: School, tmp_path: Path) -> Callable[[bytes], set[str]]:
    """What the verifier finds wrong; the other one must be of the same opinion."""

    def judge(content: bytes, key: str = "") -> set[str]:
        path = tmp_path / "bundle.zip"
        path.write_bytes(content)
        found = verify(path, key or school.own.key_id)
        wrong = {one.message_id for one in found.found if one.verdict == "fail"}
        assert bool(wrong) == bool(found.failed)
        try:
            other_verifier.verify(path, school.own.verify_key)
        except other_verifier.Wrong as error:
            assert wrong, f"only the other verifier says no: {error}"
        else:
            assert not wrong, "the other verifier finds nothing wrong"
        return wrong

    return judge


Judge = Callable[[bytes], set[str]]


def test_what_was_not_touched_is_verified(bundle: bytes, whole: Entries, judge: Judge) -> None:
    assert judge(bundle) == set()
    assert judge(zipped(whole.items())) == set(), "another zip program packs otherwise"
    roles = [json.loads(line)["role"] for line in whole["records.jsonl"].splitlines()]
    assert {role: roles.count(role) for role in roles} == {
        **{"renewal": 1, "alarm": 3, "announcement": 2, "between": 2}
    }
    acts = [json.loads(line)["act"] for line in whole["audit.jsonl"].splitlines()]
    assert acts == [
        *("alarm.opened", "alarm.acknowledge", "checkpoint", "keys.allow", "keys.renew"),
        *["evidence.taken"] * 6,
        "bundle.taken",
    ]


@pytest.mark.parametrize(
    "name", [*sorted(NEEDED), "manifest.json", "manifest.sig", DATA, META, LIST]
)
def test_every_entry_is_watched(whole: Entries, judge: Judge, name: str) -> None:
    rng = random.Random(name)
    for _ in range(3):
        body = bytearray(whole[name])
        body[rng.randrange(len(body))] ^= 1 << rng.randrange(7)
        wrong = judge(zipped({**whole, name: bytes(body)}.items()))
        if name.startswith("manifest"):
            assert wrong & {"verify.manifest_signature", "verify.unreadable"}
        else:
            assert wrong & {"verify.damaged", "verify.damaged_block"}
    less = {other: body for other, body in whole.items() if other != name}
    assert "verify.missing" in judge(zipped(less.items()))
    with pytest.warns(UserWarning, match="Duplicate name"):
        twice = zipped([*whole.items(), (name, whole[name])])
    assert "verify.twice" in judge(twice)
    other = next(other for other in whole if other != name)
    swapped = {**whole, name: whole[other], other: whole[name]}
    assert judge(zipped(swapped.items()))
    if name not in ("manifest.json", "manifest.sig"):
        short = {**whole, name: whole[name][:-1]}
        assert judge(zipped(short.items())) & {"verify.damaged", "verify.damaged_block"}


def test_what_was_added_is_told(whole: Entries, judge: Judge) -> None:
    assert "verify.extra" in judge(zipped({**whole, "letter.txt": b"hello"}.items()))
    more = {**whole, "recordings/x.sigmf-data": b"\x80" * 9}
    assert "verify.extra" in judge(zipped(more.items()))


@pytest.mark.parametrize("at", [0, 1999, 2000, 4321, 6999])
def test_a_flipped_bit_is_named_to_its_second(
    bundle: bytes, whole: Entries, judge: Judge, tmp_path: Path, at: int, school: School
) -> None:
    """In the file itself, under the checksums of the zip."""
    spot = bundle.index(whole[DATA]) + at
    broken = bytearray(bundle)
    broken[spot] ^= 4
    assert "verify.damaged_block" in judge(bytes(broken))
    path = tmp_path / "bundle.zip"
    (one,) = [f for f in verify(path).found if f.message_id == "verify.damaged_block"]
    first = at // 2000 * 2000
    assert (one.fields["block"], one.fields["first"]) == (at // 2000 + 1, first)
    assert one.fields["last"] == min(first + 1999, 6999)


def test_no_bit_of_the_file_can_be_flipped_unseen(
    bundle: bytes, whole: Entries, school: School, tmp_path: Path
) -> None:
    """Unless it is one of the zip's own, and everything in it is still the same."""
    rng = random.Random(1)
    path = tmp_path / "bundle.zip"
    unseen = 0
    for _ in range(150):
        broken = bytearray(bundle)
        broken[rng.randrange(len(broken))] ^= 1 << rng.randrange(8)
        path.write_bytes(broken)
        try:
            failed = verify(path).failed
        except Exception as error:
            assert type(error).__name__ == "BadBundle", error
            continue
        if not failed:
            unseen += 1
            with BundleFile(path) as still:
                assert {name: still.read(name) for name in still.places} == whole
    assert unseen < 15


Change = Callable[[list[Any]], None]


def at(place: int, **fields: Any) -> Change:
    """Put other values into a line."""

    def change(lines: list[Any]) -> None:
        lines[place].update(fields)

    return change


def without(place: int) -> Change:
    return lambda lines: lines.pop(place)


def swap(one: int, other: int) -> Change:
    def change(lines: list[Any]) -> None:
        lines[one], lines[other] = lines[other], lines[one]

    return change


def doubled(place: int) -> Change:
    return lambda lines: lines.insert(place, lines[place])


def back_dated(place: int, keys: Keys | None = None) -> Change:
    """Write a record as if it had been a minute earlier; sign it when there is a key for it."""

    def change(lines: list[Any]) -> None:
        line = lines[place]
        record = read_record(base64.b64decode(line["record"]))
        changed = pack(msgspec.structs.replace(record, time_ns=record.time_ns - 60 * 10**9))
        line["record"] = base64.b64encode(changed).decode()
        if keys is not None:
            line["signature"] = base64.b64encode(keys.sign(record_hash(changed))).decode()

    return change


def other_signature(place: int) -> Change:
    def change(lines: list[Any]) -> None:
        digest = record_hash(base64.b64decode(lines[place]["record"]))
        lines[place]["signature"] = base64.b64encode(STRANGER.sign(digest)).decode()

    return change


BESIDES = (
    ("records.jsonl", back_dated(1), "verify.record_signature"),
    ("records.jsonl", back_dated(1), "verify.link"),
    ("records.jsonl", back_dated(1, STRANGER), "verify.record_signature"),
    ("records.jsonl", other_signature(3), "verify.record_signature"),
    ("records.jsonl", without(3), "verify.left_out"),
    ("records.jsonl", without(-1), "verify.other_end"),
    ("records.jsonl", without(0), "verify.not_followed"),
    ("records.jsonl", swap(2, 3), "verify.order"),
    ("records.jsonl", doubled(3), "verify.order"),
    ("records.jsonl", at(2, seq=999), "verify.misplaced"),
    ("records.jsonl", at(2, peer="0" * 16), "verify.record_signature"),
    ("records.jsonl", at(3, role="alarm"), "verify.other_role"),
    ("records.jsonl", at(3, role="renewal"), "verify.other_role"),
    ("records.jsonl", at(3, role="announcement"), "verify.other_role"),
    ("records.jsonl", at(2, role="between"), "verify.not_announced"),
    ("records.jsonl", at(2, record="AAAA"), "verify.no_record"),
    ("records.jsonl", at(2, signature=""), "verify.bad_line"),
    ("records.jsonl", lambda lines: lines.clear(), "verify.no_records"),
    ("keys.jsonl", lambda lines: lines.clear(), "verify.record_signature"),
    ("keys.jsonl", without(-1), "verify.record_signature"),
    ("keys.jsonl", at(0, revoked_ns=1), "verify.revoked"),
    ("keys.jsonl", at(0, site="school-4"), "verify.other_site"),
    ("keys.jsonl", at(0, key="0" * 16), "verify.key_id"),
    ("keys.jsonl", at(1, follows="0" * 16), "verify.not_followed"),
    ("audit.jsonl", at(1, actor="wang"), "verify.audit_row"),
    ("audit.jsonl", at(1, time_ns=1), "verify.audit_row"),
    ("audit.jsonl", at(1, hash="0" * 64), "verify.audit_path"),
    ("audit.jsonl", without(-1), "verify.not_taken"),
    ("audit.jsonl", without(3), "verify.not_in_audit"),
    ("audit.jsonl", lambda lines: lines.clear(), "verify.not_taken"),
    ("audit.jsonl", swap(0, 1), "verify.audit_order"),
    ("audit.jsonl", doubled(1), "verify.audit_order"),
    ("audit.jsonl", at(1, path=[]), "verify.audit_path"),
)


@pytest.mark.parametrize("name, change, reason", BESIDES)
def test_not_even_the_monitor_can_change_what_others_signed(
    whole: Entries, judge: Judge, school: School, name: str, change: Change, reason: str
) -> None:
    """Whoever has the monitor's own key makes a manifest that fits; it does not help."""
    changed = signed_again(with_lines(whole, name, change), school.own)
    assert reason in judge(zipped(changed.items()))


def test_a_recording_cannot_be_edited_with_its_list(
    whole: Entries, judge: Judge, school: School
) -> None:
    edited = {**whole, DATA: b"\x80" * len(whole[DATA])}
    changed = signed_again(edited, school.own)
    assert judge(zipped(changed.items())) == {"verify.not_listed"}
    files = {name.removeprefix("recordings/"): edited[name] for name in (META, DATA)}
    changed = signed_again({**edited, LIST: hash_list(files)}, school.own)
    assert judge(zipped(changed.items())) == {"verify.not_signed"}


def test_another_sites_records_prove_nothing(whole: Entries, judge: Judge, school: School) -> None:
    changed = signed_again(whole, school.own, site="school-4")
    assert judge(zipped(changed.items())) == {"verify.not_of_alarm"}


def test_a_recording_cannot_be_left_out_unsaid(
    whole: Entries, judge: Judge, school: School
) -> None:
    less = {name: body for name, body in whole.items() if name not in (DATA, META, LIST)}
    assert "verify.gone" in judge(zipped(signed_again(less, school.own).items()))
    said = [{"name": NAMES[0], "sha256": "0" * 64, "why": "deleted"}]
    lied = signed_again(less, school.own, left_out=said)
    assert "verify.not_announced" in judge(zipped(lied.items()))


def test_a_checkpoint_is_the_monitors(whole: Entries, judge: Judge, school: School) -> None:
    text = whole["checkpoint.txt"].decode()
    for old, new in (("broken 0", "broken 7"), ("\n\n", "\n"), ("time 1", "time 2")):
        other = {**whole, "checkpoint.txt": text.replace(old, new, 1).encode()}
        changed = signed_again(other, school.own)
        assert "verify.checkpoint_signature" in judge(zipped(changed.items()))


def test_a_stranger_who_signs_everything_anew_is_not_the_monitor(
    whole: Entries, judge: Judge, school: School
) -> None:
    changed = zipped(signed_again(whole, STRANGER).items())
    assert judge(changed) >= {"verify.other_key", "verify.checkpoint_signature"}
    assert "verify.other_key" in judge(changed, fingerprint_words(school.own.verify_key))
    wrong = {**whole, "manifest.sig": STRANGER.sign(b"x").hex().encode()}
    assert judge(zipped(wrong.items())) == {"verify.manifest_signature"}


def test_without_a_key_it_says_what_it_cannot_prove(bundle: bytes, tmp_path: Path) -> None:
    path = tmp_path / "bundle.zip"
    path.write_bytes(bundle)
    ids = [one.message_id for one in verify(path).found if one.verdict == "remark"]
    assert ids == ["verify.compare_key"]


def test_many_findings_of_one_kind_are_counted(
    whole: Entries, school: School, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "bundle.zip"
    junk = {f"x{k}": b"" for k in range(30)}
    path.write_bytes(zipped({**whole, **junk}.items()))
    with pytest.raises(SystemExit) as end:
        main(["--lang", "zh", "verify", str(path)])
    said = capsys.readouterr().out
    assert (end.value.code, said.count("被人加入")) == (1, 20)
    assert "同类还有 10 项" in said and "核验不通过：30 项不符" in said


def local_name(content: bytes) -> bytes:
    """Another name in an entry's own header than in the directory."""
    return content.replace(b"alarm.json", b"Alarm.json", 1)


def encrypted(content: bytes) -> bytes:
    at = content.index(b"PK\x01\x02") + 8
    return content[:at] + b"\x01" + content[at + 1 :]


def one_over_the_other(content: bytes) -> bytes:
    """Two entries of the directory that are the same bytes."""
    first = content.index(b"PK\x01\x02")
    second = content.index(b"PK\x01\x02", first + 4)
    end = content.rindex(b"PK\x05\x06")
    entry = content[first:second]
    counts = struct.pack("<HHI", 2, 2, 2 * len(entry))
    tail = content[end : end + 8] + counts + content[end + 16 :]
    return content[:first] + entry + entry + tail


def bomb(_: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as opened:
        opened.writestr("manifest.json", b" " * (8 << 20))
    return out.getvalue()


def huge_directory(content: bytes) -> bytes:
    """A directory of sixty megabytes."""
    end = content.rindex(b"PK\x05\x06")
    first = content.index(b"PK\x01\x02")
    junk = content[first:end] * (60_000_000 // (end - first))
    sizes = struct.pack("<II", len(junk), first)
    return content[:first] + junk + content[end : end + 12] + sizes + content[end + 20 :]


UNUSABLE: tuple[tuple[Callable[[bytes], bytes], str], ...] = (
    (lambda _: b"", "verify.not_zip"),
    (lambda _: b"no zip at all\n" * 99, "verify.not_zip"),
    (lambda content: content[:-100], "verify.not_zip"),
    (lambda content: content[: len(content) // 2], "verify.not_zip"),
    (local_name, "verify.not_zip"),
    (encrypted, "verify.bad_packing"),
    (one_over_the_other, "verify.overlap"),
    (bomb, "verify.bomb"),
    (lambda _: zipped([("letter.txt", b"hello")]), "verify.no_bundle"),
    (lambda _: zipped([("../manifest.json", b"{}")]), "verify.bad_name"),
    (lambda _: zipped([("/etc/passwd", b"")]), "verify.bad_name"),
    (lambda _: zipped([("recordings/", b"")]), "verify.bad_name"),
    (lambda _: zipped([(f"x{k}", b"") for k in range(10_001)]), "verify.too_many"),
    (huge_directory, "verify.not_zip"),
)


@pytest.mark.parametrize("spoil, reason", UNUSABLE)
def test_what_cannot_be_a_bundle_is_one_line(
    bundle: bytes,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    spoil: Callable[[bytes], bytes],
    reason: str,
) -> None:
    path = tmp_path / "bundle.zip"
    path.write_bytes(spoil(bundle))
    with pytest.raises(BadBundle) as caught:
        verify(path)
    assert caught.value.message_id == reason
    with pytest.raises(SystemExit) as end:
        main(["verify", str(path), "--json"])
    out, err = capsys.readouterr()
    assert (end.value.code, out, err.count("\n")) == (2, "", 1)


def test_no_file_is_one_line_too(tmp_path: Path) -> None:
    for path, reason in ((tmp_path, "verify.is_folder"), (tmp_path / "no", "verify.no_file")):
        with pytest.raises(BadBundle) as caught:
            verify(path)
        assert caught.value.message_id == reason


def test_its_lines_are_json(
    bundle: bytes, school: School, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "bundle.zip"
    path.write_bytes(bundle)
    words = fingerprint_words(school.own.verify_key)
    with pytest.raises(SystemExit) as end:
        main(["verify", str(path), "--json", "--key", words.upper()])
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert end.value.code == 0
    assert lines[-1] == {"kind": "verdict", "verdict": "pass", "failed": 0}
    assert [one["check"] for one in lines[:-1]] == [
        *("manifest", "key", "entries", "keys", "records", "recordings", "audit")
    ]
    assert {one["verdict"] for one in lines} == {"pass"}
    assert all(one["text"] for one in lines[:-1])


def test_a_recipe_of_nonsense_never_gets_through(
    whole: Entries, school: School, tmp_path: Path
) -> None:
    """Values of every kind in every place of every line: findings, never an exception."""
    rng = random.Random(5)
    odd = [None, 0, -1, 2**70, 1.5, "", "x", [], [1], {}, {"a": 1}, True, "\ud800" * 0, "0" * 64]
    path = tmp_path / "bundle.zip"
    for name in ("records.jsonl", "keys.jsonl", "audit.jsonl"):
        for _ in range(25):

            def change(lines: list[Any]) -> None:
                line = rng.choice(lines)
                line[rng.choice(sorted(line))] = rng.choice(odd)

            path.write_bytes(
                zipped(signed_again(with_lines(whole, name, change), school.own).items())
            )
            verify(path)
    for _ in range(25):
        detail = json.dumps({rng.choice(("note", "key", "records", "a/b")): rng.choice(odd)})
        acts = ("breach.gap", "keys.allow", "checkpoint", "bundle.taken")
        rows = at(-1, act=rng.choice(acts), detail=detail)
        path.write_bytes(
            zipped(signed_again(with_lines(whole, "audit.jsonl", rows), school.own).items())
        )
        assert verify(path).failed
