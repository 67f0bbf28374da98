/**
 * What recorded levels are compared with: the baseline that the site used at that time, else the usual level.
 *
 * A pixel that stands for many rows is their maximum and lies higher than one row: that lift, the same for
 * all frequencies, is taken off.  It is bounded, so that a whole band which rises is not taken for one.
 */

import { clock, day } from "./format.js";
import { t } from "./i18n.js";
import { liftOf, usualOf } from "./archive_picture.js";

const MOST_LIFT_DB = 10;
const BASELINE_CHARS = 8;

const ns = (s) => `${Math.floor(s)}000000000`;
const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

/**
 * Baselines of a stretch of time in the columns of a picture, in order of time:
 * `[{baseline, start_s, stop_s, levels, threshold, signed, since_s}]`, codes 0 where a band of another piece is.
 */
export async function fetchReferences({ sensor, pieces, width, start_s, stop_s }, signal) {
  const path = sensor.split("/").map(encodeURIComponent).join("/");
  const found = await Promise.all(
    pieces.map(async ({ x0, x1, start_hz, stop_hz }) => {
      const asked = new URLSearchParams({ start_ns: ns(start_s), stop_ns: ns(Math.ceil(stop_s)), start_hz, stop_hz, width: x1 - x0 });
      const answer = await fetch(`api/v1/reference/${path}?${asked}`, { signal, headers: { "Accept-Language": document.documentElement.lang } });
      const piece = await answer.json();
      if (!answer.ok) throw new Error(piece.text);
      const levels = piece.levels.map((one) =>
        [one.baseline, one.threshold].map((codes) => {
          const wide = new Uint8Array(width);
          wide.set(bytes(codes), x0);
          return wide;
        }),
      );
      return piece.references.map((one) => ({
        baseline: one.baseline,
        start_s: one.start_ns / 1e9,
        stop_s: one.stop_ns / 1e9,
        levels: levels[one.levels][0],
        threshold: levels[one.levels][1],
        signed: one.signed,
        since_s: piece.since_ns[one.baseline] / 1e9,
      }));
    }),
  );
  return found.flat().sort((a, b) => a.start_s - b.start_s);
}

/**
 * What to take off each row of a picture: `{rows: [Float32Array], based: [boolean]}`.  Of rows
 * that nobody received `based` is null.
 *
 * `usual` is the floor where there was no baseline.  `lifts` remembers the lift of each baseline between
 * pictures of one kind.
 */
export function floorsOf(picture, usual, references, lifts = new Map()) {
  const { width, height, codes, start_s, stop_s, step_db } = picture;
  const row_s = (stop_s - start_s) / height;
  const keys = Array.from({ length: height }, (_, y) => {
    const [from, to] = [start_s + y * row_s, start_s + (y + 1) * row_s];
    return references.flatMap((one, index) => (one.start_s < to && one.stop_s > from ? [index] : [])).join();
  });
  const made = new Map([["", usual]]);
  keys.forEach((key, first) => {
    if (made.has(key)) return;
    const under = new Float32Array(width);
    for (const index of key.split(",")) references[index].levels.forEach((code, x) => (under[x] = Math.max(under[x], code)));
    if (!lifts.has(key)) {
      const last = keys.lastIndexOf(key) + 1;
      const own = usualOf({ width, height: last - first, codes: codes.subarray(first * width, last * width) });
      const most = MOST_LIFT_DB / step_db;
      lifts.set(key, Math.max(-most, Math.min(most, liftOf(own, under))));
    }
    made.set(key, under.map((code, x) => (code ? code + lifts.get(key) : usual[x])));
  });
  const seen = (y) => codes.subarray(y * width, (y + 1) * width).some((code) => code);
  return { rows: keys.map((key) => made.get(key)), based: keys.map((key, y) => (seen(y) ? key !== "" : null)) };
}

/** One floor for every row. */
export const sameFloor = (floor, height) => ({ rows: Array(height).fill(floor), based: Array(height).fill(false) });

/** What the rows that were received are over: "baseline", "usual" or "both"; "baseline" where none was received. */
export function overWhat({ based }) {
  if (!based.includes(false)) return "baseline";
  if (!based.includes(true)) return "usual";
  return "both";
}

/** The same in words. */
export function referenceWords(floors, references) {
  if (floors.based.every((one) => one === null)) return "";
  if (overWhat(floors) === "usual") return t("archive.reference.none");
  const names = new Set(references.map(({ baseline }) => baseline));
  const words = names.size === 1 ? oneBaseline(references) : t("archive.reference.many", { n: names.size });
  return overWhat(floors) === "baseline" ? words : t("archive.reference.some", { baseline: words });
}

function oneBaseline(references) {
  const [first] = references;
  const since_s = Math.min(...references.map((one) => one.since_s));
  const [signed] = first.signed;
  return t("archive.reference.one", {
    baseline: first.baseline.slice(0, BASELINE_CHARS),
    time: `${day(since_s * 1000)} ${clock(since_s * 1000, false)}`,
    signed: signed ? t("archive.reference.signed", { names: [signed.wanted_by, signed.decided_by].filter(Boolean).join(" + "), exam: signed.session }) : t("archive.reference.unsigned"),
  });
}
