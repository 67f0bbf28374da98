/** What the page knows, as signals: filled by the wire, read by the views. */

import { computed, signal } from "./vendor/signals-core.js";
import { Axis } from "./axis.js";

export const link = signal({ name: "connecting", since: Date.now() });
export const known = signal(false); // the monitor has told everything once
export const sites = signal(new Map()); // id -> heartbeat with age_s, state
export const alarms = signal(new Map()); // id -> alarm
export const notices = signal([]); // newest first, at most 50
export const now = signal(Date.now()); // monitor's clock, once a second
export const skipped = signal(0); // rows that this browser was too slow for

export const me = signal(null); // {name, role, permissions}
export const chosen = signal(null); // sensor id
export const selected = signal(null); // alarm id
export const axis = signal(new Axis([]));
export const paused = signal(null); // time_s at which the picture stands, or null
export const excessView = signal(true);
export const showHold = signal(true);
export const showBaseline = signal(true);
export const showPeaks = signal(false); // the table of what stands over the threshold
export const beside = signal([]); // ids of the sensors that are shown under the chosen one
export const cursorX = signal(null); // CSS pixel under the pointer, or null
export const slotS = signal(0.2); // seconds per waterfall line
export const muted = signal(localStorage.getItem("rfproctor.muted") === "yes");
export const theme = signal("dark");
export const filter = signal("");

/** Worst first: what needs a person comes on top. */
export const STATES = ["blind", "silent", "degraded", "drill", "survey", "go"];
const rank = (state) => STATES.indexOf(state) + (STATES.includes(state) ? 0 : STATES.length);

/** `[{site, sensor}]`, worst first, then by site and sensor. */
export const sensors = computed(() =>
  [...sites.value.values()]
    .flatMap((site) => site.sensors.map((sensor) => ({ site, sensor: { ...sensor, state: stateOf(site, sensor) } })))
    .sort(
      (a, b) =>
        rank(a.sensor.state) - rank(b.sensor.state) ||
        a.site.site.localeCompare(b.site.site) ||
        a.sensor.sensor.localeCompare(b.sensor.sensor),
    ),
);

/** A site that no longer speaks makes all its sensors silent, whatever they said last. */
function stateOf(site, sensor) {
  return site.state === "silent" ? "silent" : sensor.state;
}

export const current = computed(() => sensors.value.find(({ sensor }) => sensor.sensor === chosen.value) ?? null);

const CLOSED = new Set(["dismissed", "closed"]);
export const isOpen = (alarm) => !CLOSED.has(alarm.state);
export const isNew = (alarm) => alarm.state === "new" || alarm.state === "reopened";

const MOST_OVER = 1000; // alarms that are over and still held

/** A page that stands open for weeks holds every open alarm, and of those that are over the ones seen last. */
export function withoutOldest(held, most = MOST_OVER) {
  const over = [...held.values()].filter((alarm) => !isOpen(alarm));
  if (over.length <= most) return held;
  over.sort((a, b) => b.last_seen_ns - a.last_seen_ns);
  for (const { id } of over.slice(most)) held.delete(id);
  return held;
}

/** Open alarms: nobody's first, then by suspicion, then the newest. */
export const openAlarms = computed(() =>
  [...alarms.value.values()]
    .filter(isOpen)
    .sort(
      (a, b) =>
        Number(isNew(b)) - Number(isNew(a)) ||
        b.suspicion - a.suspicion ||
        b.first_seen_ns - a.first_seen_ns,
    ),
);

/**
 * Alarm id -> its number on the page, as on its card and flag.  It keeps it as long as it is open,
 * so that people can speak of "number 3"; with none open the count begins anew.
 */
export const numbers = computed(() => {
  const before = given;
  const open = openAlarms.value;
  let last = Math.max(0, ...open.map(({ id }) => before.get(id) ?? 0));
  given = new Map(open.map(({ id }) => [id, before.get(id) ?? ++last]));
  return given;
});
let given = new Map();

