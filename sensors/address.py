"""Addresses and keys of a centre as people write them into a file."""

from __future__ import annotations

import re

import msgspec
from zmq.utils.z85 import Z85CHARS

from sensors.messages import Id

_TCP = re.compile(r"tcp://(?P<host>[A-Za-z0-9._-]+|\[[0-9a-fA-F:.]+\]):(?P<port>[0-9]{1,5})")
HIGHEST_PORT = 65_532
"""Of the events: the other planes and the enrolment take the next three."""
LOOPBACK = re.compile(r"localhost|127(\.[0-9]{1,3}){3}|\[::1\]")
KEY_CHARACTERS = 40


def can_be_dialled(address: str) -> bool:
    """Whether this names a host and a port, as a site needs them.

    Examples
    --------
    >>> can_be_dialled("tcp://city.example:8471"), can_be_dialled("tcp://*:8471")
    (True, False)
    """
    match = _TCP.fullmatch(address)
    return match is not None and 0 < int(match["port"]) <= HIGHEST_PORT


def is_loopback(address: str) -> bool:
    """Whether it is on this machine, where keys are not needed."""
    match = _TCP.fullmatch(address)
    return match is not None and LOOPBACK.fullmatch(match["host"]) is not None


def is_key(text: str) -> bool:
    """Whether this can be a public key: 40 characters of Z85."""
    return len(text) == KEY_CHARACTERS and set(text.encode()) <= set(Z85CHARS)


def is_id(text: str) -> bool:
    """Whether a site may be called so.

    Examples
    --------
    >>> is_id("gd/school-3"), is_id("../keys"), is_id("school 3")
    (True, False, False)
    """
    try:
        return bool(msgspec.convert(text, Id))
    except msgspec.ValidationError:
        return False
