"""Who may do what: one table of roles, tokens and sessions; enforced here, never in the page."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from dashboard.errors import Refused

Permission = Literal["view", "act", "audit"]
Role = Literal["technician", "officer", "radio", "supervisor", "auditor", "admin"]

ROLES: dict[Role, frozenset[Permission]] = {
    "technician": frozenset(("view",)),
    "officer": frozenset(("view", "act")),
    "radio": frozenset(("view", "act")),
    "supervisor": frozenset(("view", "act", "audit")),
    "auditor": frozenset(("view", "audit")),
    "admin": frozenset(("view", "act", "audit")),
}
"""The whole of it: a permission that is not here is not given."""

SESSION_S = 12 * 3600.0
MAX_FAILURES = 10
FAILURE_WINDOW_S = 60.0


@dataclass(frozen=True, slots=True)
class Identity:
    """Who makes a request.

    Attributes
    ----------
    name : str
        Goes into actions and the audit log.
    role : Role
    """

    name: str
    role: Role

    def may(self, permission: Permission) -> bool:
        """Whether the role has a permission."""
        return permission in ROLES[self.role]


@dataclass
class Door:
    """Tokens and sessions.

    Parameters
    ----------
    token : str
        The API token: for scripts, and for the link that opens the page.
    cookie : str
        Name of the session's cookie: two monitors on one host need two, cookies know no ports.
    clock_s : callable
        Monotonic seconds.
    """

    token: str
    cookie: str = "rfproctor"
    clock_s: Callable[[], float] = time.monotonic
    _sessions: dict[str, tuple[Identity, float]] = field(default_factory=dict)
    _failures: list[float] = field(default_factory=list)

    def by_token(self, token: str) -> Identity:
        """Check an API token.

        Raises
        ------
        Refused
            Wrong (401), or too many wrong ones lately (429).
        """
        # The right one is never refused: strangers must not be able to lock us out.
        if hmac.compare_digest(token.encode(), self.token.encode()):
            return Identity("operator", "admin")
        now_s = self.clock_s()
        self._failures = [t for t in self._failures if now_s - t < FAILURE_WINDOW_S]
        if len(self._failures) >= MAX_FAILURES:
            wait_s = FAILURE_WINDOW_S - (now_s - self._failures[0])
            raise Refused("http.too_many_tries", 429, seconds=round(wait_s) + 1)
        self._failures.append(now_s)
        raise Refused("http.bad_token", 401)

    def open_session(self, identity: Identity) -> str:
        """Begin a session; the returned key goes into the cookie, only its hash stays here."""
        key = secrets.token_urlsafe(32)
        now_s = self.clock_s()
        self._sessions = {k: v for k, v in self._sessions.items() if v[1] > now_s}
        self._sessions[_digest(key)] = (identity, now_s + SESSION_S)
        return key

    def by_session(self, key: str) -> Identity | None:
        """Find who has this session; None when it is unknown or over."""
        identity, until_s = self._sessions.get(_digest(key), (None, 0.0))
        return identity if self.clock_s() < until_s else None

    def close_session(self, key: str) -> None:
        """End a session."""
        self._sessions.pop(_digest(key), None)


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
