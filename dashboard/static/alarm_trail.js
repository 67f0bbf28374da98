/** What was done about an alarm, by whom: people's actions, requests, and the audit log's own rows. */

import { html, nothing } from "./vendor/lit-html.js";
import { clock, day } from "./format.js";
import { knows, t } from "./i18n.js";
import { to } from "./views.js";

export function trail(dossier) {
  const rows = [
    ...dossier.actions.value.map(done),
    ...dossier.audit.value.filter(({ act }) => !isAction(act)).map(logged),
  ].sort((a, b) => a.time_ns - b.time_ns);
  if (!rows.length) return html`<p class="empty">${t("trail.none")}</p>`;
  return html`<div class="scrolls"><table class="rows">
    <tr><th>${t("trail.time")}</th><th>${t("trail.who")}</th><th>${t("trail.what")}</th></tr>
    ${rows.map((row) => html`<tr><td>${day(row.time_ns / 1e6)} ${clock(row.time_ns / 1e6)}</td><td>${row.who}</td><td>${row.what}${row.more ? html`<small> ${row.more}</small>` : nothing}</td></tr>`)}
  </table></div>`;
}

/** Rows of the audit log that an action row says already. */
const isAction = (act) => knows(`step.${act.replace("alarm.", "")}`);

function done({ time_ns, author, action, reason, note, owner, state_after }) {
  const more = [reason && t(`dismiss.${reason}`), ["assign", "hand_over"].includes(action) && `→ ${owner || t("trail.nobody")}`, note].filter(Boolean).join(" · ");
  return { time_ns, who: author, what: `${t(`step.${action}`)} → ${t(`alarm.state.${state_after}`)}`, more };
}

function logged({ seq, time_ns, actor, act }) {
  return { time_ns, who: actor, what: knows(`act.${act}`) ? t(`act.${act}`) : act, more: html`<a href=${to("audit")}>#${seq}</a>` };
}
