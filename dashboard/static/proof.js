/** Silence is proven, never blank: what would have been heard, and since when nothing was. */

import * as state from "./state.js";

const HEARING = new Set(["go", "degraded", "drill"]);
/** A band with less is not called watched. */
export const ENOUGH = 0.9;

/**
 * How well the given sensors listen now.
 *
 * `watched` bands of `total` would let a 2 s message pass with no more than 1 - `chance`; `since` is
 * the later of the last sighting and the start of the sensors.  A band that several sensors watch
 * counts once, with the best of them.
 */
export function proof(rows, alarms) {
  const best = new Map();
  let since = 0;
  for (const { site, sensor } of rows) {
    since = Math.max(since, site.started_ns / 1e6);
    for (const band of sensor.bands) {
      const name = `${site.site}/${band.start_hz}/${band.stop_hz}`;
      const chance = HEARING.has(sensor.state) ? band.p_2s : 0;
      best.set(name, Math.max(best.get(name) ?? 0, chance));
    }
  }
  for (const alarm of alarms) if (!alarm.drill) since = Math.max(since, (alarm.clock_doubtful ? alarm.changed_ns : alarm.last_seen_ns) / 1e6);
  const good = [...best.values()].filter((chance) => chance >= ENOUGH);
  return { since, total: best.size, watched: good.length, chance: good.length ? Math.min(...good) : 0 };
}

export const proofNow = () => proof(state.sensors.value, state.alarms.value.values());
