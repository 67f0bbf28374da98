/** Who signed the baselines of an exam off, and whether the sensors still use the same. */

import { html, nothing } from "./vendor/lit-html.js";
import { tell } from "./api.js";
import { clock, day } from "./format.js";
import { t } from "./i18n.js";
import { set } from "./requests.js";
import { requestCard } from "./second_person.js";
import { sensorName } from "./words.js";
import * as state from "./state.js";

/** Sensors whose baseline in use is not the one that was signed: by another hash, or none signed. */
export function changedSince(signed, inUse) {
  return inUse.filter(({ sensor, baseline }) => signed[sensor] !== baseline).map(({ sensor }) => sensor);
}

/**
 * Sign-offs of an exam.
 *
 * `approvals` are all that concern baselines, the newest first; `inUse` the baselines of the exam's
 * sensors now; `again` asks for them anew.
 */
export function signOffs(session, { approvals, inUse, trouble, again }) {
  const own = approvals.filter(({ subject }) => subject === String(session.id));
  const waiting = own.find((one) => one.state === "waiting" && one.until_ns / 1e6 > state.now.value);
  const done = own.find((one) => one.state === "approved" || one.state === "single");
  const others = done ? changedSince(done.what.baselines ?? {}, inUse) : [];
  const may = state.me.value?.permissions.includes("sessions");
  const want = async () => {
    const answer = await tell("POST", `sessions/${session.id}/baselines`, { note: "" });
    trouble.value = answer.failure ?? "";
    if (answer.value) set(answer.value);
    again();
  };
  return html`<div class="sign-offs">
    <p>${done
      ? html`${t("signoff.done", { names: [done.wanted_by, done.decided_by].filter(Boolean).join(" + "), when: `${day((done.decided_ns || done.wanted_ns) / 1e6)} ${clock((done.decided_ns || done.wanted_ns) / 1e6, false)}` })}
          ${others.length ? html`<b class="poor">${t("signoff.changed", { sensors: others.map(sensorName).join(", ") })}</b>` : nothing}`
      : waiting ? nothing : html`<span class="poor">${t("signoff.none")}</span>`}
      ${may && !waiting && (!done || others.length) ? html`<button @click=${want}>${t("signoff.want")}</button>` : nothing}</p>
    ${waiting ? requestCard(waiting, again) : nothing}
  </div>`;
}
