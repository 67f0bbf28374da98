/**
 * The line spectrum: live, max hold, baseline (grey) and threshold (dashed) over one level scale.
 * What stands above the threshold is filled in the waterfall's own colour of its excess.
 */

import { css, EXCESS_RANGE } from "./colormap.js";
import { UNSEEN } from "./levels.js";
import { raise } from "./lines.js";

export class Spectrum {
  constructor(under, over) {
    this.under = under.getContext("2d");
    this.over = over.getContext("2d");
    this.low = -110;
    this.high = -40;
    this.hasBaseline = false;
  }

  resize(width, height, ratio) {
    for (const { canvas } of [this.under, this.over]) {
      canvas.width = width;
      canvas.height = height;
    }
    Object.assign(this, { width, height, ratio });
    this.baseline = new Float32Array(width).fill(UNSEEN);
    this.threshold = new Float32Array(width).fill(UNSEEN);
  }

  /** Baseline and threshold under each pixel; the finest window that reaches there counts. */
  refer(pieces, references) {
    this.baseline.fill(UNSEEN);
    this.threshold.fill(UNSEEN);
    const found = new Float32Array(this.width);
    for (const piece of pieces) {
      for (const reference of references.over(piece.start_hz, piece.stop_hz)) {
        for (const name of ["baseline", "threshold"]) {
          found.fill(UNSEEN, piece.x0, piece.x1);
          raise(found, reference[name], reference, piece);
          for (let x = piece.x0; x < piece.x1; x++) if (found[x] !== UNSEEN) this[name][x] = found[x];
        }
      }
    }
    this.hasBaseline = this.baseline.some((level) => level !== UNSEEN);
  }

  /** Level scale that holds everything shown, in steps of 10 dB; returns whether it moved. */
  fit(lines, afresh) {
    let least = Infinity;
    let most = -Infinity;
    for (const trace of [this.baseline, lines.live, lines.hold, this.threshold]) {
      for (const level of trace) {
        if (level === UNSEEN) continue;
        if (level < least) least = level;
        if (level > most) most = level;
      }
    }
    if (least === Infinity) return false;
    let low = Math.floor((least - 4) / 10) * 10;
    let high = Math.max(Math.ceil((most + 6) / 10) * 10, low + 50);
    if (!afresh) {
      // The scale only grows while the same stretch is shown: a jumping scale hides changes.
      low = Math.min(low, this.low);
      high = Math.max(high, this.high);
    }
    const moved = low !== this.low || high !== this.high;
    Object.assign(this, { low, high });
    return moved;
  }

  y(level) {
    return ((this.high - level) / (this.high - this.low)) * this.height;
  }

  /** Grid, baseline and threshold: only when the axis, the scale or a reference changes. */
  drawUnder(pieces, ticks, colors, showBaseline) {
    const { under: context, width, height, ratio } = this;
    context.clearRect(0, 0, width, height);
    context.fillStyle = colors.field;
    for (const { x0, x1 } of pieces) context.fillRect(x0, 0, x1 - x0, height);
    context.lineWidth = ratio;
    context.strokeStyle = colors.grid;
    context.beginPath();
    for (let level = this.low; level <= this.high; level += 10) {
      for (const { x0, x1 } of pieces) {
        const y = Math.round(this.y(level)) + 0.5;
        context.moveTo(x0, y);
        context.lineTo(x1, y);
      }
    }
    for (const { x } of ticks) {
      context.moveTo(Math.round(x * ratio) + 0.5, 0);
      context.lineTo(Math.round(x * ratio) + 0.5, height);
    }
    context.stroke();
    if (!showBaseline) return;
    this.#trace(context, pieces, this.baseline, colors.baseline, 1.5 * ratio);
    context.setLineDash([6 * ratio, 4 * ratio]);
    this.#trace(context, pieces, this.threshold, colors.threshold, ratio);
    context.setLineDash([]);
  }

  /** Live and max hold: with every new row. */
  drawOver(lines, colors, showHold) {
    const { over: context, width, height, ratio } = this;
    context.clearRect(0, 0, width, height);
    const [low, high] = EXCESS_RANGE;
    for (const { x0, x1 } of lines.pieces) {
      for (let x = x0; x < x1; x++) {
        const level = lines.live[x];
        if (level === UNSEEN || this.threshold[x] === UNSEEN || level <= this.threshold[x]) continue;
        const top = this.y(level);
        context.fillStyle = css((lines.liveExcess[x] - low) / (high - low));
        context.fillRect(x, top, 1, this.y(this.baseline[x]) - top);
      }
    }
    if (showHold) this.#trace(context, lines.pieces, lines.hold, colors.hold, ratio);
    this.#trace(context, lines.pieces, lines.live, colors.live, ratio);
  }

  #trace(context, pieces, levels, color, lineWidth) {
    context.strokeStyle = color;
    context.lineWidth = lineWidth;
    context.lineJoin = "bevel";
    context.beginPath();
    for (const { x0, x1 } of pieces) {
      let down = false;
      for (let x = x0; x < x1; x++) {
        if (levels[x] === UNSEEN) {
          down = false;
        } else if (down) {
          context.lineTo(x + 0.5, this.y(levels[x]));
        } else {
          context.moveTo(x + 0.5, this.y(levels[x]));
          down = true;
        }
      }
    }
    context.stroke();
  }
}
