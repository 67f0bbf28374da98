"""What a relay brings: an event of a site below, as the site itself signed it, level within level.

The relay can only pass it on.  Each level's signature is checked, and that it was made by the key
which that site is known by here.
"""

from __future__ import annotations

from dashboard.allow_list import AllowList
from dashboard.inbox import Layer
from sensors.keys import key_id, signed_by
from sensors.messages import Event, RelayedEvent
from sensors.renewal import certificate_of
from sensors.wire import Refused, read_event, read_record, record_hash

LEVELS = 4
"""School, county, city, province."""


class StrangeOrigin(Refused):
    """Signed, but not by the key that the site is known by; a person must decide."""

    def __init__(self, site: str, signer: bytes) -> None:
        super().__init__("signature", f"{site} {key_id(signer)}")


def unwrap(event: RelayedEvent, trust: AllowList | None) -> tuple[Event, tuple[Layer, ...]]:
    """The event inside, and the records that it came in, its own last.

    Parameters
    ----------
    event : RelayedEvent
    trust : AllowList or None
        Knows the keys of the sites below; None believes every one.

    Raises
    ------
    Refused
        ``signature``: something was changed on the way; as `StrangeOrigin`: not its key.
    """
    relay, inner = event.site, event
    layers: list[Layer] = []
    for _ in range(LEVELS):
        signer, digest = inner.verify_key, record_hash(inner.record)
        if not signed_by(signer, digest, inner.signature):
            break
        record = read_record(inner.record)
        opened = read_event(record.payload)
        layers.append(Layer(opened.site, record.epoch.hex(), record.seq, digest, record.previous))
        if trust is not None:
            if not trust.pinned(relay, opened.site, signer):
                raise StrangeOrigin(opened.site, signer)
            if (certificate := certificate_of(opened, signer)) is not None:
                trust.succeed_below(relay, opened.site, signer, certificate)
        if not isinstance(opened, RelayedEvent):
            return opened, tuple(layers)
        inner = opened
    raise Refused("signature", "relayed")
