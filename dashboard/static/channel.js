/** One sensor as a waterfall: the rows held of it, its references, its lines, and what was recorded. */

import { History } from "./history.js";
import { decode, UNSEEN } from "./levels.js";
import { Lines, References } from "./lines.js";
import { recall } from "./past.js";
import { Waterfall } from "./waterfall.js";
import * as state from "./state.js";

const FULL_BIN_HZ = 2400e3 / 1024; // the sensors' own resolution
const MOST_BINS = 4096;
const QUIET_MS = 1500; // no row for so long: the picture goes on, hatched

/** Bins of a window: the sensors' own where they are few enough. */
export const binsFor = (start_hz, stop_hz) =>
  Math.min(MOST_BINS, Math.max(16, Math.round((stop_hz - start_hz) / FULL_BIN_HZ)));

export class Channel {
  constructor(canvas) {
    this.waterfall = new Waterfall(canvas);
    this.forget(null);
  }

  /** Begin with another sensor. */
  forget(sensor) {
    this.sensor = sensor;
    this.history = new History();
    this.past = null; // recorded rows of an earlier stretch: {start_s, stop_s, rows}
    this.references = new References();
    this.lines = null;
    this.last = null; // newest row, and when it came
    this.pending = 0;
  }

  /** Size in device pixels. */
  resize(width, height, ratio) {
    this.height = this.waterfall.resize(width, height, Math.max(1, Math.round(ratio)));
  }

  /** Make all lines anew from the rows held: after a zoom, a resize, a pause. */
  relay(pieces, width) {
    const slotS = state.slotS.peek();
    this.lines = new Lines(pieces, width, this.height, slotS);
    const stop_s = state.paused.peek() ?? Infinity;
    const end_s = Math.min(stop_s, this.last?.time_s ?? state.now.peek() / 1000);
    for (const row of this.#between(end_s - (this.height + 2) * slotS, stop_s)) {
      this.lines.feed(decode(row, this.references.of(row)));
    }
    if (stop_s !== Infinity) this.lines.advance(stop_s);
    this.pending = 0;
    this.waterfall.paint(this.lines, state.excessView.peek());
  }

  /** Rows of a stretch: the recorded ones until the first that was seen live. */
  #between(start_s, stop_s) {
    const rows = this.history.between(start_s, stop_s);
    const oldest_s = this.history.oldest_s ?? Infinity;
    const earlier = (this.past?.rows ?? []).filter(
      ({ time_s }) => time_s > start_s && time_s <= stop_s && time_s < oldest_s,
    );
    return earlier.length ? [...earlier, ...rows] : rows;
  }

  /** Fill the waterfall with what was recorded before we looked; whether anything came. */
  async recall(bands) {
    const { sensor, history } = this;
    const span_s = Math.max(60, (this.height ?? 0) * state.slotS.peek());
    const rows = await recall(sensor, windows(bands), state.now.peek() / 1000, span_s);
    if (sensor !== this.sensor || !rows.length) return false;
    history.prepend(rows);
    return true;
  }

  /**
   * Fetch what a pause shows of a time from before the rows held, in the windows shown; whether
   * something new is to be drawn.
   */
  async page(pieces) {
    const stop_s = state.paused.peek();
    if (stop_s === null || !this.sensor) return false;
    const start_s = stop_s - this.height * state.slotS.peek();
    const held_s = this.history.oldest_s ?? Infinity;
    if (start_s >= held_s) return false;
    const name = JSON.stringify([this.sensor, pieces.map((piece) => [piece.start_hz, piece.stop_hz])]);
    if (this.past?.name === name && start_s >= this.past.start_s && Math.min(stop_s, held_s) <= this.past.stop_s) return false;
    const span_s = Math.ceil(stop_s - start_s) + 2;
    const asked = { name, start_s: stop_s - span_s, stop_s, rows: [] };
    this.past = { ...asked, rows: this.past?.name === name ? this.past.rows : [] };
    const rows = await recall(this.sensor, windows(pieces), stop_s, span_s);
    if (this.past.name !== name || this.past.stop_s !== stop_s) return false; // asked anew meanwhile
    this.past = { ...asked, rows };
    return rows.length > 0;
  }

  /** A row of the wire, decoded here where nobody has done it yet. */
  take(row, seen = null) {
    this.history.add(row);
    this.last = { time_s: row.time_s, came: performance.now(), bin_width_hz: row.bin_width_hz };
    if (state.paused.peek() === null) this.pending += this.lines.feed(seen ?? decode(row, this.references.of(row)));
  }

  /** Put the finished lines on the picture. */
  scroll() {
    if (this.pending) this.waterfall.scroll(this.lines, this.pending, state.excessView.peek());
    this.pending = 0;
  }

  /** Time goes on without rows too: what nobody received becomes hatched, never stands still. */
  pulse() {
    if (!this.lines || !this.last || state.paused.peek() !== null) return false;
    const quiet = performance.now() - this.last.came;
    if (quiet < QUIET_MS) return false;
    const now_s = this.last.time_s + quiet / 1000;
    this.lines.fade(now_s);
    this.pending += this.lines.advance(now_s - 1);
    return true;
  }

  /** Time of the newest line, seconds. */
  get end_s() {
    return this.lines?.slot ? this.lines.slot * this.lines.slotS : null;
  }

  /** Levels under a pixel: of the line `back` lines ago, or live where `back` is null. */
  under(column, back) {
    if (!this.lines) return null;
    if (back === null) {
      const level = this.lines.live[column];
      return level === UNSEEN ? null : { level, excess: this.lines.liveExcess[column] };
    }
    if (this.lines.slot === null || back >= this.height) return null;
    const level = this.lines.line(this.lines.levels, back)[column] / 10;
    return level === UNSEEN ? null : { level, excess: this.lines.line(this.lines.excess, back)[column] / 10 };
  }
}

const windows = (pieces) =>
  pieces.map(({ start_hz, stop_hz }) => ({ start_hz, stop_hz, bins: binsFor(start_hz, stop_hz) }));
