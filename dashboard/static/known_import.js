/** A station list as a CSV file: first what it would add and what is refused, then the adding. */

import { signal } from "./vendor/signals-core.js";
import { html, nothing } from "./vendor/lit-html.js";
import { tell } from "./api.js";
import { mhz } from "./format.js";
import { t } from "./i18n.js";
import { because } from "./words.js";

const MOST_SHOWN = 200;

const file = signal(null); // {name, csv, rows}
const failure = signal(null);
const added = signal(null);

/** `onAdded` is told when the list has changed. */
export function csvImport(onAdded) {
  const given = file.value;
  return html`<section class="part"><h2>${t("import.title")}</h2>
    <p>${t("import.hint")}</p>
    <p class="hint"><code>low_mhz,high_mhz,name,reason,site,start,stop</code></p>
    <label class="file">${t("import.file")} <input type="file" accept=".csv,text/csv" @change=${read}></label>
    ${failure.value ? html`<p class="failure" role="alert">${failure.value}</p>` : nothing}
    ${added.value !== null ? html`<p role="status">${t("import.added", { n: added.value })}</p>` : nothing}
    ${given ? preview(given, onAdded) : nothing}
  </section>`;
}

/** Spreadsheets in China write GB 18030, everything else UTF-8. */
function decode(bytes) {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder("gb18030").decode(bytes);
  }
}

async function read({ target }) {
  file.value = failure.value = added.value = null;
  const [picked] = target.files;
  if (!picked) return;
  const csv = decode(await picked.arrayBuffer());
  const answer = await tell("POST", "known/preview", { csv });
  failure.value = answer.failure ?? null;
  if (answer.value) file.value = { name: picked.name, csv, rows: answer.value };
  target.value = ""; // the same file can be picked again after it was mended
}

function preview({ name, csv, rows }, onAdded) {
  const good = rows.filter(({ entry }) => entry);
  const bad = rows.filter(({ refused }) => refused);
  const add = async () => {
    const answer = await tell("POST", "known/import", { csv, skip_refused: true });
    failure.value = answer.failure ?? null;
    if (!answer.value) return;
    added.value = answer.value.length;
    file.value = null;
    onAdded();
  };
  return html`<p role="status"><b>${name}</b>: ${t("import.counts", { good: good.length, bad: bad.length })}</p>
    ${bad.length ? html`<ul class="refused">${bad.slice(0, MOST_SHOWN).map(({ refused }) => html`<li>${because(refused)}</li>`)}</ul>` : nothing}
    ${good.length ? html`<div class="scrolls preview"><table class="rows">${good.slice(0, MOST_SHOWN).map(({ line, entry }) => html`<tr><td>${line}</td><td>${mhz(entry.low_hz)}–${mhz(entry.high_hz)}</td><td>${entry.name}</td><td>${entry.reason}</td><td>${entry.site ?? ""}</td></tr>`)}</table></div>` : nothing}
    <p><button class="primary" ?disabled=${!good.length} @click=${add}>${t("import.add", { n: good.length })}</button>
      <button @click=${() => (file.value = null)}>${t("step.cancel")}</button></p>`;
}
