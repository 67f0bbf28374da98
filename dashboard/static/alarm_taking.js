/** Files of a recording: taken at once where one is enough, else after a second person agreed. */

import { signal } from "./vendor/signals-core.js";
import { html, nothing } from "./vendor/lit-html.js";
import { tell } from "./api.js";
import { clock } from "./format.js";
import { t } from "./i18n.js";
import { set } from "./requests.js";
import * as state from "./state.js";

const MOST = 100; // recordings in one request

const failure = signal("");

const takesTwo = () => state.me.value.two.includes("export");

const exportsOf = (dossier, standing) => dossier.requests.value.filter(({ act, state: now }) => act === "export" && now === standing);
const waits = (dossier) => exportsOf(dossier, "waiting").filter(({ until_ns }) => until_ns / 1e6 > state.now.value);

/** An agreement lasts as long as a request waits. */
const endOf = ({ decided_ns, until_ns, wanted_ns }) => (decided_ns + until_ns - wanted_ns) / 1e6;

/** Links to the files of a whole recording, or the button that asks for them. */
export function files(dossier, clip) {
  const links = clip.files.map((name) => html`<a class="button" download title=${name} href="api/v1/${dossier.path}/evidence/${encodeURIComponent(name)}">${kind(name)}</a>`);
  if (!takesTwo()) return links;
  const covers = ({ what }) => what.clips[clip.name] === clip.sha256;
  const agreed = exportsOf(dossier, "approved").find((one) => one.wanted_by === state.me.value.name && covers(one) && endOf(one) > state.now.value);
  if (agreed) return html`${links} <small>${t("evidence.agreed", { until: clock(endOf(agreed), false) })}</small>`;
  if (waits(dossier).length) return waits(dossier).some(covers) ? html`<small>${t("evidence.asked")}</small>` : nothing;
  return html`<button @click=${() => want(dossier, [clip])}>${t("evidence.ask")}</button>`;
}

/** One request for all recordings that are here. */
export function taking(dossier) {
  if (!takesTwo()) return nothing;
  const whole = dossier.clips.value.filter(({ state: standing }) => standing === "complete").slice(-MOST);
  return html`${failure.value ? html`<p class="failure" role="alert">${failure.value}</p>` : nothing}
    ${whole.length > 1 && !waits(dossier).length ? html`<p><button @click=${() => want(dossier, whole)}>${t("evidence.ask_all", { n: whole.length })}</button></p>` : nothing}`;
}

async function want({ path }, clips) {
  const answer = await tell("POST", `${path}/exports`, { clips: clips.map(({ name }) => name) });
  failure.value = answer.failure ?? "";
  if (answer.value) set(answer.value);
}

/** Ending of a file's name, without what all of them share: "meta", "data", "sha256". */
const kind = (name) => name.split(".").at(-1).replace("sigmf-", "");
