/** Who normally lives at a frequency: the national band plan, and the names of guard bands. */

import { knows, lang, t } from "./i18n.js";

let rows = [];

/** Read the band plan that ships with the page. */
export async function loadBands() {
  const answer = await fetch(new URL("bands.json", import.meta.url));
  rows = (await answer.json()).rows.map((row) => ({
    ...row,
    start_hz: row.start_mhz * 1e6,
    stop_hz: row.stop_mhz * 1e6,
  }));
}

/** Services that reach into a stretch of frequencies. */
export const servicesIn = (start_hz, stop_hz) =>
  rows.filter((row) => row.start_hz < stop_hz && row.stop_hz > start_hz);

/** Name of the service at a frequency, empty where the plan is silent. */
export function serviceAt(hz) {
  const at = rows.find((row) => hz >= row.start_hz && hz < row.stop_hz);
  return at ? at[lang.value] : "";
}

/** A guard band's name for people; a site's own names stay as they are. */
export const bandName = (name) => (knows(`band.${name}`) ? t(`band.${name}`) : name);
