/** The header: where we are, how many are well, the time, and the page's own switches. */

import { effect } from "./vendor/signals-core.js";
import { html, render } from "./vendor/lit-html.js";
import { age, clock, left, zone } from "./format.js";
import { choose, lang, t } from "./i18n.js";
import { shape } from "./shapes.js";
import { tabs, to } from "./views.js";
import { placeName } from "./words.js";
import * as state from "./state.js";

const PHASES = ["open", "closing", "armed", "drill", "survey", "sealed"];
const ALWAYS = ["go", "degraded", "blind", "silent"];

/** Draw the header and the banner of a lost connection; `actions` has theme, mute, help, sites. */
export function head(root, banner, actions) {
  effect(() => render(header(actions), root));
  effect(() => {
    const { name, since } = state.link.value;
    const lost = name !== "live" && state.sites.value.size + Number(name === "lost") > 0;
    document.body.classList.toggle("stale", lost);
    banner.hidden = !lost;
    if (lost) {
      render(
        html`<b>${t("link.lost_since", { time: clock(since) })}</b> ${t("link.lost_age", { age: age(Date.now() - since) })}${state.now.value ? "" : ""}`,
        banner,
      );
    }
  });
}

function header(actions) {
  const found = state.current.value;
  const counts = {};
  for (const { sensor } of state.sensors.value) counts[sensor.state] = (counts[sensor.state] ?? 0) + 1;
  const now = state.now.value;
  const live = state.link.value.name;
  return html`
    <div class="head-line">
      <button class="fold" @click=${actions.sites} aria-label=${t("sites.title")} title=${t("sites.title")}>☰</button>
      <a class="brand" href="#/">rfproctor</a>
      <span class="where">${found ? crumbs(found) : ""}</span>
      ${exam()}
      <span class="counts">
        ${["go", "degraded", "blind", "silent", "drill", "survey"]
          .filter((name) => state.known.value && (counts[name] || ALWAYS.includes(name)))
          .map((name) => html`<span class="count ${name} ${counts[name] ? "" : "none"}">${shape(name)}${t(`state.${name}`)} <b>${counts[name] ?? 0}</b></span>`)}
      </span>
      <span class="link ${live}"><i></i>${t(`link.${live}`)}</span>
      <time class="clock">${clock(now)}<small> ${zone(now)}</small></time>
    </div>
    <div class="head-line">
      ${tabs()}
      <span class="switches">
        <button @click=${() => choose(lang.value === "zh" ? "en" : "zh")} lang=${lang.value === "zh" ? "en" : "zh-CN"}>${lang.value === "zh" ? "English" : "中文"}</button>
        <button @click=${actions.theme} aria-label=${t("head.theme")} title=${t("head.theme")}>◐</button>
        <button class=${state.muted.value ? "off" : ""} @click=${actions.mute} title=${t(state.muted.value ? "head.muted" : "head.sound")}>${t(state.muted.value ? "head.muted" : "head.sound")}</button>
        <button @click=${actions.leave} title=${t("head.leave_title", { name: state.me.value?.name ?? "" })}>${t("head.leave")}</button>
        <button @click=${actions.help} aria-label=${t("help.title")} title=${t("help.title")}>?</button>
      </span>
    </div>`;
}

/** Where we are: the steps of the site's id above the school, its name, the sensor's place. */
function crumbs({ site, sensor }) {
  const above = site.site.split("/").slice(0, -1);
  const steps = [...above, site.site_name || site.site, placeName(sensor.position) || sensor.sensor];
  return steps.map((step, index) => html`${index ? html`<i>›</i>` : ""}${step}`);
}

/** The exam that counts: "OPEN paper 2, 01:12 left"; of the chosen sensor's site, else the one that is furthest on. */
function exam() {
  const own = state.current.value?.site.session;
  const all = [...state.sites.value.values()].map(({ session }) => session).filter(Boolean);
  const session = own ?? all.sort((a, b) => PHASES.indexOf(a.phase) - PHASES.indexOf(b.phase))[0];
  if (!session) return "";
  const { phase, name, until_ns } = session;
  return html`<a class="exam ${phase}" href=${to("sessions")} title=${t("head.exam")}><b>${t(`phase.${phase}`)}</b>
    ${until_ns ? t("head.remaining", { name, left: left(until_ns / 1e6 - state.now.value) }) : name}</a>`;
}
