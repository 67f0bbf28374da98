"""Understand and check the ``.sigmf-meta`` of a recording before a sample of it is used."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from sdr.recording import GAIN_FIELD, Annotation, Capture, Layout
from sdr.source import BadSource

_DATETIME = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]+))?Z")


def read_layout(
    path: Path, sample_rate_hz: float | None = None, center_freq_hz: float | None = None
) -> Layout:
    """Layout of the SigMF pair that either of its files names, checked whole.

    The schema is the `sigmf` package's; size, hash, captures and annotations are compared with
    the data, so that a truncated or changed recording is refused instead of half analysed.

    Raises
    ------
    BadSource
    """
    if path.suffix == ".sigmf":
        raise BadSource("source.archive", path=str(path))
    meta_path, data_path = path.with_suffix(".sigmf-meta"), path.with_suffix(".sigmf-data")
    metadata = _load(meta_path, data_path)
    top: dict[str, Any] = metadata["global"]
    captures: list[dict[str, Any]] = metadata["captures"] or [{"core:sample_start": 0}]
    annotations: list[dict[str, Any]] = metadata["annotations"]
    if dataset := top.get("core:dataset"):
        if Path(dataset).name != dataset:
            raise BadSource("source.meta_invalid", path=str(meta_path), reason="core:dataset")
        data_path = meta_path.with_name(dataset)
    if not data_path.is_file():
        raise BadSource("source.data_missing", path=str(data_path))

    stored = _stored_type(top, meta_path)
    rate_hz = sample_rate_hz or float(top.get("core:sample_rate", 0.0))
    if not rate_hz > 0:
        raise BadSource("source.meta_no_rate", path=str(meta_path))
    centers = sorted({float(c["core:frequency"]) for c in captures if "core:frequency" in c})
    if len(centers) > 1 and center_freq_hz is None:
        listed = ", ".join(f"{hz / 1e6:g}" for hz in centers[:6])
        raise BadSource("source.several_centers", path=str(meta_path), centers=listed)
    offset = int(captures[0].get("core:header_bytes", 0))
    num_samples = _checked_length(data_path, top, captures, annotations, stored, offset)
    _check_hash(data_path, top.get("core:sha512"))
    return Layout(
        path=data_path,
        stored=stored,
        sample_rate_hz=rate_hz,
        center_freq_hz=center_freq_hz if center_freq_hz is not None else (centers or [0.0])[0],
        num_samples=num_samples,
        offset=offset,
        captures=_captures(captures, rate_hz),
        dated="core:datetime" in captures[0],
        annotations=tuple(_annotation(one, num_samples) for one in annotations),
        hardware=str(top.get("core:hw", "")),
        description=str(top.get("core:description", "")),
        gain_db=_gain_db(captures),
    )


def time_ns_of(text: str) -> int:
    """UTC nanoseconds of an RFC 3339 ``core:datetime``.

    Python's datetime keeps microseconds; the digits beyond them are read here.

    Examples
    --------
    >>> time_ns_of("1970-01-01T00:00:01.000000002Z")
    1000000002

    Raises
    ------
    ValueError
        If it is no date, or not in UTC (``Z``), which the standard wants.
    """
    matched = _DATETIME.fullmatch(text)
    if matched is None:
        raise ValueError(f"core:datetime {text}")
    moment = datetime.fromisoformat(matched[1]).replace(tzinfo=UTC)
    return int(moment.timestamp()) * 1_000_000_000 + int((matched[2] or "0").ljust(9, "0")[:9])


def _load(meta_path: Path, data_path: Path) -> dict[str, Any]:
    """Metadata that follows the SigMF schema."""
    # Not validate.validate() of the package: it also warns about undeclared namespaces.
    from sigmf.validate import jsonschema, schema

    if not meta_path.is_file():
        unfinished = meta_path.with_name(meta_path.name + ".part")
        if unfinished.is_file():
            raise BadSource("source.meta_part", path=str(meta_path), part=unfinished.name)
        missing = "source.meta_missing" if data_path.is_file() else "source.file_missing"
        raise BadSource(missing, path=str(meta_path))
    try:
        text = meta_path.read_text(encoding="utf-8")
        metadata: dict[str, Any] = json.loads(text, parse_constant=_no_number)
        jsonschema.validate(metadata, schema.get_schema())
        for capture in metadata["captures"]:
            time_ns_of(capture.get("core:datetime", "1970-01-01T00:00:00Z"))
    except jsonschema.ValidationError as error:
        where = "/".join(str(part) for part in error.absolute_path) or "top"
        reason = f"{where}: {error.message[:120]}"
        raise BadSource("source.meta_invalid", path=str(meta_path), reason=reason) from None
    except (OSError, ValueError) as error:
        raise BadSource("source.meta_invalid", path=str(meta_path), reason=str(error)) from None
    metadata.setdefault("annotations", [])
    for part in ("captures", "annotations"):
        starts = [one["core:sample_start"] for one in metadata[part]]
        if starts != sorted(starts):
            raise BadSource("source.meta_invalid", path=str(meta_path), reason=f"{part}: order")
    return metadata


def _no_number(text: str) -> float:
    """Refuse the NaN and Infinity that Python's JSON would let pass."""
    raise ValueError(text)


