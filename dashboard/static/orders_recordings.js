/** Recordings of a site: what lies there and here, who asked for it, and an order for another one. */

import { signal } from "./vendor/signals-core.js";
import { html, nothing } from "./vendor/lit-html.js";
import { ask } from "./api.js";
import { clock, day, mhz, percent } from "./format.js";
import { t } from "./i18n.js";
import { answerTo, may, path } from "./orders_given.js";
import { LONGEST_S, hz, sensorSelect } from "./orders_stay.js";
import { files, taking } from "./taking.js";
import { to } from "./views.js";
import { sensorName } from "./words.js";

const PORTION = 20;
const AGAIN_MS = 2000; // while something is on its way

/** The body of an order to record around now; the ring of a dongle holds the last seconds. */
export function around(sensor, freq_hz, before_s, after_s, emitter = "") {
  const now_ms = Date.now();
  const ns = (ms) => Math.round(ms) * 1_000_000;
  return { sensor, freq_hz, start_ns: ns(now_ms - before_s * 1000), stop_ns: ns(now_ms + after_s * 1000), emitter };
}

export class Recordings {
  all = signal(null);
  more = signal(false);
  failure = signal("");

  constructor(given) {
    this.given = given;
    this.at = `recordings/exports/${path(given.site)}`;
    this.timer = null;
  }

  end() {
    clearTimeout(this.timer);
    this.ended = true;
  }

  /** The first portion, or what comes after the last one that is shown. */
  async load(before = "") {
    clearTimeout(this.timer);
    const asked = new URLSearchParams({ limit: PORTION, ...(before ? { before } : {}) });
    const { value, failure } = await ask(`recordings/of/${path(this.given.site)}?${asked}`);
    this.failure.value = failure ?? "";
    if (!value || this.ended) return;
    this.all.value = before ? [...this.all.value, ...value] : value;
    this.more.value = value.length === PORTION;
    const moves = this.all.value.some(({ state }) => state === "arriving");
    if (moves && this.all.value.length <= PORTION) this.timer = setTimeout(() => this.load(), AGAIN_MS);
  }

  form(site) {
    const submit = async (event) => {
      event.preventDefault();
      const given = Object.fromEntries(new FormData(event.target));
      const after_s = Number(given.after);
      const answer = await this.given.give("record", around(given.sensor, hz(given.freq), Number(given.before), after_s));
      if (answer?.accepted) this.timer = setTimeout(() => this.load(), after_s * 1000 + AGAIN_MS);
    };
    return html`<section class="part"><h2>${t("orders.record")}</h2><p class="hint">${t("orders.record_hint")}</p>
      <form class="fields" @submit=${submit}>${sensorSelect(site)}
        <label>MHz <input name="freq" type="number" min="0.001" max="100000" step="any" required></label>
        <label>${t("orders.before")} <input name="before" type="number" min="0" max="15" step="any" value="5" required></label>
        <label>${t("orders.after")} <input name="after" type="number" min="0.1" max=${LONGEST_S / 2} step="any" value="5" required></label>
        <button class="primary">${t("orders.record")}</button></form>${answerTo(this.given, "record")}</section>`;
  }

  table() {
    const shown = this.all.value;
    return html`<section class="part"><h2>${t("orders.recordings")} <button class="quiet-button" @click=${() => this.load()}>${t("orders.again")}</button></h2>
      ${this.failure.value ? html`<p class="failure" role="alert">${this.failure.value}</p>` : nothing}${answerTo(this.given, "fetch")}
      ${shown && !shown.length ? html`<p class="empty">${t("orders.no_recordings")}</p>` : nothing}
      ${shown?.length ? html`<div class="scrolls"><table class="rows stacked"><tr>${["evidence.when", "archive.sensor", "orders.about", "evidence.length", "evidence.state", "orders.signed", "orders.who", "evidence.files"].map((id) => html`<th>${t(id)}</th>`)}</tr>
        ${shown.map((one) => this.row(one))}</table></div>` : nothing}
      ${this.more.value ? html`<button @click=${() => this.load(shown.at(-1).name)}>${t("event.older")}</button>` : nothing}
      ${may("evidence") ? html`${taking(shown ?? [], this.at)}<p class="hint">${t("evidence.hint")}</p>` : nothing}</section>`;
  }

  row(one) {
    const fetchable = may("orders") && (one.state === "announced" || one.state === "deleted");
    const signed = { true: "orders.signed_yes", false: "orders.signed_no", null: "orders.signed_unknown" }[one.verified];
    return html`<tr><td class="nowrap">${day(one.start_ns / 1e6)} ${clock(one.start_ns / 1e6)}</td><td>${sensorName(one.sensor)}</td>
      <td class="nowrap">${about(one.name)}</td><td>${((one.stop_ns - one.start_ns) / 1e9).toFixed(1)} s</td>
      <td class="nowrap">${t(`evidence.state.${one.state}`)}${one.state === "arriving" ? ` ${percent(one.share)}` : nothing}${one.bytes ? html` <small>${(one.bytes / 1e6).toFixed(1)} MB</small>` : nothing}</td>
      <td class=${one.verified === false ? "refused-note" : ""} title=${one.sha256}>${t(signed)}</td>
      <td>${one.asked_by || one.alarms.map((id) => html`<a href=${to("alarm", id)}>${t("orders.alarm")}</a> `)}</td>
      <td class="files">${may("evidence") && one.files.length ? files(one, (name) => `recordings/file/${name}/${path(one.site)}`, this.at) : nothing}
        ${fetchable ? html`<button @click=${() => this.given.give("fetch", { file: one.name })}>${t("orders.fetch")}</button>` : nothing}</td></tr>`;
  }
}

/** The frequency that a recording is about: it stands in its name. */
function about(name) {
  const found = /_([0-9.]+)M_/.exec(name);
  return found ? `${mhz(Number(found[1]) * 1e6)} MHz` : "";
}
