"""Passwords: scrypt from the standard library, with its cost beside each hash.

scrypt is memory-hard like argon2 and needs no compiled dependency; 2^15 x 8 takes 32 MB and about a
tenth of a second, and can be raised later: old hashes say what they were made with.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets

COST, BLOCK, LANES = 2**15, 8, 1
MAX_MEMORY = 2**27


def hash_password(password: str) -> str:
    """Make ``scrypt$cost$block$lanes$salt$hash``."""
    salt = secrets.token_bytes(16)
    digest = _scrypt(password, salt, COST, BLOCK, LANES)
    fields = (base64.b64encode(part).decode() for part in (salt, digest))
    return f"scrypt${COST}${BLOCK}${LANES}${'$'.join(fields)}"


def check_password(password: str, stored: str) -> bool:
    """Compare in constant time."""
    _, cost, block, lanes, salt, digest = stored.split("$")
    found = _scrypt(password, base64.b64decode(salt), int(cost), int(block), int(lanes))
    return hmac.compare_digest(found, base64.b64decode(digest))


def _scrypt(password: str, salt: bytes, cost: int, block: int, lanes: int) -> bytes:
    return hashlib.scrypt(
        password.encode(), salt=salt, n=cost, r=block, p=lanes, maxmem=MAX_MEMORY, dklen=32
    )
