/**
 * The board: every site and sensor on one screen, what needs a person first and largest.
 *
 * Few sensors get large tiles with every figure, hundreds get one line a site; what is not well is
 * told in full at any size.
 */

import { effect, signal } from "./vendor/signals-core.js";
import { html, nothing, render } from "./vendor/lit-html.js";
import { ask } from "./api.js";
import { commonEnding, largeTile, mediumTile, smallTile } from "./board_tiles.js";
import { percent } from "./format.js";
import { t } from "./i18n.js";
import { proofNow } from "./proof.js";
import { shape } from "./shapes.js";
import { below, centre } from "./sites.js";
import { placeName } from "./words.js";
import * as state from "./state.js";

export const SIZES = ["large", "medium", "small", "tiny"];
const LARGE_SENSORS = 16;
const MEDIUM_SENSORS = 90;
const SMALL_SITES = 120;
const MOST_TROUBLES = 12;
const MOST_REGIONS = 12;
const byName = new Intl.Collator(undefined, { numeric: true });

const size = signal(localStorage.getItem("rfproctor.board.size") ?? ""); // "": by their number
const wanted = signal("");
const only = signal(""); // a state, or all
const plans = signal(new Set()); // sites of which there is a plan

/** Size of tiles for so many sites with so many sensors. */
export function sizeFor(sites, sensors) {
  if (sensors <= LARGE_SENSORS) return "large";
  if (sensors <= MEDIUM_SENSORS) return "medium";
  return sites <= SMALL_SITES ? "small" : "tiny";
}

export function view(root) {
  const asking = new AbortController();
  ask("plans", asking.signal).then(({ value }) => value && (plans.value = new Set(value.map(({ site }) => site))));
  const end = effect(() => render(board(), root));
  root.addEventListener("keydown", walk);
  return () => {
    end();
    asking.abort();
    root.removeEventListener("keydown", walk);
  };
}

function board() {
  const all = groups(state.sensors.value);
  const shown = all.filter(matches);
  const sensors = shown.reduce((sum, { sensors }) => sum + sensors.length, 0);
  const chosen = size.value || sizeFor(shown.length, sensors);
  const troubles = shown.filter(({ worst }) => worst !== "go");
  const apart = chosen !== "large" && chosen !== "medium" && troubles.length > 0 && troubles.length <= MOST_TROUBLES;
  const rest = apart ? shown.filter(({ worst }) => worst === "go") : shown;
  const tile = { large: largeTile, medium: mediumTile, small: smallTile, tiny: smallTile };
  const facts = { plans: plans.value, now: state.now.value, ending: commonEnding(shown.map(({ site }) => site.site_name || site.site)) };
  return html`
    <div class="board-head">
      <h1>${t("tab.board")}</h1>
      ${summary(all)}
      <input type="search" placeholder=${t("sites.filter")} aria-label=${t("sites.filter")} .value=${wanted.value}
        @input=${(event) => (wanted.value = event.target.value)}>
      <span class="pair" role="group" aria-label=${t("board.size")}>${["", ...SIZES].map(
        (name) => html`<button aria-pressed=${size.value === name} @click=${() => resize(name)}>${t(SIZE_TEXTS[name])}</button>`,
      )}</span>
    </div>
    ${below().length ? html`<section class="centres" aria-label=${t("sites.centres")}><h2>${t("sites.centres")}</h2>${below().map(centre)}</section>` : nothing}
    ${state.known.value && !shown.length && !below().length ? html`<p class="empty">${t(all.length ? "sites.none_match" : "sites.none")}</p>` : nothing}
    ${apart ? html`<h2>${t("board.troubles", { n: troubles.length })}</h2><div class="tiles medium">${troubles.map((group) => mediumTile(group, facts))}</div>
      <h2>${t("board.well", { n: rest.length })}</h2>` : nothing}
    <div class="tiles ${chosen}">${regions(rest).map(([region, members]) => html`${region ? html`<h3 class="region">${region} <small>${members.length}</small></h3>` : nothing}${members.map((group) => tile[chosen](group, facts))}`)}</div>`;
}

