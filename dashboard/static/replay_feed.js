/** What people saw and did during an exam, each at the moment when it came here. */

import { html, nothing } from "./vendor/lit-html.js";
import { ask } from "./api.js";
import { clock, mhz } from "./format.js";
import { knows, t } from "./i18n.js";
import { shape } from "./shapes.js";
import { because, sensorName } from "./words.js";

const MOST_ALARMS = 300; // whose actions are asked for
const AT_ONCE = 6;
const SHOWN = 60;

/** Everything of a stretch of time, oldest first: `[{time_s, kind, alarm, action, notice}]`. */
export async function fetchFeed({ site, start_s, stop_s, alarms }, signal) {
  const asked = new URLSearchParams({ site, since_ns: `${Math.floor(start_s)}000000000`, until_ns: `${Math.ceil(stop_s)}000000000`, limit: 1000 });
  const entries = alarms.map((alarm) => ({ time_s: alarm.opened_ns / 1e9, kind: "alarm", alarm }));
  const rest = alarms.slice(0, MOST_ALARMS);
  const work = async () => {
    for (let alarm = rest.shift(); alarm; alarm = rest.shift()) {
      const { value } = await ask(`alarms/${encodeURIComponent(alarm.id)}/actions`, signal);
      for (const action of value ?? []) entries.push({ time_s: action.time_ns / 1e9, kind: "action", alarm, action });
    }
  };
  const [notices] = await Promise.all([ask(`notices?${asked}`, signal), ...Array.from({ length: AT_ONCE }, work)]);
  for (const notice of notices.value ?? []) if (notice.level !== "info") entries.push({ time_s: notice.start_ns / 1e9, kind: "notice", notice });
  return entries.filter(({ time_s }) => time_s >= start_s && time_s <= stop_s).sort((a, b) => a.time_s - b.time_s);
}

/** State of each alarm at a time: the last thing that was done about it. */
export function statesAt(entries, t_s) {
  const states = new Map();
  for (const { time_s, kind, alarm, action } of entries) {
    if (time_s > t_s) break;
    if (kind === "alarm") states.set(alarm.id, "new");
    if (kind === "action") states.set(alarm.id, action.state_after);
  }
  return states;
}

const WORD_OF = { acknowledge: "acknowledged", investigate: "investigating", hand_over: "handed_over", dismiss: "dismissed", close: "closed", reopen: "reopened" };

/** What has come, the newest on top; a click on an alarm shows it. */
export function feed(past, onAlarm) {
  const states = statesAt(past, Infinity);
  const open = [...states.values()].filter((name) => !["dismissed", "closed"].includes(name)).length;
  return html`<h2>${t("replay.feed")} <small>${t("replay.count", { n: states.size, open })}</small></h2>
    <ol>${past.slice(-SHOWN).reverse().map((entry) => html`<li class=${entry.kind}><time>${clock(entry.time_s * 1000)}</time>${told(entry, states, onAlarm)}</li>`)}</ol>
    ${past.length ? nothing : html`<p class="empty">${t("replay.nothing_yet")}</p>`}`;
}

/** One entry.  Of an alarm only what was known then: its card speaks of everything that came later. */
function told({ kind, alarm, action, notice }, states, onAlarm) {
  if (kind === "notice") return html`<span>${shape(notice.level === "alarm" ? "blind" : "degraded")} ${because(notice.note)} <small>${notice.sensor ? sensorName(notice.sensor) : ""}</small></span>`;
  const name = html`<button @click=${() => onAlarm(alarm)}>${mhz(alarm.center_freq_hz)} MHz</button>`;
  if (kind === "action") {
    const state = WORD_OF[action.action];
    return html`<span>${name} ${state ? t(`alarm.state.${state}`) : action.note} <small>${action.author}${action.reason && knows(`dismiss.${action.reason}`) ? ` · ${t(`dismiss.${action.reason}`)}` : ""}${state && action.note ? ` · ${action.note}` : ""}</small></span>`;
  }
  return html`<span>${name} <b class=${states.get(alarm.id) === "new" ? "fresh" : ""}>${t("replay.came")}</b> ${t("replay.heard", { time: clock(alarm.first_seen_ns / 1e6) })} <small>${t(`alarm.state.${states.get(alarm.id)}`)}</small></span>`;
}
