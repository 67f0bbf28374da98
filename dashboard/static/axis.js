/**
 * One frequency axis over disjoint bands: the unwatched gaps are left out and marked as breaks.
 *
 * Positions live on `u` in [0, 1]: each segment gets a share that grows with the root of its span,
 * so that a narrow band that matters stays readable beside a wide one.  Inside a segment the axis
 * is linear.  A view is the part [u0, u1] that is shown.
 */

export const BREAK_PX = 22;
const EDGE_PX = 20;
const DIGIT_PX = 8;
const LABEL_GAP_PX = 22;
const MIN_SPAN_HZ = 20e3;

/** Sort bands and join those that touch: `[{start_hz, stop_hz, revisit_s}]`. */
export function joinBands(bands) {
  const joined = [];
  for (const band of [...bands].sort((a, b) => a.start_hz - b.start_hz)) {
    const last = joined.at(-1);
    if (last && band.start_hz <= last.stop_hz + 1e3) {
      last.stop_hz = Math.max(last.stop_hz, band.stop_hz);
    } else {
      joined.push({ start_hz: band.start_hz, stop_hz: band.stop_hz });
    }
  }
  return joined;
}

export class Axis {
  constructor(bands, view = { u0: 0, u1: 1 }) {
    this.bands = bands;
    this.view = view;
    const joined = joinBands(bands);
    const total = joined.reduce((sum, { start_hz, stop_hz }) => sum + Math.sqrt(stop_hz - start_hz), 0);
    let u = 0;
    this.segments = joined.map(({ start_hz, stop_hz }) => {
      const share = Math.sqrt(stop_hz - start_hz) / total;
      const segment = { start_hz, stop_hz, u0: u, u1: u + share };
      u += share;
      return segment;
    });
  }

  /** Position of a frequency; one in a gap sits at the break. */
  uOf(hz) {
    for (const { start_hz, stop_hz, u0, u1 } of this.segments) {
      if (hz < start_hz) return u0;
      if (hz <= stop_hz) return u0 + ((hz - start_hz) / (stop_hz - start_hz)) * (u1 - u0);
    }
    return 1;
  }

  /** Frequency at a position. */
  hzOf(u) {
    const at = this.segments.find(({ u1 }) => u <= u1) ?? this.segments.at(-1);
    if (!at) return 0;
    const part = Math.min(1, Math.max(0, (u - at.u0) / (at.u1 - at.u0)));
    return at.start_hz + part * (at.stop_hz - at.start_hz);
  }

  /** Visible pieces of `width` pixels: `[{x0, x1, start_hz, stop_hz}]`, breaks between them. */
  pieces(width) {
    const { u0, u1 } = this.view;
    const seen = this.segments
      .map((segment) => ({ segment, a: Math.max(u0, segment.u0), b: Math.min(u1, segment.u1) }))
      .filter(({ a, b }) => b - a > 1e-3 * (u1 - u0));
    const room = width - BREAK_PX * Math.max(0, seen.length - 1);
    const shown = seen.reduce((sum, { a, b }) => sum + b - a, 0);
    let x = 0;
    return seen.map(({ segment, a, b }) => {
      const hz = (u) =>
        segment.start_hz +
        ((u - segment.u0) / (segment.u1 - segment.u0)) * (segment.stop_hz - segment.start_hz);
      const wide = (room * (b - a)) / shown;
      const piece = { x0: x, x1: x + wide, start_hz: hz(a), stop_hz: hz(b) };
      x += wide + BREAK_PX;
      return piece;
    });
  }

  /** Pixel of a frequency, null where it is not shown. */
  xOf(hz, width) {
    for (const { x0, x1, start_hz, stop_hz } of this.pieces(width)) {
      if (hz >= start_hz && hz <= stop_hz) {
        return x0 + ((hz - start_hz) / (stop_hz - start_hz)) * (x1 - x0);
      }
    }
    return null;
  }

  /** Frequency under a pixel, null in a break. */
  hzAt(x, width) {
    for (const { x0, x1, start_hz, stop_hz } of this.pieces(width)) {
      if (x >= x0 && x <= x1) return start_hz + ((x - x0) / (x1 - x0)) * (stop_hz - start_hz);
    }
    return null;
  }

  /** Position under a pixel; a break counts as the edge beside it. */
  uAt(x, width) {
    const pieces = this.pieces(width);
    for (const { x0, x1, start_hz, stop_hz } of pieces) {
      if (x < x0) return this.uOf(start_hz);
      if (x <= x1) return this.uOf(start_hz + ((x - x0) / (x1 - x0)) * (stop_hz - start_hz));
    }
    return this.view.u1;
  }

  /** The same axis showing [u0, u1], kept inside it and no narrower than 20 kHz. */
  show(u0, u1) {
    const middle = (u0 + u1) / 2;
    const at = this.segments.find((s) => middle <= s.u1) ?? this.segments.at(-1);
    const least = at ? (MIN_SPAN_HZ / (at.stop_hz - at.start_hz)) * (at.u1 - at.u0) : 0;
    const span = Math.min(1, Math.max(u1 - u0, least));
    const start = Math.min(1 - span, Math.max(0, middle - span / 2));
    return new Axis(this.bands, { u0: start, u1: start + span });
  }

  /** The same axis showing one stretch of frequencies. */
  showHz(start_hz, stop_hz) {
    return this.show(this.uOf(start_hz), this.uOf(stop_hz));
  }

  /** Zoom by `factor` (< 1 is closer), `u` keeps its place. */
  zoom(u, factor) {
    const { u0, u1 } = this.view;
    const span = Math.min(1, (u1 - u0) * factor);
    const part = (u - u0) / (u1 - u0);
    return this.show(u - part * span, u + (1 - part) * span);
  }

  /** Shift by a part of what is shown. */
  pan(part) {
    const { u0, u1 } = this.view;
    const shift = part * (u1 - u0);
    return this.show(u0 + shift, u1 + shift);
  }

  get whole() {
    return this.view.u1 - this.view.u0 > 0.999;
  }

  /** Round frequencies to write under the axis: `[{x, hz, label}]`, as close as the labels allow. */
  ticks(width) {
    const ticks = [];
    for (const { x0, x1, start_hz, stop_hz } of this.pieces(width)) {
      const hzPerPx = (stop_hz - start_hz) / Math.max(1, x1 - x0);
      const decimalsOf = (step) => Math.min(4, Math.max(0, -Math.floor(Math.log10(step / 1e6) + 1e-9)));
      const room = (step) => (stop_hz / 1e6).toFixed(decimalsOf(step)).length * DIGIT_PX + LABEL_GAP_PX;
      let step = niceStep(30 * hzPerPx);
      while (step / hzPerPx < room(step)) step = niceStep(step * 1.01);
      const decimals = decimalsOf(step);
      for (let k = Math.ceil(start_hz / step - 1e-9); k * step <= stop_hz + 1e-6; k++) {
        const hz = k * step;
        const x = x0 + ((hz - start_hz) / (stop_hz - start_hz)) * (x1 - x0);
        // A label that would be cut by an edge says less than none.
        const edge = x - x0 < EDGE_PX || x1 - x < EDGE_PX;
        ticks.push({ x, hz, label: edge ? "" : (hz / 1e6).toFixed(decimals) });
      }
    }
    return ticks;
  }
}

/** The smallest of 1, 2, 5 x 10^k that is not below `least`. */
export function niceStep(least) {
  const power = 10 ** Math.floor(Math.log10(least));
  return [1, 2, 5, 10].map((m) => m * power).find((step) => step >= least * (1 - 1e-9));
}
