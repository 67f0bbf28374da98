/** The mouse on the pictures: cursor readout, drag to zoom, wheel to zoom at the cursor, pan. */

import { effect } from "./vendor/signals-core.js";
import { html, render } from "./vendor/lit-html.js";
import { serviceAt } from "./bands.js";
import { clock, db, mhz, signedDb, width as widthText } from "./format.js";
import { t } from "./i18n.js";
import { stationAt } from "./stations.js";
import * as state from "./state.js";

const LEAST_DRAG_PX = 6;

export function pointer(root, scope) {
  const pane = root.querySelector("#plot");
  const cursor = root.querySelector("#cursor");
  const drag = root.querySelector("#drag");
  const readout = root.querySelector("#readout");
  const earlier = []; // views to come back to
  let from = null; // x where a drag began
  let place = null; // {x, y} of the pointer

  const go = (axis) => {
    earlier.push(state.axis.peek());
    if (earlier.length > 50) earlier.shift();
    state.axis.value = axis;
  };
  const xOf = (event) => event.clientX - scope.spectrumPane.getBoundingClientRect().left;
  const inside = (x) => Math.min(scope.width, Math.max(0, x));

  const show = () => {
    cursor.hidden = !place;
    state.cursorX.value = place?.x ?? null;
    render(place ? reading(scope, place) : summary(scope), readout);
    if (place) cursor.style.transform = `translateX(${Math.round(place.x)}px)`;
  };

  pane.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || event.target.closest("button")) return;
    from = inside(xOf(event));
    pane.setPointerCapture(event.pointerId);
  });
  pane.addEventListener("pointermove", (event) => {
    place = { x: inside(xOf(event)), y: event.clientY - scope.waterfallPane.getBoundingClientRect().top };
    if (from !== null) {
      const wide = Math.abs(place.x - from);
      drag.hidden = wide < LEAST_DRAG_PX;
      drag.style.left = `${Math.min(place.x, from)}px`;
      drag.style.width = `${wide}px`;
    }
    show();
  });
  pane.addEventListener("pointerup", () => {
    drag.hidden = true;
    if (from !== null && place && Math.abs(place.x - from) >= LEAST_DRAG_PX) {
      const axis = state.axis.peek();
      const [u0, u1] = [from, place.x].map((x) => axis.uAt(x, scope.width)).sort((a, b) => a - b);
      go(axis.show(u0, u1));
    }
    from = null;
  });
  pane.addEventListener("pointercancel", () => {
    from = null;
    drag.hidden = true;
  });
  pane.addEventListener("pointerleave", () => {
    place = null;
    show();
  });
  pane.addEventListener("dblclick", (event) => {
    if (event.target.closest("button")) return;
    const axis = state.axis.peek();
    state.axis.value = earlier.pop() ?? axis.show(0, 1);
  });
  pane.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      const axis = state.axis.peek();
      const turn = event.deltaY || event.deltaX;
      if (event.altKey) return page(scope, Math.sign(-turn) * 0.1);
      if (event.shiftKey || (event.deltaX && !event.deltaY)) state.axis.value = axis.pan(Math.sign(turn) * 0.1);
      else state.axis.value = axis.zoom(axis.uAt(inside(xOf(event)), scope.width), turn > 0 ? 1.25 : 0.8);
    },
    { passive: false },
  );
  effect(() => {
    state.now.value;
    state.axis.value;
    state.skipped.value;
    show();
  });
  return { go, page: (part) => page(scope, part), back: () => (state.axis.value = earlier.pop() ?? state.axis.peek().show(0, 1)) };
}

/** Go back in time by a part of the picture, or on; arriving at now ends the pause. */
function page(scope, part) {
  const stop_s = state.paused.peek() ?? scope.end_s;
  if (stop_s === null) return;
  const next = stop_s - part * scope.height * state.slotS.peek();
  state.paused.value = next < state.now.peek() / 1000 - 1 ? next : null;
}

function reading(scope, { x, y }) {
  const hz = state.axis.peek().hzAt(x, scope.width);
  if (hz === null) return html`<span>${t("axis.unwatched")}</span>`;
  const onWaterfall = y >= 0 && y < scope.waterfallPane.clientHeight;
  const back = onWaterfall ? Math.floor((y * scope.ratio) / scope.waterfall.lineHeight) : null;
  const value = scope.at(x, back);
  const at_s = back === null ? null : scope.end_s - (back + 1) * state.slotS.peek();
  return html`
    <b class="freq">${mhz(hz)}<small> MHz</small></b>
    ${value
      ? html`<span class="num">${db(value.level)} dBFS</span><span class="num">${signedDb(value.excess)} dB ${t(scope.spectrum.hasBaseline ? "read.over" : "read.over_median")}</span>`
      : html`<span class="unseen">${t("read.unseen")}</span>`}
    ${at_s ? html`<span class="num">${clock(at_s * 1000)}</span>` : html`<span>${t("read.live")}</span>`}
    <span class="who">${stationAt(hz)?.name ?? serviceAt(hz)}</span>`;
}

/** With no cursor: what stretch is shown, and how finely. */
function summary(scope) {
  const pieces = state.axis.peek().pieces(scope.width || 1);
  if (!pieces.length) return "";
  const bin = scope.last?.bin_width_hz;
  return html`
    <span class="num">${pieces.map((p) => `${mhz(p.start_hz, 3)}–${mhz(p.stop_hz, 3)}`).join(" + ")} MHz</span>
    ${bin ? html`<span class="num">${t("read.bin", { width: widthText(bin) })}</span>` : ""}
    ${bin && bin < 2400 ? html`<span class="full">${t("read.full")}</span>` : ""}
    ${state.skipped.peek() ? html`<span class="warn">${t("read.skipped", { n: state.skipped.peek() })}</span>` : ""}
    <span class="hint">${t("read.hint")}</span>`;
}
