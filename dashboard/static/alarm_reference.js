/** Baseline and threshold of a window as the site has them now: one question over a line of its own. */

import { decodeFrame } from "./wire.js";

const PATIENCE_MS = 4000;

/** `{baseline, threshold}` in dBFS for each of `bins`, null where unseen; null when nobody answers. */
export function referenceOf(sensor, start_hz, stop_hz, bins) {
  const url = new URL("api/v1/live", document.baseURI);
  url.protocol = url.protocol.replace("http", "ws");
  return new Promise((resolve) => {
    const socket = new WebSocket(url);
    socket.binaryType = "arraybuffer";
    const end = (answer) => {
      clearTimeout(timer);
      socket.close();
      resolve(answer);
    };
    const timer = setTimeout(() => end(null), PATIENCE_MS);
    socket.onopen = () => socket.send(JSON.stringify({ op: "watch", id: "r", sensor, start_hz, stop_hz, bins }));
    socket.onclose = () => end(null);
    socket.onmessage = ({ data }) => {
      if (typeof data === "string") return;
      const { header, body } = decodeFrame(data);
      if (header.kind !== "reference") return;
      const level = (code) => (code ? header.offset_db + header.step_db * code : null);
      const at = Array.from({ length: bins }, (_, x) => {
        const hz = start_hz + ((x + 0.5) * (stop_hz - start_hz)) / bins;
        const bin = Math.floor((hz - header.start_hz) / header.bin_width_hz);
        return bin >= 0 && bin < header.n_bins ? bin : -1;
      });
      const trace = (first) => at.map((bin) => (bin < 0 ? null : level(body[first + bin])));
      end({ baseline: trace(0), threshold: trace(header.n_bins) });
    };
  });
}
