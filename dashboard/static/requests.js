/** Requests that wait for a second person: known to every page, shown where alarms are shown. */

import { computed, effect, signal } from "./vendor/signals-core.js";
import { html, nothing } from "./vendor/lit-html.js";
import { ask } from "./api.js";
import { mhz } from "./format.js";
import { t } from "./i18n.js";
import { to } from "./views.js";
import * as state from "./state.js";

const known = signal(new Map()); // id -> request, decided ones too

/** Those that still wait, the oldest first. */
export const waiting = computed(() =>
  [...known.value.values()]
    .filter((request) => request.state === "waiting" && request.until_ns / 1e6 > state.now.value)
    .sort((a, b) => a.id - b.id),
);

/** The request that changed last: who shows one looks again. */
export const changed = signal(null);

/** Take a request as it is now. */
export function set(request) {
  known.value = new Map(known.value).set(request.id, request);
  changed.value = request;
}

/** The line tells of changes only: what was asked before it was there is asked for. */
export function follow() {
  return effect(() => {
    if (state.link.value.name !== "live") return;
    ask("approvals?state=waiting").then(({ value }) => value && (known.value = new Map(value.map((request) => [request.id, request]))));
  });
}

/** Whether it is about an alarm: then it is decided on its page, the others where the people are. */
export const isOfAlarm = ({ what }) => Boolean(what.alarm);

/** What somebody wants, in words. */
export function wanted(request, args) {
  return t(request.act === "export" && !isOfAlarm(request) ? "pair.export_of_site" : `pair.${request.act}`, args);
}

/** One line for each request, above the alarms; who asked it reads that it still waits. */
export function requestLines() {
  if (!waiting.value.length) return nothing;
  return html`<ul class="requests" aria-label=${t("pair.title")}>${waiting.value.map(
    (request) => html`<li><a href=${isOfAlarm(request) ? to("alarm", request.subject) : to("people")}>${line(request)}</a></li>`,
  )}</ul>`;
}

function line(request) {
  const args = { name: request.wanted_by, subject: request.subject };
  if (!isOfAlarm(request)) return wanted(request, args);
  return t(`pair.${request.act}_line`, { ...args, freq: mhz(request.what.alarm.center_freq_hz) });
}
