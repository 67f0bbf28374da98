"""The Merkle tree is RFC 9162's, and a checkpoint opens with its own key only."""

from __future__ import annotations

import hashlib

import pytest

from dashboard import checkpoint
from dashboard.checkpoint import Checkpoint, Tree, is_under, read_checkpoint
from sensors.keys import make_keys

LEAVES = [hashlib.sha256(bytes([k])).digest() for k in range(37)]


def root_of(leaves: list[bytes]) -> bytes:
    """RFC 9162, 2.1.1, as it is written there."""
    if len(leaves) == 1:
        return hashlib.sha256(b"\0" + leaves[0]).digest()
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return hashlib.sha256(b"\1" + root_of(leaves[:split]) + root_of(leaves[split:])).digest()


@pytest.mark.parametrize("size", range(1, len(LEAVES) + 1))
def test_root_and_paths(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "PORTION", 4)
    wanted = range(0, size, 3)
    tree = Tree(wanted)
    for first in range(0, size, 4):
        tree.extend(LEAVES[first : min(first + 4, size)])
    root = tree.root()
    assert root == root_of(LEAVES[:size])
    for leaf in wanted:
        path = tree.paths[leaf]
        assert is_under(root, size, leaf, LEAVES[leaf], path)
        assert not is_under(root, size, leaf, LEAVES[leaf - 1], path) or size == 1
        assert not is_under(root, size, leaf, LEAVES[leaf], [*path, root])
        assert not is_under(root, size, leaf, LEAVES[leaf], path[:-1]) or size == 1
        assert not any(
            is_under(root, size, k, LEAVES[leaf], path) for k in range(size) if k != leaf
        )
    assert not is_under(root, size, size, LEAVES[0], [])


def test_a_note_opens_with_its_own_key_only() -> None:
    keys, others = make_keys(), make_keys()
    seen = Checkpoint("city", 7, bytes(32), "ab" * 32, 1_800_000_000_000_000_000, 3)
    note = seen.signed(keys)
    assert read_checkpoint(note, keys.verify_key) == seen
    assert read_checkpoint(note, others.verify_key) is None
    assert read_checkpoint(note.replace("city", "town"), keys.verify_key) is None
    for spoilt in ("", note[:-3], note.replace("\n7\n", "\n8\n"), note.replace("\u2014", "-")):
        assert read_checkpoint(spoilt, keys.verify_key) is None
