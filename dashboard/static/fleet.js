/** The fleet: how each site's link and clock do, and everything that was noticed about sensors. */

import { effect, signal } from "./vendor/signals-core.js";
import { html, nothing, render } from "./vendor/lit-html.js";
import { ask } from "./api.js";
import { spanText } from "./archive_bar.js";
import { PLAIN, wordsOf } from "./archive_window.js";
import { age, clock, day, offsetText } from "./format.js";
import { t } from "./i18n.js";
import { shape, word } from "./shapes.js";
import { show, to } from "./views.js";
import { because, sensorName, siteName } from "./words.js";
import * as state from "./state.js";

const PORTION = 100;
const LEVELS = ["alarm", "warning", "info"];
const LEVEL_TEXTS = { alarm: "event.alarm", warning: "event.warning", info: "event.info" };
const LEVEL_SHAPES = { alarm: "blind", warning: "degraded", info: "survey" };
const SPANS_H = [1, 24, 168, 0]; // 0: all
const AROUND_S = 300;

/** `words` of the address: site (or "all"), level (or "all"), hours. */
export function view(root, words) {
  const [site, level, hours] = words;
  const page = {
    site: site && site !== "all" ? site : "",
    level: LEVELS.includes(level) ? level : "",
    hours: SPANS_H.includes(Number(hours)) && hours !== undefined ? Number(hours) : 24,
    notices: signal([]),
    status: signal({ busy: true, failure: "", more: false }),
    wanted: signal(""),
  };
  const asking = new AbortController();
  page.ask = async (until_ns) => {
    page.status.value = { ...page.status.peek(), busy: true };
    const since_ms = page.hours ? Math.max(0, state.now.peek() - page.hours * 3600_000) : 0;
    const asked = new URLSearchParams({ site: page.site, level: page.level, since_ns: since_ms ? `${Math.round(since_ms)}000000` : 0, limit: PORTION });
    if (until_ns) asked.set("until_ns", until_ns);
    const { value, failure, aborted } = await ask(`notices?${asked}`, asking.signal);
    if (aborted) return;
    if (value) page.notices.value = until_ns ? joined(page.notices.peek(), value) : value;
    page.status.value = { busy: false, failure: failure ?? "", more: value?.length === PORTION };
  };
  page.ask();
  let newest = state.notices.peek()[0];
  const ends = [
    effect(() => render(sheet(page), root)),
    effect(() => {
      // Something new arrived live: the first portion is asked again, unless older ones are open.
      const [first] = state.notices.value;
      if (first !== newest && page.notices.peek().length <= PORTION) page.ask();
      newest = first;
    }),
  ];
  return () => {
    for (const end of ends) end();
    asking.abort();
  };
}

/** Numbers here hold a time to 256 ns; what begins in one moment comes twice rather than not at all. */
export const justAfter = (ns) => String(BigInt(ns) + 1024n);

/** Two portions, nothing twice. */
export function joined(before, more) {
  const known = new Set(before.map((notice) => JSON.stringify(notice)));
  return [...before, ...more.filter((notice) => !known.has(JSON.stringify(notice)))];
}

const filter = (page, change) => {
  const { site, level, hours } = { ...page, ...change };
  show("fleet", site || "all", level || "all", String(hours));
};

function sheet(page) {
  return html`<h1>${t("tab.fleet")}</h1>
    ${health()}
    <div class="page-head"><h2>${t("notice.title")}</h2>
      <select aria-label=${t("exam.site")} @change=${(event) => filter(page, { site: event.target.value })}><option value="">${t("exam.every_site")}</option>
        ${[...state.sites.value.values()].map(({ site, site_name }) => html`<option value=${site} ?selected=${site === page.site}>${site_name || site}</option>`)}</select>
      <span class="pair" role="group" aria-label=${t("event.level")}>${["", ...LEVELS].map((level) => html`<button aria-pressed=${page.level === level} @click=${() => filter(page, { level })}>${t(level ? LEVEL_TEXTS[level] : "event.every_level")}</button>`)}</span>
      <span class="pair" role="group" aria-label=${t("archive.span")}>${SPANS_H.map((hours) => html`<button aria-pressed=${page.hours === hours} @click=${() => filter(page, { hours })}>${hours ? (hours < 48 ? t("age.h", { n: hours }) : t("archive.days", { n: hours / 24 })) : t("event.all_time")}</button>`)}</span>
      <input type="search" placeholder=${t("sites.filter")} aria-label=${t("sites.filter")} .value=${page.wanted.value} @input=${(event) => (page.wanted.value = event.target.value)}>
    </div>
    ${events(page)}`;
}

