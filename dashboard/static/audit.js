/** The audit log: who did what, the latest first, and whether its hash chain holds. */

import { effect, signal } from "./vendor/signals-core.js";
import { html, nothing, render } from "./vendor/lit-html.js";
import { ask } from "./api.js";
import { clock, day } from "./format.js";
import { knows, t } from "./i18n.js";
import { to } from "./views.js";
import { because } from "./words.js";

const PAGE = 100;
const KINDS = ["", "alarm.", "pair.", "known.", "evidence.", "content.", "session.", "account.", "token.", "keys.", "site.", "review.", "notice.", "breach.", "checkpoint", "store."];

const EMPTY = { actor: "", act: "", subject: "", since: "", until: "" };

const wanted = signal(EMPTY);
const befores = signal([0]); // numbers that the pages so far begin before
const rows = signal([]);
const failure = signal(null);
const check = signal(null);
let asking = null; // the request for rows that counts

/** The address may bring a subject: `#/audit/SUBJECT`. */
export function view(root, [subject = ""]) {
  wanted.value = { ...EMPTY, subject };
  befores.value = [0];
  verify();
  const stops = [
    effect(() => {
      load(wanted.value, befores.value.at(-1));
    }),
    effect(() => render(page(), root)),
  ];
  return () => stops.forEach((stop) => stop());
}

/** Answers that come after a later one are let go: the filter has changed meanwhile. */
async function load({ since, until, ...filter }, before) {
  asking?.abort();
  const { signal: stop } = (asking = new AbortController());
  const times = { since_ns: nanoseconds(since), until_ns: nanoseconds(until) };
  const given = Object.entries({ ...filter, ...times, before, newest: true, limit: PAGE }).filter(([, value]) => value);
  const answer = await ask(`audit?${new URLSearchParams(given)}`, stop);
  if (answer.aborted) return;
  failure.value = answer.failure ?? null;
  if (answer.value) rows.value = answer.value;
}

/** Of a local time as its field has it; empty for none. */
const nanoseconds = (local) => local && `${Date.parse(local)}000000`;

async function verify() {
  check.value = null;
  const answer = await ask("audit/check", AbortSignal.timeout(300_000));
  check.value = answer.value ? { ...answer.value, when: Date.now() } : { failure: answer.failure };
}

function page() {
  return html`<h1>${t("tab.audit")}</h1>
    ${verdict()}
    ${filters()}
    ${failure.value ? html`<p class="failure" role="alert">${failure.value}</p>` : nothing}
    ${rows.value.length ? table() : html`<p class="empty">${t("audit.none")}</p>`}
    ${pager()}`;
}

function verdict() {
  const found = check.value;
  if (!found) return html`<p class="verdict">${t("audit.checking")}</p>`;
  if (found.failure) return html`<p class="verdict failure" role="alert">${found.failure}</p>`;
  const words = found.first_broken ? t("audit.broken", { seq: found.first_broken, n: found.entries }) : t("audit.holds", { n: found.entries });
  return html`<p class="verdict ${found.first_broken ? "failure" : "go"}" role="status"><b>${words}</b> <small>${t("audit.head", { time: clock(found.when) })}</small> <code>${found.head}</code> <button @click=${verify}>${t("audit.check")}</button></p>`;
}

function filters() {
  const change = (name) => (event) => {
    befores.value = [0];
    wanted.value = { ...wanted.peek(), [name]: event.target.value.trim() };
  };
  const field = (name) => html`<label>${t(`audit.${name}`)} <input type="search" maxlength="200" .value=${wanted.value[name]} @change=${change(name)}></label>`;
  const time = (name) => html`<label>${t(`audit.${name}`)} <input type="datetime-local" .value=${wanted.value[name]} @change=${change(name)}></label>`;
  return html`<form class="filters" @submit=${(event) => event.preventDefault()}>
    <label>${t("audit.act")} <select @change=${change("act")}>${KINDS.map((kind) => html`<option value=${kind} ?selected=${kind === wanted.value.act}>${t(kind ? `audit.kind.${kind.replace(".", "")}` : "list.any")}</option>`)}</select></label>
    ${field("actor")}${field("subject")}${time("since")}${time("until")}
    ${Object.values(wanted.value).some(Boolean) ? html`<button @click=${() => { befores.value = [0]; wanted.value = EMPTY; }}>${t("audit.all")}</button>` : nothing}
  </form>`;
}

function table() {
  return html`<div class="scrolls"><table class="rows stacked"><tr><th>#</th><th>${t("trail.time")}</th><th>${t("trail.who")}</th><th>${t("trail.what")}</th><th>${t("audit.subject")}</th><th>SHA-256</th></tr>
    ${rows.value.map(
      ({ seq, time_ns, actor, act, subject, detail, hash }) => html`<tr><td>${seq}</td><td>${day(time_ns / 1e6)} ${clock(time_ns / 1e6)}</td><td>${actor}</td>
        <td class="act">${detail === "{}" ? said(act) : html`<details><summary>${said(act)}${about(act, JSON.parse(detail))}</summary>${facts(detail)}</details>`}</td>
        <td class="subject">${/^[a-z2-7]{16}$/.test(subject) ? html`<a href=${to("alarm", subject)}>${subject}</a>` : subject}</td><td class="hash"><code title=${hash}>${hash.slice(0, 12)}…</code></td></tr>`,
    )}</table></div>`;
}

/** An act in words, where there are some. */
function said(act) {
  if (knows(`act.${act}`)) return t(`act.${act}`);
  const step = act.replace("alarm.", "");
  if (knows(`step.${step}`) && act !== step) return t(`step.${step}`).replace(" …", "");
  const [kind, ...rest] = act.split(".");
  return knows(`audit.kind.${kind}`) ? `${t(`audit.kind.${kind}`)}: ${rest.join(".")}` : act;
}

/** What a notice says; what a second person was asked for. */
function about(act, { note, act: wanted, subject }) {
  if (note && knows(note.id)) return html`: ${because(note)}`;
  return act.startsWith("pair.") && wanted ? html`: ${t(`audit.pair.${wanted}`)} <small>${subject}</small>` : nothing;
}

function facts(detail) {
  return html`<dl class="detail">${Object.entries(JSON.parse(detail)).map(([name, value]) => html`<dt>${name}</dt><dd>${fact(name, value)}</dd>`)}</dl>`;
}

/** Nanoseconds are more than numbers hold here: they are read as times. */
function fact(name, value) {
  if (name.endsWith("_ns") && value > 0) return `${day(value / 1e6)} ${clock(value / 1e6)}`;
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

function pager() {
  const pages = befores.value;
  if (pages.length === 1 && rows.value.length < PAGE) return nothing;
  return html`<p class="pager"><button ?disabled=${pages.length === 1} @click=${() => (befores.value = pages.slice(0, -1))}>${t("audit.newer")}</button>
    <button ?disabled=${rows.value.length < PAGE} @click=${() => (befores.value = [...pages, rows.value.at(-1).seq])}>${t("audit.older")}</button></p>`;
}
