/** An alarm in words: the sentence its card begins with, made at display time in the user's language. */

import { knows, t } from "./i18n.js";
import * as state from "./state.js";

/** "Bursts of about 3 s every 6 min at 169.5000 MHz, only at this school, stronger in the hall". */
export function sentence(alarm) {
  const parts = (alarm.sentence ?? []).map(({ id, args }) => {
    // A reason of the list below reads differently in the middle of a sentence.
    const inside = id.replace(/^reason\./, "sentence.");
    return t(knows(inside) ? inside : id, named(args));
  });
  return parts.join(t("sentence.comma"));
}

/** Text of one reason. */
export const because = ({ id, args }) => t(id, named(args));

export const siteName = (id) => state.sites.value.get(id)?.site_name || id;

/** A position in words where it is one of the usual ones. */
export const placeName = (position) => (knows(`position.${position}`) ? t(`position.${position}`) : position);

function named(args = {}) {
  const said = { ...args };
  if (typeof args.position === "string") said.position = placeName(args.position);
  if (typeof args.freq_mhz === "number") said.freq_mhz = args.freq_mhz.toFixed(4);
  return said;
}

/** A sensor in words: its position. */
export function sensorName(id) {
  const found = state.sensors.value.find(({ sensor }) => sensor.sensor === id);
  return found?.sensor.position ? placeName(found.sensor.position) : id;
}

/** "3 of 4": sensors of the site that heard it. */
export function heardBy(alarm) {
  const all = state.sites.value.get(alarm.site)?.sensors.length ?? alarm.sensors.length;
  return { n: alarm.sensors.length, m: Math.max(all, alarm.sensors.length) };
}
