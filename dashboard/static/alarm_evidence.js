/** Recordings of an alarm: how much of each is here, its hash, its files, and what may be heard of it. */

import { signal } from "./vendor/signals-core.js";
import { html, nothing } from "./vendor/lit-html.js";
import { clock, day, percent } from "./format.js";
import { t } from "./i18n.js";
import { listener } from "./listen.js";
import * as state from "./state.js";
import { files, taking } from "./taking.js";
import { sensorName } from "./words.js";

const MOST = 20; // of a transmitter that comes every few seconds there are hundreds

const all = signal(null); // id of the alarm whose recordings are all shown

export function evidenceTable(dossier, pictures) {
  const clips = dossier.clips.value;
  const may = (permission) => state.me.value?.permissions.includes(permission);
  if (!clips.length) return html`<p class="empty">${t("evidence.none")}</p>`;
  const shown = all.value === dossier.id ? clips : clips.slice(-MOST);
  return html`
    ${shown.length < clips.length ? html`<p><button @click=${() => (all.value = dossier.id)}>${t("evidence.all", { n: clips.length })}</button></p>` : nothing}
    <div class="scrolls"><table class="rows evidence">
      <tr><th>${t("evidence.when")}</th><th>${t("evidence.sensor")}</th><th>${t("evidence.length")}</th><th>${t("evidence.state")}</th><th>SHA-256</th><th>${t("evidence.files")}</th></tr>
      ${shown.map((clip) => row(dossier, pictures, clip, may("evidence"), may("content") && state.me.value.listening))}
    </table></div>
    ${may("evidence") ? taking(clips, `${dossier.path}/exports`) : nothing}
    <p class="hint">${t(may("evidence") ? "evidence.hint" : "evidence.no_role")} ${content(may("content"))}</p>`;
}

function row(dossier, pictures, clip, take, hear) {
  const whole = clip.state === "complete";
  return html`<tr aria-current=${pictures.chosen.value === clip.name}>
    <td>${day(clip.start_ns / 1e6)} ${clock(clip.start_ns / 1e6)}</td>
    <td>${sensorName(clip.sensor)}</td>
    <td>${((clip.stop_ns - clip.start_ns) / 1e9).toFixed(1)} s</td>
    <td>${t(`evidence.state.${clip.state}`)}${clip.state === "arriving" ? ` ${percent(clip.share)}` : nothing}${clip.bytes ? html` <small>${megabytes(clip.bytes)}</small>` : nothing}</td>
    <td><code title=${clip.sha256}>${clip.sha256.slice(0, 10)}…</code></td>
    <td class="files">
      ${whole ? html`<button aria-pressed=${pictures.chosen.value === clip.name} @click=${() => pictures.pick(clip.name)}>${t("evidence.show")}</button>` : nothing}
      ${whole && take ? files(clip, (name) => `${dossier.path}/evidence/${name}`, `${dossier.path}/exports`) : nothing}
      ${whole && hear ? listener(`api/v1/${dossier.path}/evidence/${encodeURIComponent(clip.name)}/audio`, () => dossier.again()) : nothing}
    </td></tr>`;
}

/** Who may listen reads why nothing is to be heard; for the others there is no such thing. */
function content(may) {
  if (!may) return t("content.no_role");
  return t(state.me.value.listening ? "content.on" : "content.switched_off");
}

const megabytes = (count) => `${(count / 1e6).toFixed(count < 1e7 ? 1 : 0)} MB`;
