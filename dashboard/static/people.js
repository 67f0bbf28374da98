/** People: one's own password and shift; for administrators accounts and the tokens of scripts. */

import { effect, signal } from "./vendor/signals-core.js";
import { html, nothing, render } from "./vendor/lit-html.js";
import { ask, tell, whoAmI } from "./api.js";
import { accountList, accountNew } from "./people_accounts.js";
import { tokenList } from "./people_tokens.js";
import { changed, isOfAlarm, waiting } from "./requests.js";
import { requestCard } from "./second_person.js";
import { t } from "./i18n.js";
import * as state from "./state.js";

const accounts = signal([]);
const tokens = signal([]);
const failure = signal(null);
const done = signal(null);

export function view(root) {
  failure.value = done.value = null;
  const stops = [
    effect(() => void (state.me.value && load())),
    effect(() => void (changed.value?.act === "account" && load())),
    effect(() => render(page(), root)),
  ];
  return () => stops.forEach((stop) => stop());
}

const may = (permission) => state.me.value?.permissions.includes(permission);

async function load() {
  if (!(state.me.peek()?.permissions ?? []).includes("accounts")) return;
  const [people, keys] = await Promise.all([ask("accounts"), ask("tokens")]);
  failure.value = people.failure ?? keys.failure ?? null;
  if (people.value) accounts.value = people.value;
  if (keys.value) tokens.value = keys.value;
}

/** Change something and show it; answers with what the monitor said, null when it refused. */
async function change(method, path, body, words) {
  const answer = await tell(method, path, body);
  failure.value = answer.failure ?? null;
  const asked = answer.value?.state === "waiting" && answer.value.wanted_by;
  done.value = answer.failure ? null : asked ? t("people.asked") : (words ?? null);
  // How many administrators there are decides what takes two; everything is asked for anew then.
  if (!answer.failure) state.me.value = (await whoAmI()) ?? state.me.peek();
  return answer.value ?? null;
}

function page() {
  const me = state.me.value;
  return html`<h1>${t("tab.people")}</h1>
    ${failure.value ? html`<p class="failure" role="alert">${failure.value}</p>` : nothing}
    ${done.value ? html`<p class="done" role="status">${done.value}</p>` : nothing}
    <div class="halves">
      <section class="part"><h2>${t("people.me")}</h2>
        <p>${me ? html`<b>${me.name}</b> · ${t(`role.${me.role}`)}` : nothing}</p>
        <p class="hint">${me?.permissions.map((name) => t(`may.${name}`)).join(" · ")}</p>
        ${password()}</section>
      ${may("act") ? html`<section class="part"><h2>${t("people.shift")}</h2>${handOver()}
        ${waiting.value.filter((request) => request.act !== "account" && !isOfAlarm(request)).map((request) => requestCard(request, () => {}))}</section>` : nothing}
    </div>
    ${may("accounts") ? html`
      <section class="part"><h2>${t("people.accounts")}</h2>${state.me.value.two.includes("account") ? html`<p class="hint">${t("people.takes_two")}</p>` : nothing}
        ${waiting.value.filter(({ act }) => act === "account").map((request) => requestCard(request, load))}${accountList(accounts.value, change)}${accountNew(change)}</section>
      <section class="part"><h2>${t("people.tokens")}</h2>${tokenList(tokens.value, change)}</section>` : nothing}`;
}

/** Afterwards every session of the account is over, this one too. */
function password() {
  const submit = async (event) => {
    event.preventDefault();
    const given = Object.fromEntries(new FormData(event.target));
    if (given.again !== given.new) return (failure.value = t("people.not_same"));
    if (await change("POST", "me/password", { old: given.old, new: given.new })) location.reload();
  };
  return html`<form class="fields" @submit=${submit}>
    <input type="text" name="username" autocomplete="username" hidden .value=${state.me.value?.name ?? ""}>
    <label>${t("people.old")} <input name="old" type="password" required autocomplete="current-password"></label>
    <label>${t("people.new")} <input name="new" type="password" required minlength="10" maxlength="200" autocomplete="new-password"></label>
    <label>${t("people.again")} <input name="again" type="password" required minlength="10" maxlength="200" autocomplete="new-password"></label>
    <button>${t("people.change_password")}</button>
  </form>`;
}

function handOver() {
  const submit = async (event) => {
    event.preventDefault();
    const form = event.target;
    const given = Object.fromEntries(new FormData(form));
    const made = await change("POST", "handovers", given);
    if (!made) return;
    done.value = t(made.state === "waiting" ? "people.shift_asked" : "people.shift_done", { name: given.to });
    form.reset();
  };
  return html`<p class="hint">${t("people.shift_hint")}</p><form class="fields" @submit=${submit}>
    <label>${t("people.shift_to")} <input name="to" required maxlength="32" autocapitalize="none"></label>
    <label class="long">${t("people.shift_note")} <input name="note" maxlength="2000"></label>
    <button>${t("people.hand_over")}</button>
  </form>`;
}
