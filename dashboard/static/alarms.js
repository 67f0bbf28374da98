/** The right rail: what needs a person, the unacknowledged pinned on top; or the proof of silence. */

import { effect, signal } from "./vendor/signals-core.js";
import { html, nothing, render } from "./vendor/lit-html.js";
import { tell } from "./api.js";
import { minuteOf, wordsOf } from "./archive_window.js";
import { age, clock, db, mhz, percent, width } from "./format.js";
import { t } from "./i18n.js";
import { proofNow } from "./proof.js";
import { follow, requestLines } from "./requests.js";
import { shape } from "./shapes.js";
import { to } from "./views.js";
import * as state from "./state.js";
import { because, heardBy, sensorName, sentence, siteName } from "./words.js";

const MOST_CARDS = 30; // beyond that, groups: a thousand emitters must not bury the first one
const GROUP_HZ = 10e6;

/** Reason codes that the monitor takes for a dismissal; "other" needs a note. */
export const DISMISS_REASONS = ["licensed", "known", "own_equipment", "interference", "test", "false", "other"];

const opened = signal(new Set()); // alarm ids whose reasons are shown
const dismissing = signal(null); // alarm id whose reason is being asked
const saving = signal(new Map()); // alarm id -> "busy" or the words of a failure

/** While a hand is on the list nothing changes its place: a click must hit what it aimed at. */
const held = signal(false);
let shown = []; // ids in the order shown last

export function alarms(root, open) {
  const hold = () => (held.value = root.matches(":hover") || root.matches(":focus-within"));
  for (const name of ["pointerenter", "pointerleave", "focusin", "focusout"]) {
    root.addEventListener(name, () => setTimeout(hold));
  }
  follow();
  effect(() => render(rail(open), root));
}

/** The list in the order to show: as before for what was shown, while it is held. */
function inPlace(list) {
  if (held.value) {
    const place = new Map(shown.map((id, index) => [id, index]));
    const of = (alarm) => place.get(alarm.id) ?? Infinity;
    list = [...list].sort((a, b) => (of(a) === of(b) ? 0 : of(a) - of(b)));
  }
  shown = list.map(({ id }) => id);
  return list;
}

/** Show or hide the reasons of an alarm. */
function toggle(id) {
  const next = new Set(opened.value);
  if (!next.delete(id)) next.add(id);
  opened.value = next;
}

/** Say something about an alarm; the monitor answers with its new state. */
export async function say(alarm, action, fields = {}) {
  const mark = (words) => {
    const next = new Map(saving.value);
    if (words) next.set(alarm.id, words);
    else next.delete(alarm.id);
    saving.value = next;
  };
  mark("busy");
  const { value, failure } = await tell("POST", `alarms/${encodeURIComponent(alarm.id)}/actions`, { action, ...fields });
  // A strong alarm is not dismissed by one person: the answer then is the request for another.
  mark(failure ?? (value.wanted_by ? t("alarm.waits_second", { until: clock(value.until_ns / 1e6, false) }) : null));
  if (!failure) dismissing.value = null;
}

function rail(open) {
  const list = inPlace(state.openAlarms.value);
  const fresh = list.filter(state.isNew).length;
  return html`
    <h2>${t("alarms.title")} <small>${list.length}</small><a href=${to("alarms")}>${t("alarms.all")}</a>${fresh ? html`<b class="fresh">${t("alarms.fresh", { n: fresh })}</b>` : nothing}</h2>
    ${requestLines()}
    ${list.length || !state.known.value ? nothing : quiet()}
    <div class="cards">
      ${list.slice(0, MOST_CARDS).map((alarm) => card(alarm, open))}
      ${groups(list.slice(MOST_CARDS), open)}
    </div>
    ${list.length ? listening() : nothing}`;
}

