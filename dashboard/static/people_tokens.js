/** Tokens of scripts: each with a role and an end; its text is shown once, when it is made. */

import { signal } from "./vendor/signals-core.js";
import { html, nothing } from "./vendor/lit-html.js";
import { confirmButton } from "./confirm.js";
import { day } from "./format.js";
import { t } from "./i18n.js";
import { roleSelect } from "./people_accounts.js";
import * as state from "./state.js";

const fresh = signal(null); // {name, token} just made

/** `change(method, path, body, words)` asks the monitor and shows what became of it. */
export function tokenList(tokens, change) {
  const over = ({ until_ns }) => until_ns / 1e6 < state.now.value;
  return html`${fresh.value ? html`<p role="status">${t("tokens.once", { name: fresh.value.name })} <code class="secret">${fresh.value.token}</code>
      <button @click=${() => (fresh.value = null)}>${t("tokens.noted")}</button></p>` : nothing}
    ${tokens.length ? html`<div class="scrolls"><table class="rows stacked"><tr><th>${t("people.name")}</th><th>${t("people.role")}</th><th>${t("tokens.until")}</th><th></th></tr>
      ${tokens.map((token) => html`<tr class=${over(token) ? "over" : ""}><td><b>${token.name}</b></td><td>${t(`role.${token.role}`)}</td><td>${day(token.until_ns / 1e6)}</td>
        <td>${confirmButton(`token/${token.name}`, t("tokens.end"), () => change("DELETE", `tokens/${encodeURIComponent(token.name)}`, null, t("tokens.ended", { name: token.name })))}</td></tr>`)}</table></div>`
      : html`<p class="empty">${t("tokens.none")}</p>`}
    ${making(change)}`;
}

function making(change) {
  const submit = async (event) => {
    event.preventDefault();
    const form = event.target;
    const given = Object.fromEntries(new FormData(form));
    const made = await change("POST", "tokens", { ...given, days: Number(given.days) });
    if (!made) return;
    fresh.value = made;
    form.reset();
  };
  return html`<form class="fields" @submit=${submit}>
    <label>${t("people.name")} <input name="name" required maxlength="32" pattern="[\\w][\\w.\\-]*" autocapitalize="none" autocomplete="off"></label>
    <label>${t("people.role")} ${roleSelect("technician")}</label>
    <label>${t("tokens.days")} <input name="days" type="number" min="1" max="3650" value="365" required></label>
    <button class="primary">${t("tokens.make")}</button>
  </form>`;
}
