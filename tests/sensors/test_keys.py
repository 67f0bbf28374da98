"""Key files: private, never overwritten, refused when damaged or open to others."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from sensors.keys import KeyFault, key_id, make_keys, own_keys, read_keys, signed_by, write_keys


def test_first_start_makes_keys_and_the_next_reads_them(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "site.key"
    first = own_keys(path)
    again = own_keys(path)
    assert (again.key_id, again.curve_public) == (first.key_id, first.curve_public)
    if os.name == "posix":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert own_keys(tmp_path / "other.key").key_id != first.key_id


def test_keys_are_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "site.key"
    write_keys(path, make_keys())
    with pytest.raises(KeyFault, match=r"keys\.exists"):
        write_keys(path, make_keys())


@pytest.mark.skipif(os.name != "posix", reason="file modes are a POSIX matter")
def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "site.key"
    write_keys(path, make_keys())
    path.chmod(0o640)
    with pytest.raises(KeyFault, match=r"keys\.open_to_others"):
        read_keys(path)


@pytest.mark.parametrize("body", [b"", b"{}", b'{"curve_public":"a","curve_secret":"b"}', b"\xff"])
def test_damage_is_named(tmp_path: Path, body: bytes) -> None:
    path = tmp_path / "site.key"
    path.write_bytes(body)
    path.chmod(0o600)
    with pytest.raises(KeyFault, match=r"keys\.damaged"):
        read_keys(path)


def test_halves_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "site.key"
    keys, other = make_keys(), make_keys()
    write_keys(path, keys)
    path.write_bytes(path.read_bytes().replace(keys.curve_public, other.curve_public))
    with pytest.raises(KeyFault, match=r"keys\.damaged"):
        read_keys(path)


def test_a_missing_file_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(KeyFault, match=r"keys\.missing"):
        read_keys(tmp_path / "none.key")


def test_signatures() -> None:
    keys, other = make_keys(), make_keys()
    signature = keys.sign(b"digest")
    assert signed_by(keys.verify_key, b"digest", signature)
    assert not signed_by(other.verify_key, b"digest", signature)
    assert not signed_by(keys.verify_key, b"Digest", signature)
    assert not signed_by(keys.verify_key, b"digest", bytes([signature[0] ^ 1]) + signature[1:])
    assert not signed_by(bytes(31), b"digest", signature)
    assert keys.key_id == key_id(keys.verify_key)
    assert keys.key_id in repr(keys)
    assert keys.curve_secret.decode() not in repr(keys)
