/** What the monitor recorded before this page looked: the waterfall does not begin empty. */

const MOST_ROWS = 600;

/**
 * Rows of `pieces` (`{start_hz, stop_hz, bins}`) of the `span_s` seconds up to `end_s`, oldest first,
 * one a second (fewer where the span is long); empty where nothing is recorded or the monitor refuses.
 */
export async function recall(sensor, pieces, end_s, span_s) {
  const step_s = Math.ceil(span_s / MOST_ROWS);
  const height = Math.ceil(span_s / step_s);
  const stop_s = Math.floor(end_s);
  const found = await Promise.all(pieces.map((piece) => one(sensor, piece, stop_s - height * step_s, step_s, height)));
  return found.flat().sort((a, b) => a.time_s - b.time_s);
}

async function one(sensor, { start_hz, stop_hz, bins }, start_s, step_s, height) {
  const asked = new URLSearchParams({
    start_ns: `${start_s}000000000`,
    stop_ns: `${start_s + height * step_s}000000000`,
    start_hz,
    stop_hz,
    width: bins,
    height,
  });
  const path = sensor.split("/").map(encodeURIComponent).join("/");
  let picture;
  try {
    const answer = await fetch(`api/v1/spectrum/${path}?${asked}`, { signal: AbortSignal.timeout(8000) });
    if (!answer.ok) return [];
    picture = await answer.json();
  } catch {
    return []; // the live rows come all the same
  }
  const codes = Uint8Array.from(atob(picture.levels), (letter) => letter.charCodeAt(0));
  const rows = [];
  for (let k = 0; k < height; k++) {
    const row = codes.subarray(k * bins, (k + 1) * bins);
    if (!row.some((code) => code !== 0)) continue;
    rows.push({
      sensor,
      time_s: start_s + k * step_s, // its beginning: it is held for its second
      duration_s: step_s,
      start_hz,
      bin_width_hz: (stop_hz - start_hz) / bins,
      n_bins: bins,
      offset_db: picture.offset_db,
      step_db: picture.step_db,
      codes: row,
      recorded: true,
    });
  }
  return rows;
}
