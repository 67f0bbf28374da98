/** Ten minutes of largest excess per sensor, from what alarms and rows told. */

import { signal } from "./vendor/signals-core.js";

export const BUCKETS = 60;
const BUCKET_MS = 10_000;

export const sparks = signal(new Map()); // sensor -> number[BUCKETS], oldest first
const collected = new Map();
let bucket = Math.floor(Date.now() / BUCKET_MS);

/** A sensor was seen to be `excess_db` over its baseline. */
export function spark(sensor, excess_db) {
  if (!collected.has(sensor)) collected.set(sensor, new Array(BUCKETS).fill(0));
  const values = collected.get(sensor);
  values[BUCKETS - 1] = Math.max(values[BUCKETS - 1], excess_db);
}

/** Move on with the clock and show. */
export function advanceSparks() {
  const current = Math.floor(Date.now() / BUCKET_MS);
  const passed = Math.min(BUCKETS, current - bucket);
  bucket = current;
  for (const values of collected.values()) {
    for (let i = 0; i < passed; i++) {
      values.shift();
      values.push(0);
    }
  }
  sparks.value = new Map(collected);
}
