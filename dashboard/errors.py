"""What can go wrong at the centre in a way that a person can put right."""

from __future__ import annotations

import msgspec

from sensors.toml import UserError

NOT_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What comes out of reading somebody else's JSON; sixty thousand ``[`` are the last one."""


class StoreError(UserError):
    """The database cannot be opened or is not ours."""


class PortBusy(UserError):
    """Another program listens there."""


class Refused(UserError):
    """A request that the rules do not allow; over HTTP it is answered with ``status``."""

    def __init__(self, message_id: str, status: int = 400, **fields: object) -> None:
        super().__init__(message_id, **fields)
        self.status = status
