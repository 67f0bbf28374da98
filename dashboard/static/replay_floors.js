/** What the lines of a replay are over: the baselines of the exam, else the usual levels of the day around. */

import { fetchPicture, floorOf, saysEnough, usualOf } from "./archive_picture.js";
import { fetchReferences, floorsOf } from "./archive_reference.js";

const USUAL_ROWS = 480;
const ENOUGH_ROWS = 20;
const DAY_S = 86_400;

export class ReplayFloors {
  /** `onLoaded()` when the baselines or the usual levels have come. */
  constructor(onLoaded) {
    this.onLoaded = onLoaded;
    this.#forget("");
  }

  #forget(key) {
    this.key = key;
    this.references = [];
    this.usual = null; // of the day; undefined where its records are too few
    this.#lift();
  }

  /** Lifts are those of lines of one length: found anew when that or the picture changes. */
  #lift() {
    this.floor = null;
    this.lifts = new Map();
  }

  /** What is replayed, `{sensor, pieces, width, value}`, in `[start_s, stop_s]`; another one begins anew. */
  show(asked, [start_s, stop_s], signal) {
    const key = JSON.stringify([asked, start_s, stop_s]);
    if (key === this.key) return;
    this.#forget(key);
    const day_s = Math.floor(start_s / 3600) * 3600 - DAY_S / 2;
    this.#fetch(key, fetchReferences({ ...asked, start_s, stop_s }, signal), (references) => (this.references = references));
    this.#fetch(key, fetchPicture({ ...asked, start_s: day_s, stop_s: day_s + DAY_S, height: USUAL_ROWS }, signal), (around) => {
      this.usual = saysEnough(around, ENOUGH_ROWS) ? usualOf(around) : undefined;
    });
  }

  /** Keep what comes, unless something else is shown by then; what failed is asked for again. */
  #fetch(key, coming, keep) {
    coming
      .then((value) => {
        if (this.key !== key) return;
        keep(value);
        this.onLoaded();
      })
      .catch(() => this.key === key && (this.key = ""));
  }

  /** Floors of a picture; `afresh` when more than its newest line has changed. */
  of(picture, afresh) {
    if (afresh) this.#lift();
    if (this.usual !== null) this.floor ??= floorOf(picture, this.usual ?? usualOf(picture));
    return floorsOf(picture, this.floor ?? usualOf(picture), this.references, this.lifts);
  }
}
