/** Tiles of the board in three sizes: what a site says of itself, and how old that is. */

import { html, nothing } from "./vendor/lit-html.js";
import { bandName } from "./bands.js";
import { age, count, offsetText, percent } from "./format.js";
import { t } from "./i18n.js";
import { ENOUGH } from "./proof.js";
import { shape, word } from "./shapes.js";
import { show, to } from "./views.js";
import { because, placeName } from "./words.js";
import * as state from "./state.js";

const HEARS = new Set(["go", "degraded", "drill"]);
const LATE_CLOCK_MS = 100; // exam times and several sensors' bursts are compared to less than this
const LATE_LINK_S = 1;
const END = 3; // characters
const LONGEST_ENDING = 4; // words, or characters of a name without spaces

const nameOf = ({ site, site_name }) => site_name || site;
/** What most names end with, " Middle School": it tells none of them apart. */
export function commonEnding(names) {
  const counts = new Map();
  for (const name of names) {
    const parts = name.includes(" ") ? name.split(/(?= )/) : [...name];
    for (let n = 1; n <= Math.min(LONGEST_ENDING, parts.length - 1); n++) {
      const ending = parts.slice(-n).join("");
      counts.set(ending, (counts.get(ending) ?? 0) + 1);
    }
  }
  const common = [...counts].filter(([, count]) => count > 1 && count * 2 >= names.length).map(([ending]) => ending);
  return common.sort((a, b) => b.length - a.length)[0] ?? "";
}

const positionOf = ({ position, sensor }) => placeName(position) || sensor.split("/").at(-1);

/** Worst chance over the bands; null when the sensor hears nothing. */
export function leastChance({ bands, state: name }) {
  if (!bands.length || !HEARS.has(name)) return null;
  return Math.min(...bands.map((band) => band.p_2s));
}

const chance = (part) => (part === null ? html`<span class="num none">–</span>` : html`<span class="num ${part < ENOUGH ? "poor" : ""}">${percent(part)}</span>`);

/** A link that opens the watch page with the sensor's spectrum. */
function watch(sensor, kind, content, title) {
  const go = (event) => {
    event.preventDefault();
    state.chosen.value = sensor.sensor;
    show("watch");
  };
  return html`<a class="${kind} ${sensor.state}" href=${to("watch")} title=${title} @click=${go}>${content}</a>`;
}

const reasons = ({ notes }) => notes.map(because).join(" · ");

/** Every figure of every sensor. */
export function largeTile({ site, worst, sensors }, facts) {
  return html`<article class="tile ${worst}">
    ${heading(site, worst, facts)}
    ${links(site, facts)}
    <div class="rows">${sensors.map((sensor) => largeRow(sensor))}</div>
    ${heard(sensors)}
  </article>`;
}

/** Each band of the site with its best chance, the worst first: a band that one sensor hears is heard. */
function heard(sensors) {
  const best = new Map();
  for (const sensor of sensors) {
    for (const { name, start_hz, p_2s } of sensor.bands) {
      const part = HEARS.has(sensor.state) ? p_2s : 0;
      const before = best.get(`${name}/${start_hz}`);
      if (!before || before.part < part) best.set(`${name}/${start_hz}`, { name, part });
    }
  }
  const bands = [...best.values()].sort((a, b) => a.part - b.part);
  return html`<p class="bands-heard">${bands.map(({ name, part }) => html`<span>${bandName(name)} ${part ? chance(part) : html`<span class="num poor">${t("board.unheard")}</span>`}</span>`)}</p>`;
}

function largeRow(sensor) {
  const drops = sensor.dropped_samples;
  return watch(
    sensor,
    "row",
    html`${shape(sensor.state)}<b>${positionOf(sensor)}</b>${word(sensor.state)}
      <span class="figure"><small>P(2 s)</small> ${chance(leastChance(sensor))}</span>
      <span class="figure"><small>${t("board.drops")}</small> <span class="num ${drops ? "poor" : ""}">${count(drops)}</span></span>
      <span class="figure"><small>${t("board.dwells")}</small> <span class="num">${sensor.dwells_per_s.toFixed(0)}/s</span></span>
      <span class="figure"><small>${t("board.clipped")}</small> <span class="num ${sensor.clipped_fraction > 0.001 ? "poor" : ""}">${percent(sensor.clipped_fraction)}</span></span>
      ${sensor.notes.length ? html`<span class="why">${reasons(sensor)}</span>` : nothing}`,
    `${sensor.sensor} · ${sensor.source}`,
  );
}

