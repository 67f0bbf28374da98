"""Events that are shown before their turn: an alarm of this moment while a backlog of days drains.

Nothing is stored or acknowledged for one; its record comes in its place, behind older ones, which
by then say what is over.
"""

from __future__ import annotations

from collections import OrderedDict

from sqlalchemy import Connection

from dashboard.alarms import Alarm
from dashboard.chain import Chain
from dashboard.desk import Desk, alarm_id
from dashboard.followed import Followed
from dashboard.inbox import Early, Incoming
from dashboard.records import home_of_emitter
from dashboard.relayed import unwrap
from sensors.messages import Ahead, EmitterEvent, RelayedEvent, Signed
from sensors.wire import Refused, read_record

MOST = 10_000
"""Emitters; beyond, the one that was shown longest ago is forgotten."""


def peek(chain: Chain, followed: Followed, ahead: Ahead, now_ns: int) -> Early | None:
    """Look at a record before its turn; None when it had it, or is about no emitter.

    Raises
    ------
    Refused
        As `Chain.take`, but nothing is held for it: in its turn it will be.
    """
    if ahead.verify_key:
        return _peek_below(chain, followed, ahead, now_ns)
    signed = Signed(ahead.record, ahead.signature)
    record, digest, signer = chain.verify(signed)
    if record.seq <= chain.taken.seq:
        return None
    try:
        incoming = chain.open(record, signed, digest, now_ns)
    except Refused:
        chain.held = ""
        raise
    return Early(incoming, signer) if isinstance(incoming.event, EmitterEvent) else None


def _peek_below(chain: Chain, followed: Followed, ahead: Ahead, now_ns: int) -> Early | None:
    """The same of a record that a site below has signed, and that its relay has not in its turn."""
    if not chain.relay:
        raise Refused("signature", "not a relay")
    if chain.held:
        raise Refused("held", chain.held)
    event, layers = unwrap(
        RelayedEvent(chain.site, 1, ahead.verify_key, ahead.record, ahead.signature), chain.trust
    )
    if followed.has_passed(layers[-1]) or not isinstance(event, EmitterEvent):
        return None
    own = layers[-1]
    record = read_record(ahead.record)
    return Early(
        Incoming(
            peer=chain.peer,
            epoch=own.epoch,
            seq=own.seq,
            event=event,
            time_ns=record.time_ns,
            received_ns=now_ns,
            clock_offset_ns=record.offset_ns,
            record=ahead.record,
            signature=ahead.signature,
            hash=own.hash,
            layers=layers,
        ),
        ahead.verify_key,
    )


class Turns:
    """Gives emitters' events to the desk, in their turn and before it.

    Parameters
    ----------
    desk : Desk
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._shown: OrderedDict[tuple[str, str], tuple[str, int]] = OrderedDict()

    def fold(
        self, connection: Connection, item: Incoming, now_ns: int, *, early: bool = False
    ) -> Alarm | None:
        """Alarm of an event after it; a forgotten one is first fetched back.  None: no emitter's.

        An event that is older than the state which was shown early changes nothing.
        """
        event = item.event
        if item.repeated or not isinstance(event, EmitterEvent):
            return None
        emitter = event.sensor, event.emitter
        home = self._desk.home(event)
        if home is None and (home := home_of_emitter(connection, *emitter)) is not None:
            self._desk.load(home)
        if early:
            self._shown[emitter] = item.place
            if len(self._shown) > MOST:
                self._shown.popitem(last=False)
        else:
            epoch, seq = self._shown.get(emitter, ("", 0))
            if home is not None and item.place[0] == epoch and item.place[1] < seq:
                return home
            self._shown.pop(emitter, None)
        return self._desk.fold(event, alarm_id(item.peer, item.epoch, item.seq), now_ns)
