/**
 * Under the waterfall: the day in steps of two minutes and the last ten minutes in seconds, each the
 * largest excess, with alarms over it and the exam under it; a click goes back there.
 */

import { effect } from "./vendor/signals-core.js";
import { clock } from "./format.js";
import { lang, t } from "./i18n.js";
import { UNSEEN } from "./levels.js";
import * as state from "./state.js";

const SPAN_S = 600;
export const DAY = { span: 86_400, step: 120 };
const TICKS_S = [30, 60, 120, 300];
const DAY_TICKS_S = [3600, 7200, 10_800, 21_600, 43_200];
const TALL_PX = 74;
const LEFT_PX = 52;
const HATCH_PX = 5;
const MOST_DB = 60;
const PATIENCE_MS = 8000;

/** Largest excess of each step of time, of the stretch that was shown then; it forgets what is older than its span. */
export class Peaks {
  constructor(span = SPAN_S, step = 1) {
    this.span = span;
    this.step = step;
    this.bySecond = new Map(); // by the first second of each step
  }

  add({ row, excess }) {
    let most = UNSEEN;
    for (let i = 0; i < excess.length; i++) if (excess[i] > most) most = excess[i];
    if (most === UNSEEN) return;
    const second = this.begin(row.time_s);
    this.bySecond.set(second, Math.max(this.bySecond.get(second) ?? UNSEEN, most));
    for (const old of this.bySecond.keys()) {
      if (old >= second - this.span) break;
      this.bySecond.delete(old);
    }
  }

  /** First second of the step that holds a time. */
  begin(time_s) {
    return Math.floor(time_s / this.step) * this.step;
  }

  /** Put what was recorded before this page looked, `[dB or null]` from `start_s` on, before what it saw. */
  recall(start_s, levels) {
    const seen = this.bySecond;
    this.bySecond = new Map();
    levels.forEach((level, index) => level !== null && this.bySecond.set(start_s + index * this.step, level));
    for (const [second, level] of seen) this.bySecond.set(second, Math.max(level, this.bySecond.get(second) ?? UNSEEN));
  }

  /** `[seconds, dB or null]` up to `end_s`: what nobody received is a gap, not a zero. */
  series(end_s) {
    const first = this.begin(end_s) - this.span;
    const seconds = Array.from({ length: this.span / this.step + 1 }, (_, i) => first + i * this.step);
    return [seconds, seconds.map((second) => this.bySecond.get(second) ?? null)];
  }
}

/** Put the records of its span before what this page saw; their code comes after the first picture. */
export async function recallPeaks(peaks, sensor, axis, end_s) {
  const stop_s = peaks.begin(end_s) + peaks.step; // the step that goes on is recorded in part
  const start_s = stop_s - peaks.span;
  try {
    const { fetchPeaks } = await import("./archive_peaks.js");
    peaks.recall(start_s, await fetchPeaks({ sensor, axis, start_s, stop_s, height: peaks.span / peaks.step }, AbortSignal.timeout(PATIENCE_MS)));
  } catch {
    // The live rows come all the same.
  }
}

/** Put both strips into their place; the plotting library comes after the first picture. */
export async function strip(root, scope) {
  const { default: UPlot } = await import("./vendor/uplot.js");
  const part = (name) => root.appendChild(Object.assign(document.createElement("div"), { className: name }));
  draw(UPlot, part("day"), () => scope.day, "strip.day");
  draw(UPlot, part("recent"), () => scope.peaks, "strip.title");
}

