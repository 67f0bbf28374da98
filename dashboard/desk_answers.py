"""What the endpoints about the alarm desk answer: known emitters, parts of an alarm."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from dashboard import queries
from dashboard.alarms import Part
from dashboard.answers import Call, get_alarm
from dashboard.errors import Refused
from dashboard.known import Known, read_csv
from dashboard.notify import Delivery


class CsvImport(Struct, forbid_unknown_fields=True, frozen=True):
    """Body of ``POST /api/v1/known/import``: the text of a CSV file."""

    csv: Annotated[str, Meta(max_length=500_000)]


def get_known(call: Call) -> list[Known]:
    """Every entry, ended ones too, the newest first."""
    return call.monitor.known.entries()


def post_known(call: Call) -> Known:
    """Add a known emitter."""
    return call.monitor.known.add([call.body], call.who.name)[0]


def post_known_import(call: Call) -> list[Known]:
    """Add the stations of a CSV file, all or none."""
    return call.monitor.known.add(read_csv(call.body.csv), call.who.name)


def delete_known(call: Call) -> Known:
    """End an entry."""
    try:
        number = int(call.path["id"])
    except ValueError:
        raise Refused("known.unknown", 404, id=call.path["id"]) from None
    return call.monitor.known.end(number, call.who.name)


def get_parts(call: Call) -> list[Part]:
    """What each sensor heard, emitter by emitter, the earliest first."""
    get_alarm(call)
    parts = queries.parts_of(call.monitor.store.reader, call.path["id"])
    return sorted(parts, key=lambda part: part.first_seen_ns)


def get_deliveries(call: Call) -> list[Delivery]:
    """What was sent to whom, and whether it arrived."""
    return queries.deliveries(call.monitor.store.reader, call.query.limit)
