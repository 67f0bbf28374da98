/** All alarms: filtered, sorted and paged by the monitor; a flood of emitters as groups. */

import { effect, signal } from "./vendor/signals-core.js";
import { html, nothing, render } from "./vendor/lit-html.js";
import { ask } from "./api.js";
import { clock, day, db, mhz } from "./format.js";
import { t } from "./i18n.js";
import { show, to } from "./views.js";
import * as state from "./state.js";
import { sentence, siteName } from "./words.js";

const PAGE = 100;
const GROUPED = 1000;
const GROUP_HZ = 10e6;
const AGAIN_MS = 3000;
const STATES = ["open", "new", "reopened", "acknowledged", "investigating", "handed_over", "dismissed", "closed"];
const SORTS = ["last_seen", "first_seen", "suspicion", "frequency"];
const SINCE_H = ["", 1, 24, 168, 720];

const wanted = signal({ state: "open", site: "", since_h: "", text: "", sort: "last_seen" });
const offset = signal(0);
const grouped = signal(false);
const found = signal({ alarms: [], counts: null, failure: null });

export function view(root) {
  let asked = null;
  let timer = null;
  const fetchNow = async () => {
    timer = null;
    const mine = (asked = new AbortController());
    const limit = grouped.peek() ? GROUPED : PAGE;
    const [list, counts] = await Promise.all([
      ask(`alarms?${query({ sort: wanted.peek().sort, offset: grouped.peek() ? 0 : offset.peek(), limit })}`, mine.signal),
      ask(`alarms/counts?${query({})}`, mine.signal),
    ]);
    if (mine !== asked) return;
    found.value = { alarms: list.value ?? [], counts: counts.value ?? null, failure: list.failure ?? null };
  };
  const stops = [
    effect(() => {
      void [wanted.value, offset.value, grouped.value];
      asked?.abort();
      clearTimeout(timer);
      timer = null;
      fetchNow();
    }),
    effect(() => {
      if (state.alarms.value) timer ??= setTimeout(fetchNow, AGAIN_MS);
    }),
    effect(() => render(page(), root)),
  ];
  return () => {
    stops.forEach((stop) => stop());
    clearTimeout(timer);
    asked?.abort();
    asked = null;
  };
}

/** Parameters of the filter and of what else is asked. */
function query(more) {
  const { since_h, sort: _, ...plain } = wanted.peek();
  const given = { ...plain, ...more };
  if (since_h) given.since_ns = `${Math.round(state.now.peek() / 1000 - since_h * 3600)}000000000`;
  return new URLSearchParams(Object.entries(given).filter(([, value]) => value !== "" && value !== 0));
}

function page() {
  const { alarms, counts, failure } = found.value;
  const total = counts?.total ?? 0;
  return html`<h1>${t("tab.alarms")} <small>${total}</small></h1>
    ${filters()}
    ${failure ? html`<p class="failure" role="alert">${failure}</p>` : nothing}
    ${counts && !alarms.length && !failure ? html`<p class="empty">${t("list.none")}</p>` : nothing}
    ${grouped.value ? groups(alarms) : alarms.length ? table(alarms) : nothing}
    ${grouped.value ? (total > GROUPED ? html`<p class="hint">${t("list.first", { n: GROUPED, total })}</p>` : nothing) : pager(alarms.length, total)}`;
}

function filters() {
  const now = wanted.value;
  const change = (name) => (event) => {
    offset.value = 0;
    wanted.value = { ...now, [name]: event.target.value };
  };
  const select = (name, values, words) => html`<label>${t(`list.${name}`)} <select @change=${change(name)}>
    ${values.map((value) => html`<option value=${value} ?selected=${String(value) === String(now[name])}>${words(value)}</option>`)}</select></label>`;
  const sites = [...state.sites.value.keys()].sort();
  return html`<form class="filters" @submit=${(event) => event.preventDefault()}>
    ${select("state", ["", ...STATES], (name) => (name ? t(name === "open" ? "list.open" : `alarm.state.${name}`) : t("list.any")))}
    ${select("site", ["", ...sites], (name) => (name ? siteName(name) : t("list.any")))}
    ${select("since_h", SINCE_H, (hours) => (hours ? t("list.hours", { n: hours }) : t("list.any_time")))}
    ${select("sort", SORTS, (name) => t(`list.sort.${name}`))}
    <label class="search">${t("list.text")} <input type="search" maxlength="64" placeholder="169.5" .value=${now.text} @change=${change("text")}></label>
    <button type="button" aria-pressed=${grouped.value} @click=${() => (grouped.value = !grouped.value)}>${t("list.groups")}</button>
    <a class="button" download href="api/v1/export/alarms.csv?${query({ sort: now.sort, limit: 10_000 })}">${t("list.csv")}</a>
  </form>`;
}

