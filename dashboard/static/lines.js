/**
 * Rows of any window become lines of pixels: the maximum of the bins under each pixel, never the
 * nearest, so that a carrier one bin wide cannot fall between two pixels.
 */

import { decodeLevels, UNSEEN } from "./levels.js";

const FRESH_S = 0.6; // rows come at 5-10/s: a pixel older than this is no longer live
const RECORDED_BINS = 4; // the recorder joins a few bins into one
const LONGEST_S = 1.2; // recorded rows last a second; the first row of a window says far more

/** Grid of a row or reference, as a name. */
export const gridName = ({ start_hz, bin_width_hz, n_bins }) => `${start_hz}/${bin_width_hz}/${n_bins}`;

/** Raise `out[x]` to the largest of the bins that overlap pixel x of the piece. */
export function raise(out, levels, grid, piece) {
  const hzPerPixel = (piece.stop_hz - piece.start_hz) / (piece.x1 - piece.x0);
  const binsPerPixel = hzPerPixel / grid.bin_width_hz;
  const origin = (piece.start_hz - grid.start_hz) / grid.bin_width_hz;
  for (let x = piece.x0; x < piece.x1; x++) {
    const low = origin + (x - piece.x0) * binsPerPixel;
    const first = Math.max(0, Math.floor(low + 1e-6));
    const stop = Math.min(levels.length, Math.ceil(low + binsPerPixel - 1e-6));
    let most = out[x];
    for (let i = first; i < stop; i++) if (levels[i] > most) most = levels[i];
    out[x] = most;
  }
}

/** Baselines and thresholds of the windows seen lately, by grid. */
export class References {
  constructor(keep = 32) {
    this.keep = keep;
    this.byGrid = new Map();
  }

  /** Keep a reference; false when it says what is known already. */
  add(header, baseline, threshold) {
    const name = gridName(header);
    const codes = [...baseline, ...threshold].join();
    if (this.byGrid.get(name)?.codes === codes) return false;
    this.byGrid.delete(name);
    this.byGrid.set(name, {
      ...header,
      codes,
      baseline: decodeLevels(baseline, header),
      threshold: decodeLevels(threshold, header),
    });
    if (this.byGrid.size > this.keep) this.byGrid.delete(this.byGrid.keys().next().value);
    return true;
  }

  /** The reference of exactly this grid, or undefined; recorded rows get a wider one. */
  of(row) {
    const found = this.byGrid.get(gridName(row));
    if (!found || !row.recorded) return found;
    found.wide ??= { baseline: widen(found.baseline, RECORDED_BINS) };
    return found.wide;
  }

  /** References that reach into a stretch, the coarser first so that the finer overwrite. */
  over(start_hz, stop_hz) {
    return [...this.byGrid.values()]
      .filter((r) => r.start_hz < stop_hz && r.start_hz + r.n_bins * r.bin_width_hz > start_hz)
      .sort((a, b) => b.bin_width_hz - a.bin_width_hz);
  }
}

/** Largest level within `reach` bins: a carrier recorded in coarse bins is still a known one. */
function widen(levels, reach) {
  return levels.map((_, i) => levels.subarray(Math.max(0, i - reach), i + reach + 1).reduce((a, b) => (b > a ? b : a)));
}

/**
 * Collects rows into lines of `slotS` seconds, newest last.
 *
 * Two rings of `height` lines hold dBFS and dB over baseline in tenths (Int16), addressed by slot
 * number; `live` holds what each pixel shows now, `hold` its maximum so far.
 */
export class Lines {
  constructor(pieces, width, height, slotS) {
    Object.assign(this, { pieces, width, height, slotS });
    this.levels = new Int16Array(width * height).fill(UNSEEN * 10);
    this.excess = new Int16Array(width * height).fill(UNSEEN * 10);
    this.live = new Float32Array(width).fill(UNSEEN);
    this.liveExcess = new Float32Array(width).fill(UNSEEN);
    this.hold = new Float32Array(width).fill(UNSEEN);
    this.validTo = new Float64Array(width).fill(-Infinity);
    this.slot = null; // the line being filled
    this.fresh = new Float32Array(width);
    this.freshExcess = new Float32Array(width);
    this.rowLevels = new Float32Array(width);
    this.rowExcess = new Float32Array(width);
    this.#empty();
  }

  #empty() {
    this.fresh.fill(UNSEEN);
    this.freshExcess.fill(UNSEEN);
  }

  /** Take a decoded row (`levels.js`); returns how many lines were finished by it. */
  feed({ row, levels, excess }) {
    const finished = this.advance(row.time_s);
    const pieces = this.pieces.filter(
      (p) => p.start_hz < row.start_hz + row.n_bins * row.bin_width_hz && p.stop_hz > row.start_hz,
    );
    const validTo = row.time_s + Math.max(FRESH_S, 2 * this.slotS, Math.min(LONGEST_S, 1.2 * row.duration_s));
    for (const piece of pieces) {
      this.rowLevels.fill(UNSEEN, piece.x0, piece.x1);
      this.rowExcess.fill(UNSEEN, piece.x0, piece.x1);
      raise(this.rowLevels, levels, row, piece);
      raise(this.rowExcess, excess, row, piece);
      for (let x = piece.x0; x < piece.x1; x++) {
        const level = this.rowLevels[x];
        if (level === UNSEEN) continue;
        this.live[x] = level;
        this.liveExcess[x] = this.rowExcess[x];
        this.validTo[x] = validTo;
        if (level > this.hold[x]) this.hold[x] = level;
        if (level > this.fresh[x]) this.fresh[x] = level;
        if (this.rowExcess[x] > this.freshExcess[x]) this.freshExcess[x] = this.rowExcess[x];
      }
    }
    return finished;
  }

  /** Finish every line that ends before `time_s`. */
  advance(time_s) {
    const slot = Math.floor(time_s / this.slotS);
    if (this.slot === null || slot - this.slot > this.height) {
      if (this.slot !== null) this.#finish();
      this.slot = slot;
      return this.height;
    }
    let finished = 0;
    while (this.slot < slot) {
      this.#finish();
      this.slot++;
      finished++;
    }
    return finished;
  }

  #finish() {
    const end = (this.slot + 1) * this.slotS;
    const at = this.#at(this.slot);
    for (let x = 0; x < this.width; x++) {
      let level = this.fresh[x];
      let excess = this.freshExcess[x];
      if (level === UNSEEN && end <= this.validTo[x]) {
        level = this.live[x];
        excess = this.liveExcess[x];
      }
      this.levels[at + x] = level === UNSEEN ? UNSEEN * 10 : Math.round(level * 10);
      this.excess[at + x] = level === UNSEEN ? UNSEEN * 10 : Math.round(excess * 10);
    }
    this.#empty();
  }

  #at(slot) {
    return (((slot % this.height) + this.height) % this.height) * this.width;
  }

  /** Tenths of a dB of the line `back` lines ago (0 is the newest finished one). */
  line(ring, back) {
    const at = this.#at(this.slot - 1 - back);
    return ring.subarray(at, at + this.width);
  }

  /** Forget live values that nobody refreshed. */
  fade(now_s) {
    for (let x = 0; x < this.width; x++) {
      if (now_s - this.validTo[x] > FRESH_S * 3) this.live[x] = UNSEEN;
    }
  }
}
