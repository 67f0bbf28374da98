/** The emission as it was received: spectrum over waterfall, from a recording or from the history. */

import { effect, signal } from "./vendor/signals-core.js";
import { html, nothing } from "./vendor/lit-html.js";
import { cutoutOf, pastOf } from "./alarm_cutout.js";
import { drawSpectrum, drawWaterfall, LEFT, readAt } from "./alarm_drawing.js";
import { css, EXCESS_RANGE } from "./colormap.js";
import { clock, db, mhz, signedDb } from "./format.js";
import { t } from "./i18n.js";
import * as state from "./state.js";
import { sensorName } from "./words.js";

const HISTORY = "history";
const MOST_WIDE = 1400;

export class CutoutPictures {
  chosen = signal(null); // name of a recording, or "history"
  picture = signal(null);
  failure = signal(null);
  cursor = signal(null); // {x, y} in pixels of the picture

  constructor(dossier) {
    this.dossier = dossier;
    this.fetched = null;
    this.stops = [effect(() => this.#choose()), effect(() => this.#fetch())];
  }

  end() {
    this.ended = true;
    for (const stop of this.stops) stop();
  }

  /** What a person chose stays, whatever arrives later. */
  pick(name) {
    this.picked = true;
    this.chosen.value = name;
  }

  /** The recording of the sensor that hears it best, else what the monitor recorded itself. */
  #choose() {
    const alarm = this.dossier.alarm.value;
    const clips = this.dossier.clips.value;
    if (!alarm || this.picked || (this.chosen.peek() && this.chosen.peek() !== HISTORY)) return;
    const whole = clips.filter((clip) => clip.state === "complete");
    const best = alarm.sensors.flatMap((sensor) => whole.filter((clip) => clip.sensor === sensor))[0] ?? whole[0];
    if (best || !this.chosen.peek()) this.chosen.value = best?.name ?? HISTORY;
  }

  async #fetch() {
    const name = this.chosen.value;
    const alarm = this.dossier.alarm.peek();
    if (!name || !alarm || this.fetched === name) return;
    this.fetched = name;
    this.picture.value = null;
    this.failure.value = null;
    const found = await (name === HISTORY ? pastOf(alarm) : cutoutOf(this.dossier.path, name));
    if (this.ended || this.fetched !== name) return;
    this.picture.value = found.value ?? null;
    this.failure.value = found.failure ?? null;
  }

  view(wide) {
    const picture = this.picture.value;
    const clips = this.dossier.clips.value.filter((clip) => clip.state === "complete");
    const width = Math.max(280, Math.min(MOST_WIDE, wide - 2 * 16 - 26));
    this.width = width;
    return html`<section class="part">
      <div class="part-head"><h2>${t("alarm.page.pictures")}</h2>
        <select aria-label=${t("cutout.source")} @change=${(event) => this.pick(event.target.value)}>
          ${clips.map((clip) => html`<option value=${clip.name} ?selected=${clip.name === this.chosen.value}>${sensorName(clip.sensor)} · ${clock(clip.start_ns / 1e6)}</option>`)}
          <option value=${HISTORY} ?selected=${this.chosen.value === HISTORY}>${t("cutout.history")}</option>
        </select>
        <span class="pair"><button aria-pressed=${state.excessView.value} @click=${() => (state.excessView.value = true)}>${t("cutout.excess")}</button><button
          aria-pressed=${!state.excessView.value} @click=${() => (state.excessView.value = false)}>dBFS</button></span>
        ${picture ? html`<span class="legend">${picture.traces.map(({ id }) => html`<span class="trace-mark ${id}"><i></i>${t(`cutout.trace.${id}`)}</span>`)}</span>` : nothing}
      </div>
      ${this.failure.value ? html`<p class="failure" role="alert">${this.failure.value}</p>` : nothing}
      ${picture || this.failure.value ? nothing : html`<p class="empty">${t("cutout.loading")}</p>`}
      <div class="cutout" ?hidden=${!picture} @pointermove=${(event) => this.#point(event)} @pointerleave=${() => (this.cursor.value = null)}>
        <canvas class="cutout-spectrum" role="img" aria-label=${t("cutout.spectrum")}></canvas>
        <canvas class="cutout-waterfall" role="img" aria-label=${t("cutout.waterfall")}></canvas>
      </div>
      ${picture ? html`<p class="cutout-words">${state.excessView.value ? colours(picture.recorded) : nothing} ${this.#reading(picture)}</p>` : nothing}
    </section>`;
  }

  /** Draw what `view` has laid out. */
  mount(root) {
    const picture = this.picture.peek();
    const [spectrum, waterfall] = ["spectrum", "waterfall"].map((name) => root.querySelector(`.cutout-${name}`));
    if (!picture || !waterfall) return;
    const look = JSON.stringify([this.fetched, this.width, state.excessView.peek(), state.theme.peek(), document.documentElement.lang]);
    if (look === this.drawn && waterfall === this.canvas) return;
    [this.drawn, this.canvas] = [look, waterfall];
    drawSpectrum(spectrum, picture, this.width);
    drawWaterfall(waterfall, picture, this.width, state.excessView.peek());
  }

  #point(event) {
    const box = this.canvas?.getBoundingClientRect();
    if (box) this.cursor.value = { x: event.clientX - box.left - LEFT, y: event.clientY - box.top };
  }

  #reading(picture) {
    const at = this.cursor.value && readAt(picture, this.width, this.cursor.value);
    if (!at) return t(picture.recorded ? "cutout.words" : "cutout.words_history", { from: clock(picture.start_s * 1000), to: clock(picture.stop_s * 1000), reference: picture.reference ?? "" });
    const level = at.level === null ? t("cutout.unseen") : `${db(at.level)} dBFS · ${signedDb(at.excess)} dB`;
    return `${mhz(at.hz)} MHz${at.s === null ? "" : ` · ${clock(at.s * 1000)} · ${level}`}`;
  }
}

/** What the colours of the waterfall mean, in dB. */
function colours(recorded) {
  const [low, high] = EXCESS_RANGE;
  return html`<span class="cutout-scale">${String(low).replace("-", "−")}<i aria-hidden="true">${Array.from({ length: 24 }, (_, k) => html`<b .style=${`background:${css(k / 23)}`}></b>`)}</i>+${high} ${t(recorded ? "cutout.over_quiet" : "scale.baseline")}</span>`;
}
