/** What may be asked of a site: stay, record, drill, another configuration; its recordings; who asked for what. */

import { effect, signal } from "./vendor/signals-core.js";
import { html, nothing, render } from "./vendor/lit-html.js";
import { ask } from "./api.js";
import { clock, day } from "./format.js";
import { t } from "./i18n.js";
import { Configurations } from "./orders_configuration.js";
import { Given, answerTo, may, path } from "./orders_given.js";
import { Recordings } from "./orders_recordings.js";
import { Stay } from "./orders_stay.js";
import { shape, word } from "./shapes.js";
import { show, to } from "./views.js";
import { because, sensorName, siteName } from "./words.js";
import * as state from "./state.js";

export function view(root, [site]) {
  if (!site) {
    show("fleet");
    return () => {};
  }
  const page = new Orders(site);
  const ends = [effect(() => may("view") && page.begin()), effect(() => render(sheet(page), root))];
  return () => {
    page.end();
    for (const end of ends) end();
  };
}

/** One site's orders, and everything that is read again after each of them. */
class Orders {
  asked = signal(null); // the history, the newest first
  begun = false;

  constructor(site) {
    this.site = site;
    this.given = new Given(site, () => this.again());
    this.stay = new Stay(this.given);
    this.recordings = new Recordings(this.given);
    this.configurations = new Configurations(this.given);
  }

  begin() {
    if (!this.begun) this.again();
    this.begun = true;
  }

  end() {
    this.recordings.end();
    this.configurations.end();
  }

  async again() {
    this.recordings.load();
    if (may("configure")) this.configurations.load();
    const { value } = await ask(`orders/of/${path(this.site)}`);
    if (value) this.asked.value = value;
  }
}

function sheet(page) {
  const site = state.sites.value.get(page.site);
  return html`<p><a class="back" href=${to("fleet")}>${t("tab.fleet")}</a></p>
    <h1>${t("orders.title", { site: siteName(page.site) })} ${site ? html`<small class="nowrap">${shape(site.state)} ${word(site.state)}</small>` : nothing}</h1>
    ${!site ? html`<p class="empty">${t("orders.no_site")}</p>` : nothing}
    ${site && may("orders") ? html`<div class="orders">${page.stay.form(site)}${page.recordings.form(site)}${drill(page)}</div>` : nothing}
    ${!may("orders") ? html`<p class="hint">${t("orders.no_role")}</p>` : nothing}
    ${page.recordings.table()}
    ${site && may("configure") ? page.configurations.part() : nothing}
    <section class="part"><h2>${t("orders.history")}</h2>${history(page)}</section>`;
}

function drill(page) {
  const submit = (event) => {
    event.preventDefault();
    page.given.give("drill", { minutes: Number(new FormData(event.target).get("minutes")) });
  };
  return html`<section class="part"><h2>${t("orders.drill")}</h2><p class="hint">${t("orders.drill_hint")}</p>
    <form class="fields" @submit=${submit}><label>${t("orders.minutes")} <input name="minutes" type="number" min="0.1" max="60" step="any" value="1" required></label>
      <button class="primary">${t("orders.drill")}</button></form>${answerTo(page.given, "drill")}</section>`;
}

/** Orders with their answers: rows come the newest first, an answer belongs to the order before it. */
export function paired(rows) {
  const found = [];
  const answers = new Map(); // by who asked for what
  for (const { time_ns, actor, act, detail } of rows) {
    const key = `${actor} ${detail.order}`;
    if (act === "site.order") {
      found.push({ time_ns, actor, order: detail.order, args: detail.args ?? {}, lease_s: detail.lease_s, version: detail.version, answer: answers.get(key) });
      answers.delete(key);
    } else answers.set(key, { act, ...detail });
  }
  return found;
}

function history(page) {
  if (!page.asked.value) return html`<p class="empty">${t("archive.loading")}</p>`;
  const rows = paired(page.asked.value);
  if (!rows.length) return html`<p class="empty">${t("orders.none")}</p>`;
  return html`<div class="scrolls"><table class="rows stacked"><tr><th>${t("event.time")}</th><th>${t("orders.who")}</th><th>${t("orders.what")}</th><th>${t("orders.answer")}</th></tr>
    ${rows.map((row) => html`<tr><td class="nowrap">${day(row.time_ns / 1e6)} ${clock(row.time_ns / 1e6)}</td><td>${row.actor}</td>
      <td class="act"><b>${t(`orders.name.${row.order}`)}</b> ${details(row)}</td><td class="subject">${reply(row.answer)}</td></tr>`)}</table></div>`;
}

/** What was asked for, in a few words. */
function details({ order, args, version }) {
  const where = args.sensor ? `${sensorName(args.sensor)} · ` : "";
  if (order === "retask" || order === "cost") return `${where}${(args.start_hz / 1e6).toFixed(3)}–${(args.stop_hz / 1e6).toFixed(3)} MHz`;
  if (order === "record") return `${where}${(args.freq_hz / 1e6).toFixed(4)} MHz · ${((args.stop_ns - args.start_ns) / 1e9).toFixed(0)} s`;
  if (order === "fetch") return args.file;
  if (order === "drill") return t("orders.minutes_of", { n: args.minutes });
  return version ?? "";
}

function reply(answer) {
  if (!answer) return t("orders.waits");
  if (answer.note) return html`<span class=${answer.accepted ? "" : "refused-note"}>${because(answer.note)}</span>`;
  return html`<span class="refused-note">${t("orders.unanswered", { why: t(answer.why, { site: t("orders.the_site"), ...answer.args }) })}</span>`;
}
