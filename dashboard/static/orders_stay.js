/** "Stay here": a dongle leaves its plan for at most 30 s. First the site says what that costs. */

import { signal } from "./vendor/signals-core.js";
import { html, nothing } from "./vendor/lit-html.js";
import { mhz } from "./format.js";
import { t } from "./i18n.js";
import { answerTo } from "./orders_given.js";
import { placeName } from "./words.js";

export const LONGEST_S = 30;

/** The dongles of a site, for a form. */
export const sensorSelect = (site, chosen = "") => html`<label>${t("archive.sensor")} <select name="sensor">${site.sensors.map(
  ({ sensor, position }) => html`<option value=${sensor} ?selected=${sensor === chosen}>${placeName(position) || sensor}</option>`,
)}</select></label>`;

export const hz = (text) => Math.round(Number(text) * 1e6);

export class Stay {
  wish = signal(null); // what the site has said the cost of, and waits for a yes

  constructor(given) {
    this.given = given;
  }

  /** Ask what it would cost; nothing is done before a person has read that. */
  async ask(wish) {
    const answer = await this.given.give("cost", wish);
    this.wish.value = answer?.accepted ? wish : null;
  }

  go() {
    const wish = this.wish.value;
    this.wish.value = null;
    return this.given.give("retask", wish);
  }

  form(site) {
    const submit = (event) => {
      event.preventDefault();
      const given = Object.fromEntries(new FormData(event.target));
      this.ask({ sensor: given.sensor, start_hz: hz(given.start), stop_hz: hz(given.stop), seconds: Number(given.seconds) });
    };
    return html`<section class="part"><h2>${t("orders.stay")}</h2><p class="hint">${t("orders.stay_hint")}</p>
      <form class="fields" @submit=${submit} @input=${() => (this.wish.value = null)}>${sensorSelect(site)}
        <label>${t("orders.from")} <input name="start" type="number" min="0.001" max="100000" step="any" required></label>
        <label>${t("orders.to")} <input name="stop" type="number" min="0.001" max="100000" step="any" required></label>
        <label>${t("orders.seconds")} <input name="seconds" type="number" min="1" max=${LONGEST_S} value=${LONGEST_S} required></label>
        <button>${t("orders.cost")}</button></form>${this.answer()}</section>`;
  }

  /** The cost, and the button that accepts it. */
  answer() {
    const wish = this.wish.value;
    return html`${answerTo(this.given, "cost", "retask")}
      ${wish ? html`<p class="confirm" role="group" aria-label=${t("orders.stay")}><button class="primary" @click=${() => this.go()}>${t("orders.go", { low: mhz(wish.start_hz, 3), high: mhz(wish.stop_hz, 3) })}</button>
        <button @click=${() => (this.wish.value = null)}>${t("confirm.no")}</button></p>` : nothing}`;
  }
}
