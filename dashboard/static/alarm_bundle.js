/** Everything that proves an alarm, as one file for whoever doubts it: `rfproctor verify` reads it. */

import { html, nothing } from "./vendor/lit-html.js";
import { t } from "./i18n.js";
import * as state from "./state.js";
import { mayTake } from "./taking.js";

export function bundle(dossier) {
  if (!state.me.value?.permissions.includes("evidence")) return nothing;
  const here = dossier.clips.value.filter((clip) => clip.state === "complete");
  const all = here.every(mayTake);
  const at = `api/v1/${dossier.path}/bundle`;
  return html`<h3>${t("bundle.title")}</h3>
    <p>${all ? html`<a class="button" download href=${at}>${t(here.length ? "bundle.save" : "bundle.save_records", { n: here.length })}</a>` : nothing}
      ${here.length ? html` <a class="button" download href="${at}?recordings=no">${t("bundle.without")}</a>` : nothing}
      ${all ? nothing : html` <small>${t("bundle.takes_two")}</small>`}</p>
    <p class="hint">${t("bundle.hint")} <code>rfproctor verify rfproctor-${dossier.id}.zip</code></p>`;
}
