/**
 * The live WebSocket (docs/live.md): text frames are JSON, one message a line, binary frames rows and references.
 *
 * `Wire` reconnects by itself and says at once when the line is silent: the monitor sends
 * its time once a second, so SILENT_MS without a frame counts as lost.
 */

const SILENT_MS = 3500;
const RETRY_MS = [300, 600, 1200, 2500, 5000];

/** A binary frame: `{header, body}`; throws RangeError or SyntaxError on a broken one. */
export function decodeFrame(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  return { header, body: new Uint8Array(buffer, 4 + length) };
}

/** A row as the pictures take it: seconds of its end instead of nanoseconds, codes beside the header. */
export function rowOf(header, body) {
  if (body.length < header.n_bins) throw new RangeError(`row of ${body.length} bytes for ${header.n_bins} bins`);
  return { ...header, time_s: header.time_ns / 1e9, codes: body.subarray(0, header.n_bins) };
}

export class Wire {
  /** `on` holds the listeners: state(name, sinceMs), message(object), row(row), reference(header, baseline, threshold). */
  constructor(url, on) {
    this.url = url;
    this.on = on;
    this.watches = new Map();
    this.tries = 0;
    this.broken = 0; // frames that could not be read
    this.heard = performance.now();
    this.#open();
    setInterval(() => this.#guard(), 1000);
  }

  #open() {
    this.on.state("connecting");
    const socket = (this.socket = new WebSocket(this.url));
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      this.heard = performance.now();
      for (const watch of this.watches.values()) this.#send(watch);
    };
    socket.onmessage = ({ data }) => {
      if (socket !== this.socket) return;
      this.heard = performance.now();
      if (this.tries !== -1) {
        this.tries = -1;
        this.on.state("live");
      }
      // A line or frame that is broken takes none of the others with it.
      for (const part of typeof data === "string" ? data.split("\n") : [data]) this.#take(part);
    };
    socket.onclose = () => {
      if (socket === this.socket) this.#lost();
    };
  }

  #take(data) {
    try {
      if (typeof data === "string") return this.on.message(JSON.parse(data));
      const { header, body } = decodeFrame(data);
      if (header.kind === "row") this.on.row(rowOf(header, body));
      else if (header.kind === "reference") {
        this.on.reference(header, body.subarray(0, header.n_bins), body.subarray(header.n_bins, 2 * header.n_bins));
      }
    } catch (error) {
      if (!(error instanceof SyntaxError || error instanceof RangeError)) throw error;
      this.broken++;
    }
  }

  #lost() {
    this.socket = null;
    this.on.state("lost");
    this.tries = Math.min(this.tries + 1, RETRY_MS.length - 1);
    setTimeout(() => this.#open(), RETRY_MS[this.tries]);
  }

  #guard() {
    const socket = this.socket;
    if (!socket || performance.now() - this.heard < SILENT_MS) return;
    // A half-open connection does not close by itself for minutes.
    socket.onclose = null;
    socket.close();
    this.#lost();
  }

  #send(message) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  /** Ask for rows of a window; asked again by itself after a reconnect. */
  watch(id, window) {
    const message = { op: "watch", id, ...window };
    const same = JSON.stringify(this.watches.get(id)) === JSON.stringify(message);
    this.watches.set(id, message);
    if (!same) this.#send(message);
  }

  unwatch(id) {
    if (this.watches.delete(id)) this.#send({ op: "unwatch", id });
  }
}
