"""Keys of a site or a monitor: CURVE for the transport, Ed25519 for what it signs.

One text file per owner, mode 0600, made where it is used and never copied.  `SiteKeys.key_id` is
the name under which the centre knows a site.
"""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path

import msgspec
import zmq
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from sdr.source import UserError


class KeyFault(UserError):
    """A key file cannot be used; the text says what to do."""


class _KeyFile(msgspec.Struct, forbid_unknown_fields=True):
    curve_public: str
    curve_secret: str
    sign_secret: str


@dataclass(frozen=True, slots=True)
class Keys:
    """One owner's secrets.  Do not print.

    Attributes
    ----------
    curve_public, curve_secret : bytes
        Z85, 40 characters each, as ZeroMQ takes them.
    signer : Ed25519PrivateKey
    """

    curve_public: bytes
    curve_secret: bytes
    signer: Ed25519PrivateKey

    @property
    def verify_key(self) -> bytes:
        """The 32 bytes by which others check our signatures."""
        return self.signer.public_key().public_bytes_raw()

    @property
    def key_id(self) -> str:
        """Name of this key, see `key_id`."""
        return key_id(self.verify_key)

    def sign(self, digest: bytes) -> bytes:
        """Ed25519 signature, 64 bytes."""
        return self.signer.sign(digest)

    def __repr__(self) -> str:
        """Name the key without its secrets."""
        return f"Keys({self.key_id})"


def key_id(verify_key: bytes) -> str:
    """First 16 hex digits of the SHA-256 of a signing key: short enough to read over the phone."""
    return hashlib.sha256(verify_key).hexdigest()[:16]


def signed_by(verify_key: bytes, digest: bytes, signature: bytes) -> bool:
    """Whether ``signature`` over ``digest`` was made by the owner of ``verify_key``."""
    try:
        Ed25519PublicKey.from_public_bytes(verify_key).verify(signature, digest)
    except (InvalidSignature, ValueError):
        return False
    return True


def make_keys() -> Keys:
    """Fresh keys from the system's randomness."""
    public, secret = zmq.curve_keypair()
    return Keys(public, secret, Ed25519PrivateKey.generate())


def write_keys(path: Path, keys: Keys) -> None:
    """Write a key file that only its owner can read; never overwrites one.

    Raises
    ------
    KeyFault
        There is one already, or the folder cannot be written.
    """
    body = msgspec.json.encode(
        _KeyFile(
            curve_public=keys.curve_public.decode(),
            curve_secret=keys.curve_secret.decode(),
            sign_secret=keys.signer.private_bytes_raw().hex(),
        )
    )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError:
        raise KeyFault("keys.exists", file=str(path)) from None
    except OSError as error:
        raise KeyFault("keys.unwritable", file=str(path), why=error.strerror) from None


def read_keys(path: Path) -> Keys:
    """Read a key file.

    Raises
    ------
    KeyFault
        Missing, damaged, or readable by others.
    """
    try:
        status = path.stat()
        body = path.read_bytes()
    except FileNotFoundError:
        raise KeyFault("keys.missing", file=str(path)) from None
    except OSError as error:
        raise KeyFault("keys.unreadable", file=str(path), why=error.strerror) from None
    if os.name == "posix" and status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise KeyFault("keys.open_to_others", file=str(path))
    try:
        text = msgspec.json.decode(body, type=_KeyFile)
        secret = text.curve_secret.encode()
        if zmq.curve_public(secret) != text.curve_public.encode():
            raise ValueError("curve_public does not belong to curve_secret")
        signer = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(text.sign_secret))
    except (ValueError, zmq.ZMQError) as error:
        raise KeyFault("keys.damaged", file=str(path), why=str(error)) from None
    return Keys(text.curve_public.encode(), secret, signer)


def own_keys(path: Path) -> Keys:
    """Read the key file, made now if this is the first start."""
    if not path.exists():
        write_keys(path, make_keys())
    return read_keys(path)
