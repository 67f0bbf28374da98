"""Which files begin first, and which stay on one worker, when the tests run side by side.

The worker that has nothing left to do waits for the other: what takes long begins first.
"""

from __future__ import annotations

from xdist.scheduler import LoadFileScheduling

TOGETHER = (
    (
        "tests/browser/test_page.py",
        "tests/browser/test_records.py",
        "tests/browser/test_accessible.py",
    ),
    (
        "tests/browser/test_desk.py",
        "tests/browser/test_reviews.py",
        "tests/browser/test_orders.py",
    ),
)
"""Files that share one demo, in the order in which they leave it to each other."""

FIRST = (
    *TOGETHER[0],
    *TOGETHER[1],
    "tests/sdr/test_rtl_emulated.py",
    "tests/sensors/test_doctor.py",
    "tests/system/test_bad_input.py",
    "tests/system/test_walk.py",
    "tests/system/test_drill.py",
    "tests/packaging/test_run.py",
    "tests/system/test_monitor.py",
    "tests/system/test_roles.py",
    "tests/sdr/test_rtl.py",
    "tests/system/test_errands.py",
    "tests/sensors/test_analyze_cluster.py",
    "tests/sdr/test_calibrate.py",
    "tests/system/test_rotation.py",
    "tests/system/test_contract.py",
    "tests/system/test_configuration.py",
    "tests/system/test_levels.py",
    "tests/packaging/test_wheel.py",
    "tests/system/test_lost_power.py",
    "tests/dashboard/test_access.py",
)
"""Files of more than ten seconds, the longest first; the others follow as they were found."""


def file_of(nodeid: str) -> str:
    return nodeid.partition("::")[0]


def place_of(nodeid: str) -> int:
    """Where a test stands in the order of `FIRST`."""
    file = file_of(nodeid)
    return FIRST.index(file) if file in FIRST else len(FIRST)


class Longest(LoadFileScheduling):  # type: ignore[misc]  # xdist has no types
    """Files go to whoever is free, in the order given; those that share a demo to one worker."""

    def _split_scope(self, nodeid: str) -> str:
        file = file_of(nodeid)
        return next((line[0] for line in TOGETHER if file in line), file)
