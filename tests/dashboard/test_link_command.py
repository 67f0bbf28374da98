"""``rfproctor link`` against a little HTTP server that answers as a monitor does."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import click.testing
import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric

from dashboard.link_command import link
from dashboard.metrics_link import link_metrics
from dashboard.state import Site, site_card
from sdr.source import UserError
from sensors.messages import Heartbeat, Note

NOW = 1_800_000_000_000_000_000
SECOND = 1_000_000_000


class Registry(CollectorRegistry):
    def __init__(self, metrics: Iterable[Metric]) -> None:
        super().__init__()
        self.metrics = list(metrics)

    def collect(self) -> Iterable[Metric]:
        return self.metrics


class Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        import msgspec

        right = self.headers["Authorization"] == "Bearer secret"
        beats = [
            Heartbeat("school-3", "S", NOW, 1, [], 7, "1.0", 2.5, -3_000_000, 0.02),
            Heartbeat("school-4", "S", NOW, 1, [], link_notes=[Note("outbox.full", {"file": "o"})]),
        ]
        cards = [site_card(Site(beat, NOW), NOW + SECOND) for beat in beats]
        body = msgspec.json.encode(cards) if self.path == "/api/v1/sites" else b"<html>"
        if self.path == "/metrics":
            metrics = link_metrics(cards, {"intake_refused_revoked": 3.0, "sites_to_move": 1.0})
            body = generate_latest(Registry(metrics))
        self.send_response(200 if right else 401)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def url() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def invoke(*arguments: str) -> str:
    runner = click.testing.CliRunner()
    done = runner.invoke(link, list(arguments), obj="en", catch_exceptions=False)
    assert done.exit_code == 0
    return done.output


def test_a_line_per_site(url: str) -> None:
    header, three, four, totals = invoke(url, "--token", "secret").splitlines()
    assert totals == (
        "monitor: 2 sites up, 0 silent, 1 to move to the next key; not taken: intake_revoked 3"
    )
    assert header.split()[0] == "site"
    assert three.split()[:6] == ["school-3", "1.0", "7", "2.5", "20.0", "-3.0"]
    assert "size limit" in four


def test_json(url: str) -> None:
    lines = [json.loads(line) for line in invoke(url, "--token", "secret", "--json").splitlines()]
    assert [line["site"] for line in lines[:2]] == ["school-3", "school-4"]
    assert lines[2] == {
        "kind": "links",
        "peers": {"up": 2.0, "silent": 0.0},
        "drops": {"intake_revoked": 3.0},
        "sites_to_move": 1.0,
    }
    assert lines[0]["outbox_depth"] == 7


def test_problems_are_named(url: str) -> None:
    with pytest.raises(UserError, match=r"link\.refused"):
        invoke(url, "--token", "wrong")
    with pytest.raises(UserError, match=r"link\.no_monitor"):
        invoke(f"{url}/elsewhere", "--token", "secret")
    with pytest.raises(UserError, match=r"link\.no_monitor"):
        invoke("http://127.0.0.1:9", "--token", "secret")
    with pytest.raises(UserError, match=r"link\.bad_url"):
        invoke("ftp://x")
