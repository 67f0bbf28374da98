"""Everything that arrives on the events plane in one short moment, from frames to answers.

No socket, no clock: the receiver gives raw frames with their times and gets back what to send to
whom, after the store has committed.  If the store cannot, nothing is answered and the sites send it
again.  Every frame that is dropped is counted by its reason and, once per peer and reason, logged.
"""

from __future__ import annotations

import os
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Literal

from dashboard.arrival import Arrival as Arrival
from dashboard.arrival import Outcome as Outcome
from dashboard.arrival import StoreFailed as StoreFailed
from dashboard.chain import Chain, Doubtful, Missing
from dashboard.early import peek
from dashboard.flood import Flood
from dashboard.followed import Followed
from dashboard.inbox import Breach, Early, Incoming, Item, Past, Store
from dashboard.keyring import AllowList, Peer
from sensors.messages import Ahead, Answer, Down, Heartbeat, Hello, Pulse, Signed, Who
from sensors.wire import EVENTS_UP, Refused

MAX_SESSIONS = 10_000
"""Connections that are remembered; the one that was quiet longest is asked who it is again."""


@dataclass(slots=True)
class _Answer:
    """What is owed to a route after the commit."""

    chain: Chain
    kind: Literal["greeting", "ack", "refuse"]
    time_ns: int
    resend: bool = False


