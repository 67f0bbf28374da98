"""Rows as the browser gets them: header length, JSON header, codes (docs/live.md). Pure."""

from __future__ import annotations

import msgspec

from sensors.messages import SpectrumReference, SpectrumRow


def frame(header: dict[str, object], body: bytes) -> bytes:
    """Join header and body; the header is padded so that the body starts on a multiple of 4."""
    text = msgspec.json.encode(header)
    text += b" " * (-len(text) % 4)
    return len(text).to_bytes(4, "little") + text + body


def row_frame(view: str, row: SpectrumRow) -> bytes:
    """One waterfall row for a browser's view."""
    header: dict[str, object] = {
        "kind": "row",
        "id": view,
        "sensor": row.sensor,
        "seq": row.seq,
        "time_ns": row.time_ns,
        "duration_s": row.duration_s,
        "start_hz": row.start_hz,
        "bin_width_hz": row.bin_width_hz,
        "n_bins": len(row.levels),
        "offset_db": row.offset_db,
        "step_db": row.step_db,
    }
    return frame(header, row.levels)


def reference_frame(view: str, reference: SpectrumReference) -> bytes:
    """Baseline and threshold for a browser's view."""
    header: dict[str, object] = {
        "kind": "reference",
        "id": view,
        "sensor": reference.sensor,
        "start_hz": reference.start_hz,
        "bin_width_hz": reference.bin_width_hz,
        "n_bins": len(reference.baseline),
        "offset_db": reference.offset_db,
        "step_db": reference.step_db,
    }
    return frame(header, reference.baseline + reference.threshold)


def split(data: bytes) -> tuple[dict[str, object], bytes]:
    """Take a frame apart again: for scripts and tests."""
    length = int.from_bytes(data[:4], "little")
    header: dict[str, object] = msgspec.json.decode(data[4 : 4 + length])
    return header, data[4 + length :]
