/** What can be done about an alarm now: what each step will do, what it needs, who must agree. */

import { signal } from "./vendor/signals-core.js";
import { html, nothing } from "./vendor/lit-html.js";
import { DISMISS_REASONS } from "./alarms.js";
import { tell } from "./api.js";
import { t } from "./i18n.js";
import { requestCard } from "./second_person.js";
import * as state from "./state.js";

const OPEN = ["new", "reopened", "acknowledged", "investigating", "handed_over"];
const WAITING = ["new", "reopened"];
const CLOSE_REASONS = ["found", "gone", ...DISMISS_REASONS];

/** Step -> the states it starts from and what it asks for; the monitor checks the same. */
const STEPS = {
  acknowledge: { from: WAITING },
  investigate: { from: OPEN.filter((name) => name !== "investigating") },
  assign: { from: OPEN, owner: true },
  hand_over: { from: OPEN, owner: true, needsOwner: true },
  note: { from: [...OPEN, "dismissed", "closed"], needsNote: true },
  dismiss: { from: OPEN, reasons: DISMISS_REASONS },
  close: { from: OPEN.filter((name) => !WAITING.includes(name)), reasons: CLOSE_REASONS },
  reopen: { from: ["dismissed", "closed"] },
};
const AT_ONCE = ["acknowledge"];

const asked = signal(null); // "id/step" whose form is open
const busy = signal(false);
const failure = signal(null);

export function steps(dossier) {
  const alarm = dossier.alarm.value;
  const may = state.me.value?.permissions.includes("act");
  const requests = dossier.requests.value.filter((request) => request.state === "waiting" && request.until_ns / 1e6 > state.now.value);
  const waiting = requests.map((request) => requestCard(request, () => dossier.again()));
  if (!may) return html`<section class="part steps"><p class="hint">${t("step.no_role")}</p>${waiting}</section>`;
  const open = (name) => (asked.value = asked.value === `${alarm.id}/${name}` ? null : `${alarm.id}/${name}`);
  const possible = Object.keys(STEPS).filter((name) => STEPS[name].from.includes(alarm.state));
  const chosen = possible.find((name) => asked.value === `${alarm.id}/${name}`);
  return html`<section class="part steps">
    <h2>${t("step.title")}</h2>
    <div class="step-buttons">${possible.map(
      (name) => html`<button class=${name === possible[0] && AT_ONCE.includes(name) ? "primary" : ""} ?disabled=${busy.value} aria-expanded=${AT_ONCE.includes(name) ? nothing : chosen === name}
        title=${t(`step.${name}.will`)} @click=${() => (AT_ONCE.includes(name) ? send(dossier, name, {}) : open(name))}>${t(`step.${name}`)}</button>`,
    )}</div>
    ${chosen ? form(dossier, chosen) : nothing}
    ${failure.value ? html`<p class="failure" role="alert">${failure.value}</p>` : nothing}
    ${waiting}
  </section>`;
}

function form(dossier, name) {
  const { reasons, owner, needsOwner, needsNote } = STEPS[name];
  const submit = (event) => {
    event.preventDefault();
    const given = Object.fromEntries(new FormData(event.target));
    send(dossier, name, given);
  };
  const needNote = ({ target }) => (target.form.elements.note.required = needsNote || target.form.elements.reason?.value === "other");
  return html`<form class="step-form" @submit=${submit} @change=${reasons ? needNote : nothing}>
    <p>${t(`step.${name}.will`)}${["dismiss", "close"].includes(name) ? ` ${t("step.two_persons")}` : ""}</p>
    ${reasons ? html`<fieldset><legend>${t("step.reason")}</legend>${reasons.map((reason) => html`<label><input type="radio" name="reason" value=${reason} required>${t(`dismiss.${reason}`)}</label>`)}</fieldset>` : nothing}
    ${owner ? html`<label>${t(needsOwner ? "step.to" : "step.owner")} <input name="owner" maxlength="64" ?required=${needsOwner} .value=${name === "assign" ? (state.me.value?.name ?? "") : ""}></label>` : nothing}
    <label class="long">${t(needsNote ? "step.note_text" : "alarm.note")} <textarea name="note" rows="2" maxlength="2000" ?required=${needsNote}></textarea></label>
    <span><button class="primary" ?disabled=${busy.value}>${t(`step.${name}`)}</button> <button type="button" @click=${() => (asked.value = null)}>${t("step.cancel")}</button></span>
  </form>`;
}

async function send(dossier, action, fields) {
  busy.value = true;
  const answer = await tell("POST", `${dossier.path}/actions`, { action, ...fields });
  busy.value = false;
  failure.value = answer.failure ?? null;
  if (answer.failure) return;
  asked.value = null;
  await dossier.again();
}
