"""The page's decoder against the monitor's encoder, and against what is broken."""

from __future__ import annotations

from typing import Any

import pytest

from dashboard.frames import reference_frame, row_frame
from sensors.messages import SpectrumReference, SpectrumRow

pytestmark = pytest.mark.browser

ROW = SpectrumRow(
    sensor="school-3/hall",
    seq=7,
    time_ns=1_795_509_399_500_000_000,
    duration_s=0.1,
    start_hz=167e6,
    bin_width_hz=2343.75,
    levels=bytes([0, 80, 255]),
)


def decode(modules: Any, data: bytes) -> Any:
    return modules.evaluate(
        """async (bytes) => {
        const { decodeFrame, rowOf } = await import("/static/wire.js");
        const { header, body } = decodeFrame(Uint8Array.from(bytes).buffer);
        const row = header.kind === "row" ? rowOf(header, body) : null;
        const codes = row && Array.from(row.codes);
        return { header, body: Array.from(body), time_s: row?.time_s, codes };
        }""",
        list(data),
    )


def test_row(modules: Any) -> None:
    got = decode(modules, row_frame("a", ROW))
    assert got["codes"] == [0, 80, 255]
    assert got["time_s"] == pytest.approx(1_795_509_399.5)
    assert got["header"]["sensor"] == "school-3/hall"
    assert got["header"]["start_hz"] == 167e6


def test_reference(modules: Any) -> None:
    reference = SpectrumReference(
        sensor="s/a",
        start_hz=1e8,
        bin_width_hz=1e3,
        baseline=bytes([1, 2]),
        threshold=bytes([3, 4]),
    )
    got = decode(modules, reference_frame("a", reference))
    assert got["header"]["n_bins"] == 2
    assert got["body"] == [1, 2, 3, 4]


@pytest.mark.parametrize("cut", [0, 3, 20, -1])
def test_cut_frames_are_refused(modules: Any, cut: int) -> None:
    with pytest.raises(Exception, match="RangeError|SyntaxError"):
        decode(modules, row_frame("a", ROW)[:cut])


def test_the_wire_counts_broken_frames_and_goes_on(modules: Any) -> None:
    result = modules.evaluate(
        """async (good) => {
        const sockets = [];
        globalThis.WebSocket = class {
          static OPEN = 1;
          constructor() { sockets.push(this); this.readyState = 1; this.sent = []; }
          send(text) { this.sent.push(JSON.parse(text)); }
          close() {}
        };
        const { Wire } = await import("/static/wire.js");
        const told = { states: [], rows: 0, messages: [] };
        const wire = new Wire("ws://x", {
          state: (name) => told.states.push(name), message: (m) => told.messages.push(m.kind),
          row: () => told.rows++, reference: () => {},
        });
        wire.watch("a", { sensor: "s", start_hz: 1, stop_hz: 2, bins: 3 });
        sockets[0].onopen();
        wire.watch("a", { sensor: "s", start_hz: 1, stop_hz: 2, bins: 3 });
        sockets[0].onmessage({ data: '{"kind":"snapshot"}' });
        sockets[0].onmessage({ data: '{"kind":' });
        sockets[0].onmessage({ data: '{"kind":"tick"}\\n{"kind":\\n{"kind":"notice"}' });
        sockets[0].onmessage({ data: Uint8Array.of(200, 0, 0, 0, 1).buffer });
        sockets[0].onmessage({ data: Uint8Array.from(good).buffer });
        sockets[0].onclose();
        await new Promise((go) => setTimeout(go, 700));
        sockets[1].onopen();
        const [first, again] = sockets.map(({ sent }) => sent);
        return { ...told, broken: wire.broken, first: first.length, again };
        }""",
        list(row_frame("a", ROW)),
    )
    assert result["states"][:3] == ["connecting", "live", "lost"]
    assert result["messages"] == ["snapshot", "tick", "notice"]
    assert (result["rows"], result["broken"]) == (1, 3), "a broken line takes no other with it"
    assert result["first"] == 2, "what was asked before the line stood, and once more on opening"
    assert result["again"] == [
        {"op": "watch", "id": "a", "sensor": "s", "start_hz": 1, "stop_hz": 2, "bins": 3}
    ]
