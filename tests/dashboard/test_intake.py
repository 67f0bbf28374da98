"""The monitor's half of the sequence: what is taken, what is refused and by which name."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
import pytest

from dashboard.inbox import Breach, Early, Incoming, Item, Standing
from dashboard.intake import Arrival, Intake, Outcome, StoreFailed
from dashboard.keyring import FixedList, Peer
from sensors.keys import Keys, make_keys
from sensors.messages import (
    RECORD_VERSION,
    Ack,
    Heartbeat,
    Hello,
    Note,
    NoticeEvent,
    Pulse,
    Record,
    Refuse,
    RelayedEvent,
    Signed,
    Welcome,
    Who,
)
from sensors.outbox_record import NO_HASH
from sensors.wire import encode, pack, record_hash
from tests.dashboard.conftest import ListLayers

NOW = 1_800_000_000_000_000_000


class ListStore:
    """A store that keeps what it was given, and fails when told to."""

    def __init__(self) -> None:
        self.items: list[Item] = []
        self.standings: dict[tuple[str, str], Standing] = {}
        self.layers = ListLayers()
        self.fails = False
        self.poison = ""

    def ingest(self, batch: Sequence[Item]) -> None:
        if self.fails or any(item.peer == self.poison for item in batch):
            raise OSError("disk")
        self.items += batch
        for item in batch:
            if isinstance(item, Early):
                continue
            key = (item.peer, item.epoch)
            if isinstance(item, Incoming):
                self.standings[key] = Standing(item.seq, item.hash)
            elif item.kind == "gap":
                self.standings[key] = Standing(item.last_seq, item.hash)

    def last(self, peer: str, epoch: str) -> Standing | None:
        return self.standings.get((peer, epoch))

    def epochs(self, peer: str) -> list[str]:
        return [epoch for known, epoch in self.standings if known == peer]

    @property
    def breaches(self) -> list[str]:
        return [item.kind for item in self.items if isinstance(item, Breach)]

    @property
    def events(self) -> list[Incoming]:
        return [item for item in self.items if isinstance(item, Incoming)]


class Site:
    """Makes what a site would send."""

    def __init__(self, intake: Intake, keys: Keys | None = None, epoch: bytes = b"e" * 16) -> None:
        self.intake = intake
        self.keys = keys or make_keys()
        self.epoch = epoch
        self.route = b"r1"
        self.records: list[Signed] = []
        self.head = NO_HASH
        self.first = 1

    def record(self, site: str = "school-3", payload: bytes | None = None) -> Signed:
        event = NoticeEvent(site, f"{site}/hall", "info", Note(f"n{len(self.records)}"), NOW)
        body = pack(
            Record(
                RECORD_VERSION,
                self.epoch,
                len(self.records) + 1,
                NOW,
                0,
                bytes(16),
                -5,
                msgspec.msgpack.encode(event) if payload is None else payload,
                self.head,
            )
        )
        self.head = record_hash(body)
        self.records.append(Signed(body, self.keys.sign(self.head)))
        return self.records[-1]

    def hello(self, **changes: object) -> Hello:
        hello = Hello(
            low=1,
            high=1,
            site="school-3",
            verify_key=self.keys.verify_key,
            epoch=self.epoch,
            first_seq=self.first,
            last_seq=len(self.records),
            head=self.head,
            boot=bytes(16),
        )
        return msgspec.structs.replace(hello, **changes)

    def say(self, *messages: msgspec.Struct) -> Outcome:
        user = self.keys.curve_public if self.intake.allow is not None else b""
        return self.intake.process([Arrival(self.route, user, encode(m), NOW) for m in messages])


@pytest.fixture
def store() -> ListStore:
    return ListStore()


@pytest.fixture
def site(store: ListStore) -> Site:
    return Site(Intake(store, "city"))


def only(outcome: Outcome, kind: type) -> msgspec.Struct:
    assert [type(reply) for _, reply in outcome.replies] == [kind]
    return outcome.replies[0][1]


def test_greeting_then_events_then_one_cumulative_ack(site: Site, store: ListStore) -> None:
    welcome = only(site.say(site.hello()), Welcome)
    assert (welcome.seq, welcome.hash, welcome.monitor) == (0, NO_HASH, "city")
    outcome = site.say(*[site.record() for _ in range(5)])
    ack = only(outcome, Ack)
    assert (ack.seq, ack.hash, ack.resend) == (5, site.head, False)
    assert [event.seq for event in store.events] == [1, 2, 3, 4, 5]
    assert outcome.events == store.events
    first = store.events[0]
    assert (first.peer, first.epoch) == (site.keys.key_id, site.epoch.hex())
    assert (first.time_ns, first.clock_offset_ns) == (NOW, -5)


def test_a_repetition_is_acknowledged_and_not_stored(site: Site, store: ListStore) -> None:
    site.say(site.hello(), site.record())
    outcome = site.say(site.records[0], site.records[0])
    assert only(outcome, Ack).seq == 1
    assert len(store.events) == 1


def test_what_comes_too_early_is_asked_for_again(site: Site, store: ListStore) -> None:
    site.say(site.hello())
    site.record()
    ack = only(site.say(site.record()), Ack)
    assert (ack.seq, ack.resend, store.events) == (0, True, [])


def test_nothing_is_answered_when_the_store_fails(site: Site, store: ListStore) -> None:
    site.say(site.hello())
    site.record()
    store.fails = True
    beat = Heartbeat("school-3", "x", NOW, NOW, [])
    with pytest.raises(StoreFailed, match="disk") as failed:
        site.say(site.records[0], beat)
    assert failed.value.outcome.heartbeats == [beat]  # it is not the site that is silent
    assert [type(reply) for _, reply in failed.value.outcome.replies] == [Pulse]
    assert site.say(beat).heartbeats == [beat]  # also before it greets again
    store.fails = False
    assert isinstance(only(site.say(site.records[0]), Who), Who)  # greet again: we forgot
    assert only(site.say(site.hello()), Welcome).seq == 0
    assert only(site.say(site.records[0]), Ack).seq == 1


def test_one_sites_event_that_cannot_be_stored_does_not_stop_the_others(
    site: Site, store: ListStore
) -> None:
    other = Site(site.intake)
    other.route = b"r2"
    site.say(site.hello())
    other.say(other.hello())
    store.poison = site.keys.key_id
    arrivals = [
        Arrival(each.route, b"", encode(each.record()), NOW) for each in (site, other, site, other)
    ]
    outcome = site.intake.process(arrivals)
    assert [(route, type(reply)) for route, reply in outcome.replies] == [(b"r2", Ack)]
    assert [event.peer for event in outcome.events] == [other.keys.key_id] * 2
    assert store.events == outcome.events
    store.poison = ""
    only(site.say(site.records[0]), Who)
    assert only(site.say(site.hello()), Welcome).seq == 0


def test_an_unknown_connection_is_asked_who_it_is(site: Site) -> None:
    outcome = site.say(site.record())
    only(outcome, Who)
    assert [reason for reason, _, _ in outcome.refused] == ["unknown"]


def test_an_older_database_of_our_own_is_noticed(store: ListStore) -> None:
    site = Site(Intake(store, "city"))
    site.say(site.hello(), site.record(), site.record(), site.record())
    older = ListStore()
    older.standings = {
        key: Standing(1, record_hash(site.records[0].record)) for key in store.standings
    }
    site.intake = Intake(older, "city")
    assert only(site.say(site.hello(acked=3)), Welcome).seq == 1
    only(site.say(site.hello(acked=3)), Welcome)
    (breach,) = older.items
    assert isinstance(breach, Breach)
    assert (breach.kind, breach.first_seq, breach.last_seq) == ("restored", 2, 3)
    site.say(*site.records[1:])
    assert [event.seq for event in older.events] == [2, 3]


def test_a_site_on_the_list_that_did_not_greet_is_no_stranger(store: ListStore) -> None:
    """After each start of the monitor that is every site."""
    keys = make_keys()
    peers = {keys.curve_public: Peer("school-3", keys.verify_key)}
    site = Site(Intake(store, "city", FixedList(peers)), keys)
    outcome = site.say(site.record())
    only(outcome, Who)
    assert (outcome.refused, store.items) == ([], [])
    assert site.intake.counts["asked_who"] == 1


def test_a_restarted_monitor_goes_on_where_the_store_is(site: Site, store: ListStore) -> None:
    site.say(site.hello(), site.record(), site.record())
    site.intake = Intake(store, "city")
    welcome = only(site.say(site.hello()), Welcome)
    assert (welcome.seq, welcome.hash) == (2, site.head)
    assert only(site.say(site.record()), Ack).seq == 3


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda s: msgspec.structs.replace(s, signature=bytes(64)), "signature"),
        (lambda s: Signed(s.record[:-1] + bytes([s.record[-1] ^ 1]), s.signature), "signature"),
        (lambda s: Signed(b"\x90", s.signature), "record"),
        (lambda s: Signed(s.record, make_keys().sign(record_hash(s.record))), "signature"),
    ],
)
def test_forgeries_are_refused_by_name(
    site: Site, store: ListStore, spoil: Callable[[Signed], Signed], reason: str
) -> None:
    site.say(site.hello())
    outcome = site.say(spoil(site.record()))
    assert [r for r, _, _ in outcome.refused] == [reason]
    assert store.items == []
    assert only(site.say(site.records[0]), Ack).seq == 1  # the true one is still welcome


def test_a_record_of_another_epoch_is_refused(site: Site) -> None:
    site.say(site.hello())
    other = Site(site.intake, site.keys, b"x" * 16)
    assert [r for r, _, _ in site.say(other.record()).refused] == ["record"]


def test_an_event_in_anothers_name_holds_the_site(site: Site, store: ListStore) -> None:
    site.say(site.hello())
    outcome = site.say(site.record(site="school-4"))
    assert [r for r, _, _ in outcome.refused] == ["site"]
    assert only(outcome, Refuse).reason == "wire.site"
    assert store.items == []


def test_an_event_that_we_cannot_read_holds_the_site(site: Site, store: ListStore) -> None:
    site.say(site.hello())
    outcome = site.say(site.record(payload=msgspec.msgpack.encode({"type": "telepathy"})))
    assert only(outcome, Refuse).reason == "wire.payload"
    assert store.items == []


def fresh_hello(site: Site, **changes: object) -> Outcome:
    """Greet, and answer the challenge that a doubtful greeting gets."""
    who = only(site.say(site.hello(**changes)), Who)
    assert isinstance(who, Who)
    return site.say(site.hello(answer=who.challenge, **changes))


def test_an_old_greeting_makes_no_alarm(site: Site, store: ListStore) -> None:
    old = site.hello()
    site.say(old, site.record(), site.record())
    only(site.say(old), Who)
    assert only(site.say(site.record()), Ack).seq == 3
    assert store.breaches == []


def test_a_rolled_back_outbox_is_an_alarm_and_is_held(site: Site, store: ListStore) -> None:
    site.say(site.hello(), site.record(), site.record(), site.record())
    outcome = fresh_hello(site, last_seq=1, head=record_hash(site.records[0].record))
    assert only(outcome, Refuse).reason == "wire.rollback"
    assert store.breaches == ["rollback"]
    outcome = site.say(site.record())
    assert [r for r, _, _ in outcome.refused] == ["held"]
    assert len(store.events) == 3
    assert only(site.say(site.hello()), Refuse).reason == "wire.rollback"  # still
    assert store.breaches == ["rollback"]


def test_another_record_of_a_known_number_is_a_fork(site: Site, store: ListStore) -> None:
    twin = Site(site.intake, site.keys)
    site.say(site.hello(), site.record(), site.record())
    site.say(
        twin.record(
            payload=msgspec.msgpack.encode(
                NoticeEvent("school-3", "school-3/hall", "info", Note("evil"), NOW)
            )
        )
    )
    assert store.breaches == ["fork"]
    assert len(store.events) == 2


def test_a_record_that_follows_another_one_is_a_fork(site: Site, store: ListStore) -> None:
    site.say(site.hello(), site.record())
    site.head = b"h" * 32
    outcome = site.say(site.record())
    assert only(outcome, Refuse).reason == "wire.fork"
    assert (store.breaches, len(store.events)) == (["fork"], 1)


def test_a_gap_is_an_alarm_and_the_rest_goes_on(site: Site, store: ListStore) -> None:
    site.say(site.hello(), site.record())
    site.intake.chains.clear()
    for _ in range(4):
        site.record()
    site.first = 4
    site.say(site.hello())
    assert only(site.say(site.records[3], site.records[4]), Ack).seq == 5
    gap = next(item for item in store.items if isinstance(item, Breach))
    assert (gap.kind, gap.first_seq, gap.last_seq) == ("gap", 2, 3)
    assert gap.hash == record_hash(site.records[2].record)


def test_a_new_epoch_is_recorded_once_and_the_old_one_may_not_return(
    site: Site, store: ListStore
) -> None:
    site.say(site.hello(), site.record())
    renewed = Site(site.intake, site.keys, b"n" * 16)
    renewed.say(renewed.hello(), renewed.record(), renewed.record())
    renewed.say(renewed.hello())
    assert store.breaches == ["epoch"]
    outcome = fresh_hello(site)
    assert only(outcome, Refuse).reason == "wire.rollback"
    assert store.breaches == ["epoch", "rollback"]


def test_no_common_version(site: Site) -> None:
    assert only(site.say(site.hello(low=3, high=4)), Refuse).reason == "wire.version"
    only(site.say(site.hello()), Welcome)


def test_heartbeats_are_answered_and_belong_to_their_site(site: Site) -> None:
    site.say(site.hello())
    beat = Heartbeat("school-3", "S", NOW - 7, 1, [])
    outcome = site.say(beat)
    assert outcome.heartbeats == [beat]
    assert only(outcome, Pulse).echo_ns == NOW - 7
    keys = make_keys()
    site = Site(
        Intake(
            site.intake.store,
            "city",
            FixedList({keys.curve_public: Peer("school-3", keys.verify_key)}),
        ),
        keys,
    )
    site.say(site.hello())
    other = site.say(msgspec.structs.replace(beat, site="school-4"))
    assert (other.heartbeats, [r for r, _, _ in other.refused]) == ([], ["site"])


def test_the_allow_list_counts_for_every_message(store: ListStore) -> None:
    keys = make_keys()
    peers = {keys.curve_public: Peer("school-3", keys.verify_key)}
    site = Site(Intake(store, "city", FixedList(peers)), keys)
    site.say(site.hello(), site.record())
    peers.clear()
    outcome = site.say(site.record())
    assert [r for r, _, _ in outcome.refused] == ["unknown"]
    assert (outcome.replies, len(store.events)) == ([], 1)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [({"verify_key": bytes(32)}, "signature"), ({"site": "school-4"}, "site")],
)
def test_a_key_may_greet_for_its_own_site_only(
    store: ListStore, changes: dict[str, object], reason: str
) -> None:
    keys = make_keys()
    site = Site(
        Intake(store, "city", FixedList({keys.curve_public: Peer("school-3", keys.verify_key)})),
        keys,
    )
    assert [r for r, _, _ in site.say(site.hello(**changes)).refused] == [reason]


def test_a_flood_is_cut_for_its_second_and_for_its_connection(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashboard.flood.PER_S", 10)
    other = Site(site.intake)
    other.route = b"r2"
    outcome = site.say(*[site.hello()] * 15)
    assert [r for r, _, _ in outcome.refused] == ["flood"] * 5
    assert other.say(other.hello()).refused == []
    late = Arrival(site.route, b"", encode(site.hello()), NOW + 1_000_000_000)
    assert site.intake.process([late]).refused == []


def test_a_flood_over_many_connections_of_one_key_is_cut(
    store: ListStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashboard.flood.PER_S", 10)
    keys, others = make_keys(), make_keys()
    peers = {
        keys.curve_public: Peer("school-3", keys.verify_key),
        others.curve_public: Peer("school-4", others.verify_key),
    }
    intake = Intake(store, "city", FixedList(peers))
    hello = encode(Site(intake, keys).hello())
    crowd = [Arrival(b"r%d" % n, keys.curve_public, hello, NOW) for n in range(15)]
    assert [r for r, _, _ in intake.process(crowd).refused] == ["flood"] * 5
    other = Arrival(b"x", others.curve_public, encode(Site(intake, others).hello()), NOW)
    assert "flood" not in [r for r, _, _ in intake.process([other]).refused]


def test_many_connections_are_bounded(store: ListStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashboard.intake.MAX_SESSIONS", 5)
    intake = Intake(store, "city")
    keys = make_keys()
    for number in range(50):
        site = Site(intake, keys)
        site.route = bytes([number])
        site.say(site.hello())
    assert len(intake._sessions) == 5


def relayed(site: Site, verify_key: bytes, inner: Signed) -> bytes:
    event = RelayedEvent("school-3", 1, verify_key, inner.record, inner.signature)
    return msgspec.msgpack.encode(event)


@pytest.mark.parametrize("relay", [True, False])
def test_only_a_relay_brings_what_others_signed(store: ListStore, relay: bool) -> None:
    keys, below = make_keys(), make_keys()
    peers = {keys.curve_public: Peer("school-3", keys.verify_key, relay)}
    site = Site(Intake(store, "city", FixedList(peers)), keys)
    inner = Site(site.intake, below).record(site="school-9")
    outcome = site.say(site.hello(), site.record(payload=relayed(site, below.verify_key, inner)))
    if relay:
        assert [event.event.site for event in store.events] == ["school-9"]
    else:
        assert [r for r, _, _ in outcome.refused] == ["signature"]
        assert store.items == []


@pytest.mark.parametrize(("whose", "taken"), [("school-9", True), ("school-8", False)])
def test_no_relay_says_that_a_site_lives_which_comes_itself(
    store: ListStore, whose: str, taken: bool
) -> None:
    relay, own = make_keys(), make_keys()
    peers = {
        relay.curve_public: Peer("school-3", relay.verify_key, True),
        own.curve_public: Peer("school-8", own.verify_key),
    }
    site = Site(Intake(store, "city", FixedList(peers)), relay)
    outcome = site.say(site.hello(), Heartbeat(whose, "x", NOW, NOW, []))
    assert [beat.site for beat in outcome.heartbeats] == ([whose] if taken else [])
    assert [r for r, _, _ in outcome.refused] == ([] if taken else ["site"])


def test_a_relay_cannot_alter_what_it_brings(store: ListStore) -> None:
    keys, below = make_keys(), make_keys()
    peers = {keys.curve_public: Peer("school-3", keys.verify_key, True)}
    site = Site(Intake(store, "city", FixedList(peers)), keys)
    inner = Site(site.intake, below).record(site="school-9")
    altered = Signed(inner.record.replace(b"school-9", b"school-8"), inner.signature)
    outcome = site.say(site.hello(), site.record(payload=relayed(site, below.verify_key, altered)))
    assert [r for r, _, _ in outcome.refused] == ["signature"]
    assert only_last(outcome, Refuse).reason == "wire.relay"
    assert store.items == []


def only_last(outcome: Outcome, kind: type) -> msgspec.Struct:
    assert isinstance(outcome.replies[-1][1], kind)
    return outcome.replies[-1][1]
