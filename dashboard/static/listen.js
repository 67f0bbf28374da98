/** Listening to a recording: fetched once per listening, because each one goes into the audit log. */

import { signal } from "./vendor/signals-core.js";
import { html, nothing } from "./vendor/lit-html.js";
import { t } from "./i18n.js";

const MODULATIONS = ["fm", "am"];

const playing = signal(null); // address of what is heard now
const trouble = signal(new Map()); // address -> words
let audio = null;
let source = null;

/** Buttons that play what is behind an address; `onHeard` is told when it was fetched. */
export function listener(address, onHeard) {
  const failure = trouble.value.get(address);
  return html`<span class="listen">
    ${MODULATIONS.map((modulation) => {
      const one = `${address}?modulation=${modulation}`;
      return html`<button aria-pressed=${playing.value === one} title=${t("content.listen_title")}
        @click=${() => (playing.value === one ? stop() : play(address, one, onHeard))}>${playing.value === one ? "■" : "▶"} ${modulation.toUpperCase()}</button>`;
    })}
    ${failure ? html`<span class="failure" role="alert">${failure}</span>` : nothing}</span>`;
}

async function play(address, one, onHeard) {
  stop();
  audio ??= new AudioContext();
  playing.value = one;
  complain(address, null);
  try {
    const answer = await fetch(one, { headers: { "Accept-Language": document.documentElement.lang }, signal: AbortSignal.timeout(60_000) });
    if (!answer.ok) throw new Refused((await answer.json()).text);
    const sound = await audio.decodeAudioData(await answer.arrayBuffer());
    onHeard();
    if (playing.value !== one) return;
    source = audio.createBufferSource();
    source.buffer = sound;
    source.connect(audio.destination);
    source.onended = () => playing.value === one && (playing.value = null);
    source.start();
  } catch (error) {
    complain(address, error instanceof Refused ? error.message : t("api.no_answer"));
    playing.value = null;
  }
}

class Refused extends Error {}

function stop() {
  if (source) source.onended = null;
  source?.stop();
  source = null;
  playing.value = null;
}

function complain(address, words) {
  const next = new Map(trouble.value);
  if (words) next.set(address, words);
  else next.delete(address);
  trouble.value = next;
}