function table(alarms) {
  return html`<div class="scrolls"><table class="rows alarm-rows">
    <tr><th>${t("list.state")}</th><th>MHz</th><th>${t("list.site")}</th><th>${t("list.what")}</th><th>${t("alarm.suspicion")}</th><th>SNR</th><th>${t("list.times")}</th><th>${t("list.first_seen")}</th><th>${t("list.last_seen")}</th><th>${t("list.owner")}</th></tr>
    ${alarms.map(
      (alarm) => html`<tr class=${state.isNew(alarm) ? "new" : ""} @click=${(event) => event.target.closest("a") ?? show("alarm", alarm.id)}>
        <td><b class="alarm-state ${alarm.state}">${t(`alarm.state.${alarm.state}`)}</b>${alarm.overdue ? html`<br><span class="alarm-overdue">${t("alarm.overdue")}</span>` : nothing}</td>
        <td><a href=${to("alarm", alarm.id)}><b>${mhz(alarm.center_freq_hz)}</b></a></td>
        <td>${siteName(alarm.site)}</td>
        <td class="words">${alarm.drill ? html`<b class="tag">${t("state.drill")}</b> ` : nothing}${sentence(alarm)}</td>
        <td>${alarm.suspicion}</td><td>${db(alarm.snr_db)} dB</td><td>${alarm.sightings}</td>
        <td>${when(alarm.first_seen_ns)}</td><td>${when(alarm.last_seen_ns)}${alarm.clock_doubtful ? html`<br><b class="poor" title=${t("alarm.clock_title")}>${t("alarm.clock")}</b>` : nothing}</td><td>${alarm.owner}</td></tr>`,
    )}</table></div>`;
}

const when = (ns) => `${day(ns / 1e6)} ${clock(ns / 1e6)}`;

/** "47 in 430-440 MHz", each opened on demand: the rows of a closed one are not even made. */
function groups(alarms) {
  const byBand = Map.groupBy(alarms, (alarm) => `${alarm.site} ${Math.floor(alarm.center_freq_hz / GROUP_HZ)}`);
  return [...byBand.values()].map((members) => {
    const low = Math.floor(members[0].center_freq_hz / GROUP_HZ) * (GROUP_HZ / 1e6);
    const most = Math.max(...members.map(({ suspicion }) => suspicion));
    const open = signal(false);
    return html`<details class="group" @toggle=${(event) => event.target.querySelector(".inside") && fill(event.target, members, open)}>
      <summary>${siteName(members[0].site)}: ${t("alarms.group", { n: members.length, low, high: low + GROUP_HZ / 1e6 })} · ${t("alarm.suspicion")} ${most}</summary>
      <div class="inside"></div></details>`;
  });
}

function fill(details, members, open) {
  if (open.peek() === details.open) return;
  open.value = details.open;
  render(details.open ? table(members.slice(0, GROUPED)) : "", details.querySelector(".inside"));
}

function pager(count, total) {
  if (total <= PAGE && offset.value === 0) return nothing;
  const go = (by) => (offset.value = Math.max(0, offset.peek() + by * PAGE));
  return html`<p class="pager"><button ?disabled=${offset.value === 0} @click=${() => go(-1)}>${t("list.earlier")}</button>
    ${t("list.range", { from: count ? offset.value + 1 : 0, to: offset.value + count, total })}
    <button ?disabled=${offset.value + count >= total} @click=${() => go(1)}>${t("list.later")}</button></p>`;
}
