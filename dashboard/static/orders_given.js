/** Orders to a site, given from a page: sent, and what the site said to the last one. */

import { signal } from "./vendor/signals-core.js";
import { html, nothing } from "./vendor/lit-html.js";
import { tell } from "./api.js";
import { t } from "./i18n.js";
import { because } from "./words.js";
import * as state from "./state.js";

/** A site's id as steps of an address of the API. */
export const path = (site) => site.split("/").map(encodeURIComponent).join("/");

export const may = (permission) => state.me.value?.permissions.includes(permission);

/** Gives orders to one site; `then` is called after each answer. */
export class Given {
  said = signal(null); // {order} while it waits; then with `failure`, or with `accepted` and `text`

  constructor(site, then = () => {}) {
    this.site = site;
    this.then = then;
  }

  /** The site's answer; undefined where there is none. */
  async give(order, body) {
    this.said.value = { order };
    const { value, failure } = await tell("POST", `orders/${order}/${path(this.site)}`, body);
    this.said.value = failure ? { order, failure } : { order, accepted: value.accepted, text: because(value.note) };
    this.then();
    return value;
  }
}

/** What the site said to the last order, where it was one of these. */
export function answerTo(given, ...orders) {
  const said = given.said.value;
  if (!said || !orders.includes(said.order)) return nothing;
  if (said.failure) return html`<p class="failure" role="alert">${said.failure}</p>`;
  if (!said.text) return html`<p class="hint" role="status">${t("orders.waits")}</p>`;
  if (said.order === "cost" && said.accepted) return html`<p class="cost" role="status">${said.text}</p>`;
  return html`<p class=${said.accepted ? "done" : "failure"} role="status">${t(said.accepted ? "orders.accepted" : "orders.declined", { text: said.text })}</p>`;
}
