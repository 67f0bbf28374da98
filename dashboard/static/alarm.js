/** An alarm's own page: what it is, how it was found, where it is, what can be done and what was done. */

import { effect, signal } from "./vendor/signals-core.js";
import { html, nothing, render } from "./vendor/lit-html.js";
import { clock, db, mhz, width } from "./format.js";
import { t } from "./i18n.js";
import { bundle } from "./alarm_bundle.js";
import { Dossier } from "./alarm_dossier.js";
import { evidenceTable } from "./alarm_evidence.js";
import { alarmOrders } from "./alarm_orders.js";
import { CutoutPictures } from "./alarm_pictures.js";
import { reasonList } from "./alarm_reasons.js";
import { rhythm } from "./alarm_rhythm.js";
import { steps } from "./alarm_steps.js";
import { trail } from "./alarm_trail.js";
import { minuteOf, wordsOf } from "./archive_window.js";
import { show, to } from "./views.js";
import * as state from "./state.js";
import { heardBy, placeName, sensorName, sentence, siteName } from "./words.js";

export function view(root, [id], actions) {
  if (!id) {
    show("alarms");
    return () => {};
  }
  state.selected.value = id;
  const dossier = new Dossier(id);
  const pictures = new CutoutPictures(dossier);
  const wide = signal(root.clientWidth);
  const watcher = new ResizeObserver(() => (wide.value = root.clientWidth));
  watcher.observe(root);
  const stopDrawing = effect(() => {
    render(page(dossier, pictures, wide.value, actions), root);
    queueMicrotask(() => pictures.mount(root));
  });
  return () => {
    stopDrawing();
    watcher.disconnect();
    pictures.end();
    dossier.end();
  };
}

function page(dossier, pictures, wide, actions) {
  const alarm = dossier.alarm.value;
  if (!alarm) return html`<h1>${t("tab.alarm")}</h1><p class="empty">${dossier.failure.value ?? t("alarm.page.loading")}</p>`;
  const { n, m } = heardBy(alarm);
  return html`
    <div class="alarm-page">
      <header class="alarm-head ${state.isNew(alarm) ? "new" : ""}">
        <a class="back" href=${to("alarms")}>${t("alarm.page.all")}</a>
        <h1>${alarm.drill ? html`<b class="tag">${t("state.drill")}</b> ` : nothing}${sentence(alarm)}</h1>
        <p class="alarm-line">
          <b class="alarm-freq">${mhz(alarm.center_freq_hz)}<small> MHz</small></b>
          <span class="alarm-state ${alarm.state}">${t(`alarm.state.${alarm.state}`)}${alarm.owner ? ` · ${alarm.owner}` : ""}</span>
          ${alarm.overdue ? html`<span class="alarm-overdue">${t("alarm.overdue")}${alarm.level > 1 ? ` · ${t("alarm.level", { n: alarm.level })}` : nothing}</span>` : nothing}
          ${alarm.on_air ? html`<span class="when live">${t("alarm.on_air")}</span>` : nothing}
          <span class="alarm-suspicion" title=${t("alarm.suspicion_why")}>${t("alarm.suspicion")} <b>${alarm.suspicion}</b></span>
        </p>
        <p class="facts"><span>${siteName(alarm.site)}</span><span>${t("alarm.heard", { n, m })}</span><span>SNR ${db(alarm.snr_db)} dB</span><span>${width(alarm.bandwidth_hz)}</span>
          <span>${t("alarm.sightings", { n: alarm.sightings })}</span>${alarm.label ? html`<span>${alarm.label}</span>` : nothing}
          <span>${t("alarm.times", { first: clock(alarm.first_seen_ns / 1e6), last: clock(alarm.last_seen_ns / 1e6) })}</span>
          <a href=${to("history", ...wordsOf(minuteOf(alarm)))}>${t("alarm.to_history")}</a>
          ${state.me.value?.permissions.includes("known") ? html`<a href=${to("known", ...edges(alarm), alarm.site)}>${t("alarm.page.known")}</a>` : nothing}
          <button class="quiet-button" @click=${() => actions.open(alarm)}>${t("alarm.page.watch")}</button></p>
        ${dossier.failure.value ? html`<p class="failure" role="alert">${dossier.failure.value}</p>` : nothing}
      </header>
      ${steps(dossier)}
      ${pictures.view(wide)}
      <section class="part"><h2>${t("alarm.page.rhythm")}</h2>${rhythm(dossier, wide)}</section>
      <div class="halves">
        <section class="part"><h2>${t("alarm.page.reasons")}</h2>${reasonList(dossier)}</section>
        <section class="part"><h2>${t("alarm.page.where")}</h2>${where(alarm)}</section>
      </div>
      <section class="part"><h2>${t("alarm.page.evidence")}</h2>${evidenceTable(dossier, pictures)}${bundle(dossier)}${alarmOrders(dossier)}</section>
      <section class="part"><h2>${t("alarm.page.trail")}</h2>${trail(dossier)}</section>
    </div>`;
}

/** Edges in MHz, a little wider than measured: what fills the form for a known emitter. */
const edges = ({ center_freq_hz, bandwidth_hz }) => [-0.75, 0.75].map((part) => mhz(center_freq_hz + part * bandwidth_hz));

/** Every sensor of the site as a bar, those too that heard nothing: that says where it is not. */
function where(alarm) {
  const heard = new Map(alarm.levels.map(({ sensor, snr_db }) => [sensor, snr_db]));
  const all = state.sites.value.get(alarm.site)?.sensors ?? [];
  const silent = all.filter(({ sensor }) => !heard.has(sensor));
  return html`<ul class="where-heard" aria-label=${t("alarm.levels")}>
      ${[...heard].map(([sensor, snr_db]) => html`<li><span title=${sensor}>${sensorName(sensor)}</span><meter min="0" max="60" value=${Math.max(0, snr_db)}></meter><b>${db(snr_db)} dB</b></li>`)}
      ${silent.map(({ sensor, position }) => html`<li class="unheard"><span title=${sensor}>${placeName(position) || sensor}</span><i></i><b>${t("alarm.page.unheard")}</b></li>`)}
    </ul>
    <p class="hint">${t("alarm.page.where_hint")}</p>`;
}
