/** The board: every sensor as a tile, the worst first, so that hundreds are seen at once. */

import { effect } from "./vendor/signals-core.js";
import { html, nothing, render } from "./vendor/lit-html.js";
import { percent } from "./format.js";
import { t } from "./i18n.js";
import { shape, word } from "./shapes.js";
import * as state from "./state.js";
import { because, placeName, siteName } from "./words.js";

export function view(root) {
  return effect(() => render(board(), root));
}

function board() {
  return html`<h1>${t("tab.board")} <small>${state.sensors.value.length}</small></h1>
    <div class="tiles">${state.sensors.value.map(({ site, sensor }) => tile(site, sensor))}</div>`;
}

function tile(site, sensor) {
  const least = sensor.bands.length ? Math.min(...sensor.bands.map((band) => band.p_2s)) : null;
  return html`<article class="tile ${sensor.state}">
    ${shape(sensor.state)} <b>${siteName(site.site)}</b> ${placeName(sensor.position) || sensor.sensor} ${word(sensor.state)}
    ${least === null ? nothing : html`<p><small>P(2 s)</small> ${percent(least)}</p>`}
    <p class="why">${sensor.notes.map(because).join(" · ")}</p>
  </article>`;
}
