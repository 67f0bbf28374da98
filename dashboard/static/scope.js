/** The middle of the page: spectrum, ribbon and waterfall of one sensor over one frequency axis. */

import { effect, untracked } from "./vendor/signals-core.js";
import { Axis } from "./axis.js";
import { binsFor, Channel } from "./channel.js";
import { decode, UNSEEN } from "./levels.js";
import { Spectrum } from "./spectrum.js";
import { DAY, Peaks, recallPeaks } from "./strip.js";
import * as state from "./state.js";

const FRAME_MS = 100;
const SETTLE_MS = 120; // of zooming and paging: only where it ends rows are asked for

export class Scope extends Channel {
  constructor(root, wire) {
    super(root.querySelector("#waterfall canvas"));
    this.wire = wire;
    this.plot = root.querySelector("#plot");
    this.spectrumPane = root.querySelector("#spectrum");
    this.waterfallPane = root.querySelector("#waterfall");
    const [under, over] = this.spectrumPane.querySelectorAll("canvas");
    this.spectrum = new Spectrum(under, over);
    this.peaks = new Peaks();
    this.day = new Peaks(DAY.span, DAY.step);
    this.listeners = [];
    this.followers = []; // take what the scope takes: peak table, further sensors
    this.frame = null;
    this.windows = 0;
    const resized = new ResizeObserver(() => this.#resize());
    for (const pane of [this.spectrumPane, this.waterfallPane]) resized.observe(pane);
    this.#resize();
    effect(() => this.#choose(state.current.value));
    effect(() => {
      state.axis.value;
      untracked(() => this.#see());
    });
    effect(() => {
      state.slotS.value;
      state.paused.value;
      untracked(() => this.#see());
    });
    effect(() => {
      state.excessView.value;
      if (this.lines) this.waterfall.paint(this.lines, state.excessView.peek());
    });
    effect(() => {
      state.showBaseline.value;
      state.showHold.value;
      untracked(() => this.#drawSpectrum());
    });
    setInterval(() => this.pulse() && this.#draw(), 500);
  }

  /** Called after each change of the axis, the size or the level scale. */
  onChange(listener) {
    this.listeners.push(listener);
    listener(this);
  }

  /** Give every row and reference of the wire to `follower` too: `take(row, seen)`, decoded where it is of this sensor, and `refer(...)`. */
  also(follower) {
    this.followers.push(follower);
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
    const { sensor, bands } = found.sensor;
    const name = JSON.stringify([sensor, bands.map((b) => [b.start_hz, b.stop_hz])]);
    if (name === this.name) return;
    if (sensor !== this.sensor) {
      this.forget(sensor);
      this.peaks = new Peaks();
      this.day = new Peaks(DAY.span, DAY.step);
    }
    this.name = name;
    untracked(() => (state.axis.value = new Axis(bands)));
    this.recall(state.axis.peek().pieces(1000)).then((came) => came && this.rebuild());
    for (const peaks of [this.peaks, this.day]) recallPeaks(peaks, sensor, state.axis.peek(), state.now.peek() / 1000);
  }

  #resize() {
    const ratio = Math.min(2, window.devicePixelRatio || 1);
    const { clientWidth: width } = this.spectrumPane;
    if (!width) return;
    this.ratio = ratio;
    this.width = width;
    const pixels = Math.round(width * ratio);
    this.spectrum.resize(pixels, Math.round(this.spectrumPane.clientHeight * ratio), ratio);
    this.resize(pixels, Math.round(this.waterfallPane.clientHeight * ratio), ratio);
    this.#see();
  }

  #see() {
    if (!this.width) return;
    this.rebuild();
    clearTimeout(this.asking);
    this.asking = setTimeout(() => {
      this.#ask();
      this.page(this.pieces).then((came) => came && this.rebuild());
    }, SETTLE_MS);
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

  /** Make all lines anew from the rows held, and what stands around them. */
  rebuild() {
    if (!this.width) return;
    const { ratio } = this;
    this.pieces = state.axis
      .peek()
      .pieces(this.width)
      .map(({ x0, x1, start_hz, stop_hz }) => ({ x0: Math.round(x0 * ratio), x1: Math.round(x1 * ratio), start_hz, stop_hz }));
    this.relay(this.pieces, this.spectrum.width);
    this.#refer(true);
    this.#tell();
  }

  /** A row of the wire. */
  take(row) {
    const seen = row.sensor === this.sensor && this.lines ? decode(row, this.references.of(row)) : null;
    for (const follower of this.followers) follower.take(row, seen);
    if (!seen) return;
    super.take(row, seen);
    this.peaks.add(seen);
    this.day.add(seen);
    if (state.paused.peek() === null) this.frame ??= setTimeout(() => requestAnimationFrame(() => this.#draw()), FRAME_MS);
  }

  /** Baseline and threshold of a window. */
  refer(header, baseline, threshold) {
    for (const follower of this.followers) follower.refer(header, baseline, threshold);
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
    this.scroll();
    if (this.spectrum.fit(this.lines, false)) {
      this.#drawSpectrum();
      this.#tell();
    } else {
      this.spectrum.drawOver(this.lines, this.colors, state.showHold.peek());
    }
  }

  /** Levels under a CSS pixel, see `Channel.under`. */
  at(x, back) {
    return this.under(Math.min(this.spectrum.width - 1, Math.max(0, Math.round(x * this.ratio))), back);
  }
}
