"""One row of the table of endpoints: address, permission and types."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from msgspec import Struct

from dashboard.access import Permission
from dashboard.answers import Call
from dashboard.guard import MAX_BODY


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One address.

    Attributes
    ----------
    method, path : str
        ``{name}`` is one step of the path, ``{name:path}`` the rest of it.
    summary : str
    permission : Permission
    answer : type
        Of the JSON answer.
    run : callable
        Plain function of a `Call`; it runs in a thread and may read the store.
    query, body : type or None
        Structs that parameters and request body must match.
    refuses : tuple of int
        Status codes besides the ones that every endpoint has.
    media : str
        Anything but JSON is a file to save: then ``run`` answers with a `dashboard.saving.Saved`.
    max_body : int
        Bytes.
    waits : bool
        It may take two persons: then it is answered with 202 and an `dashboard.approvals.Approval`.
    """

    method: str
    path: str
    summary: str
    permission: Permission
    answer: Any
    run: Callable[[Call], object]
    query: type[Struct] | None = None
    body: type[Struct] | None = None
    refuses: tuple[int, ...] = ()
    media: str = "application/json"
    max_body: int = MAX_BODY
    waits: bool = False
