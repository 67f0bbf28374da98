/** Recorded lines as a replay needs them: fetched ahead in pieces, the oldest forgotten. */

import { fetchPicture } from "./archive_picture.js";

const LINES = 128; // of one piece
const MOST_PIECES = 24;

export class Reel {
  /** `onLoaded()` after each piece that came. */
  constructor(onLoaded) {
    this.onLoaded = onLoaded;
    this.key = "";
    this.stop = new AbortController();
    this.pieces = new Map(); // number -> picture, or null while it is on the way
    this.failure = "";
  }

  /** What is replayed: `{sensor, pieces, width, slot_s, value}`; another one begins anew. */
  show(asked) {
    const key = JSON.stringify(asked);
    if (key === this.key) return;
    this.end();
    this.key = key;
    this.asked = asked;
    this.stop = new AbortController();
    this.pieces = new Map();
  }

  end() {
    this.stop.abort();
  }

  /** Whether everything for the next `lines` lines from a time on is here. */
  ready(t_s, lines) {
    const first = this.#number(t_s - lines * this.asked.slot_s);
    for (let number = first; number <= this.#number(t_s); number++) if (!this.#piece(number)) return false;
    return true;
  }

  #number(s) {
    return Math.floor(s / (this.asked.slot_s * LINES));
  }

  #piece(number) {
    const found = this.pieces.get(number);
    if (found !== undefined) return found;
    this.pieces.set(number, null);
    const { slot_s } = this.asked;
    const { pieces } = this;
    const start_s = number * LINES * slot_s;
    fetchPicture({ ...this.asked, start_s, stop_s: start_s + LINES * slot_s, height: LINES }, this.stop.signal)
      .then((picture) => {
        pieces.set(number, picture);
        this.failure = "";
      })
      .catch((error) => {
        pieces.delete(number);
        if (error.name !== "AbortError") this.failure = error.message;
      })
      .finally(() => pieces === this.pieces && this.onLoaded());
    while (pieces.size > MOST_PIECES) pieces.delete(pieces.keys().next().value);
    return null;
  }

  /** The newest `lines` lines before `t_s` as one picture; what has not come yet is unseen. */
  compose(t_s, lines) {
    const { slot_s, width, pieces } = this.asked;
    const stop = Math.floor(t_s / slot_s); // the first line not yet over
    const codes = new Uint8Array(width * lines);
    let scale = { offset_db: -140, step_db: 0.5 };
    for (let number = this.#number((stop - lines) * slot_s); number <= this.#number((stop - 1) * slot_s); number++) {
      const piece = this.#piece(number);
      if (!piece) continue;
      scale = piece;
      const from = Math.max(number * LINES, stop - lines);
      const to = Math.min((number + 1) * LINES, stop);
      codes.set(piece.codes.subarray((from - number * LINES) * width, (to - number * LINES) * width), (from - (stop - lines)) * width);
    }
    this.#piece(this.#number(stop * slot_s) + 1); // ahead
    return { width, height: lines, pieces, codes, start_s: (stop - lines) * slot_s, stop_s: stop * slot_s, offset_db: scale.offset_db, step_db: scale.step_db };
  }
}
