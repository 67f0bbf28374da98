/** The middle of the page: spectrum, ribbon and waterfall of one sensor over one frequency axis. */

import { effect, untracked } from "./vendor/signals-core.js";
import { Axis } from "./axis.js";
import { History } from "./history.js";
import { Lines, References, UNSEEN } from "./lines.js";
import { recall } from "./past.js";
import { Spectrum } from "./spectrum.js";
import { Peaks } from "./strip.js";
import { Waterfall } from "./waterfall.js";
import * as state from "./state.js";

const FULL_BIN_HZ = 2400e3 / 1024; // the sensors' own resolution
const MOST_BINS = 4096;
const FRAME_MS = 100;
const QUIET_MS = 1500; // no row for so long: the picture goes on, hatched

/** Bins of a window: the sensors' own where they are few enough. */
const binsFor = (start_hz, stop_hz) =>
  Math.min(MOST_BINS, Math.max(16, Math.round((stop_hz - start_hz) / FULL_BIN_HZ)));

export class Scope {
  constructor(root, wire) {
    this.wire = wire;
    this.plot = root.querySelector("#plot");
    this.spectrumPane = root.querySelector("#spectrum");
    this.waterfallPane = root.querySelector("#waterfall");
    const [under, over] = this.spectrumPane.querySelectorAll("canvas");
    this.spectrum = new Spectrum(under, over);
    this.waterfall = new Waterfall(this.waterfallPane.querySelector("canvas"));
    this.history = new History();
    this.references = new References();
    this.peaks = new Peaks();
    this.listeners = [];
    this.pending = 0;
    this.frame = null;
    this.last = null; // newest row, and when it came
    this.windows = 0;
    new ResizeObserver(() => this.#resize()).observe(this.plot);
    this.#resize();
    effect(() => this.#choose(state.current.value));
    effect(() => {
      const { value: axis } = state.axis;
      untracked(() => this.#see(axis));
    });
    effect(() => {
      state.slotS.value;
      state.paused.value;
      untracked(() => this.rebuild());
    });
    effect(() => {
      const excess = state.excessView.value;
      if (this.lines) this.waterfall.paint(this.lines, excess);
    });
    effect(() => {
      state.showBaseline.value;
      state.showHold.value;
      untracked(() => this.#drawSpectrum());
    });
    setInterval(() => this.#pulse(), 500);
  }

  /** Called after each change of the axis, the size or the level scale. */
  onChange(listener) {
    this.listeners.push(listener);
    listener(this);
  }

  #tell() {
    for (const listener of this.listeners) listener(this);
  }

  /** Colours of the theme, read again when it changes. */
  recolor() {
    const style = getComputedStyle(document.documentElement);
    this.colors = Object.fromEntries(
      ["field", "grid", "baseline", "threshold", "hold", "live"].map((name) => [
        name,
        style.getPropertyValue(`--trace-${name}`).trim(),
      ]),
    );
    if (this.lines) this.#drawSpectrum();
  }

  #choose(found) {
    if (!found) return;
    const { sensor, bands } = { sensor: found.sensor.sensor, bands: found.sensor.bands };
    const name = JSON.stringify([sensor, bands.map((b) => [b.start_hz, b.stop_hz])]);
    if (name === this.name) return;
    if (sensor !== this.sensor) {
      this.history.clear();
      this.references = new References();
      this.peaks = new Peaks();
      this.last = null;
    }
    this.name = name;
    this.sensor = sensor;
    untracked(() => (state.axis.value = new Axis(bands)));
    this.#recall();
  }

  /** Fill the waterfall with what was recorded before we looked. */
  async #recall() {
    const { sensor, history } = this;
    const pieces = new Axis(state.current.peek().sensor.bands)
      .pieces(1000)
      .map(({ start_hz, stop_hz }) => ({ start_hz, stop_hz, bins: binsFor(start_hz, stop_hz) }));
    const span_s = Math.max(60, (this.height ?? 0) * state.slotS.peek());
    const rows = await recall(sensor, pieces, state.now.peek() / 1000, span_s);
    if (sensor !== this.sensor || !rows.length) return;
    history.prepend(rows);
    this.rebuild();
  }

  #resize() {
    const ratio = Math.min(2, window.devicePixelRatio || 1);
    const { clientWidth: width } = this.spectrumPane;
    if (!width) return;
    this.ratio = ratio;
    this.width = width;
    const pixels = Math.round(width * ratio);
    this.spectrum.resize(pixels, Math.round(this.spectrumPane.clientHeight * ratio), ratio);
    this.height = this.waterfall.resize(
      pixels,
      Math.round(this.waterfallPane.clientHeight * ratio),
      Math.max(1, Math.round(ratio)),
    );
    this.#see(state.axis.peek());
  }

  #see() {
    if (!this.width) return;
    this.rebuild();
    clearTimeout(this.asking);
    this.asking = setTimeout(() => this.#ask(), 120);
  }

  /** Ask for rows of what is shown: at full resolution where the window is narrow enough. */
  #ask() {
    if (!this.sensor) return;
    const pieces = state.axis.peek().pieces(this.width);
    pieces.forEach(({ start_hz, stop_hz }, index) => {
      const window = { sensor: this.sensor, start_hz, stop_hz, bins: binsFor(start_hz, stop_hz) };
      this.wire.watch(`scope${index}`, window);
    });
    for (let index = pieces.length; index < this.windows; index++) this.wire.unwatch(`scope${index}`);
    this.windows = pieces.length;
  }

