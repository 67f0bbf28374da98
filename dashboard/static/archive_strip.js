/** Time from left to right: largest excess of a sensor, exams' phases under it, alarms over it. */

import { Axis } from "./axis.js";
import { fetchPeaks } from "./archive_peaks.js";
import { timeTicks } from "./archive_time.js";
import { clock, day } from "./format.js";
import { t } from "./i18n.js";
import * as state from "./state.js";

const MOST_DB = 40;
const LEAST_DRAG_PX = 5;
const EDGE_PX = 26;
const LABEL_PX = 78;

export class TimeStrip {
  /** `onPick(start_s, stop_s)`: a click picks a moment (both the same), a drag a stretch. */
  constructor(canvas, onPick) {
    this.canvas = canvas;
    this.start_s = 0;
    this.stop_s = 1;
    this.peaks = [];
    this.marks = { alarms: [], exams: [] };
    this.window = null; // [start_s, stop_s] that the picture shows
    this.now_s = null; // moment of a replay
    let from = null;
    canvas.addEventListener("pointerdown", (event) => {
      from = event.offsetX;
      canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener("pointerup", (event) => {
      if (from === null) return;
      const [a, b] = [from, event.offsetX].map((x) => this.#at(x)).sort((one, other) => one - other);
      const dragged = Math.abs(event.offsetX - from) >= LEAST_DRAG_PX;
      from = null;
      onPick(...(dragged ? [a, b] : [this.#at(event.offsetX), this.#at(event.offsetX)]));
    });
    canvas.addEventListener("pointercancel", () => (from = null));
    canvas.addEventListener("pointermove", (event) => {
      const s = this.#at(event.offsetX);
      canvas.title = `${day(s * 1000)} ${clock(s * 1000)}`;
    });
  }

  #at(x) {
    const part = Math.min(1, Math.max(0, x / Math.max(1, this.canvas.clientWidth)));
    return this.start_s + part * (this.stop_s - this.start_s);
  }

  /** Ask for a stretch of time and show it. */
  async load({ sensor, bands, start_s, stop_s }, signal) {
    Object.assign(this, { start_s, stop_s });
    const height = Math.min(720, Math.max(60, Math.round(this.canvas.clientWidth / 2)));
    this.peaks = await fetchPeaks({ sensor, axis: new Axis(bands), start_s, stop_s, height }, signal);
    this.draw();
  }

  /** Stand at a moment of a replay; drawn anew only when that is another pixel. */
  stand(s) {
    const pixel = Math.round(((s - this.start_s) / (this.stop_s - this.start_s)) * this.canvas.clientWidth);
    this.now_s = s;
    if (pixel === this.pixel) return;
    this.pixel = pixel;
    this.draw();
  }

  draw() {
    const { canvas, start_s, stop_s } = this;
    const ratio = Math.min(2, devicePixelRatio || 1);
    const [wide, tall] = [canvas.clientWidth, canvas.clientHeight];
    if (!wide) return;
    canvas.width = Math.round(wide * ratio);
    canvas.height = Math.round(tall * ratio);
    const context = canvas.getContext("2d");
    context.scale(ratio, ratio);
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(name).trim();
    const x = (s) => ((s - start_s) / (stop_s - start_s)) * wide;
    const [top, bottom] = [8, tall - 24];
    context.fillStyle = colour("--trace-field");
    context.fillRect(0, 0, wide, bottom + 4);
    this.#drawPeaks(context, colour, wide, top, bottom);
    for (const { phases } of this.marks.exams) {
      for (const { phase, start_s: a, stop_s: b } of phases) {
        context.fillStyle = colour(phase === "open" || phase === "armed" ? "--fresh" : phase === "drill" ? "--drill" : "--quiet");
        context.globalAlpha = phase === "open" ? 1 : 0.5;
        context.fillRect(x(a), bottom, Math.max(1, x(b) - x(a)), 4);
      }
    }
    context.globalAlpha = 1;
    for (const alarm of this.marks.alarms) {
      context.fillStyle = colour(state.isNew(alarm) ? "--fresh" : "--quiet");
      context.fillRect(x(alarm.first_seen_ns / 1e9), 1, Math.max(2, x(alarm.last_seen_ns / 1e9) - x(alarm.first_seen_ns / 1e9)), 5);
    }
    this.#drawTimes(context, colour, wide, bottom, tall, x);
    if (this.window) {
      const [a, b] = this.window.map(x);
      context.fillStyle = colour("--strip-fill");
      context.fillRect(a, 0, Math.max(2, b - a), bottom + 4);
      context.strokeStyle = colour("--accent");
      context.lineWidth = 1.5;
      context.strokeRect(a, 0.75, Math.max(2, b - a), bottom + 2.5);
    }
    if (this.now_s !== null) {
      context.fillStyle = colour("--degraded");
      context.fillRect(x(this.now_s) - 1, 0, 2, bottom + 4);
    }
  }

  /** Excess as an area; what nobody received is hatched. */
  #drawPeaks(context, colour, wide, top, bottom) {
    const { peaks } = this;
    const step = wide / Math.max(1, peaks.length);
    context.fillStyle = colour("--accent");
    peaks.forEach((peak, index) => {
      if (peak === null) return;
      const high = (Math.min(MOST_DB, Math.max(0.8, peak)) / MOST_DB) * (bottom - top);
      context.fillRect(index * step, bottom - high, step + 0.3, high);
    });
    context.strokeStyle = colour("--hatch-b");
    context.beginPath();
    peaks.forEach((peak, index) => {
      if (peak !== null) return;
      for (let at = Math.ceil((index * step) / 5) * 5; at < (index + 1) * step; at += 5) {
        context.moveTo(at, bottom);
        context.lineTo(at + 4, top);
      }
    });
    context.stroke();
  }

  #drawTimes(context, colour, wide, bottom, tall, x) {
    context.font = `14px ${getComputedStyle(document.body).fontFamily}`;
    context.textAlign = "center";
    context.fillStyle = colour("--quiet");
    for (const { s, label } of timeTicks(this.start_s, this.stop_s, wide, LABEL_PX)) {
      context.fillRect(x(s), bottom, 1, 6);
      if (x(s) > EDGE_PX && x(s) < wide - EDGE_PX) context.fillText(label, x(s), tall - 5);
    }
  }
}

/** What a strip says to somebody who does not see it. */
export const stripLabel = (start_s, stop_s) => t("archive.strip", { from: `${day(start_s * 1000)} ${clock(start_s * 1000, false)}`, to: `${day(stop_s * 1000)} ${clock(stop_s * 1000, false)}` });
