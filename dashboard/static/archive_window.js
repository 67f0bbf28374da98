/** What the history page shows as a value: sensor, time, frequencies, how it is drawn; and its address. */

/** Offered lengths: a minute, ten, an hour, six, a day, a week, everything that is kept by default. */
export const SPANS_S = [60, 600, 3600, 21_600, 86_400, 604_800, 1_209_600];
export const LEAST_S = 10;
export const MOST_S = 366 * 86_400;
const AROUND_ALARM_S = [15, 45];
const JUMP_WIDTHS = 10;
const JUMP_LEAST_HZ = 100e3;

export const PLAIN = { sensor: null, end_s: null, span_s: 3600, low_hz: 0, high_hz: 0, excess: true, value: "max" };

/** "20261124T094100Z": sorts, needs no escaping, and a person can read it. */
const stamp = (s) => new Date(s * 1000).toISOString().replace(/[-:]|\.\d+/g, "");

function seconds(text) {
  const parts = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text);
  if (!parts) return null;
  const [year, month, day, hour, minute, second] = parts.slice(1).map(Number);
  return Date.UTC(year, month - 1, day, hour, minute, second) / 1000;
}

/** Steps of the address: sensor, end ("now" follows the clock), seconds, MHz, drawing. */
export function wordsOf({ sensor, end_s, span_s, low_hz, high_hz, excess, value }) {
  const stretch = high_hz ? `${(low_hz / 1e6).toFixed(4)}-${(high_hz / 1e6).toFixed(4)}` : "all";
  return [sensor ?? "", end_s === null ? "now" : stamp(end_s), String(Math.round(span_s)), stretch, excess ? "excess" : "raw", value];
}

/** The window of an address; what is missing or cannot be read is as on a fresh page. */
export function windowOf([sensor, end, span, stretch, excess, value]) {
  const [low, high] = (stretch ?? "").split("-").map(Number);
  const known = low >= 0 && high > low;
  return {
    sensor: sensor || null,
    end_s: seconds(end ?? ""),
    span_s: Number(span) >= LEAST_S ? Math.min(MOST_S, Number(span)) : PLAIN.span_s,
    low_hz: known ? low * 1e6 : 0,
    high_hz: known ? high * 1e6 : 0,
    excess: excess !== "raw",
    value: value === "mean" ? "mean" : "max",
  };
}

/** The minute in which an alarm began, ten times as wide as it, at the sensor that hears it best. */
export function minuteOf({ sensors, first_seen_ns, center_freq_hz, bandwidth_hz }, sensor = sensors[0]) {
  const [before_s, after_s] = AROUND_ALARM_S;
  const half_hz = Math.max(JUMP_LEAST_HZ, JUMP_WIDTHS * bandwidth_hz) / 2;
  return {
    ...PLAIN,
    sensor,
    end_s: Math.floor(first_seen_ns / 1e9) + after_s,
    span_s: before_s + after_s,
    low_hz: Math.max(0, center_freq_hz - half_hz),
    high_hz: center_freq_hz + half_hz,
  };
}

/** Change the time, keeping it inside what can exist. */
export function inTime(view, start_s, stop_s, now_s) {
  const span_s = Math.min(MOST_S, Math.max(LEAST_S, stop_s - start_s));
  const end_s = (start_s + stop_s) / 2 + span_s / 2;
  // Up to now means: and go on with the clock.
  return { ...view, span_s, end_s: end_s >= now_s ? null : end_s };
}
