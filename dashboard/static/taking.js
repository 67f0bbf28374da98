/** Files of recordings: taken at once where one is enough, else after a second person agreed. */

import { effect, signal } from "./vendor/signals-core.js";
import { html, nothing } from "./vendor/lit-html.js";
import { ask, tell } from "./api.js";
import { clock } from "./format.js";
import { t } from "./i18n.js";
import { changed, set } from "./requests.js";
import * as state from "./state.js";

const MOST = 100; // recordings in one request

const requests = signal([]); // to take recordings away, the newest first
const failure = signal("");

const takesTwo = () => state.me.value?.two.includes("export");

effect(() => {
  if (!takesTwo() || (changed.value && changed.value.act !== "export")) return;
  ask("approvals?act=export").then(({ value }) => value && (requests.value = value));
});

/** An agreement lasts as long as a request waits. */
const endOf = ({ decided_ns, until_ns, wanted_ns }) => (decided_ns + until_ns - wanted_ns) / 1e6;
const covers = (clip) => ({ what }) => what.clips[clip.name] === clip.sha256;
const agreementOn = (clip) => requests.value.find((one) => one.state === "approved" && one.wanted_by === state.me.value.name && covers(clip)(one) && endOf(one) > state.now.value);
const waits = () => requests.value.filter(({ state: standing, until_ns }) => standing === "waiting" && until_ns / 1e6 > state.now.value);

/** Whether the files of a recording may leave now for who looks. */
export const mayTake = (clip) => !takesTwo() || Boolean(agreementOn(clip));

/**
 * Links to the files of a whole recording, or the button that asks for them.
 *
 * `from` is the address under `api/v1/` that a file's name completes, `at` the one where it is asked for.
 */
export function files(clip, from, at) {
  const links = clip.files.map((name) => html`<a class="button" download title=${name} href="api/v1/${from(encodeURIComponent(name))}">${kind(name)}</a>`);
  if (!takesTwo()) return links;
  const agreed = agreementOn(clip);
  if (agreed) return html`${links} <small>${t("evidence.agreed", { until: clock(endOf(agreed), false) })}</small>`;
  if (waits().some(covers(clip))) return html`<small>${t("evidence.asked")}</small>`;
  return html`<button @click=${() => want(at, [clip])}>${t("evidence.ask")}</button>`;
}

/** One request for all of these recordings that are here. */
export function taking(clips, at) {
  if (!takesTwo()) return nothing;
  const whole = clips.filter((clip) => clip.state === "complete" && !waits().some(covers(clip))).slice(-MOST);
  return html`${failure.value ? html`<p class="failure" role="alert">${failure.value}</p>` : nothing}
    ${whole.length > 1 ? html`<p><button @click=${() => want(at, whole)}>${t("evidence.ask_all", { n: whole.length })}</button></p>` : nothing}`;
}

async function want(at, clips) {
  const answer = await tell("POST", at, { clips: clips.map(({ name }) => name) });
  failure.value = answer.failure ?? "";
  if (answer.value) set(answer.value);
}

/** Ending of a file's name, without what all of them share: "meta", "data", "sha256". */
const kind = (name) => name.split(".").at(-1).replace("sigmf-", "");
