/** From an alarm's page: record it now, or let its sensor stay there. For those who may give orders. */

import { html, nothing } from "./vendor/lit-html.js";
import { t } from "./i18n.js";
import { Given, answerTo, may } from "./orders_given.js";
import { around } from "./orders_recordings.js";
import { LONGEST_S, Stay } from "./orders_stay.js";
import { to } from "./views.js";
import * as state from "./state.js";

const BEFORE_S = 5; // what a sensor still holds
const AFTER_S = 10;
const HALF_WIDTH_HZ = 25e3; // at least; the site visits whole hops anyway

const desks = new WeakMap(); // of each dossier: what was ordered from its page

function deskOf(dossier, site) {
  if (!desks.has(dossier)) {
    const given = new Given(site);
    desks.set(dossier, { given, stay: new Stay(given) });
  }
  return desks.get(dossier);
}

/** The part that hears it best, one on the air before one that is not. */
const best = (parts) => parts.filter(({ emitter }) => emitter).sort((a, b) => b.on_air - a.on_air || b.snr_db - a.snr_db)[0];

export function alarmOrders(dossier) {
  const alarm = dossier.alarm.value;
  const part = best(dossier.parts.value);
  if (!may("orders") || !part || !state.sites.value.has(alarm.site)) return nothing;
  const { given, stay } = deskOf(dossier, alarm.site);
  const half_hz = Math.max(HALF_WIDTH_HZ, part.bandwidth_hz);
  const record = () => given.give("record", around(part.sensor, part.center_freq_hz, BEFORE_S, AFTER_S, part.emitter));
  const ask = () => stay.ask({ sensor: part.sensor, start_hz: Math.round(part.center_freq_hz - half_hz), stop_hz: Math.round(part.center_freq_hz + half_hz), seconds: LONGEST_S });
  return html`<div class="alarm-orders"><p class="exam-actions">
      <button @click=${record}>${t("orders.record_this", { n: BEFORE_S + AFTER_S })}</button>
      <button @click=${ask}>${t("orders.stay_here", { n: LONGEST_S })}</button>
      <a href=${to("orders", alarm.site)}>${t("orders.all")}</a></p>
    ${answerTo(given, "record")}${stay.answer()}</div>`;
}
