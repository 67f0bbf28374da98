/**
 * Recorded spectra as a picture: asked from the monitor in the size of the screen, coloured here.
 *
 * What it is compared with is in archive_reference.js: the baseline of that time.  Where the site had
 * none, the lower quartile of each frequency in the day around: what is on the air for less than three
 * quarters of that day glows.  (Of a sensor that is new the picture itself is all there is.)
 */

import { EXCESS_RANGE, WORDS } from "./colormap.js";
import { BREAK, HATCH } from "./waterfall.js";

export const UNSEEN_CODE = 0;
const RAW_SPAN_DB = 70;
const MOST_ROWS = 800;

const ns = (s) => `${Math.round(s * 1000)}000000`;

/**
 * Codes of a stretch of time, row 0 the oldest: `{width, height, pieces, codes, offset_db, step_db}`.
 *
 * `pieces` are the visible stretches of frequency in pixels (`Axis.pieces`, rounded).
 */
export async function fetchPicture({ sensor, pieces, width, start_s, stop_s, height, value }, signal) {
  const path = sensor.split("/").map(encodeURIComponent).join("/");
  const codes = new Uint8Array(width * height);
  let scale = { offset_db: -140, step_db: 0.5 };
  let failure = null;
  await Promise.all(
    pieces.map(async ({ x0, x1, start_hz, stop_hz }) => {
      const wide = x1 - x0;
      const asked = new URLSearchParams({ start_ns: ns(start_s), stop_ns: ns(stop_s), start_hz, stop_hz, width: wide, height });
      if (value === "mean") asked.set("value", value);
      const answer = await fetch(`api/v1/spectrum/${path}?${asked}`, { signal, headers: { "Accept-Language": document.documentElement.lang } });
      const piece = await answer.json();
      if (!answer.ok) {
        failure = piece.text;
        return;
      }
      scale = piece;
      const part = Uint8Array.from(atob(piece.levels), (letter) => letter.charCodeAt(0));
      for (let y = 0; y < height; y++) codes.set(part.subarray(y * wide, (y + 1) * wide), y * width + x0);
    }),
  );
  if (failure) throw new Error(failure);
  return { width, height, pieces, codes, start_s, stop_s, offset_db: scale.offset_db, step_db: scale.step_db };
}

/** Rows to ask for: no more than there are pixels, none shorter than a second. */
export const rowsFor = (span_s, pixels) => Math.max(1, Math.min(MOST_ROWS, pixels, Math.ceil(span_s)));

/** Lower quartile of each column over time; 0 where nothing was ever seen. */
export function usualOf({ width, height, codes }) {
  const usual = new Float32Array(width);
  const counts = new Uint32Array(256);
  for (let x = 0; x < width; x++) {
    counts.fill(0);
    let seen = 0;
    for (let at = x; at < width * height; at += width) {
      const code = codes[at];
      if (code !== UNSEEN_CODE) {
        counts[code]++;
        seen++;
      }
    }
    let code = 0;
    for (let below = 0; seen && below * 4 < seen; ) below += counts[++code];
    usual[x] = code;
  }
  return usual;
}

/** Whether a picture of a day says enough of what is usual: so many of its rows were seen. */
export function saysEnough({ width, height, codes }, rows) {
  let seen = 0;
  for (let y = 0; y < height; y++) if (codes.subarray(y * width, (y + 1) * width).some((code) => code)) seen++;
  return seen >= rows;
}

/** How much higher the one lies than the other, over all columns that both have. */
export function liftOf(own, usual) {
  const lifts = [];
  for (let x = 0; x < own.length; x++) if (own[x] && usual[x]) lifts.push(own[x] - usual[x]);
  lifts.sort((a, b) => a - b);
  return lifts.length ? lifts[lifts.length >> 1] : 0;
}

/** What to take off each column: the usual level and the lift of this picture over it. */
export function floorOf(picture, usual) {
  const own = usualOf(picture);
  const lift = liftOf(own, usual);
  return usual.map((code, x) => (code ? code + lift : own[x]));
}

/** dB that the colours span: over the floor always the same, raw from 10 dB below the quietest. */
export function rangeOf(picture, { rows }, excess) {
  if (excess) return EXCESS_RANGE;
  const seen = [...rows.at(-1)].filter((code) => code).sort((a, b) => a - b);
  const quiet = seen.length ? picture.offset_db + picture.step_db * seen[seen.length >> 1] : -110;
  const low = Math.round(quiet / 10) * 10 - 10;
  return [low, low + RAW_SPAN_DB];
}

/** Level and excess of a cell in dB and whether that is over a baseline, null where nothing was seen. */
export function cell(picture, { rows, based }, x, y) {
  const code = picture.codes[y * picture.width + x];
  if (!code) return null;
  return { level: picture.offset_db + picture.step_db * code, excess: picture.step_db * (code - rows[y][x]), based: based[y] };
}

/** Colour words of row `y` into `words`; unseen is hatched along the diagonal of `phase`. */
export function colourRow(words, picture, { rows }, range, excess, y, phase) {
  const floor = rows[y];
  const { width, codes, offset_db, step_db, pieces } = picture;
  const [low, high] = range;
  const scale = 255 / (high - low);
  words.fill(BREAK, 0, width);
  for (const { x0, x1 } of pieces) {
    for (let x = x0; x < x1; x++) {
      const code = codes[y * width + x];
      if (code === UNSEEN_CODE) {
        words[x] = HATCH[(x + phase) % 12 < 3 ? 1 : 0];
      } else {
        const value = excess ? step_db * (code - floor[x]) : offset_db + step_db * code;
        const index = (value - low) * scale;
        words[x] = WORDS[index <= 0 ? 0 : index >= 255 ? 255 : index | 0];
      }
    }
  }
}

/** Draw a whole picture, the newest row on top. */
export function paint(canvas, picture, floors, range, excess) {
  const { width, height } = picture;
  const tall = canvas.height;
  const context = canvas.getContext("2d", { alpha: false });
  const image = context.createImageData(width, tall);
  const words = new Uint32Array(image.data.buffer);
  let before = null;
  for (let y = 0; y < tall; y++) {
    const row = height - 1 - Math.floor((y * height) / tall);
    if (row === before) words.copyWithin(y * width, (y - 1) * width, y * width);
    else colourRow(words.subarray(y * width, (y + 1) * width), picture, floors, range, excess, row, y);
    before = row;
  }
  context.putImageData(image, 0, 0);
}

/** Largest excess of each row, null where nothing was seen. */
export function peaksOf(picture, { rows }) {
  return Array.from({ length: picture.height }, (_, y) => {
    let most = null;
    for (let x = 0; x < picture.width; x++) {
      const code = picture.codes[y * picture.width + x];
      if (code) most = Math.max(most ?? -Infinity, picture.step_db * (code - rows[y][x]));
    }
    return most;
  });
}
