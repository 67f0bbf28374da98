"""``/api/v1``, the desk: alarms, their evidence, known emitters, the exam timetable."""

from __future__ import annotations

from dashboard import answers, desk_answers, queries
from dashboard.actions import Action, Wish
from dashboard.alarm_list import AlarmCounts, AlarmFilter, AlarmQuery
from dashboard.alarms import Part
from dashboard.bundle import BundleQuery
from dashboard.cards import Card
from dashboard.content import AudioQuery
from dashboard.cutout import Cutout, CutoutQuery
from dashboard.endpoint import Endpoint
from dashboard.evidence import ClipCard
from dashboard.known import Known, NewKnown
from dashboard.known_csv import CsvRow
from dashboard.notify import Delivery
from dashboard.phases import NewSession
from dashboard.report_answers import ReportQuery, get_report
from dashboard.sightings import Sightings
from dashboard.timetable import SessionCard

DESK = (
    Endpoint(
        "GET",
        "/alarms",
        "Alarms, page by page",
        "view",
        list[Card],
        answers.get_alarms,
        query=AlarmQuery,
    ),
    Endpoint(
        "GET",
        "/alarms/counts",
        "How many alarms there are",
        "view",
        AlarmCounts,
        answers.get_alarm_counts,
        query=AlarmFilter,
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
        waits=True,
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
    Endpoint(
        "GET",
        "/alarms/{id}/sightings",
        "When an alarm's emitter was on the air",
        "view",
        Sightings,
        desk_answers.get_sightings,
        refuses=(404,),
    ),
    Endpoint(
        "GET",
        "/alarms/{id}/evidence",
        "Recordings of an alarm",
        "view",
        list[ClipCard],
        answers.get_evidence,
        refuses=(404,),
    ),
    Endpoint(
        "GET",
        "/alarms/{id}/evidence/{name}",
        "One file of a recording",
        "evidence",
        bytes,
        answers.get_evidence_file,
        refuses=(404, 409),
        media="application/octet-stream",
    ),
    Endpoint(
        "GET",
        "/alarms/{id}/evidence/{name}/waterfall",
        "A recording as a picture",
        "view",
        Cutout,
        desk_answers.get_cutout,
        query=CutoutQuery,
        refuses=(404, 409),
    ),
    Endpoint(
        "GET",
        "/alarms/{id}/evidence/{name}/audio",
        "A recording as sound",
        "content",
        bytes,
        desk_answers.get_audio,
        query=AudioQuery,
        refuses=(404, 409),
        media="audio/wav",
    ),
    Endpoint(
        "GET",
        "/alarms/{id}/bundle",
        "Everything that proves an alarm, as one file for `rfproctor verify`",
        "evidence",
        bytes,
        desk_answers.get_bundle,
        query=BundleQuery,
        refuses=(404, 409),
        media="application/zip",
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
        "POST",
        "/known/preview",
        "What a CSV file of stations would add, and what is refused in it",
        "known",
        list[CsvRow],
        desk_answers.post_known_preview,
        body=desk_answers.CsvImport,
        refuses=(409,),
        max_body=8 * 1024 * 1024,
    ),
    Endpoint(
        "DELETE",
        "/known/{id:int}",
        "End a known emitter",
        "known",
        Known,
        desk_answers.delete_known,
        refuses=(404, 409),
    ),
    Endpoint(
        "GET",
        "/sessions",
        "The exam timetable",
        "view",
        list[SessionCard],
        desk_answers.get_sessions,
    ),
    Endpoint(
        "POST",
        "/sessions",
        "Put a session into the timetable",
        "sessions",
        SessionCard,
        desk_answers.post_session,
        body=NewSession,
        refuses=(409,),
    ),
    Endpoint(
        "DELETE",
        "/sessions/{id:int}",
        "Take a session out of the timetable",
        "sessions",
        SessionCard,
        desk_answers.delete_session,
        refuses=(404, 409),
    ),
    Endpoint(
        "GET",
        "/sessions/{id:int}/report",
        "The record of a session, to print",
        "audit",
        str,
        get_report,
        query=ReportQuery,
        refuses=(404,),
        media="text/html",
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
)
