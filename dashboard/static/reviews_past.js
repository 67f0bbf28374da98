/** What was looked through again, by whom and when: a list on the page, a sheet to sign on paper. */

import { html, nothing } from "./vendor/lit-html.js";
import { clock, day, zone } from "./format.js";
import { t } from "./i18n.js";
import { siteName } from "./words.js";
import * as state from "./state.js";

export const ANY = "any";

const moment = (ns) => `${day(ns / 1e6)} ${clock(ns / 1e6, false)}`;

/** `page` has the chosen exam and site, the sessions, and the reviews as far as they were asked for. */
export function pastReviews(page) {
  const rows = page.past.value;
  return html`<section class="part reviews-past">
    <h2>${t("review.past")}</h2>${letterhead(page)}
    ${rows.length ? table(rows, page.sessions.value) : html`<p class="empty">${t("review.none")}</p>`}
    ${page.more.value ? html`<p class="pager"><button @click=${() => page.older(rows.at(-1).id)}>${t("audit.older")}</button></p>` : nothing}
  </section>`;
}

function table(rows, sessions) {
  const heads = ["review.span", "exam.site", "review.exam", "review.findings", "review.by", "review.when"];
  return html`<div class="scrolls"><table class="rows"><thead><tr><th>#</th>${heads.map((id) => html`<th>${t(id)}</th>`)}<th class="paper">${t("review.signature")}</th></tr></thead>
    <tbody>${rows.map(
      (one) => html`<tr><td>${one.id}</td><td class="time">${moment(one.start_ns)}–${clock(one.stop_ns / 1e6, false)}</td><td>${siteName(one.site)}</td><td>${examOf(one, sessions)}</td>
        <td class="findings">${one.findings}</td><td>${one.author}</td><td class="time">${moment(one.created_ns)}</td><td class="paper"></td></tr>`,
    )}</tbody></table></div>`;
}

/** Exams whose hours a review touches. */
function examOf({ site, start_ns, stop_ns }, sessions) {
  const touched = sessions.filter((exam) => !exam.ended_ns && (exam.site === "*" || exam.site === site) && exam.start_ns < stop_ns && start_ns < exam.stop_ns);
  return touched.map(({ name }) => name).join(", ");
}

/** On paper only: of what this is a record, and who printed it when. */
function letterhead({ exam, site, sessions }) {
  const session = sessions.value.find(({ id }) => String(id) === exam);
  const now = state.now.value;
  return html`<div class="paper"><h1>${t("review.sheet")}</h1>
    <p>${session ? html`${t("review.exam")}: ${session.name}, ${moment(session.start_ns)}–${clock(session.stop_ns / 1e6, false)} · ` : nothing}${t("exam.site")}: ${site === ANY ? t("exam.every_site") : siteName(site)}
      · ${t("review.printed", { name: state.me.value?.name ?? "", when: `${day(now)} ${clock(now, false)} ${zone(now)}` })}</p></div>`;
}
