/** Known emitters: what may be on the air where and until when, who says so and why. */

import { effect, signal } from "./vendor/signals-core.js";
import { html, nothing, render } from "./vendor/lit-html.js";
import { ask, tell } from "./api.js";
import { confirmButton } from "./confirm.js";
import { clock, day, mhz } from "./format.js";
import { t } from "./i18n.js";
import { csvImport } from "./known_import.js";
import * as state from "./state.js";
import { siteName } from "./words.js";

const entries = signal(null);
const failure = signal(null);
const wanted = signal("");
const ended = signal(false);
const prefilled = signal({});

/** The address may bring a band and a site: `#/known/169.4937/169.5063/school-3`. */
export function view(root, [low, high, site]) {
  prefilled.value = { low, high, site };
  failure.value = null;
  load();
  return effect(() => render(page(), root));
}

async function load() {
  const answer = await ask("known");
  if (answer.value) entries.value = answer.value;
  else failure.value = answer.failure;
}

/** Do something, then show the list as it is. */
async function change(method, path, body) {
  const answer = await tell(method, path, body);
  failure.value = answer.failure ?? null;
  if (!answer.failure) await load();
  return !answer.failure;
}

const counts = ({ ended_ns, stop_ns }) => !ended_ns && (!stop_ns || stop_ns / 1e6 > state.now.value);

function page() {
  const may = state.me.value?.permissions.includes("known");
  const all = entries.value ?? [];
  const words = wanted.value.trim().toLowerCase();
  const shown = all
    .filter((entry) => ended.value || counts(entry))
    .filter((entry) => `${entry.name} ${entry.reason} ${entry.site} ${entry.author} ${mhz(entry.low_hz)} ${mhz(entry.high_hz)}`.toLowerCase().includes(words));
  return html`<h1>${t("tab.known")} <small>${all.filter(counts).length}</small></h1>
    <p class="hint">${t("known.page.hint")}</p>
    <form class="filters" @submit=${(event) => event.preventDefault()}>
      <label class="search">${t("known.page.filter")} <input type="search" .value=${wanted.value} @input=${(event) => (wanted.value = event.target.value)}></label>
      <button type="button" aria-pressed=${ended.value} @click=${() => (ended.value = !ended.value)}>${t("known.page.ended")}</button>
    </form>
    ${failure.value ? html`<p class="failure" role="alert">${failure.value}</p>` : nothing}
    ${may ? html`<div class="halves">${adding()}${csvImport(load)}</div>` : nothing}
    ${entries.value && !shown.length ? html`<p class="empty">${t("known.page.none")}</p>` : nothing}
    ${shown.length ? table(shown, may) : nothing}`;
}

function table(shown, may) {
  return html`<div class="scrolls"><table class="rows">
    <tr><th>MHz</th><th>${t("known.page.name")}</th><th>${t("known.page.reason")}</th><th>${t("known.page.where")}</th><th>${t("known.page.when")}</th><th>${t("known.page.author")}</th><th></th></tr>
    ${shown.map(
      (entry) => html`<tr class=${counts(entry) ? "" : "over"}><td><b>${mhz(entry.low_hz)}–${mhz(entry.high_hz)}</b></td><td>${entry.name}</td><td>${entry.reason}</td>
        <td>${entry.site ? siteName(entry.site) : t("known.page.everywhere")}</td><td>${time(entry)}</td>
        <td>${entry.author}<br><small>${day(entry.created_ns / 1e6)}</small></td>
        <td>${may && !entry.ended_ns ? confirmButton(`known/${entry.id}`, t("known.page.end"), () => change("DELETE", `known/${entry.id}`)) : nothing}</td></tr>`,
    )}</table></div>`;
}

/** From when until when, and who ended it. */
function time({ start_ns, stop_ns, ended_ns, ended_by }) {
  const at = (ns) => `${day(ns / 1e6)} ${clock(ns / 1e6, false)}`;
  const limits = [start_ns && t("known.page.from", { time: at(start_ns) }), stop_ns && t("known.page.until", { time: at(stop_ns) })].filter(Boolean).join(" ");
  return html`${limits || t("known.page.no_limit")}${ended_ns ? html`<br><small>${t("known.page.ended_by", { name: ended_by, time: at(ended_ns) })}</small>` : nothing}`;
}

function adding() {
  const { low = "", high = "", site = "" } = prefilled.value;
  const submit = async (event) => {
    event.preventDefault();
    const form = event.target;
    const given = Object.fromEntries(new FormData(form));
    const wish = { low_hz: hz(given.low), high_hz: hz(given.high), name: given.name, reason: given.reason, site: given.site, start_ns: ns(given.start), stop_ns: ns(given.stop) };
    if (await change("POST", "known", wish)) form.reset();
  };
  return html`<section class="part"><h2>${t("known.page.add")}</h2><form class="fields" @submit=${submit}>
    <label>${t("known.page.low")} <input name="low" required type="number" min="0.001" max="100000" step="any" .value=${low}></label>
    <label>${t("known.page.high")} <input name="high" required type="number" min="0.001" max="100000" step="any" .value=${high}></label>
    <label class="long">${t("known.page.name")} <input name="name" required maxlength="200"></label>
    <label class="long">${t("known.page.reason")} <input name="reason" required maxlength="200" placeholder=${t("known.page.reason_example")}></label>
    <label>${t("known.page.where")} <select name="site"><option value="">${t("known.page.everywhere")}</option>
      ${[...state.sites.value.keys()].sort().map((id) => html`<option value=${id} ?selected=${id === site}>${siteName(id)}</option>`)}</select></label>
    <label>${t("known.page.start")} <input name="start" type="datetime-local"></label>
    <label>${t("known.page.stop")} <input name="stop" type="datetime-local"></label>
    <button class="primary">${t("known.page.add")}</button>
  </form></section>`;
}

const hz = (text) => Math.round(Number(text) * 1e6);

/** Nanoseconds of a local time; as a whole number that JSON keeps exactly enough. */
const ns = (text) => (text ? new Date(text).getTime() * 1e6 : 0);
