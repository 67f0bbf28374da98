/** The waterfall: newest line on top, unseen parts hatched grey, one image row per new line. */

import { EXCESS_RANGE, WORDS } from "./colormap.js";
import { UNSEEN } from "./levels.js";

const NOBODY = UNSEEN * 10; // in the tenths of a dB of the rings
export const HATCH = [0xff25201c, 0xff332c27]; // ABGR: dark grey field, lighter stripe
export const BREAK = 0xff130e0b;

export class Waterfall {
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d", { alpha: false });
    this.context.imageSmoothingEnabled = false;
    this.rawRange = [-110, -40];
    this.lineHeight = 1;
  }

  /** Size in device pixels; returns how many lines fit. */
  resize(width, height, lineHeight) {
    this.canvas.width = width;
    this.canvas.height = height;
    this.lineHeight = lineHeight;
    this.image = this.context.createImageData(width, lineHeight);
    this.words = new Uint32Array(this.image.data.buffer);
    return Math.max(1, Math.floor(height / lineHeight));
  }

  /** What the colours span, in dB. */
  range(excessView) {
    return excessView ? EXCESS_RANGE : this.rawRange;
  }

  /** Draw the `count` newest lines and shift the others down. */
  scroll(lines, count, excessView) {
    const { canvas, context, lineHeight } = this;
    const shift = count * lineHeight;
    if (shift >= canvas.height) return this.paint(lines, excessView);
    context.drawImage(canvas, 0, 0, canvas.width, canvas.height - shift, 0, shift, canvas.width, canvas.height - shift);
    for (let back = 0; back < count; back++) this.#draw(lines, back, excessView);
  }

  /** Draw every line anew. */
  paint(lines, excessView) {
    const count = Math.ceil(this.canvas.height / this.lineHeight);
    for (let back = 0; back < count; back++) this.#draw(lines, back, excessView);
  }

  #draw(lines, back, excessView) {
    const { words, canvas } = this;
    const width = canvas.width;
    const [low, high] = this.range(excessView);
    const scale = 255 / ((high - low) * 10);
    const empty = lines.slot === null || back >= lines.height;
    const values = empty ? null : lines.line(excessView ? lines.excess : lines.levels, back);
    const phase = empty ? -back : lines.slot - 1 - back;
    words.fill(BREAK, 0, width);
    // With no band at all everything is unseen, not black.
    const pieces = lines.pieces.length ? lines.pieces : [{ x0: 0, x1: width }];
    for (const { x0, x1 } of pieces) {
      for (let x = x0; x < x1; x++) {
        const value = values === null ? NOBODY : values[x];
        if (value === NOBODY) {
          words[x] = HATCH[(((x + phase) % 12) + 12) % 12 < 3 ? 1 : 0];
        } else {
          const index = (value - low * 10) * scale;
          words[x] = WORDS[index <= 0 ? 0 : index >= 255 ? 255 : index | 0];
        }
      }
    }
    for (let y = 1; y < this.lineHeight; y++) words.copyWithin(y * width, 0, width);
    this.context.putImageData(this.image, 0, back * this.lineHeight);
  }
}
