/** Over the recorded spectra: which sensor, how long, how drawn; under them: what the cursor reads. */

import { signal } from "./vendor/signals-core.js";
import { html, nothing } from "./vendor/lit-html.js";
import { rowsFor } from "./archive_picture.js";
import { alarmTitle } from "./archive_pane.js";
import { SPANS_S, wordsOf } from "./archive_window.js";
import { serviceAt } from "./bands.js";
import { clock, day, db, mhz, signedDb } from "./format.js";
import { t } from "./i18n.js";
import { to } from "./views.js";
import { sensorName, siteName } from "./words.js";
import * as state from "./state.js";

const DAY_S = 86_400;
const copied = signal(false);

/** The bar of a page (`archive.js`). */
export function bar(page) {
  const view = page.view.value;
  const { stop_s } = page.times;
  const set = (change) => () => (page.view.value = { ...page.view.peek(), ...change });
  return html`<h1 class="spoken">${t("tab.history")}</h1>
    ${sensorSelect(view.sensor, (sensor) => page.go({ ...page.view.peek(), sensor, low_hz: 0, high_hz: 0 }))}
    <span class="pair" role="group" aria-label=${t("archive.span")}>${SPANS_S.map((span_s) => html`<button aria-pressed=${view.span_s === span_s} @click=${() => page.span(span_s)}>${spanText(span_s)}</button>`)}</span>
    <span class="pair"><button @click=${() => page.pan(-0.9)} title="${t("archive.earlier")} (PageDown)" aria-label=${t("archive.earlier")}>◀</button
      ><button @click=${() => page.pan(0.9)} title="${t("archive.later")} (PageUp)" aria-label=${t("archive.later")}>▶</button
      ><button aria-pressed=${view.end_s === null} @click=${set({ end_s: null })} title="${t("archive.now_title")} (N)">${t("axis.now")}</button></span>
    <span class="pair"><button aria-pressed=${view.excess} @click=${set({ excess: true })} title="${t("archive.excess_why")} (E)">${t("archive.excess")}</button
      ><button aria-pressed=${!view.excess} @click=${set({ excess: false })} title="${t("bar.raw")} (E)">${t("bar.raw")}</button></span>
    <span class="pair"><button aria-pressed=${view.value === "max"} @click=${set({ value: "max" })} title="${t("archive.max_why")} (M)">${t("archive.max")}</button
      ><button aria-pressed=${view.value === "mean"} @click=${set({ value: "mean" })} title="${t("archive.mean_why")} (M)">${t("archive.mean")}</button></span>
    <button @click=${() => copy(page)}>${t(copied.value ? "archive.copied" : "archive.copy")}</button>
    <a class="button" href=${to("replay", view.sensor ?? "", wordsOf({ ...view, end_s: stop_s }).slice(1, 3).join("-"))}>${t("archive.replay")}</a>
    <a class="button" href=${csv(view, page.based.value, page.times)} download>CSV</a>`;
}

/** All sensors by site. */
export function sensorSelect(chosen, onChange) {
  const bySite = Map.groupBy(state.sensors.value, ({ site }) => site.site);
  return html`<select aria-label=${t("archive.sensor")} @change=${(event) => onChange(event.target.value)}>
    ${[...bySite].map(([site, members]) => html`<optgroup label=${siteName(site)}>${members.map(({ sensor }) => html`<option value=${sensor.sensor} ?selected=${sensor.sensor === chosen}>${siteName(site)} › ${sensorName(sensor.sensor)}</option>`)}</optgroup>`)}
  </select>`;
}

/** Put a link to exactly this window where it can be pasted. */
async function copy(page) {
  const fixed = new URL(to("history", ...wordsOf({ ...page.view.peek(), end_s: page.times.stop_s })), location.href);
  await navigator.clipboard.writeText(fixed.href).catch(() => prompt(t("archive.copy"), fixed.href));
  copied.value = true;
  setTimeout(() => (copied.value = false), 2000);
}

/** The line under the picture: the window, or what is under the cursor; and how the asking goes. */
export function reading(page) {
  const { busy, failure, empty } = page.status.value;
  return html`${told(page)}
    <span class="archive-status" role="status">${failure ? html`<b class="failure">${failure}</b>` : busy ? t("archive.loading") : empty ? t("archive.empty") : nothing}</span>`;
}

function told(page) {
  const at = page.read.value;
  const view = page.view.value;
  const { low_hz, high_hz, span_s } = view;
  state.now.value;
  const { start_s, stop_s } = page.times;
  if (!at) {
    return html`<span class="num">${moment(start_s)} – ${moment(stop_s)}</span>
      ${high_hz ? html`<span class="num">${mhz(low_hz, 3)}–${mhz(high_hz, 3)} MHz</span>` : nothing}
      <span>${t(view.value === "mean" ? "archive.pixel_mean" : "archive.pixel", { length: spanText(span_s / rowsFor(span_s, page.pane.height || 1)) })}</span>${view.excess && page.reference.value ? html`<span class="who" title=${page.reference.value}>${page.reference.value}</span>` : html`<span class="who">${t("archive.hint")}</span>`}`;
  }
  if (at.hz === null) return html`<span>${t("axis.unwatched")}</span>`;
  return html`<b class="freq">${mhz(at.hz)}<small> MHz</small></b>
    ${at.value ? html`<span class="num">${db(at.value.level)} dBFS</span><span class="num">${signedDb(at.value.excess)} dB ${t(at.value.based ? "archive.read_baseline" : "archive.read_over")}</span>` : html`<span class="unseen">${t("read.unseen")}</span>`}
    <span class="num">${moment(at.s)}</span>
    <span class="who">${at.alarm ? t("archive.alarm", { alarm: alarmTitle(at.alarm) }) : serviceAt(at.hz)}</span>`;
}

/** "24 Nov 10:05:12". */
export const moment = (s) => `${day(s * 1000)} ${clock(s * 1000)}`;

/** A length of time in the largest unit that fits. */
export function spanText(s) {
  if (s < 60) return t("age.s", { n: +s.toFixed(s < 10 ? 1 : 0) });
  if (s < 3600) return t("age.min", { n: +(s / 60).toFixed(1) });
  if (s < DAY_S) return t("age.h", { n: +(s / 3600).toFixed(1) });
  return t("archive.days", { n: +(s / DAY_S).toFixed(1) });
}

function csv({ sensor, low_hz, high_hz, excess }, based, { start_s, stop_s }) {
  if (!sensor) return "#";
  const asked = new URLSearchParams({ start_ns: `${Math.floor(start_s)}000000000`, stop_ns: `${Math.ceil(stop_s)}000000000` });
  if (high_hz) for (const [name, value] of [["start_hz", low_hz], ["stop_hz", high_hz]]) asked.set(name, value);
  if (excess && based) asked.set("over", "baseline");
  return `api/v1/export/rtl_power/${sensor.split("/").map(encodeURIComponent).join("/")}?${asked}`;
}
