"""A worker's life: it works, waits for an absent dongle, and tells why it ends."""

import queue
import threading

import pytest

from sdr.source import BadSource, DeviceNotFound
from sensors import worker
from sensors.config import load_site
from sensors.reports import DwellReport, FaultReport, StartReport
from sensors.route import Route
from sensors.task import TakeHops, UseBaseline, tasks_of
from sensors.team import nominal_plan

SITE = """
[site]
id = "s"
data = "data"
[[dongle]]
source = "scene:quiet?pace=0"
[scan]
dwell_s = 0.01
[evidence]
keep = false
[[band]]
name = "tv3-low"
[[band]]
name = "srd-433"
"""


class Desk:
    """Takes reports; stops the worker after some dwells."""

    def __init__(self, dwells=30, surveying=False):
        self.stop = threading.Event()
        self.surveying = surveying
        self.reports = []
        self.orders_left = queue.SimpleQueue()
        self._dwells = dwells

    def report(self, report):
        self.reports.append(report)
        if len(self.of(DwellReport)) >= self._dwells:
            self.stop.set()

    def orders(self):
        while not self.orders_left.empty():
            yield self.orders_left.get()

    def close(self):
        pass

    def of(self, kind):
        return [report for report in self.reports if isinstance(report, kind)]


@pytest.fixture
def task(tmp_path):
    (tmp_path / "site.toml").write_text(SITE)
    [one] = tasks_of(load_site(tmp_path / "site.toml"), "", survey=False)
    return one


def run(monkeypatch, task, desk):
    monkeypatch.setattr(worker, "Supervisor", lambda *_args, **_options: desk)
    return worker.run(task)


def test_it_visits_its_hops_and_measures_what_a_hop_takes(monkeypatch, task):
    desk = Desk(500)
    assert run(monkeypatch, task, desk) == 0
    dwells = desk.of(DwellReport)
    assert len(desk.of(StartReport)) == 1
    assert {report.hop for report in dwells} == set(task.hops)
    assert 0.01 < dwells[-1].hop_s < 0.2


def test_it_takes_other_hops_when_told(monkeypatch, task):
    desk = Desk(60)
    desk.orders_left.put(TakeHops({0: 0.2, 1: 0.2}, 0.04))
    run(monkeypatch, task, desk)
    # What had been asked for before the order is still heard.
    assert {report.hop for report in desk.of(DwellReport)[6:]} == {0, 1}


def test_a_survey_visits_everything_equally_often(monkeypatch, task):
    desk = Desk(45, surveying=True)
    run(monkeypatch, task, desk)
    hops = [report.hop for report in desk.of(DwellReport)]
    assert hops == [n % 9 for n in range(45)]


def test_an_absent_dongle_is_looked_for_and_told_once(monkeypatch, task):
    desk, tries = Desk(5), []
    real = worker.open_source

    def opened(uri):
        tries.append(uri)
        if len(tries) < 4:
            raise DeviceNotFound("source.no_dongle")
        return real(uri)

    monkeypatch.setattr(worker, "open_source", opened)
    monkeypatch.setattr(worker, "ABSENT_S", 0.01)
    assert run(monkeypatch, task, desk) == 0
    assert len(tries) == 4
    [fault] = desk.of(FaultReport)
    assert (fault.message_id, fault.retry) == ("source.no_dongle", True)
    assert desk.of(DwellReport)


def test_what_waiting_cannot_help_ends_it_at_once(monkeypatch, task):
    def refused(uri):
        raise BadSource("source.scene_missing", name="x", names="y")

    desk = Desk()
    monkeypatch.setattr(worker, "open_source", refused)
    assert run(monkeypatch, task, desk) == 2
    [fault] = desk.of(FaultReport)
    assert not fault.retry


def test_a_mistake_of_the_program_is_told_in_one_line(monkeypatch, task, capsys):
    def broken(*_arguments):
        raise ZeroDivisionError("in a formula")

    desk = Desk()
    monkeypatch.setattr(worker, "watch", broken)
    assert run(monkeypatch, task, desk) == 3
    [fault] = desk.of(FaultReport)
    assert fault.message_id == "worker.crashed"
    assert fault.retry
    assert fault.fields["reason"] == "ZeroDivisionError: in a formula"
    assert "Traceback" in capsys.readouterr().err


def test_hops_that_its_plan_lacks_are_ignored(task):
    plan = nominal_plan(task.bands, 2.4e6, 1024)
    route = Route(task, plan, surveying=False)
    route.take(TakeHops({0: 1.0, 999: 1.0}, 0.04), 0.0)
    assert {route.next(0.01 * n, None).index for n in range(10)} == {0}
    route.take(TakeHops({999: 1.0}, 0.04), 0.0)
    assert len({route.next(1 + 0.01 * n, None).index for n in range(40)}) == len(plan.hops)


def test_a_survey_ends_with_the_order_to_use_its_baseline(monkeypatch, task):
    desk = Desk(20, surveying=True)
    desk.orders_left.put(UseBaseline("missing.npz"))
    assert run(monkeypatch, task, desk) != 0
    [fault] = desk.of(FaultReport)
    assert "missing.npz" in str(fault.fields)
