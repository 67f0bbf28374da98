/** Why it is suspicious: each reason with its points, opened to the measurement behind it. */

import { html, nothing } from "./vendor/lit-html.js";
import { serviceAt } from "./bands.js";
import { clock, db, mhz, signedDb, width } from "./format.js";
import { t } from "./i18n.js";
import { because, sensorName, siteName } from "./words.js";
import * as state from "./state.js";

export function reasonList(dossier) {
  const alarm = dossier.alarm.value;
  if (!alarm.reasons.length) return html`<p class="empty">${t("alarm.page.no_reasons")}</p>`;
  return html`<ul class="reasons opening">${alarm.reasons.map(
    (reason) => html`<li class=${reason.weight < 0 ? "less" : ""}><details>
      <summary><b>${points(reason.weight)}</b>${because(reason)}</summary>
      <div class="measured">${(MEASURED[reason.id] ?? byPart)(dossier, alarm, reason)}</div>
    </details></li>`,
  )}</ul>`;
}

const points = (weight) => (weight ? `${weight < 0 ? "−" : "+"}${Math.abs(weight)}` : "0");

/** Reason id -> the measurement behind it; the others show what each sensor measured. */
const MEASURED = {
  "reason.case_band": (dossier, alarm) => html`<p>${t("measured.service", { freq: mhz(alarm.center_freq_hz), service: serviceAt(alarm.center_freq_hz) || "–" })}</p>`,
  "reason.off_raster": (dossier, alarm, { args }) => html`<p>${t("measured.raster", { freq: mhz(alarm.center_freq_hz), raster: args.raster_khz, off: args.off_khz })}</p>`,
  "reason.rhythm": beat,
  "reason.bursts": beat,
  "reason.brief": beat,
  "reason.voice": beat,
  "reason.only_here": (dossier, alarm) => sitesListening(alarm),
  "reason.also_elsewhere": (dossier, alarm) => sitesListening(alarm),
  "reason.several_sensors": byPart,
  "reason.stronger_inside": byPart,
  "reason.stronger_outside": byPart,
};

function beat(dossier) {
  const known = dossier.sightings.value;
  if (!known) return nothing;
  const shown = known.sightings.slice(-8);
  return html`<table><tr><th>${t("measured.sensor")}</th><th>${t("measured.from")}</th><th>${t("measured.seconds")}</th></tr>
    ${shown.map((one) => html`<tr><td>${sensorName(one.sensor)}</td><td>${clock(one.start_ns / 1e6)}</td><td>${((one.stop_ns - one.start_ns) / 1e9).toFixed(2)}</td></tr>`)}</table>
    ${known.beat ? html`<p>${t("measured.beat", { period: known.beat.period_s.toFixed(1), spread: known.beat.spread_s.toFixed(1) })}</p>` : nothing}`;
}

function sitesListening(alarm) {
  const near = [...state.alarms.value.values()].filter(
    (other) => other.site !== alarm.site && Math.abs(other.center_freq_hz - alarm.center_freq_hz) < Math.max(5000, alarm.bandwidth_hz),
  );
  return html`<ul>${[...state.sites.value.values()].map(
    (site) => html`<li>${siteName(site.site)}: ${t(`state.${site.state}`)} · ${site.site === alarm.site || near.some((other) => other.site === site.site) ? t("measured.heard") : t("measured.not_heard")}</li>`,
  )}</ul>`;
}

/** What each sensor measured. */
function byPart(dossier) {
  const parts = [...dossier.parts.value].sort((a, b) => b.snr_db - a.snr_db).slice(0, 12);
  return html`<div class="scrolls"><table>
    <tr><th>${t("measured.sensor")}</th><th>MHz</th><th>${t("measured.width")}</th><th>SNR dB</th><th>${t("measured.excess")}</th><th>dBFS</th><th>${t("measured.times")}</th><th>${t("measured.on_s")}</th></tr>
    ${parts.map((part) => html`<tr><td>${sensorName(part.sensor)}</td><td>${mhz(part.center_freq_hz)}</td><td>${width(part.bandwidth_hz)}</td><td>${db(part.snr_db)}</td>
      <td>${signedDb(part.excess_db)}</td><td>${db(part.peak_dbfs)}</td><td>${part.sightings}</td><td>${part.on_s.toFixed(1)}</td></tr>`)}
  </table></div>`;
}
