/** Rows of the wire as levels: decoded once, however many pictures and tables look at one. */

/** Level of what nobody received; every real level is far above it. */
export const UNSEEN = -1000;

const tables = new Map(); // levels of the 256 codes, by scale

function tableOf({ offset_db, step_db }) {
  const name = `${offset_db}/${step_db}`;
  if (!tables.has(name)) tables.set(name, Float32Array.from({ length: 256 }, (_, code) => (code === 0 ? UNSEEN : offset_db + code * step_db)));
  return tables.get(name);
}

/** u8 codes to dBFS; code 0 is unseen. */
export function decodeLevels(codes, scale) {
  const table = tableOf(scale);
  const levels = new Float32Array(codes.length);
  for (let i = 0; i < codes.length; i++) levels[i] = table[codes[i]];
  return levels;
}

/** dB over the baseline per bin; without one, over the median of the row. */
export function excessOf(levels, reference) {
  const excess = new Float32Array(levels.length);
  const baseline = reference?.baseline;
  let floor = null;
  for (let i = 0; i < levels.length; i++) {
    if (levels[i] === UNSEEN) {
      excess[i] = UNSEEN;
    } else if (baseline && baseline[i] !== UNSEEN) {
      excess[i] = levels[i] - baseline[i];
    } else {
      floor ??= medianSeen(levels);
      excess[i] = levels[i] - floor;
    }
  }
  return excess;
}

function medianSeen(levels) {
  const seen = levels.filter((level) => level !== UNSEEN).sort();
  return seen.length ? seen[seen.length >> 1] : 0;
}

/** A row with what is worked out of it: `{row, reference, levels, excess}`, dBFS and dB over the reference per bin. */
export function decode(row, reference) {
  const levels = decodeLevels(row.codes, row);
  return { row, reference, levels, excess: excessOf(levels, reference) };
}
