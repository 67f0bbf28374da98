"""``/api/v1``: the table of endpoints, each with its permission and its types.

The table is all there is: the server answers from it, the permission check reads it, and the
OpenAPI document is made of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from msgspec import Struct

from dashboard import answers, desk_answers, exports, people, queries, state
from dashboard.access import Permission
from dashboard.accounts import AccountCard, AccountChange, NewAccount, NewToken, TokenCard
from dashboard.actions import Action, Wish
from dashboard.alarms import Part
from dashboard.answers import Call
from dashboard.audit import Entry
from dashboard.cards import Card
from dashboard.guard import MAX_BODY
from dashboard.known import Known, NewKnown
from dashboard.notices import Notice
from dashboard.notify import Delivery


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
        ``text/csv`` for a file to save; then ``run`` answers with a `CsvFile`.
    max_body : int
        Bytes.
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


ENDPOINTS = (
    Endpoint("GET", "/me", "Who is signed in", "view", people.Me, people.get_me),
    Endpoint(
        "GET", "/sites", "Sites, worst first", "view", list[state.SiteCard], answers.get_sites
    ),
    Endpoint(
        "GET",
        "/sensors",
        "Sensors, worst first",
        "view",
        list[state.SensorCard],
        answers.get_sensors,
    ),
    Endpoint(
        "GET",
        "/baselines",
        "Baselines in use",
        "view",
        list[answers.BaselineCard],
        answers.get_baselines,
    ),
    Endpoint(
        "GET",
        "/coverage/{site:path}",
        "How well a site is watched now",
        "view",
        state.Coverage,
        answers.get_coverage,
        refuses=(404,),
    ),
    Endpoint(
        "GET",
        "/alarms",
        "Alarms, last seen first",
        "view",
        list[Card],
        answers.get_alarms,
        query=queries.AlarmQuery,
    ),
    Endpoint("GET", "/alarms/{id}", "One alarm", "view", Card, answers.get_alarm, refuses=(404,)),
    Endpoint(
        "GET",
        "/alarms/{id}/actions",
        "What was done about an alarm",
        "view",
        list[Action],
        answers.get_actions,
        refuses=(404,),
    ),
    Endpoint(
        "POST",
        "/alarms/{id}/actions",
        "Do something about an alarm",
        "act",
        Card,
        answers.post_action,
        body=Wish,
        refuses=(404, 409),
    ),
    Endpoint(
        "GET",
        "/spectrum/{sensor:path}",
        "A window of the recorded waterfall",
        "view",
        answers.Waterfall,
        answers.get_spectrum,
        query=queries.SpectrumQuery,
        refuses=(404,),
    ),
    Endpoint(
        "GET",
        "/export/alarms.csv",
        "Alarms as a CSV file",
        "view",
        str,
        exports.get_alarm_file,
        query=queries.AlarmQuery,
        media="text/csv",
    ),
    Endpoint(
        "GET",
        "/export/rtl_power/{sensor:path}",
        "Recorded waterfall in the columns of rtl_power",
        "view",
        str,
        exports.get_rtl_power_file,
        query=queries.SpectrumQuery,
        refuses=(404,),
        media="text/csv",
    ),
    Endpoint(
        "GET",
        "/alarms/{id}/parts",
        "What each sensor heard of an alarm",
        "view",
        list[Part],
        desk_answers.get_parts,
        refuses=(404,),
    ),
    Endpoint("GET", "/known", "Known emitters", "view", list[Known], desk_answers.get_known),
    Endpoint(
        "POST",
        "/known",
        "Add a known emitter",
        "known",
        Known,
        desk_answers.post_known,
        body=NewKnown,
        refuses=(409,),
    ),
    Endpoint(
        "POST",
        "/known/import",
        "Add the stations of a CSV file",
        "known",
        list[Known],
        desk_answers.post_known_import,
        body=desk_answers.CsvImport,
        refuses=(409,),
        max_body=8 * 1024 * 1024,
    ),
    Endpoint(
        "DELETE",
        "/known/{id}",
        "End a known emitter",
        "known",
        Known,
        desk_answers.delete_known,
        refuses=(404, 409),
    ),
    Endpoint(
        "GET",
        "/deliveries",
        "Messages that were sent",
        "view",
        list[Delivery],
        desk_answers.get_deliveries,
        query=queries.DeliveryQuery,
    ),
    Endpoint(
        "GET",
        "/notices",
        "Gaps, silence, lost devices",
        "view",
        list[Notice],
        answers.get_notices,
        query=queries.NoticeQuery,
    ),
    Endpoint(
        "GET",
        "/audit",
        "Audit log",
        "audit",
        list[Entry],
        answers.get_audit,
        query=queries.AuditQuery,
    ),
    Endpoint(
        "POST",
        "/me/password",
        "Change one's own password",
        "view",
        AccountCard,
        people.post_password,
        body=people.PasswordChange,
        refuses=(404, 409),
    ),
    Endpoint("GET", "/accounts", "Accounts", "accounts", list[AccountCard], people.get_accounts),
    Endpoint(
        "POST",
        "/accounts",
        "Make an account",
        "accounts",
        AccountCard,
        people.post_account,
        body=NewAccount,
        refuses=(409,),
    ),
    Endpoint(
        "POST",
        "/accounts/{name}",
        "Change an account",
        "accounts",
        AccountCard,
        people.post_account_change,
        body=AccountChange,
        refuses=(404, 409),
    ),
    Endpoint(
        "POST",
        "/backup",
        "Write a copy of the store",
        "accounts",
        people.Backup,
        people.post_backup,
        refuses=(409,),
    ),
    Endpoint("GET", "/tokens", "API tokens", "accounts", list[TokenCard], people.get_tokens),
    Endpoint(
        "POST",
        "/tokens",
        "Make an API token",
        "accounts",
        TokenCard,
        people.post_token,
        body=NewToken,
        refuses=(409,),
    ),
    Endpoint(
        "DELETE",
        "/tokens/{name}",
        "End an API token",
        "accounts",
        list[TokenCard],
        people.delete_token,
        refuses=(404,),
    ),
)
