/** What stands over the threshold now or stood there lately: strongest first, a click goes there. */

import { effect, untracked } from "./vendor/signals-core.js";
import { html, nothing, render } from "./vendor/lit-html.js";
import { serviceAt } from "./bands.js";
import { age, db, mhz, signedDb, width } from "./format.js";
import { t } from "./i18n.js";
import { UNSEEN } from "./levels.js";
import { stationAt } from "./stations.js";
import * as state from "./state.js";

const KEEP_S = 120; // a burst of half a second can still be read
const WIDTH_DB = 26;
const MOST = 200;
const SHOWN = 24;
const AROUND = 10; // widths shown on a click
const LEAST_HZ = 50e3;

/**
 * Runs of bins of a decoded row (`levels.js`) over the threshold: `{hz, width_hz, level_db, excess_db}`; none without a threshold.
 *
 * The width is that between the points 26 dB below the peak (ITU-R SM.443), as far as they stand over
 * the threshold; the frequency is the centre of the power between them.
 */
export function peaksOf({ row, reference, levels, excess }) {
  if (!reference?.threshold) return [];
  const over = (i) => i < levels.length && levels[i] !== UNSEEN && reference.threshold[i] !== UNSEEN && levels[i] > reference.threshold[i];
  const found = [];
  for (let i = 0; i < levels.length; i++) {
    if (!over(i)) continue;
    const first = i;
    while (over(i)) i++;
    found.push(measure(levels, excess, first, i, row));
  }
  return found;
}

/** The peak of the bins [first, stop). */
function measure(levels, excess, first, stop, { start_hz, bin_width_hz }) {
  let top = first;
  for (let i = first; i < stop; i++) if (levels[i] > levels[top]) top = i;
  const inside = (i) => i >= first && i < stop && levels[i] >= levels[top] - WIDTH_DB;
  let [low, high] = [top, top];
  while (inside(low - 1)) low--;
  while (inside(high + 1)) high++;
  let [power, moment] = [0, 0];
  for (let i = low; i <= high; i++) {
    const linear = 10 ** ((levels[i] - levels[top]) / 10);
    power += linear;
    moment += linear * (i + 0.5);
  }
  return {
    hz: start_hz + (moment / power) * bin_width_hz,
    width_hz: (high - low + 1) * bin_width_hz,
    level_db: levels[top],
    excess_db: excess[top],
  };
}

/** Peaks over time: those at one place are one; the longest unheard ones are forgotten first. */
export class PeakTable {
  constructor() {
    this.peaks = [];
  }

  add(seen) {
    const { row } = seen;
    for (const peak of peaksOf(seen)) {
      const same = this.peaks.find((other) => Math.abs(other.hz - peak.hz) <= Math.max(other.width_hz, peak.width_hz) / 2 + row.bin_width_hz);
      if (!same) {
        this.peaks.push({ ...peak, bin_width_hz: row.bin_width_hz, last_s: row.time_s, most_db: peak.excess_db });
        continue;
      }
      const finer = row.bin_width_hz <= same.bin_width_hz;
      const place = finer && peak.excess_db >= same.most_db - 3 ? { hz: peak.hz, width_hz: peak.width_hz, bin_width_hz: row.bin_width_hz } : {};
      Object.assign(same, place, {
        level_db: peak.level_db,
        excess_db: peak.excess_db,
        most_db: Math.max(same.most_db, peak.excess_db),
        last_s: row.time_s,
      });
    }
    this.peaks = this.peaks.filter(({ last_s }) => last_s > row.time_s - KEEP_S);
    if (this.peaks.length > MOST) this.peaks = this.peaks.sort((a, b) => b.last_s - a.last_s).slice(0, MOST);
  }

  /** Those in a stretch, the strongest first. */
  within(stretches) {
    return this.peaks
      .filter(({ hz }) => stretches.some(({ start_hz, stop_hz }) => hz >= start_hz && hz <= stop_hz))
      .sort((a, b) => b.most_db - a.most_db);
  }
}

/** Draw the table while `state.showPeaks`; `go` shows a stretch. */
export function peakTable(root, scope, go) {
  let table = new PeakTable();
  let sensor = null;
  scope.also({
    take(row, seen) {
      if (row.sensor !== scope.sensor || !seen || !state.showPeaks.peek()) return;
      if (sensor !== row.sensor) table = new PeakTable();
      sensor = row.sensor;
      table.add(seen);
    },
    refer() {},
  });
  effect(() => {
    root.hidden = !state.showPeaks.value;
    root.setAttribute("aria-label", t("peaks.title"));
    state.now.value;
    state.chosen.value;
    if (root.hidden) return;
    const pieces = state.axis.value.pieces(scope.width || 1);
    render(rows(table.within(pieces), scope, go), root);
  });
}

function rows(peaks, scope, go) {
  const now_s = scope.last?.time_s ?? 0;
  const show = ({ hz, width_hz }) => {
    const half = Math.max(LEAST_HZ, AROUND * width_hz) / 2;
    untracked(() => go(state.axis.peek().showHz(hz - half, hz + half)));
  };
  return html`<h2>${t("peaks.title")} <small>${peaks.length}</small>
      <button @click=${() => (state.showPeaks.value = false)} aria-label=${t("peaks.close")} title="${t("peaks.close")} (P)">×</button></h2>
    ${peaks.length
      ? html`<div class="list" tabindex="0"><table>
          <tr><th scope="col">MHz</th><th scope="col">${t("peaks.over")}</th><th scope="col">${t("peaks.most")}</th><th scope="col">dBFS</th><th scope="col">${t("peaks.width")}</th><th scope="col">${t("peaks.last")}</th><th scope="col">${t("peaks.who")}</th></tr>
          ${peaks.slice(0, SHOWN).map((peak) => {
            const live = now_s - peak.last_s < 1;
            return html`<tr class=${live ? "live" : ""}>
              <td><button class="go" @click=${() => show(peak)}>${mhz(peak.hz)}</button></td>
              <td>${live ? signedDb(peak.excess_db) : "–"}</td><td>${signedDb(peak.most_db)}</td>
              <td>${live ? db(peak.level_db) : "–"}</td><td>${width(peak.width_hz)}</td>
              <td>${live ? t("alarm.on_air") : age((now_s - peak.last_s) * 1000)}</td><td>${who(peak.hz)}</td></tr>`;
          })}
        </table></div>${peaks.length > SHOWN ? html`<p>${t("peaks.more", { n: peaks.length - SHOWN })}</p>` : nothing}`
      : html`<p>${t(scope.spectrum.hasBaseline ? "peaks.none" : "peaks.no_threshold")}</p>`}`;
}

/** An open alarm's number first, then a known emitter, then the service that lives there. */
function who(hz) {
  const alarm = state.openAlarms.value.find(({ center_freq_hz, bandwidth_hz }) => Math.abs(center_freq_hz - hz) <= Math.max(bandwidth_hz, 10e3) / 2);
  if (alarm) return html`<b class="fresh">${t("peaks.alarm", { n: state.numbers.value.get(alarm.id) })}</b>`;
  return stationAt(hz)?.name ?? serviceAt(hz);
}