class Intake:
    """All sites of one monitor.

    Parameters
    ----------
    store : Store
    monitor : str
        Our own id.
    allow : AllowList, optional
        Asked for every single message.  None without keys: then a connection is whoever its
        greeting says, which is why that is for loopback only.

    Attributes
    ----------
    chains : dict of str to Chain
        By key id.
    routes : dict of str to bytes
        Where a site's last heartbeat came from: commands go there.
    below : dict of str to str
        The relay that brings a site of the level below.
    counts : Counter
        ``batches``, ``events``, ``refused_<reason>`` and the like.
    """

    def __init__(self, store: Store, monitor: str, allow: AllowList | None = None) -> None:
        self.store = store
        self.monitor = monitor
        self.allow = allow
        self.chains: dict[str, Chain] = {}
        self.counts: Counter[str] = Counter()
        self.routes: dict[str, bytes] = {}
        self.below: dict[str, str] = {}
        self.make_chain: type[Chain] = Chain
        self.make_challenge: Callable[[], bytes] = partial(os.urandom, 16)
        self._challenges: OrderedDict[bytes, bytes] = OrderedDict()
        self._sessions: OrderedDict[bytes, Chain] = OrderedDict()
        self._followed = Followed(store)
        self._flood = Flood()
        self._why: Exception | None = None

    def process(self, arrivals: Iterable[Arrival]) -> Outcome:
        """Decode, check, store in one transaction, then answer those of whom it was stored.

        Raises
        ------
        StoreFailed
            The store took nothing at all.
        """
        outcome = Outcome()
        batch, answers = list[Item](), dict[bytes, _Answer]()
        for arrival in arrivals:
            try:
                self._one(arrival, batch, answers, outcome)
            except Refused as refused:
                self.counts[f"refused_{refused.reason}"] += 1
                outcome.refused.append((refused.reason, self._name(arrival), refused.detail))
        failed = self._store(batch)
        self._followed.settle(stored=not failed)
        for answer in answers.values():
            if answer.chain.peer in failed:
                answer.chain.restart()
            else:
                answer.chain.commit()
        batch = [item for item in batch if item.peer not in failed]
        outcome.events = [item for item in batch if isinstance(item, Incoming)]
        outcome.early = [item for item in batch if isinstance(item, Early)]
        self.counts["events"] += len(outcome.events)
        self.counts["breaches"] += sum(isinstance(item, Breach) for item in batch)
        for route, answer in answers.items():
            if answer.chain.peer not in failed:
                outcome.replies.append((route, self._say(answer)))
        if failed and not batch:
            raise StoreFailed(self._why, outcome)
        return outcome

    def _store(self, batch: list[Item]) -> set[str]:
        """Commit; returns the peers of whom nothing could be stored.

        What cannot be stored may be one site's event and not the disk: then the others' go in.
        """
        if not batch:
            return set()
        parts = [batch]
        peers = {item.peer for item in batch}
        failed: set[str] = set()
        while parts:
            part = parts.pop()
            try:
                self.store.ingest(part)
                self.counts["batches"] += 1
            except Exception as error:
                self.counts["failed_batches"] += 1
                self._why = error
                theirs = {item.peer for item in part}
                if len(theirs) == 1:
                    failed |= theirs
                elif len(parts) == 0 and theirs == peers:
                    parts = [[item for item in batch if item.peer == peer] for peer in peers]
        return failed

    def _one(
        self,
        arrival: Arrival,
        batch: list[Item],
        answers: dict[bytes, _Answer],
        outcome: Outcome,
    ) -> None:
        self._flood.check(self._who(arrival), arrival.time_ns)
        message = EVENTS_UP.decode(arrival.frames)
        allowed = self._allowed(arrival)
        if isinstance(message, Hello):
            self._greeting(message, allowed, arrival, batch, answers, outcome)
            return
        known = self._session(arrival, allowed)
        if known is None:
            outcome.replies.append((arrival.route, Who()))
            chain = self._sessions.get(self._who(arrival))
            site = allowed.site if allowed else chain.site if chain else ""
            if isinstance(message, Heartbeat) and message.site == site:
                outcome.heartbeats.append(message)  # after a failed batch it still is who it was
                return
            if allowed is None:
                raise Refused("unknown", "no greeting")
            self.counts["asked_who"] += 1  # we know its key: one of us began anew, no stranger
            return
        if isinstance(message, Heartbeat):
            if message.site != known.site and not self._may_tell_of(message.site, known):
                raise Refused("site", message.site)
            outcome.heartbeats.append(message)
            if message.site != known.site:
                if message.site in self.below or len(self.below) < MAX_SESSIONS:
                    self.below[message.site] = known.site
                return  # of a site below: its clock is none of ours
            pulse = Pulse(message.time_ns, arrival.time_ns, arrival.time_ns)
            outcome.replies.append((arrival.route, pulse))
            self.routes[known.site] = arrival.route
        elif isinstance(message, Answer):
            outcome.answers.append((known.site, message))
        elif isinstance(message, Signed):
            self._record(message, known, arrival, batch, answers)
        elif isinstance(message, Ahead) and (
            early := peek(known, self._followed, message, arrival.time_ns)
        ):
            self.counts["early"] += 1
            batch.append(early)

    def _may_tell_of(self, site: str, known: Chain) -> bool:
        """A heartbeat is not signed: of a site that comes itself no relay says that it lives."""
        return known.relay and (self.allow is None or not self.allow.is_enrolled(site))

    def _greeting(
        self,
        hello: Hello,
        allowed: Peer | None,
        arrival: Arrival,
        batch: list[Item],
        answers: dict[bytes, _Answer],
        outcome: Outcome,
    ) -> None:
        chain = self._chain(hello, allowed)
        challenge = self._challenges.get(arrival.route)
        try:
            batch += chain.greet(
                hello,
                lambda: self._past(chain, hello),
                arrival.time_ns,
                fresh=challenge is not None and hello.answer == challenge,
            )
        except Doubtful:
            if challenge is None:
                challenge = self._challenges[arrival.route] = self.make_challenge()
                if len(self._challenges) > MAX_SESSIONS:
                    self._challenges.popitem(last=False)
            outcome.replies.append((arrival.route, Who(challenge)))
            return
        if allowed is not None and allowed.follows and self.allow is not None:
            self.allow.settle(arrival.user)
        self._challenges.pop(arrival.route, None)
        self._sessions[self._who(arrival)] = chain
        if len(self._sessions) > MAX_SESSIONS:
            self._sessions.popitem(last=False)
        answers[arrival.route] = _Answer(chain, "greeting", arrival.time_ns)

    def _record(
        self,
        signed: Signed,
        chain: Chain,
        arrival: Arrival,
        batch: list[Item],
        answers: dict[bytes, _Answer],
    ) -> None:
        owed = answers.setdefault(arrival.route, _Answer(chain, "ack", arrival.time_ns))
        try:
            items = chain.take(signed, arrival.time_ns)
        except Missing:
            owed.resend = True
            return
        except Refused:
            if chain.held:
                owed.kind = "refuse"
            raise
        if chain.held:
            owed.kind = "refuse"
        for item in items:
            if isinstance(item, Incoming):
                batch += self._followed.place(item, chain.site)
            else:
                batch.append(item)

    def _say(self, answer: _Answer) -> Down:
        if answer.kind == "ack" and not answer.chain.held:
            return answer.chain.ack(answer.resend)
        return answer.chain.reply(answer.time_ns)

    def _allowed(self, arrival: Arrival) -> Peer | None:
        return None if self.allow is None else self.allow.admit(arrival.user)

    def _chain(self, hello: Hello, allowed: Peer | None) -> Chain:
        if allowed is not None:
            if hello.verify_key != allowed.verify_key:
                raise Refused("signature", "greeting names another signing key")
            if hello.site != allowed.site:
                raise Refused("site", hello.site)
        relay = allowed.relay if allowed is not None else True
        fresh = self.make_chain(hello.verify_key, hello.site, self.monitor, relay)
        fresh.trust = self.allow
        chain = self.chains.setdefault(allowed.peer if allowed is not None else fresh.peer, fresh)
        if chain.site != hello.site:
            raise Refused("site", hello.site)
        if allowed is not None:
            chain.comes_with(hello.verify_key, allowed.peer, allowed.signers)
        if len(self.chains) > MAX_SESSIONS:
            del self.chains[chain.peer]
            raise Refused("unknown", "too many sites")
        return chain

    def _session(self, arrival: Arrival, allowed: Peer | None) -> Chain | None:
        who = self._who(arrival)
        chain = self._sessions.get(who)
        if chain is None or chain.hello is None:
            return None
        if allowed is not None and allowed.verify_key not in chain.signers:
            del self._sessions[who]  # the allow-list gives this key to somebody else now
            return None
        self._sessions.move_to_end(who)
        return chain

    def _who(self, arrival: Arrival) -> bytes:
        return arrival.user if self.allow is not None else arrival.route

    def _past(self, chain: Chain, hello: Hello) -> Past:
        epoch, epochs = hello.epoch.hex(), self.store.epochs(chain.peer)
        known = self.store.last(chain.peer, epoch)
        return Past(known or self._followed.before(hello.site, epoch, hello.first_seq), epochs)

    def _name(self, arrival: Arrival) -> str:
        chain = self._sessions.get(self._who(arrival))
        return chain.peer if chain is not None else arrival.user.decode("ascii", "replace") or "?"
