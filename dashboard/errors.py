"""What can go wrong at the centre in a way that a person can put right."""

from __future__ import annotations

from sensors.toml import UserError


class StoreError(UserError):
    """The database cannot be opened or is not ours."""


class PortBusy(UserError):
    """Another program listens there."""


class Refused(UserError):
    """A request that the rules do not allow; over HTTP it is answered with ``status``."""

    def __init__(self, message_id: str, status: int = 400, **fields: object) -> None:
        super().__init__(message_id, **fields)
        self.status = status
