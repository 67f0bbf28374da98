"""The interface keeps what its OpenAPI document promises, to every role, given right and wrong.

schemathesis makes the requests out of the document and judges the answers.  Few of each here and
always the same; many by hand, see docs/measurements.md.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode

from dashboard.access import ROLES
from sensors.link import Link
from tests.system.test_monitor import (  # noqa: F401
    TOKEN,
    Running,
    beat,
    event,
    link,
    monitor,
    wait_for,
)

pytestmark = [pytest.mark.system, pytest.mark.timeout(240)]

EXAMPLES = 2
LOOK = settings(
    max_examples=EXAMPLES,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture
def furnished(monitor: Running, link: Link) -> Iterator[Running]:  # noqa: F811
    """A monitor that knows a site and two alarms."""
    with monitor.http() as http:
        link.publish(event())
        link.publish(event(emitter="2", center_freq_hz=210e6))
        link.heartbeat(beat())
        wait_for(lambda: len(http.get("/api/v1/alarms").json()) == 2)
    yield monitor


def test_the_document_is_true_for_every_role(furnished: Running) -> None:
    with furnished.http() as master:
        tokens = {
            role: master.post("/api/v1/tokens", json={"name": f"t-{role}", "role": role}).json()
            for role in ROLES
        }
        alarm = master.get("/api/v1/alarms").json()[0]["id"]
    schema = schemathesis.openapi.from_url(
        f"{furnished.url}/api/openapi.json", headers={"Authorization": f"Bearer {TOKEN}"}
    )
    statuses: Counter[int] = Counter()
    seen: dict[str, set[int]] = {}
    for found in schema.get_all_operations():
        operation = found.ok()
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            strategy = operation.as_strategy(generation_mode=mode)

            @LOOK
            @given(case=strategy)
            def look(case: schemathesis.Case) -> None:
                if case.path_parameters and "/alarms/" in case.path:
                    case.path_parameters["id"] = alarm
                for role, token in tokens.items():
                    headers = {"Authorization": f"Bearer {token['token']}"}
                    answer = case.call(headers=headers, timeout=30)
                    case.validate_response(answer, headers=headers)
                    statuses[answer.status_code] += 1
                    seen.setdefault(role, set()).add(answer.status_code)

            try:
                look()
            except Exception as failure:
                raise AssertionError(f"{operation.label}: {failure}") from failure
    assert not [status for status in statuses if status >= 500]
    # It has really been let in, refused and answered, whatever the role.
    assert statuses[200] > 100 and statuses[422] > 100 and statuses[403] > 100
    assert all({200, 403} <= found for role, found in seen.items() if role != "admin")
