"""The text of a scene: transmitters, sensors and the time when the exam is disturbed.

One ``tx``, ``sensor`` or ``scene`` a line with ``key=value``, or one JSON object a line; ``#``
comments.  A plain list of ``tx`` lines is the grammar of the emulated dongle, so that both play
the same files.  `sdr/scenes/hall.scene` shows everything.
"""

from __future__ import annotations

import json
import math
from importlib import resources
from pathlib import Path

from sdr.frequency import parse_freq
from sdr.hall import KINDS, Scene, Sensor, Transmitter
from sdr.source import BadSource


def scene_names() -> list[str]:
    """Scenes that come with the program."""
    folder = resources.files("sdr") / "scenes"
    return sorted(
        f.name.removesuffix(".scene") for f in folder.iterdir() if f.name[-6:] == ".scene"
    )


def load_scene(name_or_path: str, exam_s: float | None = None) -> Scene:
    """Scene by the name of a packaged one or by the path of a file.

    Parameters
    ----------
    name_or_path : str
    exam_s : float, optional
        Scene second that ``exam`` means in times such as ``start_s=exam+2``; default as the
        scene says.

    Raises
    ------
    BadSource
        No such scene, or a line that is wrong.
    """
    if name_or_path in scene_names():
        text = (resources.files("sdr") / "scenes" / f"{name_or_path}.scene").read_text("utf-8")
        return parse_scene(text, name_or_path, exam_s)
    path = Path(name_or_path)
    if not path.is_file():
        names = ", ".join(scene_names())
        raise BadSource("source.scene_missing", name=name_or_path, names=names)
    try:
        return parse_scene(path.read_text("utf-8"), str(path), exam_s)
    except (OSError, UnicodeDecodeError) as error:
        raise BadSource("source.file_unreadable", path=str(path), reason=str(error)) from None


def parse_scene(text: str, name: str, exam_s: float | None = None) -> Scene:
    """Scene of a text; ``name`` is for the messages."""
    lines = [
        (number, *_parse_line(line.partition("#")[0].strip(), name, number))
        for number, line in enumerate(text.splitlines(), start=1)
        if line.partition("#")[0].strip()
    ]
    scene_lines = [(number, keys) for number, kind, keys in lines if kind == "scene"]
    number, whole = scene_lines[-1] if scene_lines else (0, {})
    values = _Values(name, number, whole, 0.0)
    scene_exam_s = values.number("exam_s", 0.0)
    exponent, wall_db = values.number("path_exponent", 3.0), values.number("wall_db", 15.0)
    values.done()
    exam_s = scene_exam_s if exam_s is None else exam_s
    transmitters: list[Transmitter] = []
    sensors: list[Sensor] = []
    for number, kind, keys in lines:
        values = _Values(name, number, keys, exam_s)
        if kind == "sensor":
            sensors.append(_sensor(values))
            values.done()
        elif kind == "tx":
            transmitters.append(_transmitter(values, len(transmitters)))
            values.done()
    return Scene(name, tuple(transmitters), tuple(sensors) or (Sensor(),), exponent, wall_db)


def _sensor(values: _Values) -> Sensor:
    return Sensor(
        name=values.text("name", "antenna"),
        x_m=values.number("x_m", 0.0),
        y_m=values.number("y_m", 0.0),
        indoor=values.number("indoor", 0.0) != 0,
        noise_figure_db=values.number("noise_figure_db", 6.0),
        ppm=values.number("ppm", 0.0),
    )


def _transmitter(values: _Values, order: int) -> Transmitter:
    kind = values.text("type", "cw")
    if kind not in KINDS:
        raise values.wrong(f"type={kind}; known: {', '.join(KINDS)}")
    period_s = values.number("period_s", 0.0)
    on_s = min(values.number("on_s", values.number("duty", 0.5) * period_s), period_s)
    eirp_dbm = values.number("eirp_dbm", math.nan)
    return Transmitter(
        name=values.text("id", f"tx{order}"),
        freq_hz=values.number("freq_hz", math.nan, required=True),
        kind=kind,
        power_dbm=values.number("power_dbm", -70.0),
        eirp_dbm=None if math.isnan(eirp_dbm) else eirp_dbm,
        x_m=values.number("x_m", 0.0),
        y_m=values.number("y_m", 0.0),
        indoor=values.number("indoor", 0.0) != 0,
        dev_hz=values.number(
            "dev_hz", {"wfm": 75e3, "fsk2": 2400.0, "dmr": 1944.0}.get(kind, 2500.0)
        ),
        baud=values.number("baud", 4800.0 if kind == "dmr" else 1200.0),
        depth=values.number("depth", 0.8),
        tone_hz=values.number("tone_hz", 0.0),
        bw_hz=values.number("bw_hz", 9e6),
        start_s=values.number("start_s", 0.0),
        stop_s=values.number("stop_s", math.inf),
        period_s=period_s,
        on_s=on_s,
        jitter_s=min(values.number("jitter_s", 0.0), period_s - on_s),
        seed=order,
    )


def _parse_line(line: str, name: str, number: int) -> tuple[str, dict[str, str]]:
    """What kind of line it is, and its keys."""
    if line.startswith("{"):
        try:
            keys = {str(key): str(value) for key, value in json.loads(line).items()}
        except ValueError as error:
            raise BadSource("source.scene_bad_line", path=name, line=number, reason=error) from None
        return keys.pop("kind", "tx"), keys
    kind, *pairs = line.split()
    keys = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            raise BadSource("source.scene_bad_line", path=name, line=number, reason=f"{pair}?")
        keys[key] = value
    if kind not in ("tx", "sensor", "scene"):
        raise BadSource("source.scene_bad_line", path=name, line=number, reason=f"{kind}?")
    return kind, keys


class _Values:
    """The keys of one line; every one must be used and every value must be a number."""

    def __init__(self, scene: str, line: int, keys: dict[str, str], exam_s: float) -> None:
        self._scene, self._line, self._exam_s = scene, line, exam_s
        self._keys = dict(keys)

    def wrong(self, reason: str) -> BadSource:
        return BadSource("source.scene_bad_line", path=self._scene, line=self._line, reason=reason)

    def text(self, key: str, default: str) -> str:
        return self._keys.pop(key, default)

    def number(self, key: str, default: float, *, required: bool = False) -> float:
        text = self._keys.pop(key, None)
        if text is None:
            if required:
                raise self.wrong(f"{key}=?")
            return default
        base, value = (self._exam_s, text[4:] or "0") if text.startswith("exam") else (0.0, text)
        try:
            sign = -1.0 if value.startswith("-") else 1.0
            return base + sign * parse_freq(value.lstrip("+-"))
        except BadSource:
            raise self.wrong(f"{key}={text}") from None

    def done(self) -> None:
        """Refuse keys that nobody asked for: a typo would silently change the scene."""
        if self._keys:
            raise self.wrong(f"{', '.join(self._keys)}?")
