/** What is still to be looked through again: known to the header and to every page that tells of it. */

import { computed, effect, signal } from "./vendor/signals-core.js";
import { html, nothing } from "./vendor/lit-html.js";
import { ask } from "./api.js";
import { t } from "./i18n.js";
import * as state from "./state.js";

const AGAIN_MS = 60_000; // a running exam is due minute by minute
const GATHER_MS = 300; // reviews of many sites come together: asked once

const asked = signal([]);
let waits = 0;

/** The review that was written last: who shows the past ones looks again. */
export const latest = signal(null);

/** `[{session, name, site, start_ns, stop_ns, until_ns, overdue, own_watch}]`, the most urgent first. */
export const due = computed(() => asked.value.map((one) => ({ ...one, overdue: one.until_ns / 1e6 < state.now.value })));

/** Take a review that somebody wrote. */
export function take(review) {
  latest.value = review;
  clearTimeout(waits);
  waits = setTimeout(load, GATHER_MS);
}

export async function load() {
  const { value } = await ask("reviews/due");
  if (value) asked.value = value;
}

/** Ask again from now on: when the line is back, when a site is new, and as time goes by. */
export function follow() {
  setInterval(load, AGAIN_MS);
  const live = computed(() => state.link.value.name === "live" && state.sites.value.size + 1);
  return effect(() => void (live.value && load()));
}

/** How many wait for somebody who may look, in words; nothing where none does. */
export function badge() {
  if (!state.me.value?.permissions.includes("act")) return nothing;
  const own = due.value.filter(({ own_watch }) => !own_watch);
  const late = own.filter(({ overdue }) => overdue).length;
  if (!own.length) return nothing;
  return html` <b class="badge ${late ? "late" : ""}">${late ? t("review.badge_late", { n: late }) : own.length}</b>`;
}
