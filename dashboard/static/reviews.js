/** Looking through again: what of which exam is due until when, the findings, and what was done. */

import { effect, signal } from "./vendor/signals-core.js";
import { html, nothing, render } from "./vendor/lit-html.js";
import { ask, tell } from "./api.js";
import { PLAIN, wordsOf } from "./archive_window.js";
import { clock, day, left } from "./format.js";
import { t } from "./i18n.js";
import { due, latest, load, take } from "./reviews_due.js";
import { ANY, pastReviews } from "./reviews_past.js";
import { shape } from "./shapes.js";
import { show, to } from "./views.js";
import { siteName } from "./words.js";
import * as state from "./state.js";

const MOST = 100; // of an exam at a thousand sites as many are due
const SPEED = "60";

const drafts = new Map(); // span -> findings: they survive a look at the recording

/** The address may bring an exam and a site: `#/reviews/3/school-3`; `any` for all. */
export function view(root, [exam = ANY, site = ANY]) {
  const page = {
    exam,
    site,
    sessions: signal([]),
    past: signal([]),
    more: signal(false),
    failure: signal(""),
    trouble: signal(""), // why findings were refused
    writing: signal(null), // {key, start_ns, stop_ns}: what findings are being written about
    all: signal(false),
  };
  const asking = new AbortController();
  page.older = async (before = 0) => {
    const found = await ask(`reviews?${new URLSearchParams({ ...spanOf(page), before, limit: MOST })}`, asking.signal);
    if (found.aborted) return;
    page.failure.value = found.failure ?? "";
    if (!found.value) return;
    page.past.value = before ? [...page.past.peek(), ...found.value] : found.value;
    page.more.value = found.value.length === MOST;
  };
  load();
  ask("sessions", asking.signal).then(({ value, failure, aborted }) => {
    if (aborted) return;
    page.sessions.value = value ?? [];
    page.failure.value = failure ?? "";
    page.older();
  });
  const seen = latest.peek();
  const ends = [
    effect(() => render(sheet(page), root)),
    effect(() => latest.value !== seen && page.older()),
  ];
  return () => {
    for (const end of ends) end();
    asking.abort();
  };
}

/** What of the past is asked for: the exam's hours, and its site or the chosen one. */
function spanOf({ exam, site, sessions }) {
  const session = sessions.peek().find(({ id }) => String(id) === exam);
  const where = site !== ANY ? site : session && session.site !== "*" ? session.site : "";
  return { ...(session ? { since_ns: session.start_ns, until_ns: session.stop_ns } : {}), site: where };
}

function sheet(page) {
  const wanted = due.value.filter((one) => (page.exam === ANY || String(one.session) === page.exam) && (page.site === ANY || one.site === page.site));
  const late = wanted.filter(({ overdue }) => overdue).length;
  const shown = page.all.value ? wanted : wanted.slice(0, MOST);
  return html`
    <div class="page-head"><h1>${t("tab.reviews")}</h1>${filters(page)}
      ${page.failure.value ? html`<p class="failure" role="alert">${page.failure.value}</p>` : nothing}</div>
    <section class="part reviews-due"><h2>${t("review.due")} ${wanted.length ? html`<small>${t("review.count", { n: wanted.length, late })}</small>` : nothing}</h2>
      <p class="hint">${t("review.rule")}</p>
      ${wanted.length ? html`<ul>${shown.map((one) => row(page, one))}</ul>` : html`<p class="empty">${t("review.nothing_due")}</p>`}
      ${shown.length < wanted.length ? html`<button @click=${() => (page.all.value = true)}>${t("review.show_all", { n: wanted.length })}</button>` : nothing}
    </section>
    ${pastReviews(page)}`;
}

function filters({ exam, site, sessions }) {
  const ended = sessions.value.filter(({ start_ns, ended_ns }) => !ended_ns && start_ns / 1e6 < state.now.value);
  const sites = [...new Set([...state.sites.value.keys(), ...due.value.map((one) => one.site), ...(site === ANY ? [] : [site])])];
  sites.sort((a, b) => siteName(a).localeCompare(siteName(b)));
  const option = (value, words, chosen) => html`<option value=${value} ?selected=${value === chosen}>${words}</option>`;
  return html`<label>${t("review.exam")} <select @change=${(event) => show("reviews", event.target.value, site)}>${option(ANY, t("list.any"), exam)}
      ${ended.map(({ id, name, start_ns }) => option(String(id), `${name} · ${day(start_ns / 1e6)}`, exam))}</select></label>
    <label>${t("exam.site")} <select @change=${(event) => show("reviews", exam, event.target.value)}>${option(ANY, t("exam.every_site"), site)}
      ${sites.map((id) => option(id, siteName(id), site))}</select></label>
    <button @click=${() => window.print()}>${t("review.print")}</button>`;
}

