/** The left rail: sites and their sensors, worst first. */

import { effect } from "./vendor/signals-core.js";
import { html, nothing, render, svg } from "./vendor/lit-html.js";
import { bandName } from "./bands.js";
import { toggleBeside } from "./beside.js";
import { age, percent } from "./format.js";
import { t } from "./i18n.js";
import { ENOUGH } from "./proof.js";
import { shape, word } from "./shapes.js";
import { BUCKETS, sparks } from "./sparks.js";
import * as state from "./state.js";
import { because, placeName, siteName } from "./words.js";

export function sites(root) {
  effect(() => render(rail(), root));
}

function rail() {
  const wanted = state.filter.value.trim().toLowerCase();
  const shown = state.sensors.value.filter(({ site, sensor }) =>
    `${site.site} ${site.site_name} ${sensor.sensor} ${sensor.position} ${t(`state.${sensor.state}`)}`.toLowerCase().includes(wanted),
  );
  const groups = Map.groupBy(shown, ({ site }) => site);
  return html`
    <h2>${t("sites.title")} <small>${state.sensors.value.length}</small></h2>
    <input id="filter" type="search" placeholder=${t("sites.filter")} aria-label=${t("sites.filter")}
      .value=${state.filter.value} @input=${(event) => (state.filter.value = event.target.value)}>
    <div class="list">
      ${[...groups].map(
        ([site, members]) => html`
          <section class="site">
            <h3 title=${site.site}>${site.site_name || site.site}${
              site.state === "silent" ? html`<small class="silent">${t("sites.last_heard", { age: age(site.age_s * 1000) })}</small>` : nothing
            }</h3>
            ${members.map(({ sensor }) => row(sensor))}
          </section>`,
      )}
      ${state.known.value && shown.length === 0 ? html`<p class="empty">${t(state.sensors.value.length ? "sites.none_match" : "sites.none")}</p>` : nothing}
    </div>
    ${centres(wanted)}
    ${watchList()}
    ${noticeList()}`;
}

/** Centres of the level below: they have no sensors, their sites' alarms come through them. */
export const below = () => [...state.sites.value.values()].filter(({ kind }) => kind === "centre");

function centres(wanted) {
  const shown = below().filter((one) => `${one.site} ${one.site_name} ${t(`state.${one.state}`)}`.toLowerCase().includes(wanted));
  if (!shown.length) return nothing;
  return html`<section class="centres"><h2>${t("sites.centres")} <small>${shown.length}</small></h2>${shown.map(centre)}</section>`;
}

/** One centre below: its state and what is wrong with its line. */
export function centre({ site, site_name, state: name, age_s, link_notes }) {
  return html`<p class="centre ${name}" title=${site}>${shape(name)} <b>${site_name || site}</b> ${word(name)}
    ${name === "silent" ? html`<small class="silent">${t("sites.last_heard", { age: age(age_s * 1000) })}</small>` : nothing}
    ${link_notes.length ? html`<span class="why">${link_notes.map(because).join(" · ")}</span>` : nothing}</p>`;
}

function row(sensor) {
  const least = sensor.bands.length ? Math.min(...sensor.bands.map((band) => band.p_2s)) : null;
  const deaf = sensor.state === "silent" || sensor.state === "blind";
  const reasons = sensor.notes.map(because).join(" · ");
  return html`
    <button class="sensor ${sensor.state} ${state.beside.value.includes(sensor.sensor) ? "beside" : ""}" aria-pressed=${sensor.sensor === state.chosen.value}
      @click=${(event) => (event.ctrlKey || event.metaKey || event.shiftKey ? toggleBeside(sensor.sensor) : (state.chosen.value = sensor.sensor))}
      title="${sensor.sensor} · ${sensor.source} · ${t("mouse.beside")}">
      ${shape(sensor.state)}
      <span class="name">${placeName(sensor.position) || sensor.sensor}</span>
      ${word(sensor.state)}
      <span class="chance">${least === null || deaf ? "–" : html`<small>P(2 s)</small> ${percent(least)}`}</span>
      ${spark(sensor.sensor)}
      ${reasons ? html`<span class="why">${reasons}</span>` : nothing}
    </button>`;
}

/** Largest excess of the last ten minutes, 0 to 60 dB. */
function spark(name) {
  const values = sparks.value.get(name);
  if (!values) return html`<svg class="spark" viewBox="0 0 ${BUCKETS} 18" preserveAspectRatio="none"></svg>`;
  const points = values.map((value, i) => `${i},${(17 - (Math.min(60, value) / 60) * 16).toFixed(1)}`).join(" ");
  return html`<svg class="spark" viewBox="0 0 ${BUCKETS} 18" preserveAspectRatio="none" role="img" aria-label=${t("sites.spark")}>
    ${svg`<polyline points=${points} />`}</svg>`;
}

/** The chosen sensor's bands: how often each is visited, and what would be heard there. */
function watchList() {
  const found = state.current.value;
  if (!found?.sensor.bands.length) return nothing;
  return html`<section class="watch-list"><h2>${t("sites.bands", { name: placeName(found.sensor.position) || found.sensor.sensor })}</h2>
    <table>
      <tr><td></td><td>${t("sites.revisit")}</td><td>P(2 s)</td></tr>
      ${found.sensor.bands.map(
        (band) => html`<tr><td class="good">${bandName(band.name)}</td><td>${band.revisit_s.toFixed(band.revisit_s < 1 ? 2 : 1)} s</td>
          <td class=${band.p_2s < ENOUGH ? "poor" : "good"}>${percent(band.p_2s)}</td></tr>`,
      )}
    </table></section>`;
}

/** The worst events first: a gap counts for more than a file that was kept. */
function noticeList() {
  const weight = ({ level }) => ["alarm", "warning", "info"].indexOf(level);
  const shown = [...state.notices.value].sort((a, b) => weight(a) - weight(b) || b.start_ns - a.start_ns).slice(0, 4);
  if (!shown.length) return nothing;
  return html`<section class="notices"><h2>${t("notice.title")}</h2>
    ${shown.map(
      (notice) => html`<p class=${notice.level} title=${because(notice.note)}><span>${because(notice.note)}</span>
        <small>${notice.sensor || siteName(notice.site)} · ${age(state.now.value - notice.start_ns / 1e6)}</small></p>`,
    )}</section>`;
}