/** One strip; `peaks()` is what it shows now. */
function draw(UPlot, root, peaks, title) {
  const { span, step } = peaks();
  let plot = null;
  const make = () => {
    plot?.destroy();
    const style = getComputedStyle(document.documentElement);
    const color = (name) => style.getPropertyValue(name).trim();
    const font = `14px ${getComputedStyle(document.body).fontFamily}`;
    const axis = { stroke: color("--quiet"), font, ticks: { show: false }, grid: { stroke: color("--trace-grid"), width: 1 } };
    plot = new UPlot(
      {
        width: Math.max(100, root.clientWidth),
        height: TALL_PX,
        padding: [6, 0, 0, 0],
        legend: { show: false },
        cursor: { y: false, drag: { x: false, y: false }, points: { show: false } },
        scales: { x: { time: false, range: (_, low, high) => [low, high] }, y: { range: () => [0, MOST_DB] } },
        axes: [
          { ...axis, size: 24, space: 90, incrs: span > SPAN_S ? DAY_TICKS_S : TICKS_S, values: labels },
          { ...axis, size: LEFT_PX, gap: 7, splits: () => [0, MOST_DB / 2, MOST_DB], values: (_, levels) => levels.map((level) => (level === MOST_DB ? `${level} dB` : level)) },
        ],
        series: [{}, { stroke: color("--accent"), fill: color("--strip-fill"), width: 1.2, points: { show: false } }],
        hooks: { drawClear: [(drawn) => hatch(drawn, color)], draw: [(drawn) => mark(drawn, color)] },
      },
      peaks().series(now()),
      root,
    );
  };
  const now = () => state.now.peek() / 1000;
  root.addEventListener("click", (event) => {
    const over = root.querySelector(".u-over").getBoundingClientRect();
    const second = plot.posToVal(event.clientX - over.left, "x");
    state.paused.value = second > now() - Math.max(2, step) ? null : second;
  });
  new ResizeObserver(() => plot && plot.setSize({ width: root.clientWidth, height: TALL_PX })).observe(root);
  effect(() => {
    lang.value;
    state.theme.value;
    make();
  });
  let drawn = "";
  effect(() => {
    const every_s = Math.max(1, step / 10);
    const wanted = [Math.floor(state.now.value / 1000 / every_s), state.paused.value, state.chosen.value, state.theme.value, lang.value].join(" ");
    if (wanted === drawn) return;
    drawn = wanted;
    root.title = t(title);
    plot.setData(peaks().series(now()));
  });
}

/** Times under the strip; one that the edge would cut is left out. */
function labels(plot, seconds) {
  const { min, max } = plot.scales.x;
  const edge = ((max - min) / Math.max(1, plot.width)) * 22;
  return seconds.map((s) => (s - min < edge || max - s < edge ? "" : clock(s * 1000, false)));
}

/** Seconds that nobody received are hatched, never blank. */
function hatch(plot, color) {
  const { ctx: context, bbox } = plot;
  const [seconds, levels] = plot.data;
  const wide = bbox.width / Math.max(1, seconds.length - 1);
  context.save();
  context.strokeStyle = color("--hatch-b");
  context.beginPath();
  levels.forEach((level, index) => {
    if (level !== null || index + 1 >= levels.length) return;
    const from = bbox.left + index * wide;
    for (let at = Math.ceil(from / HATCH_PX) * HATCH_PX; at < from + wide; at += HATCH_PX) {
      context.moveTo(at, bbox.top + bbox.height);
      context.lineTo(at + 4, bbox.top);
    }
  });
  context.stroke();
  context.restore();
}

/** Alarms of this sensor from first to last sighting, and the moment that the pause stands at. */
function mark(plot, color) {
  const { ctx: context, bbox } = plot;
  const ratio = devicePixelRatio;
  const x = (s) => Math.min(bbox.left + bbox.width, Math.max(bbox.left, plot.valToPos(s, "x", true)));
  context.save();
  for (const alarm of state.openAlarms.peek().slice(0, 40)) {
    if (!alarm.sensors.includes(state.chosen.peek())) continue;
    context.fillStyle = color(state.isNew(alarm) ? "--fresh" : "--quiet");
    const from = x(alarm.first_seen_ns / 1e9);
    context.fillRect(from, bbox.top - 5 * ratio, Math.max(2, x(alarm.last_seen_ns / 1e9) - from), 3 * ratio);
  }
  const exam = state.current.peek()?.site.session;
  if (exam) {
    context.fillStyle = color("--fresh");
    const [from, to] = [x(exam.start_ns / 1e9), x(exam.stop_ns / 1e9)];
    context.fillRect(from, bbox.top + bbox.height - 3 * ratio, to - from, 3 * ratio);
  }
  const paused = state.paused.peek();
  if (paused !== null) {
    context.fillStyle = color("--degraded");
    context.fillRect(x(paused) - ratio, bbox.top, 2 * ratio, bbox.height);
  }
  context.restore();
}
