/** Round local times on an axis of time. */

import { clock, day } from "./format.js";

const STEPS_S = [1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800];
const DAY_S = 86_400;

/** `[{s, label}]` of [start_s, stop_s] over so many pixels, no nearer than `least_px`. */
export function timeTicks(start_s, stop_s, pixels, least_px) {
  const perPixel = (stop_s - start_s) / Math.max(1, pixels);
  const step = STEPS_S.find((s) => s / perPixel >= least_px) ?? STEPS_S.at(-1);
  const ticks = [];
  // The zone of the middle: half an hour of the two nights a year when clocks change may be off.
  const zone_s = -new Date((start_s + stop_s) * 500).getTimezoneOffset() * 60;
  for (let s = Math.ceil((start_s + zone_s) / step) * step - zone_s; s <= stop_s; s += step) {
    const midnight = (s + zone_s) % DAY_S === 0;
    ticks.push({ s, label: step >= DAY_S || midnight ? day(s * 1000) : clock(s * 1000, step < 60) });
  }
  return ticks;
}

/** Local midnight at or before a time. */
export function midnight(s) {
  const at = new Date(s * 1000);
  at.setHours(0, 0, 0, 0);
  return at.getTime() / 1000;
}
