/** The rows of one sensor that this page still holds, oldest dropped first, bounded in bytes. */

export const HISTORY_BYTES = 32 << 20;

export class History {
  constructor(maxBytes = HISTORY_BYTES) {
    this.maxBytes = maxBytes;
    this.clear();
  }

  clear() {
    this.rows = [];
    this.first = 0;
    this.bytes = 0;
  }

  add(row) {
    this.rows.push(row);
    this.bytes += row.codes.length;
    while (this.bytes > this.maxBytes) {
      this.bytes -= this.rows[this.first].codes.length;
      this.rows[this.first++] = null; // or it stays in memory until the next slice
    }
    if (this.first > 1024 && this.first * 2 > this.rows.length) {
      this.rows = this.rows.slice(this.first);
      this.first = 0;
    }
  }

  /** Put older rows before the first one held; those that are not older are left out. */
  prepend(rows) {
    const oldest = this.oldest_s ?? Infinity;
    const older = rows.filter((row) => row.time_s < oldest);
    const held = this.rows.slice(this.first);
    this.clear();
    for (const row of [...older, ...held]) this.add(row);
  }

  /** Rows of [start_s, stop_s], oldest first. */
  between(start_s, stop_s) {
    let low = this.first;
    let high = this.rows.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.rows[middle].time_s < start_s) low = middle + 1;
      else high = middle;
    }
    let stop = low;
    while (stop < this.rows.length && this.rows[stop].time_s <= stop_s) stop++;
    return this.rows.slice(low, stop);
  }

  get oldest_s() {
    return this.first < this.rows.length ? this.rows[this.first].time_s : null;
  }
}
