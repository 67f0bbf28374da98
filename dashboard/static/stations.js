/** Licensed and other known emitters, as the people of the centre wrote them down. */

import { signal } from "./vendor/signals-core.js";
import * as state from "./state.js";

const AGAIN_MS = 60e3;

const known = signal([]);

/** Read the list now and every minute; what cannot be had leaves the list as it was. */
export function loadStations() {
  const read = async () => {
    try {
      const answer = await fetch("api/v1/known");
      if (answer.ok) known.value = await answer.json();
    } catch {
      // the lost line says so itself
    }
  };
  setInterval(read, AGAIN_MS);
  return read();
}

/** Entries that count at the chosen sensor's site now. */
function here() {
  const site = state.current.peek()?.site.site; // a heartbeat is no reason to draw anew
  const now_ns = state.now.peek() * 1e6;
  return known.value.filter(
    (entry) =>
      !entry.ended_ns && (!entry.site || entry.site === site) && entry.start_ns <= now_ns && (!entry.stop_ns || entry.stop_ns > now_ns),
  );
}

/** Those that reach into a stretch. */
export const stationsIn = (start_hz, stop_hz) => here().filter((entry) => entry.low_hz < stop_hz && entry.high_hz > start_hz);

/** The narrowest at a frequency, or undefined. */
export const stationAt = (hz) =>
  here()
    .filter((entry) => hz >= entry.low_hz && hz <= entry.high_hz)
    .sort((a, b) => a.high_hz - a.low_hz - (b.high_hz - b.low_hz))[0];
