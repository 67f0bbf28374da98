/** Exams: the timetable with its phases, who put it there, and what the sensors compare with. */

import { effect, signal } from "./vendor/signals-core.js";
import { html, nothing, render } from "./vendor/lit-html.js";
import { ask, tell } from "./api.js";
import { phasesOf } from "./archive_marks.js";
import { wordsOf, PLAIN } from "./archive_window.js";
import { age, clock, day, left } from "./format.js";
import { lang, t } from "./i18n.js";
import { changed } from "./requests.js";
import { due } from "./reviews_due.js";
import { signOffs } from "./signoffs.js";
import { to } from "./views.js";
import { sensorName, siteName } from "./words.js";
import * as state from "./state.js";

const EVERY_SITE = "*";
const AGAIN_MS = 15_000;
const MINUTES = [["drill_s", 60], ["armed_s", 30], ["closing_s", 30]]; // as the monitor has them when nothing is said

export function view(root) {
  const page = {
    sessions: signal(null),
    baselines: signal([]),
    approvals: signal([]),
    failure: signal(""), // of asking
    trouble: signal(""), // of what somebody wanted done; it stays until the next thing is done
    removing: signal(null), // number of the exam whose removal is being confirmed
    adding: signal(false),
    past: signal(false),
  };
  const asking = new AbortController();
  page.load = async () => {
    const [sessions, baselines, approvals] = await Promise.all(["sessions", "baselines", "approvals?act=baseline"].map((path) => ask(path, asking.signal)));
    if (sessions.value) page.sessions.value = sessions.value;
    if (approvals.value) page.approvals.value = approvals.value;
    if (baselines.value) page.baselines.value = baselines.value;
    if (!sessions.aborted) page.failure.value = sessions.failure ?? baselines.failure ?? "";
  };
  page.load();
  const timer = setInterval(page.load, AGAIN_MS);
  const ends = [
    effect(() => render(sheet(page), root)),
    effect(() => changed.value?.act === "baseline" && page.load()),
  ];
  return () => {
    for (const end of ends) end();
    clearInterval(timer);
    asking.abort();
  };
}

const maySet = () => state.me.value?.permissions.includes("sessions");
const phaseNow = (session, now_ns) => {
  if (session.ended_ns) return null;
  const now_s = now_ns / 1e9;
  const phases = phasesOf(session);
  if (now_s < phases[0].start_s) return { phase: "survey", stop_s: phases[0].start_s };
  return phases.find(({ stop_s }) => now_s < stop_s) ?? { phase: "sealed", stop_s: null };
};

function sheet(page) {
  const now_ns = state.now.value * 1e6;
  const all = page.sessions.value;
  const standing = (all ?? []).map((session) => ({ session, now: phaseNow(session, now_ns) }));
  const isOver = ({ now }) => !now || now.phase === "sealed";
  const coming = standing.filter((one) => !isOver(one)).sort((a, b) => a.session.start_ns - b.session.start_ns);
  const over = standing.filter(isOver);
  return html`
    <div class="page-head"><h1>${t("tab.sessions")}</h1>
      ${maySet() ? html`<button class="primary" aria-expanded=${page.adding.value} @click=${() => (page.adding.value = !page.adding.value)}>${t("exam.add")}</button>` : nothing}
      ${[page.failure.value, page.trouble.value].filter(Boolean).map((words) => html`<p class="failure" role="alert">${words}</p>`)}</div>
    ${page.adding.value ? form(page) : nothing}
    ${all === null ? html`<p class="empty">${t("archive.loading")}</p>` : coming.length ? nothing : html`<p class="empty">${t("exam.none")}</p>`}
    <div class="exams">${coming.map((one) => card(page, one))}</div>
    ${over.length ? html`<h2><button aria-expanded=${page.past.value} @click=${() => (page.past.value = !page.past.value)}>${t("exam.past", { n: over.length })}</button></h2>
      ${page.past.value || !coming.length ? html`<div class="exams">${over.map((one) => card(page, one))}</div>` : nothing}` : nothing}
    ${baselines(page.baselines.value)}`;
}