/** Nothing wrong, said with proof. */
function quiet() {
  if (state.link.value.name !== "live") {
    return html`<div class="quiet none"><p class="big">${t("proof.unknown", { time: clock(state.link.value.since) })}</p></div>`;
  }
  const { since, total, watched, chance } = proofNow();
  if (!total) return html`<div class="quiet none"><p>${t("proof.nobody")}</p></div>`;
  return html`<div class="quiet ${watched === total ? "good" : "part"}">
    ${shape(watched === total ? "go" : "degraded")}
    <p class="big">${t("proof.quiet", { time: clock(since, false) })}</p>
    <p>${watched ? t("proof.chance", { chance: percent(chance), n: watched, m: total }) : t("proof.deaf", { m: total })}</p>
    ${watched < total ? html`<p class="warn">${t("proof.gap", { n: total - watched })}</p>` : nothing}
    ${drilled(state.current.value?.site.drill)}
  </div>`;
}

/** The last drill of the site that is shown: whether what is said here was tried. */
const drilled = (drill) =>
  drill
    ? html`<p class=${drill.passed ? "" : "warn"}>${t(drill.passed ? "proof.drill_passed" : "proof.drill_failed", { time: clock(drill.stop_ns / 1e6, false) })}</p>`
    : html`<p class="warn">${t("proof.drill_never")}</p>`;

/** With alarms open the proof shrinks to a line: is the rest still being heard? */
function listening() {
  const { total, watched, chance } = proofNow();
  if (!total) return nothing;
  return html`<p class="listening">${shape(watched === total ? "go" : "degraded")}
    ${watched ? t("proof.chance", { chance: percent(chance), n: watched, m: total }) : t("proof.deaf", { m: total })}</p>`;
}

function card(alarm, open) {
  const { n, m } = heardBy(alarm);
  const fresh = state.isNew(alarm);
  const live = alarm.on_air;
  const status = saving.value.get(alarm.id);
  const bars = Math.round(alarm.suspicion / 10);
  return html`
    <article class="card ${fresh ? "new" : "seen"} ${alarm.drill ? "drill" : ""}" aria-current=${alarm.id === state.selected.value}
      data-alarm=${alarm.id} @click=${(event) => event.target.closest("button,summary,form,a") ?? open(alarm)}>
      <span class="number">${state.numbers.value.get(alarm.id)}</span>
      <p class="sentence">${alarm.drill ? html`<b class="tag">${t("state.drill")}</b> ` : nothing}${sentence(alarm)}</p>
      <p class="freq"><button class="jump" @click=${() => open(alarm)} title=${t("alarm.jump")}>${mhz(alarm.center_freq_hz)}<small> MHz</small></button>
        <span class="when ${live ? "live" : ""}">${live ? t("alarm.on_air") : t("alarm.last", { age: age(state.now.value - alarm.last_seen_ns / 1e6) })}</span></p>
      <p class="suspicion" title=${t("alarm.suspicion_why")}><span>${t("alarm.suspicion")}</span><b>${alarm.suspicion}</b>
        <span class="bar" aria-hidden="true">${Array.from({ length: 10 }, (_, i) => html`<i class=${i < bars ? "on" : ""}></i>`)}</span></p>
      <p class="facts">${state.sites.value.size > 1 ? html`<span>${siteName(alarm.site)}</span>` : nothing}<span>${t("alarm.heard", { n, m })}</span><span>SNR ${db(alarm.snr_db)} dB</span><span>${width(alarm.bandwidth_hz)}</span><span title=${t("alarm.sightings_title")}>${t("alarm.sightings", { n: alarm.sightings })}</span></p>
      ${opened.value.has(alarm.id) ? reasons(alarm) : nothing}
      <div class="actions">
        ${fresh && mayAct() ? html`<button class="primary" ?disabled=${status === "busy"} @click=${() => say(alarm, "acknowledge")}>${t("alarm.acknowledge")}</button>`
          : html`<span class="mark">${t(`alarm.state.${alarm.state}`)}${alarm.owner ? ` · ${alarm.owner}` : ""}</span>`}
        ${mayAct() ? html`<button ?disabled=${status === "busy"} aria-expanded=${dismissing.value === alarm.id}
          @click=${() => (dismissing.value = dismissing.value === alarm.id ? null : alarm.id)}>${t("alarm.dismiss")}</button>` : nothing}
        <a class="button" href=${to("alarm", alarm.id)}>${t("alarm.open")}</a>
        <button class="more" aria-expanded=${opened.value.has(alarm.id)} @click=${() => toggle(alarm.id)}>${t(opened.value.has(alarm.id) ? "alarm.less" : "alarm.why")}</button>
      </div>
      ${dismissing.value === alarm.id ? dismissal(alarm) : nothing}
      ${status && status !== "busy" ? html`<p class="failure" role="alert">${status}</p>` : nothing}
    </article>`;
}

