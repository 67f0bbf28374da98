/** A request that waits for a second person: what will happen, and the decision with one's password. */

import { signal } from "./vendor/signals-core.js";
import { html, nothing } from "./vendor/lit-html.js";
import { tell } from "./api.js";
import { clock } from "./format.js";
import { knows, t } from "./i18n.js";
import { wanted } from "./requests.js";
import * as state from "./state.js";

const NEEDS = { dismissal: "act", shift: "act", baseline: "sessions", account: "accounts", export: "evidence" };

const trouble = signal(new Map()); // request id -> words

/** `onDecided` is told when it was decided here. */
export function requestCard(request, onDecided) {
  const me = state.me.value;
  const mine = request.wanted_by === me?.name;
  // A shift is taken over by the one it is handed to, everything else may be decided by any other.
  const named = request.act !== "shift" || request.subject === me?.name || mine;
  const may = named && me?.permissions.includes(NEEDS[request.act] ?? "act");
  const args = { name: request.wanted_by, from: clock(request.wanted_ns / 1e6), until: clock(request.until_ns / 1e6), subject: request.subject };
  const failure = trouble.value.get(request.id);
  return html`<div class="request">
    <p><b>${wanted(request, args)}</b> ${t("pair.waits", args)}</p>
    ${details(request.what)}
    ${!may ? nothing : mine ? withdrawal(request, onDecided) : decision(request, onDecided)}
    ${failure ? html`<p class="failure" role="alert">${failure}</p>` : nothing}
  </div>`;
}

/** What is carried out, in the words of the forms it was written in. */
function details({ reason, note, action, to, num_open, baselines, clips, ...account }) {
  const told = [
    account.role && rights(account),
    action && knows(`step.${action}`) && t(`step.${action}`).replace(" …", ""),
    reason && t(`dismiss.${reason}`),
    to && `→ ${to}`,
    num_open !== undefined && t("pair.open_alarms", { n: num_open }),
    baselines && Object.entries(baselines).map(([sensor, hash]) => `${sensor} ${hash}`).join(" · "),
    clips && Object.entries(clips).map(([name, hash]) => `${name} ${hash}`).join(" · "),
    note,
  ].filter(Boolean);
  return told.length ? html`<p class="hint">${told.join(" · ")}</p>` : nothing;
}

/** What an account would be, and what it is now. */
function rights({ name, role, disabled, password, before }) {
  const standing = (one) => `${t(`role.${one.role}`)}, ${t(one.disabled ? "people.closed" : "people.open")}`;
  const change = before ? `${standing(before)} → ${standing({ role, disabled })}` : t("pair.new_account", { role: t(`role.${role}`) });
  return `${name}: ${change}${before && password ? `, ${t("pair.new_password")}` : ""}`;
}

function decision(request, onDecided) {
  const submit = (event) => {
    event.preventDefault();
    const given = Object.fromEntries(new FormData(event.target));
    decide(request, event.submitter.value, given, onDecided);
  };
  return html`<form class="step-form" @submit=${submit}>
    <label>${t("pair.password")} <input name="password" type="password" autocomplete="current-password" maxlength="200"></label>
    <label class="long">${t("pair.note")} <input name="note" maxlength="2000"></label>
    <span><button class="primary" value="approve">${t("pair.approve")}</button> <button value="refuse">${t("pair.refuse")}</button></span>
  </form>`;
}

function withdrawal(request, onDecided) {
  return html`<p><small>${t("pair.own")}</small> <button @click=${() => decide(request, "withdraw", {}, onDecided)}>${t("pair.withdraw")}</button></p>`;
}

async function decide(request, wanted, { password = "", note = "" }, onDecided) {
  const answer = await tell("POST", `approvals/${request.id}`, { decision: wanted, hash: request.hash, password, note });
  const next = new Map(trouble.value);
  if (answer.failure) next.set(request.id, answer.failure);
  else next.delete(request.id);
  trouble.value = next;
  if (!answer.failure) onDecided();
}
