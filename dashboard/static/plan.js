/** A site's plan: where its sensors stand, how they are, and how strongly each hears an alarm. */

import { effect, signal } from "./vendor/signals-core.js";
import { html, nothing, render } from "./vendor/lit-html.js";
import { ask } from "./api.js";
import { db, mhz } from "./format.js";
import { t } from "./i18n.js";
import { shape } from "./shapes.js";
import { show, to } from "./views.js";
import { placeName, sentence, siteName } from "./words.js";
import * as state from "./state.js";

const FULL_DB = 60; // SNR of a full bar

export function view(root, [site]) {
  const plan = signal(null);
  const failure = signal("");
  const asking = new AbortController();
  ask("plans", asking.signal).then(({ value, failure: why, aborted }) => {
    if (aborted) return;
    plan.value = value?.find((one) => one.site === site) ?? null;
    failure.value = why ?? (plan.value ? "" : t("plan.none", { site: siteName(site) }));
  });
  const end = effect(() => render(sheet(site, plan.value, failure.value), root));
  return () => {
    end();
    asking.abort();
  };
}

function sheet(site, plan, failure) {
  const alarms = state.openAlarms.value.filter((alarm) => alarm.site === site);
  const alarm = alarms.find(({ id }) => id === state.selected.value) ?? alarms[0];
  return html`<div class="page-head"><h1>${siteName(site)} <small>${t("tab.plan")}</small></h1><a class="button" href=${to("board")}>${t("tab.board")}</a>
      ${failure ? html`<p class="failure" role="alert">${failure}</p>` : nothing}
      ${alarms.length ? html`<select aria-label=${t("alarms.title")} @change=${(event) => (state.selected.value = event.target.value)}>
        ${alarms.map((one) => html`<option value=${one.id} ?selected=${one === alarm}>${state.numbers.value.get(one.id)} · ${mhz(one.center_freq_hz)} MHz</option>`)}</select>
        <span>${sentence(alarm)}</span>` : nothing}</div>
    ${plan ? drawing(plan, alarm) : nothing}`;
}

/** The picture with a mark for each sensor; bars are levels, the full one is the strongest. */
export function drawing({ site, sensors }, alarm) {
  const levels = new Map((alarm?.levels ?? []).map(({ sensor, snr_db }) => [sensor, snr_db]));
  const strongest = Math.max(...levels.values());
  return html`<div class="site-plan"><img src="api/v1/plans/${site.split("/").map(encodeURIComponent).join("/")}" alt=${t("plan.alt", { site: siteName(site) })}>
    ${sensors.map(({ sensor, x, y }) => mark(sensor, x, y, levels.get(sensor), strongest, alarm))}</div>
    ${alarm ? html`<p class="quiet">${t("plan.bars")}</p>` : nothing}`;
}

function mark(name, x, y, level, strongest, alarm) {
  const found = state.sensors.value.find(({ sensor }) => sensor.sensor === name);
  const said = found?.sensor.state ?? "silent";
  const open = (event) => {
    event.preventDefault();
    state.chosen.value = name;
    show("watch");
  };
  return html`<a class="mark-on-plan ${said} ${level !== undefined && level === strongest ? "strongest" : ""} ${x > 0.5 ? "leftwards" : ""}" href=${to("watch")} @click=${open} title="${name} · ${t(`state.${said}`)}"
    .style=${`left:${(100 * x).toFixed(2)}%;top:${(100 * y).toFixed(2)}%`}>${shape(said)}
    <span><b>${placeName(found?.sensor.position ?? "") || name.split("/").at(-1)}</b>
    ${alarm ? (level === undefined ? html`<small>${t("plan.unheard")}</small>` : html`<meter min="0" max=${FULL_DB} value=${Math.max(0, level)}></meter> ${db(level)} dB`) : html`<small>${t(`state.${said}`)}</small>`}</span></a>`;
}
