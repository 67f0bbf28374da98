"""``/api/v1/orders``: what may be asked of a site, and who asked for what before."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from dashboard.answers import Call
from dashboard.asking import Answered, Asked
from dashboard.configurations import Pushed, pushed
from dashboard.endpoint import Endpoint
from sensors.orders import LONGEST_STAY_S, Drill, Fetch, Record, Retask


class Stay(Retask, frozen=True, forbid_unknown_fields=True):
    """Body of ``retask`` and ``cost``: what to stay at, and for how long."""

    seconds: Annotated[float, Meta(gt=0, le=LONGEST_STAY_S)] = LONGEST_STAY_S


class NewConfiguration(Struct, frozen=True, forbid_unknown_fields=True):
    """Body of ``configure``: the text of a ``site.toml``."""

    text: Annotated[str, Meta(min_length=1, max_length=12_000)]


def get_orders(call: Call) -> list[Asked]:
    """What was asked of a site and answered, the newest first."""
    return call.monitor.asking.history(call.path["site"])


def post_retask(call: Call) -> Answered:
    """Take a dongle off its plan for a while; the answer says what is not watched meanwhile."""
    return _stay(call, "retask")


def post_cost(call: Call) -> Answered:
    """Ask the site what would not be watched; nothing is done."""
    return _stay(call, "cost")


def _stay(call: Call, name: str) -> Answered:
    args = msgspec.structs.asdict(call.body)
    lease_s = args.pop("seconds")
    return call.monitor.asking.ask(call.path["site"], name, args, call.who.name, lease_s)


def post_record(call: Call) -> Answered:
    """Have samples kept and sent."""
    args = msgspec.structs.asdict(call.body)
    return call.monitor.asking.ask(call.path["site"], "record", args, call.who.name)


def post_fetch(call: Call) -> Answered:
    """Have a recording sent that lies at the site."""
    args = msgspec.structs.asdict(call.body)
    return call.monitor.asking.ask(call.path["site"], "fetch", args, call.who.name)


def post_drill(call: Call) -> Answered:
    """Have a drill begun."""
    args = msgspec.structs.asdict(call.body)
    return call.monitor.asking.ask(call.path["site"], "drill", args, call.who.name)


def post_configuration(call: Call) -> Answered:
    """Sign a configuration and have the site run with it."""
    return call.monitor.asking.configure(call.path["site"], call.body.text, call.who.name)


def get_configurations(call: Call) -> list[Pushed]:
    """The latest configurations that were pushed to a site, the newest first."""
    return pushed(call.monitor.store.reader, call.path["site"])


ORDERS = (
    Endpoint(
        "GET",
        "/orders/configurations/{site:path}",
        "Configurations that were pushed, and what became of them",
        "configure",
        list[Pushed],
        get_configurations,
    ),
    Endpoint(
        "GET",
        "/orders/of/{site:path}",
        "What was asked of a site",
        "view",
        list[Asked],
        get_orders,
    ),
    Endpoint(
        "POST",
        "/orders/retask/{site:path}",
        "Stay at a window for at most 30 s",
        "orders",
        Answered,
        post_retask,
        body=Stay,
        refuses=(409,),
    ),
    Endpoint(
        "POST",
        "/orders/cost/{site:path}",
        "What a stay at a window would cost",
        "orders",
        Answered,
        post_cost,
        body=Stay,
        refuses=(409,),
    ),
    Endpoint(
        "POST",
        "/orders/record/{site:path}",
        "Keep samples around a frequency and send them",
        "orders",
        Answered,
        post_record,
        body=Record,
        refuses=(409,),
    ),
    Endpoint(
        "POST",
        "/orders/fetch/{site:path}",
        "Send a recording that lies at the site",
        "orders",
        Answered,
        post_fetch,
        body=Fetch,
        refuses=(409,),
    ),
    Endpoint(
        "POST",
        "/orders/drill/{site:path}",
        "Begin a drill",
        "orders",
        Answered,
        post_drill,
        body=Drill,
        refuses=(409,),
    ),
    Endpoint(
        "POST",
        "/orders/configure/{site:path}",
        "Run with this configuration",
        "configure",
        Answered,
        post_configuration,
        body=NewConfiguration,
        refuses=(409,),
        max_body=64 * 1024,
    ),
)
