"""Public keys that signed the records of a bundle, and how the monitor came to each of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from dashboard.allow_list import Entry
from dashboard.bundle_format import KeyLine
from dashboard.bundle_records import Found
from dashboard.keyring import Keyring
from dashboard.origins import PINNED
from sensors.keys import key_id


def lines(
    found: Found, keyring: Keyring | None, signers_of: Callable[[str], tuple[bytes, ...]]
) -> Iterator[KeyLine]:
    """One line a key.

    Parameters
    ----------
    found : Found
    keyring : Keyring or None
        None: this monitor runs without keys.
    signers_of : callable
        Keys that a peer greeted with.
    """
    below = {site for site, _ in found.below}
    if keyring is None:
        for peer in sorted(found.peers):
            for key in signers_of(peer):
                yield _greeted("", key, peer)
        for site, key in sorted(found.below):
            yield _greeted(site, key, "")
        return
    for entry in keyring.entries():
        if (entry.name or entry.key) in found.peers or entry.site in below:
            yield _enrolled(entry)
    for origin in keyring.origins.all():
        if origin.site in below and origin.state == PINNED:
            yield KeyLine(
                site=origin.site,
                verify=origin.verify,
                key=origin.key,
                peer="",
                follows="",
                how="pinned",
                added_ns=origin.added_ns,
            )


def _enrolled(entry: Entry) -> KeyLine:
    return KeyLine(
        site=entry.site,
        verify=entry.verify,
        key=entry.key,
        peer=entry.name or entry.key,
        follows=entry.follows,
        how="renewed" if entry.follows else "enrolled",
        added_ns=entry.added_ns,
        revoked_ns=entry.revoked_ns,
    )


def _greeted(site: str, key: bytes, peer: str) -> KeyLine:
    return KeyLine(
        site=site, verify=key.hex(), key=key_id(key), peer=peer, follows="", how="greeted"
    )