function card(page, { session, now }) {
  const { id, name, site, start_ns, stop_ns, author, created_ns, ended_by, ended_ns } = session;
  return html`<article class="exam-card ${now?.phase ?? "removed"}">
    <h2>${now ? html`<span class="phase ${now.phase}">${t(`phase.${now.phase}`)}</span>` : html`<span class="phase">${t("exam.removed")}</span>`}
      <b>${name}</b> <span class="quiet">${site === EVERY_SITE ? t("exam.every_site") : siteName(site)}</span>
      ${now?.stop_s ? html`<span class="left">${t("exam.left", { left: longLeft(now.stop_s * 1000 - state.now.value) })}</span>` : nothing}</h2>
    <p class="when">${day(start_ns / 1e6)} <b>${clock(start_ns / 1e6, false)} – ${clock(stop_ns / 1e6, false)}</b></p>
    ${bar(session)}
    <p class="by">${t("exam.by", { author, when: `${day(created_ns / 1e6)} ${clock(created_ns / 1e6, false)}` })}
      ${ended_ns ? t("exam.ended_by", { author: ended_by, when: `${day(ended_ns / 1e6)} ${clock(ended_ns / 1e6, false)}` }) : nothing}</p>
    ${!now || now.phase === "sealed" ? nothing : signOffs(session, { approvals: page.approvals.value, inUse: page.baselines.value.filter((one) => site === EVERY_SITE || one.site === site), trouble: page.trouble, again: page.load })}
    <p class="exam-actions">${links(session)}
      ${!now || now.phase === "sealed" || !maySet() ? nothing : page.removing.value === id
        ? html`<span>${t("exam.remove_sure")}</span> <button class="primary" @click=${() => remove(page, id)}>${t("exam.remove")}</button>
            <button @click=${() => (page.removing.value = null)}>${t("exam.keep")}</button>`
        : html`<button @click=${() => (page.removing.value = id)}>${t("exam.remove")}</button>`}</p>
  </article>`;
}

/** Hours and minutes up to a day, then days. */
const longLeft = (ms) => (ms < 86_400_000 ? left(ms) : t("archive.days", { n: Math.round(ms / 86_400_000) }));

/** The phases in proportion, and where the present stands in them. */
function bar(session) {
  const phases = phasesOf(session);
  const [from, to_s] = [phases[0].start_s, phases.at(-1).stop_s];
  const part = (s) => `${((100 * (s - from)) / (to_s - from)).toFixed(2)}%`;
  const now_s = state.now.value / 1000;
  return html`<div class="phases-bar">${phases.map(
      ({ phase, start_s, stop_s }) => html`<span class=${phase} .style=${`width:${part(from + stop_s - start_s)}`} title="${clock(start_s * 1000, false)}–${clock(stop_s * 1000, false)}"><b>${t(`phase.${phase}`)}</b><small>${clock(start_s * 1000, false)}</small></span>`,
    )}${now_s > from && now_s < to_s && !session.ended_ns ? html`<i .style=${`left:${part(now_s)}`}></i>` : nothing}</div>`;
}

/** To what was recorded: only of exams that have begun. */
function links({ id, site, start_ns, stop_ns }) {
  if (start_ns / 1e6 > state.now.value) return nothing;
  const found = state.sensors.value.find((one) => site === EVERY_SITE || one.site.site === site);
  if (!found) return nothing;
  const end_s = Math.min(state.now.value / 1000, stop_ns / 1e9);
  const window = { ...PLAIN, sensor: found.sensor.sensor, end_s: Math.floor(end_s), span_s: Math.max(60, end_s - start_ns / 1e9) };
  return html`<a class="button" href=${to("history", ...wordsOf(window))}>${t("tab.history")}</a>
    <a class="button" href=${to("replay", found.sensor.sensor, `exam-${id}`)}>${t("archive.replay")}</a>
    <a class="button" href=${to("reviews", id)}>${t("tab.reviews")}</a> ${toReview(id)}
    ${state.me.value?.permissions.includes("audit") ? html`<a class="button" download href="api/v1/sessions/${id}/report?lang=${lang.value}">${t("exam.record")}</a>` : nothing}`;
}

