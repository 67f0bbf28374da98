/** Where the pictures of an alarm come from: a recording that arrived, or the monitor's own history. */

import { ask } from "./api.js";
import { fetchPicture, rowsFor, usualOf } from "./archive_picture.js";
import { fetchReferences, floorsOf, sameFloor } from "./archive_reference.js";
import { referenceOf } from "./alarm_reference.js";
import { t } from "./i18n.js";

const WIDE = 700;
const TALL = 260;
const BEFORE_S = 30;
const AFTER_S = 10;
const MOST_S = 600;
const WIDTHS = 10;
const LEAST_HZ = 100e3;

const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

/**
 * A recording as a picture: `{value}` or `{failure}`.
 *
 * The value is a picture as in archive_picture.js with `floors` (archive_reference.js),
 * `start_hz`, `stop_hz`, `low_hz`, `high_hz`, `bursts` in seconds and `traces` `[{id, levels}]` in dBFS.
 */
export async function cutoutOf(path, clip) {
  const { value: made, failure } = await ask(`${path}/evidence/${encodeURIComponent(clip)}/waterfall?width=${WIDE}&height=${TALL}`);
  if (failure) return { failure };
  const codes = bytes(made.levels);
  const bursts = made.bursts.map(([from, to]) => [from / 1e9, to / 1e9]);
  const picture = {
    recorded: true,
    width: made.width,
    height: made.height,
    pieces: [{ x0: 0, x1: made.width }],
    codes,
    offset_db: made.offset_db,
    step_db: made.step_db,
    start_s: made.start_ns / 1e9,
    stop_s: made.stop_ns / 1e9,
    start_hz: made.start_hz,
    stop_hz: made.stop_hz,
    low_hz: made.low_hz,
    high_hz: made.high_hz,
    bursts,
  };
  const traces = [{ id: "before", levels: made.before }, { id: "during", levels: made.during }];
  picture.traces = traces.map(({ id, levels }) => ({ id, levels: levelsOf(bytes(levels), picture) })).filter(({ levels }) => levels.some((level) => level !== null));
  return { value: { ...picture, floors: sameFloor(quietFloor(picture), picture.height) } };
}

/** The time around an alarm's beginning from the monitor's history, with the baseline of that time, or of now where none is known. */
export async function pastOf(alarm) {
  const start_s = Math.floor(alarm.first_seen_ns / 1e9) - BEFORE_S;
  const stop_s = Math.min(Math.ceil(alarm.last_seen_ns / 1e9) + AFTER_S, start_s + MOST_S);
  const half_hz = Math.max(WIDTHS * alarm.bandwidth_hz, LEAST_HZ) / 2;
  const [start_hz, stop_hz] = [alarm.center_freq_hz - half_hz, alarm.center_freq_hz + half_hz];
  const sensor = alarm.sensors[0];
  const pieces = [{ x0: 0, x1: WIDE, start_hz, stop_hz }];
  const asked = { sensor, pieces, width: WIDE, start_s, stop_s };
  let picture, references;
  try {
    const signal = AbortSignal.timeout(20_000);
    [picture, references] = await Promise.all([fetchPicture({ ...asked, height: rowsFor(stop_s - start_s, TALL) }, signal), fetchReferences(asked, signal)]);
  } catch (error) {
    return { failure: error.name === "TimeoutError" ? t("api.no_answer") : error.message };
  }
  picture = {
    ...picture,
    recorded: false,
    start_hz,
    stop_hz,
    low_hz: alarm.center_freq_hz - alarm.bandwidth_hz / 2,
    high_hz: alarm.center_freq_hz + alarm.bandwidth_hz / 2,
    bursts: [[alarm.first_seen_ns / 1e9, alarm.last_seen_ns / 1e9]],
  };
  const during = columnMost(picture, (s) => s >= start_s + BEFORE_S);
  picture.traces = [{ id: "during", levels: during }];
  const then = references.at(-1);
  const reference = then ? { baseline: levelsOf(then.levels, picture), threshold: levelsOf(then.threshold, picture) } : await referenceOf(sensor, start_hz, stop_hz, WIDE);
  if (reference) picture.traces.unshift({ id: "baseline", levels: reference.baseline }, { id: "threshold", levels: reference.threshold });
  picture.reference = then ? t("cutout.reference.then", { baseline: then.baseline }) : t(reference ? "cutout.reference.now" : "cutout.reference.none");
  return { value: { ...picture, floors: floorsOf(picture, quietFloor(picture), references) } };
}

const levelsOf = (codes, { offset_db, step_db }) => Array.from(codes, (code) => (code ? offset_db + step_db * code : null));

const secondsOf = ({ start_s, stop_s, height }, row) => start_s + ((row + 0.5) * (stop_s - start_s)) / height;

/** What each column reads while the emitter is silent; where that was never seen, what it usually reads. */
function quietFloor(picture) {
  const { width, height, codes, bursts } = picture;
  const quiet = codes.slice();
  for (let row = 0; row < height; row++) {
    const half_s = (picture.stop_s - picture.start_s) / height / 2;
    const s = secondsOf(picture, row);
    if (bursts.some(([from, to]) => s + half_s >= from && s - half_s <= to)) quiet.fill(0, row * width, (row + 1) * width);
  }
  const before = usualOf({ width, height, codes: quiet });
  if (before.some((code) => code)) return before.map((code, x) => code || median(before));
  // It never paused: what lies beside it tells how quiet it is there without it.
  const usual = usualOf(picture);
  const half_hz = (picture.high_hz - picture.low_hz) / 2;
  const beside = usual.filter((_, x) => {
    const hz = picture.start_hz + ((x + 0.5) * (picture.stop_hz - picture.start_hz)) / width;
    return hz < picture.low_hz - 2 * half_hz || hz > picture.high_hz + 2 * half_hz;
  });
  return usual.map((code) => Math.min(code, median(beside)));
}

const median = (codes) => {
  const seen = [...codes].filter((code) => code).sort((a, b) => a - b);
  return seen[seen.length >> 1] ?? 0;
};

/** Highest level of each column over the rows of a time. */
function columnMost(picture, wanted) {
  const most = new Uint8Array(picture.width);
  for (let row = 0; row < picture.height; row++) {
    if (!wanted(secondsOf(picture, row))) continue;
    for (let x = 0; x < picture.width; x++) most[x] = Math.max(most[x], picture.codes[row * picture.width + x]);
  }
  return levelsOf(most, picture);
}
