/** When the emitter was on the air: a line per sensor, the beat, and when it is expected next. */

import { html, nothing, svg } from "./vendor/lit-html.js";
import { timeTicks } from "./archive_time.js";
import { clock } from "./format.js";
import { t } from "./i18n.js";
import * as state from "./state.js";
import { sensorName } from "./words.js";

const ROW = 26;
const NAMES = 130;
const LEAST_S = 20;
const MOST_BEATS = 200;

export function rhythm(dossier, wide) {
  const known = dossier.sightings.value;
  if (!known?.sightings.length) return html`<p class="empty">${t("alarm.page.no_sightings")}</p>`;
  const { sightings, beat, since_ns } = known;
  const now_s = state.now.value / 1000;
  const next_s = beat ? nextBeat(beat, now_s) : null;
  const first_s = sightings[0].start_ns / 1e9;
  const last_s = Math.max(...sightings.map(({ stop_ns }) => stop_ns / 1e9), dossier.alarm.value?.on_air ? now_s : 0);
  const stop_s = Math.max(first_s + LEAST_S, last_s, next_s !== null && next_s - last_s < 4 * beat.period_s ? next_s : 0) + 1;
  const names = [...new Set(sightings.map(({ sensor }) => sensor))].sort();
  const span = Math.max(200, wide - 2 * 16 - 24 - NAMES);
  const x = (s) => NAMES + ((s - first_s) / (stop_s - first_s)) * span;
  const tall = names.length * ROW;
  return html`
    <svg class="rhythm" width=${NAMES + span + 8} height=${tall + 26} role="img" aria-label=${words(sightings.length, beat, next_s, now_s)}>
      ${beat ? beats(beat, first_s, stop_s).map((s) => svg`<line class="beat" x1=${x(s)} x2=${x(s)} y1="0" y2=${tall} />`) : nothing}
      ${names.map((name, row) => svg`<text class="name" x="0" y=${row * ROW + 18}>${sensorName(name)}</text>
        <line class="base" x1=${NAMES} x2=${NAMES + span} y1=${row * ROW + ROW - 2} y2=${row * ROW + ROW - 2} />`)}
      ${sightings.map((one) => svg`<rect x=${x(one.start_ns / 1e9)} y=${names.indexOf(one.sensor) * ROW + 4}
        width=${Math.max(2, x(one.stop_ns / 1e9) - x(one.start_ns / 1e9))} height=${ROW - 8}><title>${told(one)}</title></rect>`)}
      ${next_s !== null && next_s <= stop_s ? svg`<line class="next" x1=${x(next_s)} x2=${x(next_s)} y1="0" y2=${tall} />` : nothing}
      ${now_s <= stop_s ? svg`<line class="now" x1=${x(now_s)} x2=${x(now_s)} y1="0" y2=${tall} />` : nothing}
      ${timeTicks(first_s, stop_s, span, 90).map(({ s, label }) => svg`<text class="tick" x=${x(s)} y=${tall + 20}>${label}</text>`)}
    </svg>
    <p class="rhythm-words">${words(sightings.length, beat, next_s, now_s)}${since_ns ? ` ${t("alarm.page.since", { time: clock(since_ns / 1e6) })}` : ""}</p>`;
}

/** The beat goes on whether or not it was heard. */
function nextBeat({ next_ns, period_s }, now_s) {
  const next_s = next_ns / 1e9;
  return next_s > now_s ? next_s : next_s + Math.ceil((now_s - next_s) / period_s) * period_s;
}

function beats({ next_ns, period_s }, first_s, stop_s) {
  const found = [];
  for (let s = next_ns / 1e9; s >= first_s && found.length < MOST_BEATS; s -= period_s) if (s <= stop_s) found.push(s);
  return found;
}

function words(count, beat, next_s, now_s) {
  if (!beat) return t("alarm.page.no_beat", { n: count });
  const args = { n: count, period: seconds(beat.period_s), spread: beat.spread_s.toFixed(1), time: clock(next_s * 1000), left: seconds(next_s - now_s) };
  return t("alarm.page.beat", args);
}

const seconds = (s) => (s < 90 ? t("age.s", { n: s < 10 ? s.toFixed(1) : Math.round(s) }) : t("age.min", { n: (s / 60).toFixed(1) }));

function told({ sensor, start_ns, stop_ns, count }) {
  const args = { sensor: sensorName(sensor), from: clock(start_ns / 1e6), seconds: ((stop_ns - start_ns) / 1e9).toFixed(2), n: count };
  return t(count > 1 ? "alarm.page.sightings_told" : "alarm.page.sighting_told", args);
}