def _stored_type(top: dict[str, Any], meta_path: Path) -> np.dtype[np.generic]:
    """Type of one I or Q value from ``core:datatype``, for example ``ci16_be``."""
    datatype = str(top["core:datatype"])
    if datatype.startswith("r"):
        raise BadSource("source.real_valued", path=str(meta_path), datatype=datatype)
    if int(top.get("core:num_channels", 1)) != 1:
        raise BadSource("source.channels", path=str(meta_path), channels=top["core:num_channels"])
    kind, _, order = datatype[1:].partition("_")
    if kind not in ("f32", "f64", "i32", "i16", "u32", "u16", "i8", "u8"):
        raise BadSource("source.meta_invalid", path=str(meta_path), reason=datatype)
    return np.dtype(f"{'>' if order == 'be' else '<'}{kind[0]}{int(kind[1:]) // 8}")


def _checked_length(
    data_path: Path,
    top: dict[str, Any],
    captures: list[dict[str, Any]],
    annotations: list[dict[str, Any]],
    stored: np.dtype[np.generic],
    offset: int,
) -> int:
    """Samples in the data file; everything that the metadata speaks of must be there."""
    size = data_path.stat().st_size - offset - int(top.get("core:trailing_bytes", 0))
    num_samples, rest = divmod(size, 2 * stored.itemsize)
    expected = max(
        [int(c["core:sample_start"]) + 1 for c in captures]
        + [int(a["core:sample_start"]) + int(a.get("core:sample_count", 1)) for a in annotations]
        + [num_samples + (1 if rest else 0)]
    )
    if num_samples <= 0:
        raise BadSource("source.empty", path=str(data_path))
    if expected > num_samples:
        raise BadSource(
            "source.truncated", path=str(data_path), expected=expected, found=num_samples
        )
    return num_samples


def _check_hash(data_path: Path, sha512: str | None) -> None:
    """Compare the data with the hash in the metadata, where there is one."""
    if sha512 is None:
        return
    with data_path.open("rb") as data:
        digest = hashlib.file_digest(data, "sha512").hexdigest()
    if digest != sha512.lower():
        raise BadSource("source.wrong_hash", path=str(data_path))


def _captures(captures: list[dict[str, Any]], rate_hz: float) -> tuple[Capture, ...]:
    """Stretches without a gap; ``core:global_index`` tells what was lost between them."""
    first_start = int(captures[0]["core:sample_start"])
    first_index = int(captures[0].get("core:global_index", first_start))
    first_ns = -round(first_start / rate_hz * 1e9)
    if "core:datetime" in captures[0]:
        first_ns += time_ns_of(captures[0]["core:datetime"])
    made = [Capture(0, 0, first_ns)]
    for one in captures[1:]:
        start = int(one["core:sample_start"])
        index = start + made[-1].sample_index - made[-1].sample_start
        if "core:global_index" in one:
            # A counter that runs backwards cannot be told from a wrong one: nothing was lost then.
            index = max(index, int(one["core:global_index"]) - first_index + first_start)
        if "core:datetime" in one:
            made.append(Capture(start, index, time_ns_of(one["core:datetime"])))
        elif index - start > made[-1].sample_index - made[-1].sample_start:
            made.append(Capture(start, index, first_ns + round(index / rate_hz * 1e9)))
    return tuple(made)


def _gain_db(captures: list[dict[str, Any]]) -> float | None:
    """Gain of all captures, ours or the published extension's; None where it is not one number."""
    said = [one.get(GAIN_FIELD, one.get("capture_details:gain")) for one in captures]
    known = [float(gain) for gain in said if isinstance(gain, (int, float))]
    return known[0] if len(known) == len(said) and len(set(known)) == 1 else None


def _annotation(one: dict[str, Any], num_samples: int) -> Annotation:
    """One annotation; without a count it reaches to the end, as the standard says."""
    start = int(one["core:sample_start"])
    return Annotation(
        sample_start=start,
        sample_count=int(one.get("core:sample_count", num_samples - start)),
        low_hz=float(one.get("core:freq_lower_edge", float("nan"))),
        high_hz=float(one.get("core:freq_upper_edge", float("nan"))),
        label=str(one.get("core:label", "")),
        comment=str(one.get("core:comment", "")),
    )
