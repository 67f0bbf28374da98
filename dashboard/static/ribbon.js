/** What is written around the pictures: frequencies, services, levels, times, breaks, scale, legend. */

import { effect } from "./vendor/signals-core.js";
import { html, render } from "./vendor/lit-html.js";
import { BREAK_PX } from "./axis.js";
import { servicesIn } from "./bands.js";
import { css } from "./colormap.js";
import { mhz, signedDb } from "./format.js";
import { lang, t } from "./i18n.js";
import { stationsIn } from "./stations.js";
import * as state from "./state.js";

const LABEL_PX = 34;
const LEAST_SCALE_PX = 90; // for four numbers beside the colours
const px = (value) => `${value.toFixed(1)}px`;

/** Keep the writing in step with the scope. */
export function ribbon(root, scope) {
  const part = (id) => root.querySelector(id);
  const canvas = document.createElement("canvas");
  part("#scale").append(canvas, document.createElement("div"));
  const draw = () => {
    if (!scope.width) return;
    const axis = state.axis.peek();
    const pieces = axis.pieces(scope.width);
    render(ticks(axis, pieces, scope.width), part("#ribbon"));
    render(breaks(pieces), part("#marks"));
    render(levels(scope.spectrum), part("#levels"));
    render(times(scope), part("#times"));
    render(legend(scope.spectrum), part("#legend"));
    scale(canvas, scope);
  };
  scope.onChange(draw);
  effect(() => {
    lang.value;
    state.excessView.value;
    state.slotS.value;
    state.paused.value;
    state.showBaseline.value;
    state.showHold.value;
    draw();
  });
}

export function ticks(axis, pieces, width) {
  const services = pieces.flatMap((piece) => servicesIn(piece.start_hz, piece.stop_hz).map((row) => ({ row, ...span(piece, row.start_hz, row.stop_hz) })));
  const stations = pieces.flatMap((piece) => stationsIn(piece.start_hz, piece.stop_hz).map((row) => ({ row, ...span(piece, row.low_hz, row.high_hz) })));
  return html`
    <div class="ticks">
      ${axis.ticks(width).map(({ x, label }) => html`<span .style=${`left:${px(x)}`}>${label}</span>`)}
    </div>
    <div class="services">
      ${services.map(
        ({ row, x0, wide }) =>
          html`<span class="service ${row.kind}" .style=${`left:${px(x0)};width:${px(wide)}`}
            title="${row.start_mhz}–${row.stop_mhz} MHz · ${row[lang.value]}">${wide > LABEL_PX ? row[lang.value] : ""}</span>`,
      )}
    </div>
    <div class="stations">
      ${apart(stations).map(
        ({ row, x0, wide, room }) =>
          html`<span class="station" .style=${`left:${px(x0)};min-width:${px(Math.max(2, wide))};max-width:${px(room)}`}
            title="${mhz((row.low_hz + row.high_hz) / 2)} MHz · ${row.name} · ${row.reason}">${room > LABEL_PX ? row.name : ""}</span>`,
      )}
    </div>`;
}

/** Place of a stretch on a piece of the axis, as far as the piece reaches. */
function span(piece, start_hz, stop_hz) {
  const scale = (piece.x1 - piece.x0) / (piece.stop_hz - piece.start_hz);
  const x0 = piece.x0 + Math.max(0, start_hz - piece.start_hz) * scale;
  return { x0, wide: Math.max(0, Math.min(piece.x1, piece.x0 + (stop_hz - piece.start_hz) * scale) - x0), end: piece.x1 };
}

/** Stations from the left, each with the room until the next one. */
function apart(stations) {
  const sorted = [...stations].sort((a, b) => a.x0 - b.x0);
  return sorted.map((station, index) => ({
    ...station,
    room: Math.max(2, Math.min(station.end, sorted[index + 1]?.x0 ?? Infinity) - station.x0),
  }));
}

export function breaks(pieces) {
  return pieces.slice(1).map(
    ({ x0, start_hz }, index) =>
      html`<div class="break" .style=${`left:${px(x0 - BREAK_PX)};width:${px(BREAK_PX)}`}
        title=${t("axis.gap", { low: (pieces[index].stop_hz / 1e6).toFixed(1), high: (start_hz / 1e6).toFixed(1) })}><i></i></div>`,
  );
}

function levels({ low, high, height, ratio }) {
  const lines = [];
  for (let level = high - 10; level > low; level -= 10) lines.push(level);
  return html`<b>dBFS</b>${lines.map(
    (level) =>
      html`<span .style=${`top:${px(((high - level) / (high - low)) * (height / ratio))}`}>${String(level).replace("-", "−")}</span>`,
  )}`;
}

function times(scope) {
  const perPixel = state.slotS.peek() / (scope.waterfall.lineHeight / scope.ratio);
  const tall = scope.waterfallPane.clientHeight;
  const step = [2, 5, 10, 20, 30, 60, 120, 300].find((s) => s / perPixel >= 48) ?? 600;
  const marks = [];
  for (let s = step; s / perPixel < tall - 8; s += step) marks.push(s);
  return html`<span>${state.paused.peek() === null ? t("axis.now") : "0"}</span>${marks.map(
    (s) => html`<span .style=${`top:${px(s / perPixel)}`}>−${s < 60 ? `${s} s` : `${Math.floor(s / 60)}:${String(s % 60).padStart(2, "0")}`}</span>`,
  )}`;
}

function legend({ hasBaseline }) {
  const traces = [["hold", state.showHold, "M"]];
  if (hasBaseline) traces.push(["baseline", state.showBaseline, "B"], ["threshold", state.showBaseline, "B"]);
  return html`<span class="trace live"><i></i>${t("trace.live")}</span>
    ${traces.map(
      ([name, shown, key]) => html`<button class="trace ${name}" aria-pressed=${shown.peek()}
        title="${t(`trace.${name}`)} (${key})" @click=${() => (shown.value = !shown.peek())}><i></i>${t(`trace.${name}`)}</button>`,
    )}`;
}

/** The colours with their numbers: always in sight, so that a glow can be read as dB. */
function scale(canvas, scope) {
  const excess = state.excessView.peek();
  const [low, high] = scope.waterfall.range(excess);
  canvas.width = 1;
  canvas.height = 256;
  const context = canvas.getContext("2d");
  for (let y = 0; y < 256; y++) {
    context.fillStyle = css(1 - y / 255);
    context.fillRect(0, y, 1, 1);
  }
  const room = canvas.clientHeight > LEAST_SCALE_PX;
  const marks = excess ? (room ? [30, 20, 10, 0] : [30, 0]) : room ? [high, (high + low) / 2, low] : [high, low];
  const unit = excess ? (scope.spectrum.hasBaseline ? "scale.baseline" : "scale.median") : "scale.raw";
  render(
    html`<b>${t(unit)}</b>${marks.map(
      (value) =>
        html`<span .style=${`top:${(100 * (high - value)) / (high - low)}%`}>${excess && value ? signedDb(value).replace(".0", "") : String(value).replace("-", "−")}</span>`,
    )}`,
    canvas.nextSibling,
  );
}