/** What of an exam nobody has looked through again yet. */
function toReview(id) {
  const open = due.value.filter(({ session }) => session === id);
  if (!open.length) return nothing;
  const late = open.filter(({ overdue }) => overdue).length;
  return html`<span class=${late ? "poor" : "quiet"}>${t("review.count", { n: open.length, late })}</span>`;
}

async function remove(page, id) {
  const { failure } = await tell("DELETE", `sessions/${id}`);
  page.trouble.value = failure ?? "";
  page.removing.value = null;
  page.load();
}

function form(page) {
  const send = async (event) => {
    event.preventDefault();
    const given = new FormData(event.target);
    const ns = (name) => Date.parse(`${given.get("date")}T${given.get(name)}`) * 1e6;
    const body = { name: given.get("name").trim(), site: given.get("site"), start_ns: ns("start"), stop_ns: ns("stop") };
    for (const [name] of MINUTES) body[name] = Number(given.get(name)) * 60;
    const { failure } = await tell("POST", "sessions", body);
    page.trouble.value = failure ?? "";
    if (failure) return;
    page.adding.value = false;
    page.load();
  };
  const now = new Date(state.now.peek());
  const today = new Date(now - now.getTimezoneOffset() * 60_000).toISOString().slice(0, 10);
  return html`<form class="exam-form" @submit=${send}>
    <label>${t("exam.name")}<input name="name" required maxlength="200" autofocus></label>
    <label>${t("exam.site")}<select name="site"><option value=${EVERY_SITE}>${t("exam.every_site")}</option>${[...state.sites.value.values()].map(({ site, site_name }) => html`<option value=${site}>${site_name || site}</option>`)}</select></label>
    <label>${t("exam.date")}<input type="date" name="date" required value=${today}></label>
    <label>${t("exam.start")}<input type="time" name="start" required value="09:00"></label>
    <label>${t("exam.stop")}<input type="time" name="stop" required value="11:30"></label>
    ${MINUTES.map(([name, minutes]) => html`<label>${t(LEADS[name])}<input type="number" name=${name} required min="0" max="10080" value=${minutes}></label>`)}
    <button class="primary">${t("exam.save")}</button>
  </form>`;
}

const LEADS = { drill_s: "exam.drill_min", armed_s: "exam.armed_min", closing_s: "exam.closing_min" };

/** What each sensor compares with now; a sensor without a baseline is told first. */
function baselines(list) {
  if (!list.length) return nothing;
  const without = list.filter(({ baseline }) => !baseline).length;
  return html`<h2>${t("exam.baselines")} ${without ? html`<b class="poor">${t("exam.baselines_missing", { n: without })}</b>` : nothing}</h2>
    <div class="scroll"><table class="list"><thead><tr>${["exam.site", "archive.sensor", "exam.baseline", "exam.gain", "board.heard"].map((id) => html`<th>${t(id)}</th>`)}</tr></thead>
    <tbody>${list.map(
      ({ site, sensor, baseline, gain_db, age_s }) => html`<tr><td>${siteName(site)}</td><td>${sensorName(sensor)}</td>
        <td class=${baseline ? "" : "poor"}>${baseline ? html`<code>${baseline}</code>` : t("exam.no_baseline")}</td>
        <td class="num">${gain_db === null ? "–" : `${gain_db.toFixed(1)} dB`}</td><td>${age(age_s * 1000)}</td></tr>`,
    )}</tbody></table></div>`;
}
