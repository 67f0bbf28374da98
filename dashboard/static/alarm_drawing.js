/** Spectrum and waterfall of an alarm on two canvases with one frequency axis. */

import { cell, paint, rangeOf } from "./archive_picture.js";
import { timeTicks } from "./archive_time.js";
import { niceStep } from "./axis.js";
import { db, mhz } from "./format.js";

export const LEFT = 76; // for the words at the left
const RIGHT = 14;
const SPECTRUM = 150;
const WATERFALL = 260;
const BOTTOM = 24;

const STYLE = { before: "--trace-baseline", baseline: "--trace-baseline", during: "--trace-live", threshold: "--trace-threshold" };

function begin(canvas, width, height) {
  const ratio = devicePixelRatio || 1;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const context = canvas.getContext("2d");
  context.scale(ratio, ratio);
  const look = getComputedStyle(document.documentElement);
  context.font = `14px ${getComputedStyle(document.body).fontFamily}`;
  return { context, colour: (name) => look.getPropertyValue(name).trim() };
}

const span = (width) => width - LEFT - RIGHT;

export function drawSpectrum(canvas, picture, width) {
  const { context, colour } = begin(canvas, width, SPECTRUM);
  const levels = picture.traces.flatMap(({ levels }) => levels).filter((level) => level !== null);
  const low = Math.floor((Math.min(...levels, -120) - 3) / 10) * 10;
  const high = Math.ceil((Math.max(...levels, low + 20) + 3) / 10) * 10;
  const y = (level) => 8 + ((high - level) / (high - low)) * (SPECTRUM - 16);
  context.fillStyle = colour("--trace-field");
  context.fillRect(LEFT, 0, span(width), SPECTRUM);
  context.textAlign = "right";
  context.textBaseline = "middle";
  const step = niceStep((high - low) / 5);
  for (let level = Math.ceil(low / step) * step; level <= high; level += step) {
    context.fillStyle = colour("--trace-grid");
    context.fillRect(LEFT, Math.round(y(level)), span(width), 1);
    context.fillStyle = colour("--quiet");
    context.fillText(db(level).replace(".0", ""), LEFT - 8, Math.min(SPECTRUM - 28, Math.max(8, y(level))));
  }
  context.fillStyle = colour("--quiet");
  context.fillText("dBFS", LEFT - 8, SPECTRUM - 8);
  edges(context, picture, width, SPECTRUM, colour);
  for (const { id, levels } of picture.traces) {
    context.strokeStyle = colour(STYLE[id]);
    context.lineWidth = id === "during" ? 1.6 : 1.2;
    context.setLineDash(id === "threshold" ? [5, 4] : []);
    context.beginPath();
    let on = false;
    levels.forEach((level, x) => {
      const at = LEFT + ((x + 0.5) * span(width)) / levels.length;
      if (level !== null) context[on ? "lineTo" : "moveTo"](at, y(level));
      on = level !== null;
    });
    context.stroke();
  }
  context.setLineDash([]);
}

/** The edges of the emission as the site measured them. */
function edges(context, picture, width, height, colour) {
  const x = (hz) => LEFT + ((hz - picture.start_hz) / (picture.stop_hz - picture.start_hz)) * span(width);
  context.strokeStyle = colour("--fresh");
  context.setLineDash([2, 3]);
  for (const hz of [picture.low_hz, picture.high_hz]) {
    context.beginPath();
    context.moveTo(Math.round(x(hz)) + 0.5, 0);
    context.lineTo(Math.round(x(hz)) + 0.5, height);
    context.stroke();
  }
  context.setLineDash([]);
}

export function drawWaterfall(canvas, picture, width, excess) {
  const { context, colour } = begin(canvas, width, WATERFALL + BOTTOM);
  const image = new OffscreenCanvas(picture.width, WATERFALL);
  paint(image, picture, picture.floors, rangeOf(picture, picture.floors, excess), excess);
  context.imageSmoothingEnabled = false;
  context.drawImage(image, LEFT, 0, span(width), WATERFALL);
  const { start_s, stop_s, start_hz, stop_hz } = picture;
  const y = (s) => ((stop_s - s) / (stop_s - start_s)) * WATERFALL;
  context.fillStyle = colour("--fresh");
  for (const [from, to] of picture.bursts) context.fillRect(LEFT - 5, y(to), 3, Math.max(2, y(from) - y(to)));
  context.fillStyle = colour("--quiet");
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (const { s, label } of timeTicks(start_s, stop_s, WATERFALL, 36)) {
    context.fillText(label, LEFT - 9, Math.min(WATERFALL - 8, Math.max(8, y(s))));
  }
  context.textAlign = "center";
  context.textBaseline = "top";
  const step = niceStep(((stop_hz - start_hz) / span(width)) * 110);
  for (let hz = Math.ceil(start_hz / step) * step; hz <= stop_hz; hz += step) {
    const x = LEFT + ((hz - start_hz) / (stop_hz - start_hz)) * span(width);
    if (x < LEFT + 30 || x > width - RIGHT - 30) continue;
    context.fillRect(Math.round(x), WATERFALL, 1, 4);
    context.fillText(mhz(hz), x, WATERFALL + 6);
  }
}

/** Frequency, time, level and excess under a place of the waterfall; null outside. */
export function readAt(picture, width, { x, y }) {
  const part = x / span(width);
  if (part < 0 || part >= 1) return null;
  const hz = picture.start_hz + part * (picture.stop_hz - picture.start_hz);
  if (y < 0 || y >= WATERFALL) return { hz, s: null };
  const row = picture.height - 1 - Math.floor((y / WATERFALL) * picture.height);
  const s = picture.start_s + ((row + 0.5) * (picture.stop_s - picture.start_s)) / picture.height;
  return { hz, s, ...(cell(picture, picture.floors, Math.floor(part * picture.width), row) ?? { level: null }) };
}
