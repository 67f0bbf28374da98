"""Who may speak at a monitor: a public key is a site, and the keys of a site follow one another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from sensors.keys import key_id
from sensors.renewal import Certificate
from sensors.wire import Refused


@dataclass(frozen=True, slots=True)
class Peer:
    """A site that may speak here.

    Attributes
    ----------
    site : str
        The only site whose events it may send.
    verify_key : bytes
        Ed25519.
    relay : bool
        A monitor of the level below: it also brings what sites there have signed.
    name : str
        Key id of the first of its keys: under this name its records are stored for ever.  Empty:
        of this key.
    signers : tuple of bytes
        Signing keys of the site that are not revoked, this one among them.  Empty: this one.
    follows : bool
        Whether the key before this one is still let in.
    """

    site: str
    verify_key: bytes
    relay: bool = False
    name: str = ""
    signers: tuple[bytes, ...] = ()
    follows: bool = False

    @property
    def peer(self) -> str:
        """Under which its records are stored."""
        return self.name or key_id(self.verify_key)


@dataclass(frozen=True, slots=True)
class Entry:
    """One key of the allow-list; times are 0 where there is none.

    Attributes
    ----------
    name : str
        Key id of the first key of this site's line.
    follows : str
        Key id of the one that signed this one; empty for the first.
    replaced_ns : int
        When the key after it was first used.
    """

    curve: str
    verify: str
    key: str
    site: str
    added_ns: int
    expires_ns: int
    revoked_ns: int
    relay: int
    name: str = ""
    follows: str = ""
    replaced_ns: int = 0

    def state(self, now_ns: int) -> str:
        """``valid``, ``revoked``, ``replaced`` or ``expired``."""
        if self.revoked_ns:
            return "revoked"
        if self.replaced_ns:
            return "replaced"
        return "expired" if 0 < self.expires_ns <= now_ns else "valid"


class AllowList(Protocol):
    """Whoever decides which public key is which site."""

    def admit(self, user: bytes) -> Peer:
        """Site of a public CURVE key (Z85).

        Raises
        ------
        Refused
            ``unknown``, ``revoked`` or ``expired``.
        """
        ...

    def succeed(self, signer: bytes, certificate: Certificate) -> None:
        """The owner of a signing key will come with other keys; may be said twice."""
        ...

    def settle(self, user: bytes) -> None:
        """A site has come with its new key: the ones before it are let in no more."""
        ...

    def pinned(self, relay: str, site: str, signer: bytes) -> bool:
        """Whether a site of the level below signs with this key; the first one is believed."""
        ...

    def succeed_below(self, relay: str, site: str, signer: bytes, certificate: Certificate) -> None:
        """A site of the level below will sign with another key; may be said twice."""
        ...

    def is_enrolled(self, site: str) -> bool:
        """Whether a site has a key of its own here that is not revoked: no relay speaks for it."""
        ...


class FixedList:
    """An allow-list in memory; what a relay brings is believed."""

    def __init__(self, peers: Mapping[bytes, Peer]) -> None:
        self.peers = peers

    def admit(self, user: bytes) -> Peer:
        """See `AllowList.admit`."""
        peer = self.peers.get(user)
        if peer is None:
            raise Refused("unknown", user.decode("ascii", "replace"))
        return peer

    def succeed(self, signer: bytes, certificate: Certificate) -> None:
        """A fixed list takes nobody in."""

    def settle(self, user: bytes) -> None:
        """A fixed list lets nobody go."""

    def pinned(self, relay: str, site: str, signer: bytes) -> bool:
        """See `AllowList.pinned`."""
        return True

    def succeed_below(self, relay: str, site: str, signer: bytes, certificate: Certificate) -> None:
        """Nothing is pinned here."""

    def is_enrolled(self, site: str) -> bool:
        """See `AllowList.is_enrolled`."""
        return any(peer.site == site and not peer.relay for peer in self.peers.values())