/** Name, state, and what concerns the whole site: phase of the exam. */
function heading(site, worst, { plans }) {
  return html`<h2>${shape(worst)}<span class="name" title=${site.site}>${nameOf(site)}</span>${word(worst)}
    ${site.session && site.session.phase !== "sealed" ? html`<span class="phase ${site.session.phase}">${t(`phase.${site.session.phase}`)}</span>` : nothing}
    ${plans.has(site.site) ? html`<a class="to-plan" href=${to("plan", site.site)}>${t("tab.plan")}</a>` : nothing}</h2>`;
}

/** Link, clock and last drill of a site. */
function links(site, { now }) {
  const { drill } = site;
  const offset = site.clock_offset_ns === null ? null : site.clock_offset_ns / 1e6;
  const lag = site.state === "silent" ? null : site.outbox_oldest_s;
  return html`<p class="site-facts">
    ${fact("board.heard", age(site.age_s * 1000), site.state === "silent")}
    ${fact("board.clock", offset === null ? "–" : offsetText(site.clock_offset_ns), Math.abs(offset ?? 0) > LATE_CLOCK_MS)}
    ${fact("board.round_trip", `${(site.round_trip_s * 1000).toFixed(0)} ms`, site.round_trip_s > LATE_LINK_S)}
    ${fact("board.waiting", lag === null ? "–" : site.outbox_depth ? t("board.waiting_for", { n: site.outbox_depth, age: age(lag * 1000) }) : "0", (lag ?? 0) > LATE_LINK_S)}
    ${drill
      ? fact("board.drill", t(drill.passed ? "board.drill_passed" : "board.drill_failed", { age: age(now - drill.stop_ns / 1e6) }), !drill.passed)
      : fact("board.drill", t("board.drill_never"), false)}
  </p>
  ${linkTrouble(site)}`;
}

const fact = (id, value, bad) => html`<span class=${bad ? "poor" : ""}><small>${t(id)}</small> ${value}</span>`;

/** What keeps its events from coming here. */
const linkTrouble = (site) => site.link_notes.map((note) => html`<p class="why poor">${because(note)}</p>`);

/** A site with its sensors as chips; reasons in words only where something is wrong. */
export function mediumTile({ site, worst, sensors }, facts) {
  const first = sensors.find(({ notes }) => notes.length);
  return html`<article class="tile ${worst}">
    ${heading(site, worst, facts)}
    <p class="chips">${sensors.map((sensor) => watch(sensor, "chip", html`${shape(sensor.state)}${positionOf(sensor)} ${chance(leastChance(sensor))}`, reasons(sensor) || sensor.sensor))}</p>
    ${linkTrouble(site)}
    ${worst === "silent" ? html`<p class="why">${t("sites.last_heard", { age: age(site.age_s * 1000) })}</p>` : first && worst !== "go" ? html`<p class="why">${reasons(first)}</p>` : nothing}
  </article>`;
}

/** One line: the worst state, the name, and the least chance of its sensors; in tiny tiles only a poor one. */
export function smallTile({ site, worst, sensors }, { ending }) {
  const chances = sensors.map(leastChance);
  const least = chances.includes(null) ? null : Math.min(...chances);
  const title = `${nameOf(site)} · ${t(`state.${worst}`)} · ${sensors.map((sensor) => `${positionOf(sensor)} ${t(`state.${sensor.state}`)}`).join(", ")}`;
  const whole = nameOf(site);
  const name = ending && whole.endsWith(ending) ? whole.slice(0, -ending.length) : whole;
  // What is left of a name tells schools apart by its end: that is never cut.
  const split = html`<span class="name">${name.slice(0, -END)}</span><span class="name-end">${name.slice(-END)}</span>`;
  return watch({ ...sensors[0], state: worst }, `tile ${least === null || least < ENOUGH ? "" : "enough"}`, html`${shape(worst)}${split}${chance(least)}`, title);
}
