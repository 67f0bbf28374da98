/** The bar over the pictures: guard bands to zoom to, and how the pictures are shown. */

import { effect } from "./vendor/signals-core.js";
import { html, render } from "./vendor/lit-html.js";
import { bandName } from "./bands.js";
import { clock, percent } from "./format.js";
import { t } from "./i18n.js";
import { SLOTS } from "./keys.js";
import * as state from "./state.js";

const short = (hz) => +(hz / 1e6).toFixed(3);

export function bar(root, actions) {
  effect(() => render(content(actions), root));
}

function content(actions) {
  const bands = state.current.value?.sensor.bands ?? [];
  const axis = state.axis.value;
  const shows = (band) => {
    const { u0, u1 } = axis.view;
    return Math.abs(axis.uOf(band.start_hz) - u0) < 1e-6 && Math.abs(axis.uOf(band.stop_hz) - u1) < 1e-6;
  };
  return html`
    <div class="bands">
      <button aria-pressed=${axis.whole} @click=${() => actions.go(axis.show(0, 1))}>${t("bar.all")}</button>
      ${bands.length > 1 || !axis.whole
        ? bands.map(
            (band) => html`<button aria-pressed=${!axis.whole && shows(band)} @click=${() => actions.go(axis.showHz(band.start_hz, band.stop_hz))}
              title=${t("bar.band", { chance: percent(band.p_2s), revisit: band.revisit_s.toFixed(2) })}>${bandName(band.name)} <small>${short(band.start_hz)}–${short(band.stop_hz)}</small></button>`,
          )
        : ""}
    </div>
    <div class="tools">
      <span class="pair">
        <button aria-pressed=${state.excessView.value} @click=${() => (state.excessView.value = true)} title="${t("bar.excess")} (E)">${t("bar.excess")}</button
        ><button aria-pressed=${!state.excessView.value} @click=${() => (state.excessView.value = false)} title="${t("bar.raw")} (E)">${t("bar.raw")}</button>
      </span>
      <button aria-pressed=${state.showPeaks.value} @click=${() => (state.showPeaks.value = !state.showPeaks.value)} title="${t("key.peaks")} (P)">${t("bar.peaks")}</button>
      <button aria-pressed=${state.beside.value.length > 0} @click=${actions.compare} title="${t("key.beside")} (C)">${t("bar.beside")}</button>
      <select aria-label=${t("bar.slot")} title="${t("bar.slot")} ([ ])" @change=${(event) => (state.slotS.value = Number(event.target.value))}>
        ${SLOTS.map((slot) => html`<option value=${slot} ?selected=${slot === state.slotS.value}>${t("bar.per_line", { s: slot })}</option>`)}
      </select>
      <button class="pause" aria-pressed=${state.paused.value !== null} @click=${actions.pause} title="${t("bar.pause")} (Space)">${state.paused.value === null ? t("bar.pause") : t("bar.resume", { time: clock(state.paused.value * 1000) })}</button>
    </div>`;
}