function events(page) {
  const { busy, failure, more } = page.status.value;
  const words = page.wanted.value.trim().toLowerCase();
  const said = page.notices.value.map((notice) => ({ ...notice, text: because(notice.note) }));
  const shown = said.filter(({ text, site, sensor }) => `${text} ${siteName(site)} ${sensor}`.toLowerCase().includes(words));
  return html`${failure ? html`<p class="failure" role="alert">${failure}</p>` : nothing}
    <div class="scroll"><table class="list events"><thead><tr>${["event.level", "event.time", "event.lasted", "exam.site", "archive.sensor", "event.what"].map((id) => html`<th>${t(id)}</th>`)}</tr></thead>
    <tbody>${shown.map(
      ({ site, sensor, level, text, start_ns, stop_ns }) => html`<tr class=${level}>
        <td class="nowrap">${shape(LEVEL_SHAPES[level])} ${t(LEVEL_TEXTS[level])}</td>
        <td class="nowrap num">${sensor ? html`<a href=${at(sensor, start_ns)} title=${t("event.to_history")}>${day(start_ns / 1e6)} ${clock(start_ns / 1e6)}</a>` : html`${day(start_ns / 1e6)} ${clock(start_ns / 1e6)}`}</td>
        <td class="nowrap num">${stop_ns === 0 ? html`<b>${t("event.lasts")}</b>` : stop_ns > start_ns ? spanText((stop_ns - start_ns) / 1e9) : ""}</td>
        <td>${siteName(site)}</td><td>${sensor ? sensorName(sensor) : ""}</td><td>${text}</td></tr>`,
    )}</tbody></table></div>
    ${!shown.length ? html`<p class="empty">${t(busy ? "archive.loading" : "event.none")}</p>` : nothing}
    ${more ? html`<button ?disabled=${busy} @click=${() => page.ask(justAfter(said.at(-1).start_ns))}>${t(busy ? "archive.loading" : "event.older")}</button>` : nothing}`;
}

/** The recorded minutes around an event. */
const at = (sensor, start_ns) => to("history", ...wordsOf({ ...PLAIN, sensor, end_s: Math.floor(start_ns / 1e9) + AROUND_S, span_s: 2 * AROUND_S }));

/** Every site's link, the worst first. */
function health() {
  const rank = (site) => state.STATES.indexOf(site.state);
  const all = [...state.sites.value.values()].sort((a, b) => rank(a) - rank(b) || b.outbox_oldest_s - a.outbox_oldest_s || a.site.localeCompare(b.site));
  const head = ["exam.site", "fleet.state", "board.heard", "board.clock", "board.round_trip", "board.waiting", "board.drops", "fleet.since", "fleet.version"];
  return html`<div class="scroll fleet"><table class="list"><thead><tr>${head.map((id) => html`<th>${t(id)}</th>`)}</tr></thead><tbody>${all.map(
    (site) => html`<tr><td title=${site.site}>${site.site_name || site.site} <a href=${to("orders", site.site)}>${t("orders.link")}</a></td><td class="nowrap ${site.state}">${shape(site.state)} ${word(site.state)}${site.kind === "centre" ? html` <small>${t("fleet.centre")}</small>` : nothing}</td>
      <td class="num">${age(site.age_s * 1000)}</td><td class="num">${site.clock_offset_ns === null ? "–" : offsetText(site.clock_offset_ns)}</td>
      <td class="num">${(site.round_trip_s * 1000).toFixed(0)} ms</td>
      <td class="num ${site.outbox_depth ? "poor" : ""}">${site.outbox_depth ? t("board.waiting_for", { n: site.outbox_depth, age: age(site.outbox_oldest_s * 1000) }) : "0"}</td>
      <td class="num">${site.sensors.reduce((sum, { dropped_samples }) => sum + dropped_samples, 0)}</td>
      <td class="num nowrap">${day(site.started_ns / 1e6)} ${clock(site.started_ns / 1e6, false)}</td>
      <td>${site.version}${site.link_notes.length ? html` <span class="poor">${site.link_notes.map(because).join(" · ")}</span>` : nothing}</td></tr>`,
  )}</tbody></table></div>`;
}
