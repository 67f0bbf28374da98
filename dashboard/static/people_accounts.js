/** Accounts: who there is, with which role; made, changed and closed by administrators. */

import { signal } from "./vendor/signals-core.js";
import { html, nothing } from "./vendor/lit-html.js";
import { confirmButton } from "./confirm.js";
import { clock, day } from "./format.js";
import { t } from "./i18n.js";

export const ROLES = ["technician", "officer", "radio", "supervisor", "auditor", "admin"];

const renewing = signal(null); // account that gets a new password

/** A choice of roles; `onChange` is told the new one, which shows when the monitor has it. */
export function roleSelect(chosen, onChange) {
  const change = (event) => {
    const next = event.target.value;
    event.target.value = chosen;
    onChange(next);
  };
  return html`<select name="role" aria-label=${t("people.role")} @change=${onChange ? change : nothing}>
    ${ROLES.map((role) => html`<option value=${role} .selected=${role === chosen}>${t(`role.${role}`)}</option>`)}</select>`;
}

/** `change(method, path, body, words)` asks the monitor and shows what became of it. */
export function accountList(accounts, change) {
  if (!accounts.length) return html`<p class="empty">${t("people.none")}</p>`;
  return html`<div class="scrolls"><table class="rows stacked">
    <tr><th>${t("people.name")}</th><th>${t("people.role")}</th><th>${t("people.state")}</th><th>${t("people.changed")}</th><th></th></tr>
    ${accounts.map((account) => row(account, change))}</table></div>`;
}

function row({ name, role, disabled, changed_ns }, change) {
  const path = `accounts/${encodeURIComponent(name)}`;
  const switchTo = (closed) => () => change("POST", path, { disabled: closed }, t(closed ? "people.is_closed" : "people.is_open", { name }));
  return html`<tr class=${disabled ? "over" : ""}><td><b>${name}</b></td>
    <td>${roleSelect(role, (next) => change("POST", path, { role: next }, t("people.has_role", { name, role: t(`role.${next}`) })))}</td>
    <td>${t(disabled ? "people.closed" : "people.open")}</td><td>${day(changed_ns / 1e6)} ${clock(changed_ns / 1e6, false)}</td>
    <td class="files">${disabled ? html`<button @click=${switchTo(false)}>${t("people.reopen")}</button>` : confirmButton(`account/${name}`, t("people.close"), switchTo(true))}
      <button aria-expanded=${renewing.value === name} @click=${() => (renewing.value = renewing.value === name ? null : name)}>${t("people.new_password")}</button>
      ${renewing.value === name ? renewal(name, path, change) : nothing}</td></tr>`;
}

function renewal(name, path, change) {
  const submit = async (event) => {
    event.preventDefault();
    const password = new FormData(event.target).get("password");
    if (await change("POST", path, { password }, t("people.password_set", { name }))) renewing.value = null;
  };
  return html`<form class="fields" @submit=${submit}><label>${t("people.new")} <input name="password" type="password" required minlength="10" maxlength="200" autocomplete="new-password"></label>
    <button class="primary">${t("people.set")}</button></form>`;
}

export function accountNew(change) {
  const submit = async (event) => {
    event.preventDefault();
    const form = event.target;
    const given = Object.fromEntries(new FormData(form));
    if (await change("POST", "accounts", given, t("people.made", { name: given.name }))) form.reset();
  };
  return html`<form class="fields" @submit=${submit}>
    <label>${t("people.name")} <input name="name" required maxlength="32" pattern="[\\w][\\w.\\-]*" autocapitalize="none" autocomplete="off"></label>
    <label>${t("people.role")} ${roleSelect("officer")}</label>
    <label>${t("people.first_password")} <input name="password" type="password" required minlength="10" maxlength="200" autocomplete="new-password"></label>
    <button class="primary">${t("people.make")}</button>
  </form>`;
}