/** Whoever may only look is not offered what the monitor would refuse. */
const mayAct = () => state.me.value?.permissions.includes("act") ?? true;

/** Each reason with its points, strongest first; first and last time below. */
function reasons(alarm) {
  return html`<ul class="reasons">
    ${alarm.reasons.map(
      (reason) => html`<li class=${reason.weight < 0 ? "less" : ""}><b>${reason.weight < 0 ? "−" : "+"}${Math.abs(reason.weight)}</b>${because(reason)}</li>`,
    )}
    <li class="times"><b></b>${t("alarm.times", { first: clock(alarm.first_seen_ns / 1e6), last: clock(alarm.last_seen_ns / 1e6) })} ${alarm.clock_doubtful ? html`<b class="poor" title=${t("alarm.clock_title")}>${t("alarm.clock")}</b>` : nothing} <a href=${to("history", ...wordsOf(minuteOf(alarm)))}>${t("tab.history")}</a></li>
  </ul>
  ${levels(alarm)}`;
}

/** Where it is strongest: SNR at each sensor that hears it. */
function levels(alarm) {
  const heard = [...(alarm.levels ?? [])].sort((a, b) => b.snr_db - a.snr_db);
  return html`<ul class="where-heard" aria-label=${t("alarm.levels")}>
    ${heard.map(({ sensor, snr_db }) => html`<li><span>${sensorName(sensor)}</span><meter min="0" max="60" value=${Math.max(0, snr_db)}></meter><b>${db(snr_db)} dB</b></li>`)}
  </ul>`;
}

/** A dismissal needs a reason: it is what the next shift and the auditor read. */
function dismissal(alarm) {
  const send = (event) => {
    event.preventDefault();
    const given = new FormData(event.target);
    say(alarm, "dismiss", { reason: given.get("reason"), note: given.get("note") });
  };
  const needNote = ({ target }) => {
    target.form.elements.note.required = target.form.elements.reason.value === "other";
  };
  return html`<form class="dismissal" @submit=${send} @change=${needNote}>
    <p>${t("alarm.dismiss_why")}</p>
    ${DISMISS_REASONS.map((reason) => html`<label><input type="radio" name="reason" value=${reason} required>${t(`dismiss.${reason}`)}</label>`)}
    <input name="note" maxlength="2000" placeholder=${t("alarm.note")} aria-label=${t("alarm.note")}>
    <button class="primary">${t("alarm.dismiss")}</button>
  </form>`;
}

/** "47 in 430-440 MHz": the tail of a flood. */
function groups(rest, open) {
  if (!rest.length) return nothing;
  const byBand = Map.groupBy(rest, (alarm) => Math.floor(alarm.center_freq_hz / GROUP_HZ));
  return [...byBand].map(([band, members]) => {
    const low = band * (GROUP_HZ / 1e6);
    return html`<details class="group"><summary>${t("alarms.group", { n: members.length, low, high: low + GROUP_HZ / 1e6 })}</summary>
      ${members.slice(0, 200).map((alarm) => html`<button @click=${() => open(alarm)}>${mhz(alarm.center_freq_hz)} MHz · ${alarm.suspicion}</button>`)}
    </details>`;
  });
}
