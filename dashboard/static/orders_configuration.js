/** Another configuration for a site: written here, compared with what the site runs, pushed, and what became of it. */

import { signal } from "./vendor/signals-core.js";
import { html, nothing } from "./vendor/lit-html.js";
import { ask } from "./api.js";
import { confirmButton } from "./confirm.js";
import { clock, day } from "./format.js";
import { t } from "./i18n.js";
import { answerTo, path } from "./orders_given.js";
import { because } from "./words.js";

const AGAIN_MS = 3000;
const TRIES_MS = 90_000; // the site proves it for a minute

/** Lines of two texts: [" " | "-" | "+", line], by their longest common run of lines. */
export function difference(before, after) {
  const [a, b] = [before, after].map((text) => (text ? text.replace(/\n$/, "").split("\n") : []));
  const lines = []; // what both begin with is not compared
  while (a.length && b.length && a[0] === b[0]) {
    lines.push([" ", a.shift()]);
    b.shift();
  }
  const longest = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) longest[i][j] = a[i] === b[j] ? longest[i + 1][j + 1] + 1 : Math.max(longest[i + 1][j], longest[i][j + 1]);
  }
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) lines.push([" ", (j++, a[i++])]);
    else if (i < a.length && (j === b.length || longest[i + 1][j] >= longest[i][j + 1])) lines.push(["-", a[i++]]);
    else lines.push(["+", b[j++]]);
  }
  return lines;
}

/** Of what was pushed, the newest first: the one that the site said last that it runs; undefined where it said so of none. */
export const running = (pushed) => pushed.find(({ outcome }) => outcome?.id === "config.adopted");

export class Configurations {
  pushed = signal([]);
  text = signal(null); // as typed; null: nothing typed yet

  constructor(given) {
    this.given = given;
    this.timer = null;
  }

  async load() {
    const { value } = await ask(`orders/configurations/${path(this.given.site)}`);
    if (!value) return;
    this.pushed.value = value;
    const [newest] = value;
    const open = newest?.accepted && !newest.outcome && Date.now() - newest.time_ns / 1e6 < TRIES_MS;
    clearTimeout(this.timer);
    if (open && !this.ended) this.timer = setTimeout(() => this.load(), AGAIN_MS);
  }

  end() {
    clearTimeout(this.timer);
    this.ended = true;
  }

  async push() {
    const answer = await this.given.give("configure", { text: this.text.value });
    if (answer?.accepted) this.text.value = null;
  }

  part() {
    const base = running(this.pushed.value);
    const before = base?.text ?? "";
    const typed = this.text.value ?? before;
    const changed = this.text.value !== null && typed !== before && typed.trim() !== "";
    return html`<section class="part configuration"><h2>${t("orders.configuration")}</h2><p class="hint">${t("orders.configuration_hint")}</p>
      ${shown(base, this.pushed.value[0])}
      <label class="toml">site.toml <textarea spellcheck="false" rows="14" maxlength="12000" .value=${typed} @input=${(event) => (this.text.value = event.target.value)}></textarea></label>
      ${changed ? html`<h3>${t("orders.changes")}</h3>${diff(before, typed)}
        ${confirmButton("configure", t("orders.push"), () => this.push())}` : html`<p class="hint">${t("orders.unchanged")}</p>`}
      ${answerTo(this.given, "configure")}
      ${this.pushed.value.length ? html`<h3>${t("orders.pushed")}</h3><div class="scrolls"><table class="rows stacked"><tr><th>${t("event.time")}</th><th>${t("orders.who")}</th><th>${t("orders.version")}</th><th>${t("orders.became")}</th><th></th></tr>
        ${this.pushed.value.map((one) => html`<tr><td class="nowrap">${day(one.time_ns / 1e6)} ${clock(one.time_ns / 1e6)}</td><td>${one.author}</td><td>${one.version}</td>
          <td class="subject ${one.outcome?.id === "config.adopted" ? "done-note" : ""}">${became(one)}</td><td><button @click=${() => (this.text.value = one.text)}>${t("orders.take")}</button></td></tr>`)}</table></div>` : nothing}</section>`;
  }
}

/** Which text the editor begins with, and what became of a later one. */
function shown(base, newest) {
  const when = base && `${day(base.time_ns / 1e6)} ${clock(base.time_ns / 1e6)}`;
  return html`<p>${base ? t("orders.shown", { version: base.version, author: base.author, when }) : t("orders.shown_none")}
    ${newest && newest !== base ? html`<b class="poor">${t("orders.not_running", { version: newest.version, became: became(newest) })}</b>` : nothing}</p>`;
}

function became({ answer, outcome }) {
  if (outcome) return because(outcome);
  return answer ? because(answer) : t("orders.unanswered_short");
}

const SIGNS = { " ": "same", "-": "gone", "+": "new" };

function diff(before, after) {
  return html`<ol class="diff" aria-label=${t("orders.changes")}>${difference(before, after).map(([sign, line]) => html`<li class=${SIGNS[sign]}><b>${sign}</b><code>${line}</code></li>`)}</ol>`;
}
