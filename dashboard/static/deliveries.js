/** Messages to people who do not look at the page: what was sent to whom, and whether it arrived. */

import { effect, signal } from "./vendor/signals-core.js";
import { html, nothing, render } from "./vendor/lit-html.js";
import { ask } from "./api.js";
import { clock, day } from "./format.js";
import { t } from "./i18n.js";
import { to } from "./views.js";

const AGAIN_MS = 5000;
const MOST = 500;
const STATES = ["", "waiting", "sent", "failed"];

const messages = signal(null);
const failure = signal(null);
const wanted = signal("");

export function view(root) {
  load();
  const timer = setInterval(load, AGAIN_MS);
  const stop = effect(() => render(page(), root));
  return () => {
    clearInterval(timer);
    stop();
  };
}

async function load() {
  const answer = await ask(`deliveries?limit=${MOST}`);
  failure.value = answer.failure ?? null;
  if (answer.value) messages.value = answer.value;
}

function page() {
  const shown = (messages.value ?? []).filter(({ state }) => !wanted.value || state === wanted.value);
  return html`<h1>${t("tab.deliveries")}</h1>
    <p class="hint">${t("deliveries.hint")}</p>
    <form class="filters" @submit=${(event) => event.preventDefault()}><label>${t("list.state")} <select @change=${(event) => (wanted.value = event.target.value)}>
      ${STATES.map((name) => html`<option value=${name} ?selected=${name === wanted.value}>${t(name ? `deliveries.${name}` : "list.any")}</option>`)}</select></label></form>
    ${failure.value ? html`<p class="failure" role="alert">${failure.value}</p>` : nothing}
    ${messages.value && !shown.length ? html`<p class="empty">${t("deliveries.none")}</p>` : nothing}
    ${shown.length ? html`<div class="scrolls"><table class="rows"><tr><th>${t("trail.time")}</th><th>${t("deliveries.receiver")}</th><th>${t("deliveries.text")}</th><th>${t("list.state")}</th></tr>${shown.map(row)}</table></div>` : nothing}`;
}

function row({ made_ns, receiver, news, subject, title, body, state, tries, next_ns, done_ns, error }) {
  const at = (ns) => `${day(ns / 1e6)} ${clock(ns / 1e6)}`;
  const when = state === "waiting" ? t("deliveries.next", { time: at(next_ns) }) : at(done_ns);
  return html`<tr><td>${at(made_ns)}</td><td>${receiver}</td>
    <td>${news === "notice" ? html`<b>${title}</b>` : html`<a href=${to("alarm", subject)}><b>${title}</b></a>`}<br>${body.split("\n").map((line, index) => html`${index ? " · " : nothing}${line}`)}</td>
    <td class="delivery ${state}"><b>${t(`deliveries.${state}`)}</b> <small>${when}${tries > 1 ? ` · ${t("deliveries.tries", { n: tries })}` : nothing}</small>${error ? html`<br><small>${error}</small>` : nothing}</td></tr>`;
}
