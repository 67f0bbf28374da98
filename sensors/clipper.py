"""The evidence of one dongle's process: what `Keeper` keeps, told to the supervisor."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from dsp.baseline import Baseline
from dsp.signals import Emitter
from dsp.values import Dwell, IQBlock
from sdr.source import Settings, SourceInfo
from sensors.evidence import Archive, EvidenceFault, Facts
from sensors.keeper import Keeper, Kept
from sensors.reports import ClipReport
from sensors.task import KeepSamples, Task


class Clipper:
    """Keeps clips of new emitters where the site wants that; of a survey none.

    Parameters
    ----------
    task : Task
    info : SourceInfo
    settings : Settings
    baseline : Baseline or None
    report : callable
        Takes each `ClipReport`.
    """

    def __init__(
        self,
        task: Task,
        info: SourceInfo,
        settings: Settings,
        baseline: Baseline | None,
        report: Callable[[ClipReport], None],
    ) -> None:
        self._task = task
        self._info = info
        self._settings = settings
        self._report = report
        self._keeper: Keeper | None = None
        self._asked: dict[int, str] = {}
        if not task.survey:
            self.begin(baseline)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._keeper is not None:
            self._tell(self._keeper.close())

    def begin(self, baseline: Baseline | None) -> None:
        """Keep what is new against this baseline; emitters are counted from 1 again."""
        task = self._task
        if not task.evidence_s or not task.data:
            return
        if self._keeper is not None:
            self._tell(self._keeper.close())
        facts = Facts(
            site=task.sensor.partition("/")[0],
            sensor=task.sensor,
            emitter="",
            low_hz=0.0,
            high_hz=0.0,
            serial=self._info.serial,
            tuner=self._info.tuner,
            antenna=task.antenna,
            gain_db=self._settings.gain_db,
            ppm=self._settings.ppm,
            baseline=baseline.hash if baseline is not None else "",
        )
        archive = Archive(Path(task.data) / "evidence", task.evidence_bytes)
        self._keeper = Keeper(archive, facts, before_s=task.evidence_s)

    def drill(self, *, on: bool) -> None:
        """Say of every clip that samples of a drill may be in it."""
        if self._keeper is not None:
            self._keeper.drill = on

    def keep(self, order: KeepSamples) -> None:
        """Keep what the centre asked for."""
        number = -order.number
        self._asked[number] = order.emitter
        if self._keeper is None:
            self._tell([Kept(number, None, EvidenceFault("record.nothing_held"))])
        else:
            self._keeper.ask(number, order.freq_hz, order.start_ns, order.stop_ns)

    def follow(self, block: IQBlock | None, emitters: Sequence[Emitter], dwell: Dwell) -> None:
        """Take in a dwell's samples and what they changed."""
        if self._keeper is None or block is None:
            return
        self._keeper.hear(block)
        self._keeper.follow(emitters, dwell)
        self._tell(self._keeper.results())

    def _tell(self, kept: Sequence[Kept]) -> None:
        for one in kept:
            sensor, now_ns = self._task.sensor, time.time_ns()
            asked = self._asked.pop(one.emitter, "")
            if one.clip is None:
                fault = one.fault
                assert fault is not None
                fields = {key: str(value)[:200] for key, value in fault.fields.items()}
                self._report(
                    ClipReport(
                        sensor,
                        one.emitter,
                        now_ns,
                        message_id=fault.message_id,
                        fields=fields,
                        deleted=[gone.name for gone in fault.deleted],
                        asked=asked,
                    )
                )
                continue
            clip = one.clip
            self._report(
                ClipReport(
                    sensor,
                    one.emitter,
                    now_ns,
                    files=[str(path) for path in (clip.meta, clip.data, clip.manifest)],
                    manifest_sha256=clip.manifest_sha256,
                    start_ns=clip.start_ns,
                    stop_ns=clip.stop_ns,
                    num_samples=clip.num_samples,
                    dropped_samples=clip.dropped_samples,
                    deleted=[gone.name for gone in clip.deleted],
                    asked=asked,
                )
            )