const SIZE_TEXTS = { "": "board.auto", large: "board.large", medium: "board.medium", small: "board.small", tiny: "board.tiny" };

/** `[[region, groups]]`: by the steps of the site's id above it, where there are several; what is not well stands before them. */
function regions(all) {
  const above = ({ site }) => site.site.split("/").slice(0, -1).join(" › ");
  const names = new Set(all.map(above));
  if (names.size < 2 || names.size > MOST_REGIONS) return [["", all]];
  const poor = all.filter(({ worst }) => worst !== "go");
  const well = all.filter(({ worst }) => worst === "go");
  return [...(poor.length ? [["", poor]] : []), ...[...Map.groupBy(well, above)].sort(([a], [b]) => byName.compare(a, b))];
}

function resize(name) {
  size.value = name;
  localStorage.setItem("rfproctor.board.size", name);
}

/** `[{site, worst, sensors}]`: sites with their sensors, the worst site first, then by id: 2 before 10. */
export function groups(rows) {
  const bySite = Map.groupBy(rows, ({ site }) => site);
  return [...bySite]
    .map(([site, members]) => ({ site, worst: worse(members[0].sensor.state, site.state), sensors: members.map(({ sensor }) => sensor) }))
    .sort((a, b) => state.STATES.indexOf(a.worst) - state.STATES.indexOf(b.worst) || byName.compare(a.site.site, b.site.site));
}

/** A site whose sensors are well may still not get its events here. */
const worse = (a, b) => (state.STATES.indexOf(a) <= state.STATES.indexOf(b) ? a : b);

function matches({ site, worst, sensors }) {
  const words = wanted.value.trim().toLowerCase();
  if (only.value && worst !== only.value) return false;
  const text = [site.site, site.site_name, ...sensors.flatMap(({ sensor, position, state: name }) => [sensor, placeName(position), t(`state.${name}`)])];
  return text.join(" ").toLowerCase().includes(words);
}

/** How many sites stand how, each a filter; and how well the whole is watched. */
function summary(all) {
  const counts = Map.groupBy(all, ({ worst }) => worst);
  const { total, watched, chance } = proofNow();
  return html`<span class="board-states" role="group" aria-label=${t("board.only")}>
      ${state.STATES.filter((name) => counts.has(name)).map(
        (name) => html`<button class=${name} aria-pressed=${only.value === name} @click=${() => (only.value = only.value === name ? "" : name)}
          >${shape(name)} ${t(`state.${name}`)} <b>${counts.get(name).length}</b></button>`,
      )}</span>
    <span class="board-proof">${total ? (watched ? t("proof.chance", { chance: percent(chance), n: watched, m: total }) : t("proof.deaf", { m: total })) : nothing}</span>`;
}

/** Arrow keys go from tile to tile. */
function walk(event) {
  const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
  if (!step || event.target.matches("input")) return;
  event.preventDefault();
  event.stopPropagation();
  const all = [...event.currentTarget.querySelectorAll(".tiles a")];
  const here = all.find((link) => link === document.activeElement)?.getBoundingClientRect();
  if (!here) return all[0]?.focus();
  const [dx, dy] = step;
  const far = (box) => (dx ? Math.abs(box.top - here.top) * 8 + Math.abs(box.left - here.left) : Math.abs(box.left - here.left) * 2 + Math.abs(box.top - here.top));
  const ahead = all
    .map((link) => ({ link, box: link.getBoundingClientRect() }))
    .filter(({ box }) => (dx ? (box.left - here.left) * dx > 4 && Math.abs(box.top - here.top) < 60 : (box.top - here.top) * dy > 4))
    .sort((a, b) => far(a.box) - far(b.box));
  ahead[0]?.link.focus();
}