  /** Make all lines anew from the rows held: after a zoom, a resize, a pause. */
  rebuild() {
    if (!this.width) return;
    const { ratio } = this;
    const axis = state.axis.peek();
    this.pieces = axis.pieces(this.width).map(({ x0, x1, start_hz, stop_hz }) => ({
      x0: Math.round(x0 * ratio),
      x1: Math.round(x1 * ratio),
      start_hz,
      stop_hz,
    }));
    const slotS = state.slotS.peek();
    this.lines = new Lines(this.pieces, this.spectrum.width, this.height, slotS);
    const stop_s = state.paused.peek() ?? Infinity;
    const end_s = Math.min(stop_s, this.last?.time_s ?? state.now.peek() / 1000);
    for (const row of this.history.between(end_s - (this.height + 2) * slotS, stop_s)) {
      this.lines.feed(row, this.references.of(row));
    }
    this.pending = 0;
    this.waterfall.paint(this.lines, state.excessView.peek());
    this.#refer(true);
    this.#tell();
  }

  /** A row of the wire. */
  take(row) {
    if (row.sensor !== this.sensor || !this.lines) return;
    this.history.add(row);
    this.peaks.add(row, this.references.of(row));
    this.last = { time_s: row.time_s, came: performance.now(), bin_width_hz: row.bin_width_hz };
    if (state.paused.peek() !== null) return;
    this.pending += this.lines.feed(row, this.references.of(row));
    this.frame ??= setTimeout(() => requestAnimationFrame(() => this.#draw()), FRAME_MS);
  }

  /** Baseline and threshold of a window. */
  refer(header, baseline, threshold) {
    if (header.sensor !== this.sensor) return;
    if (this.references.add(header, baseline, threshold) && this.lines) this.rebuild();
  }

  #refer(afresh) {
    this.spectrum.refer(this.pieces, this.references);
    const seen = this.spectrum.baseline.filter((level) => level !== UNSEEN).sort();
    if (seen.length) {
      const low = Math.round(seen[seen.length >> 1] / 10) * 10 - 10;
      this.waterfall.rawRange = [low, low + 70];
    }
    this.spectrum.fit(this.lines, afresh);
    this.#drawSpectrum();
  }

  #drawSpectrum() {
    if (!this.lines || !this.colors) return;
    const ticks = state.axis.peek().ticks(this.width);
    this.spectrum.drawUnder(this.pieces, ticks, this.colors, state.showBaseline.peek());
    this.spectrum.drawOver(this.lines, this.colors, state.showHold.peek());
  }

  #draw() {
    this.frame = null;
    if (this.pending) {
      this.waterfall.scroll(this.lines, this.pending, state.excessView.peek());
      this.pending = 0;
    }
    if (this.spectrum.fit(this.lines, false)) {
      this.#drawSpectrum();
      this.#tell();
    } else {
      this.spectrum.drawOver(this.lines, this.colors, state.showHold.peek());
    }
  }

  /** Time goes on without rows too: what nobody received becomes hatched, never stands still. */
  #pulse() {
    if (!this.lines || !this.last || state.paused.peek() !== null) return;
    const quiet = performance.now() - this.last.came;
    if (quiet < QUIET_MS) return;
    const now_s = this.last.time_s + quiet / 1000;
    this.lines.fade(now_s);
    this.pending += this.lines.advance(now_s - 1);
    this.#draw();
  }

  /** Time of the newest line, seconds. */
  get end_s() {
    return this.lines?.slot ? this.lines.slot * this.lines.slotS : null;
  }

  /** Levels under a pixel: of the line `back` lines ago, or live where `back` is null. */
  at(x, back) {
    const column = Math.min(this.spectrum.width - 1, Math.max(0, Math.round(x * this.ratio)));
    if (back === null) {
      const level = this.lines.live[column];
      return level === UNSEEN ? null : { level, excess: this.lines.liveExcess[column] };
    }
    if (this.lines.slot === null || back >= this.height) return null;
    const level = this.lines.line(this.lines.levels, back)[column] / 10;
    return level === UNSEEN ? null : { level, excess: this.lines.line(this.lines.excess, back)[column] / 10 };
  }
}