const keyOf = ({ session, site, start_ns }) => `${session}/${site}/${start_ns}`;

function row(page, one) {
  const { name, site, start_ns, stop_ns, until_ns, overdue, own_watch } = one;
  const open = page.writing.value?.key === keyOf(one);
  const wait_ms = Math.abs(until_ns / 1e6 - state.now.value);
  const may = state.me.value?.permissions.includes("act");
  return html`<li class=${overdue ? "late" : ""}>
    <span class="until">${shape(overdue ? "blind" : "survey")} <b>${t(overdue ? "review.overdue" : "review.until", { left: left(wait_ms), when: `${day(until_ns / 1e6)} ${clock(until_ns / 1e6, false)}` })}</b></span>
    <span class="which"><b>${siteName(site)}</b> ${name}</span>
    <span class="span">${day(start_ns / 1e6)} ${clock(start_ns / 1e6, false)}–${clock(stop_ns / 1e6, false)} <small>${t("review.minutes", { n: Math.max(1, Math.round((stop_ns - start_ns) / 6e10)) })}</small></span>
    <span class="links">${links(one)}
      ${may && !own_watch ? html`<button class=${open ? "" : "primary"} aria-expanded=${open} @click=${() => begin(page, open ? null : one)}>${t("review.write")}</button>` : nothing}</span>
    ${own_watch && may ? html`<p class="why">${t("review.own", { site: siteName(site) })}</p>` : nothing}
    ${open ? form(page, one) : nothing}
  </li>`;
}

/** Straight into the recording of exactly that time. */
function links({ site, start_ns, stop_ns }) {
  const sensor = state.sites.value.get(site)?.sensors[0]?.sensor;
  if (!sensor) return html`<small>${t("review.no_sensor")}</small>`;
  const words = wordsOf({ ...PLAIN, sensor, end_s: Math.ceil(stop_ns / 1e9), span_s: Math.max(60, (stop_ns - start_ns) / 1e9) });
  return html`<a class="button" href=${to("replay", sensor, `${words[1]}-${words[2]}`, SPEED)}>${t("archive.replay")}</a>
    <a class="button" href=${to("history", ...words)}>${t("tab.history")}</a>`;
}

/** The end stays as it was when somebody began to write, while that of a running exam goes on. */
function begin(page, one) {
  page.trouble.value = "";
  page.writing.value = one && { key: keyOf(one), start_ns: one.start_ns, stop_ns: one.stop_ns };
  if (one) setTimeout(() => document.querySelector("#view textarea")?.focus());
}

function form(page, { site }) {
  const { key, start_ns, stop_ns } = page.writing.value;
  const [first, last] = [localTime(start_ns), localTime(stop_ns)];
  const send = async (event) => {
    event.preventDefault();
    const given = Object.fromEntries(new FormData(event.target));
    // What was not changed keeps its nanoseconds: no second is left over between two reviews.
    const ns = (text, shown, exact) => (text === shown ? exact : Date.parse(text) * 1e6);
    const body = { site, start_ns: ns(given.start, first, start_ns), stop_ns: ns(given.stop, last, stop_ns), findings: given.findings.trim() };
    const answer = await tell("POST", "reviews", body);
    page.trouble.value = answer.failure ?? "";
    if (answer.failure) return;
    drafts.delete(key);
    page.writing.value = null;
    take(answer.value);
  };
  const field = (name, value) => html`<label>${t(`review.${name}`)} <input type="datetime-local" step="1" name=${name} required min=${first} max=${last} .defaultValue=${value}></label>`;
  return html`<form class="fields" @submit=${send}>
    ${field("start", first)}${field("stop", last)}
    <label class="long">${t("review.findings")} <textarea name="findings" required maxlength="2000" rows="3" placeholder=${t("review.findings_hint")}
      .value=${drafts.get(key) ?? ""} @input=${(event) => drafts.set(key, event.target.value)}></textarea></label>
    <button class="primary">${t("review.sign", { name: state.me.value?.name ?? "" })}</button> <button type="button" @click=${() => begin(page, null)}>${t("review.cancel")}</button>
    ${page.trouble.value ? html`<p class="failure" role="alert">${page.trouble.value}</p>` : nothing}
  </form>`;
}

/** As a field for date and time takes it: local, to the second. */
function localTime(ns) {
  const at = new Date(ns / 1e6);
  return new Date(at - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
}
