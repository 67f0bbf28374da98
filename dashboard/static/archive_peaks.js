/** The largest excess of each stretch of time, from the records: what the strips of time show. */

import { fetchPicture, peaksOf, usualOf } from "./archive_picture.js";
import { fetchReferences, floorsOf } from "./archive_reference.js";

const COLUMNS = 320; // over all bands: enough for the largest level, few enough for any link

/** dB over the baseline of then (or the usual) of `height` stretches of `[start_s, stop_s]`, null where nobody received. */
export async function fetchPeaks({ sensor, axis, start_s, stop_s, height }, signal) {
  const pieces = axis.pieces(COLUMNS).map((piece) => ({ ...piece, x0: Math.round(piece.x0), x1: Math.max(Math.round(piece.x0) + 1, Math.round(piece.x1)) }));
  const width = Math.max(1, ...pieces.map(({ x1 }) => x1));
  const asked = { sensor, pieces, width, start_s, stop_s };
  const [picture, references] = await Promise.all([fetchPicture({ ...asked, height }, signal), fetchReferences(asked, signal)]);
  return peaksOf(picture, floorsOf(picture, usualOf(picture), references));
}
