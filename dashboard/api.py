"""``/api/v1``: the table of endpoints, each with its permission and its types.

The table is all there is: the server answers from it, the permission check reads it, and the
OpenAPI document is made of it.
"""

from __future__ import annotations

from dashboard import answers, desk_answers, exports, queries, reference_answers, regulator, state
from dashboard.alarm_list import AlarmQuery
from dashboard.api_desk import DESK
from dashboard.api_pairs import PAIRS
from dashboard.api_people import PEOPLE
from dashboard.api_recordings import RECORDINGS
from dashboard.api_site import SITE
from dashboard.api_site_orders import ORDERS
from dashboard.endpoint import Endpoint
from dashboard.notices import Notice

WATCH = (
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
        list[desk_answers.BaselineCard],
        desk_answers.get_baselines,
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
        "/reference/{sensor:path}",
        "Baselines that a window was compared with at the time",
        "view",
        reference_answers.References,
        reference_answers.get_references,
        query=reference_answers.ReferenceQuery,
        refuses=(404,),
    ),
    Endpoint(
        "GET",
        "/export/alarms.csv",
        "Alarms as a CSV file",
        "view",
        str,
        exports.get_alarm_file,
        query=AlarmQuery,
        media="text/csv",
    ),
    Endpoint(
        "GET",
        "/export/rtl_power/{sensor:path}",
        "Recorded waterfall in the columns of rtl_power",
        "view",
        str,
        exports.get_rtl_power_file,
        query=exports.PowerQuery,
        refuses=(404,),
        media="text/csv",
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
        "/export/sm1809/{sensor:path}",
        "Recorded scans as ITU-R SM.1809 text",
        "view",
        str,
        regulator.get_scan_file,
        query=regulator.ScanQuery,
        refuses=(404, 409),
        media="text/plain",
    ),
    Endpoint(
        "GET",
        "/export/occupancy/{sensor:path}",
        "Occupancy of channels after ITU-R SM.1880",
        "view",
        str,
        regulator.get_occupancy_file,
        query=regulator.OccupancyQuery,
        refuses=(404, 409),
        media="text/csv",
    ),
)
ENDPOINTS = (*WATCH, *SITE, *DESK, *PAIRS, *ORDERS, *RECORDINGS, *PEOPLE)
