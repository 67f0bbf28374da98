/** Colours of levels: the inferno map (perceptually even, safe for colour-blind eyes, CC0). */

// 33 of its published points; straight lines between them stay within 2 of 255 of the full table.
const INFERNO =
  "000004 040312 0b0724 150b37 210c4a 2f0a5b 3d0965 4a0c6b 57106e 64156e 71196e 7d1e6d 8a226a " +
  "972766 a32c61 b0315b bc3754 c63d4d d04545 da4e3c e35933 eb6429 f1711f f67e14 f98c0a fb9b06 " +
  "fcaa0f fbba1f f9c932 f5d949 f2e865 f3f586 fcffa4";

/** dB over the baseline that the colours span, the same on every picture. */
export const EXCESS_RANGE = [-3, 30];

/** 256 colours as the little-endian RGBA words that an ImageData takes. */
export const WORDS = new Uint32Array(256);

const STOPS = INFERNO.split(" ").map((hex) => [0, 2, 4].map((i) => parseInt(hex.slice(i, i + 2), 16)));
for (let i = 0; i < 256; i++) {
  const at = Math.min((i / 255) * 32, 31.999);
  const low = STOPS[Math.floor(at)];
  const high = STOPS[Math.floor(at) + 1];
  const [r, g, b] = low.map((c, k) => Math.round(c + (high[k] - c) * (at % 1)));
  WORDS[i] = (255 << 24) | (b << 16) | (g << 8) | r;
}

/** CSS colour of a part 0..1 of the range. */
export function css(part) {
  const word = WORDS[Math.round(255 * Math.min(1, Math.max(0, part)))];
  return `rgb(${word & 255} ${(word >> 8) & 255} ${(word >> 16) & 255})`;
}
