/** The picture of the history page: colours, times and alarms beside it, the mouse on it. */

import { html, nothing, render } from "./vendor/lit-html.js";
import { cell, paint } from "./archive_picture.js";
import { overWhat } from "./archive_reference.js";
import { timeTicks } from "./archive_time.js";
import { css } from "./colormap.js";
import { clock, day, mhz, signedDb } from "./format.js";
import { lang, t } from "./i18n.js";
import { breaks, ticks } from "./ribbon.js";
import * as state from "./state.js";

const LEAST_DRAG_PX = 6;
const EDGE_PX = 9; // a time that the edge would cut is left out
const TICK_PX = 24;
const NEAR_PX = 24; // alarm ticks nearer than this would cover each other: one with a count
const MOST_FRAMES = 200;
const px = (value) => `${value.toFixed(1)}px`;

export class Pane {
  /**
   * `on` holds what the mouse does: zoom([u0, u1] or null, [start_s, stop_s] or null), back(),
   * zoomTime(s, factor), zoomStretch(u, factor), pan(part), cursor(), alarm(alarm).
   */
  constructor(root, on) {
    this.on = on;
    this.root = root;
    const part = (name) => root.querySelector(name);
    this.canvas = part("canvas.field");
    this.overlay = part(".overlay");
    this.lane = part(".lane");
    this.ribbon = part(".under");
    this.scale = part(".scale");
    this.drag = part(".drag");
    this.place = null; // {x, y} of the pointer
    this.shown = null; // {picture, floors, range}
    this.axis = null;
    this.#listen(part(".field-pane"));
  }

  get width() {
    return this.canvas.clientWidth;
  }

  get height() {
    return this.canvas.clientHeight;
  }

  /** Whether the picture has the size of its place. */
  get fits() {
    return this.canvas.width === this.width && this.canvas.height === this.height;
  }

  /** Visible stretches in whole pixels. */
  pieces(axis) {
    return axis.pieces(this.width).map((piece) => ({ ...piece, x0: Math.round(piece.x0), x1: Math.round(piece.x1) })).filter(({ x0, x1 }) => x1 > x0);
  }

  /** Draw a picture with its marks; `excess` or dBFS. */
  show(shown, axis, marks, excess) {
    Object.assign(this, { shown, axis, marks, excess });
    this.canvas.width = this.width;
    this.canvas.height = this.height;
    paint(this.canvas, shown.picture, shown.floors, shown.range, excess);
    this.write();
  }

  /** Everything around the picture. */
  write() {
    if (!this.shown) return;
    const { start_s, stop_s } = this.shown.picture;
    const yOf = (s) => ((stop_s - s) / (stop_s - start_s)) * this.height;
    render(this.#lane(yOf, start_s, stop_s), this.lane);
    render(this.#frames(yOf), this.overlay);
    const around = JSON.stringify([this.axis.pieces(this.width), this.shown.range, this.#over(), lang.value]);
    if (around === this.around) return; // a replay moves ten times a second, what stands around it does not
    this.around = around;
    render(ticks(this.axis, this.axis.pieces(this.width), this.width), this.ribbon);
    render(this.#scale(), this.scale);
  }

  #lane(yOf, start_s, stop_s) {
    const times = timeTicks(start_s, stop_s, this.height, 44);
    const inside = (y) => Math.min(this.height, Math.max(0, y));
    const groups = [];
    for (const alarm of [...this.marks.alarms].reverse()) {
      const [top, bottom] = [yOf(alarm.last_seen_ns / 1e9), yOf(alarm.first_seen_ns / 1e9)];
      if (bottom < 0 || top > this.height) continue;
      const near = groups.find((group) => Math.abs(group.bottom - bottom) < NEAR_PX);
      if (near) near.members.push(alarm);
      else groups.push({ top, bottom, members: [alarm] });
    }
    return html`
      <div class="times">${times.filter(({ s }) => yOf(s) > EDGE_PX && yOf(s) < this.height - EDGE_PX).map(({ s, label }) => html`<span .style=${`top:${px(yOf(s))}`}>${label}</span>`)}</div>
      <div class="phases">${this.marks.exams.flatMap(({ name, phases }) =>
        phases
          .map((one) => ({ ...one, top: inside(yOf(one.stop_s)), bottom: inside(yOf(one.start_s)) }))
          .filter(({ top, bottom }) => bottom > top)
          .map(({ phase, top, bottom }) => html`<span class=${phase} .style=${`top:${px(top)};height:${px(bottom - top)}`} title="${name} · ${t(`phase.${phase}`)}">${bottom - top > 56 ? t(`phase.${phase}`) : nothing}</span>`),
      )}</div>
      <div class="ticks-of-alarms">${groups.map(({ top, bottom, members }) => {
        const [alarm] = members;
        return html`<button class=${state.isNew(alarm) ? "new" : ""} .style=${`top:${px(Math.min(this.height - TICK_PX, Math.max(0, bottom - TICK_PX / 2)))}`} title=${members.slice(0, 8).map(alarmTitle).join("\n")}
          aria-label=${alarmTitle(alarm)} @click=${() => this.on.alarm(alarm)}>${numbersOf(members)}</button>
          <i class=${state.isNew(alarm) ? "new" : ""} .style=${`top:${px(inside(top))};height:${px(Math.max(2, inside(bottom) - inside(top)))}`}></i>`;
      })}</div>`;
  }

  /** Where and when an alarm was: a frame around it, which must not hide what is inside. */
  #frames(yOf) {
    const frames = [];
    for (const alarm of this.marks.alarms.slice(-MOST_FRAMES)) {
      const x = this.axis.xOf(alarm.center_freq_hz, this.width);
      if (x === null) continue;
      const half = Math.max(5, ((this.axis.xOf(alarm.center_freq_hz + alarm.bandwidth_hz / 2, this.width) ?? x) - x) + 3);
      const [top, bottom] = [yOf(alarm.last_seen_ns / 1e9) - 3, yOf(alarm.first_seen_ns / 1e9) + 3];
      if (bottom < 0 || top > this.height) continue;
      frames.push(html`<i class="frame ${state.isNew(alarm) ? "new" : ""}" .style=${`left:${px(x - half)};width:${px(2 * half)};top:${px(Math.max(-4, top))};height:${px(Math.min(this.height + 4, bottom) - Math.max(-4, top))}`}></i>`);
    }
    return [breaks(this.axis.pieces(this.width)), frames];
  }

  /** What the colours say, as a message id. */
  #over() {
    return this.excess ? `archive.over.${overWhat(this.shown.floors)}` : "scale.raw";
  }

  #scale() {
    const [low, high] = this.shown.range;
    const marks = this.excess ? [30, 20, 10, 0] : [high, (high + low) / 2, low];
    const bands = Array.from({ length: 64 }, (_, i) => css(1 - i / 63));
    return html`<b>${t(this.#over())}</b>
      <div>${bands.map((colour) => html`<i .style=${`background:${colour}`}></i>`)}
      ${marks.map((value) => html`<span .style=${`top:${((100 * (high - value)) / (high - low)).toFixed(1)}%`}>${this.excess && value ? signedDb(value).replace(".0", "") : String(value).replace("-", "−")}</span>`)}</div>`;
  }

  /** Frequency, time and level under the pointer: `{hz, s, value, alarm}`, or null. */
  reading() {
    if (!this.place || !this.shown) return null;
    const { picture, floors } = this.shown;
    const { x, y } = this.place;
    const s = picture.stop_s - ((y + 0.5) / this.height) * (picture.stop_s - picture.start_s);
    const row = Math.min(picture.height - 1, Math.max(0, Math.floor(((s - picture.start_s) / (picture.stop_s - picture.start_s)) * picture.height)));
    const hz = this.axis.hzAt(x, this.width);
    const column = Math.min(picture.width - 1, Math.max(0, Math.floor(x)));
    const alarm = this.marks.alarms.find(
      (one) => Math.abs(one.center_freq_hz - hz) <= one.bandwidth_hz / 2 + 6e3 && s >= one.first_seen_ns / 1e9 - 1 && s <= one.last_seen_ns / 1e9 + 1,
    );
    return { hz, s, value: hz === null ? null : cell(picture, floors, column, row), alarm };
  }

  #listen(pane) {
    let from = null;
    const at = (event) => {
      const box = this.canvas.getBoundingClientRect();
      return { x: Math.min(this.width, Math.max(0, event.clientX - box.left)), y: Math.min(this.height, Math.max(0, event.clientY - box.top)) };
    };
    const timeAt = (y) => this.shown.picture.stop_s - (y / this.height) * (this.shown.picture.stop_s - this.shown.picture.start_s);
    const box = (a, b) => {
      // A drag along one axis is meant for that axis alone.
      const across = Math.abs(a.x - b.x) >= LEAST_DRAG_PX;
      const along = Math.abs(a.y - b.y) >= LEAST_DRAG_PX;
      return { across, along, x0: across ? Math.min(a.x, b.x) : 0, x1: across ? Math.max(a.x, b.x) : this.width, y0: along ? Math.min(a.y, b.y) : 0, y1: along ? Math.max(a.y, b.y) : this.height };
    };
    pane.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || !this.shown) return;
      from = at(event);
      pane.setPointerCapture(event.pointerId);
    });
    pane.addEventListener("pointermove", (event) => {
      this.place = at(event);
      if (from) {
        const { across, along, x0, x1, y0, y1 } = box(from, this.place);
        this.drag.hidden = !across && !along;
        this.drag.style.cssText = `left:${px(x0)};width:${px(x1 - x0)};top:${px(y0)};height:${px(y1 - y0)}`;
      }
      this.on.cursor();
    });
    pane.addEventListener("pointerup", () => {
      this.drag.hidden = true;
      if (from && this.place) {
        const { across, along, x0, x1, y0, y1 } = box(from, this.place);
        const stretch = across ? [this.axis.uAt(x0, this.width), this.axis.uAt(x1, this.width)] : null;
        if (across || along) this.on.zoom(stretch, along ? [timeAt(y1), timeAt(y0)] : null);
      }
      from = null;
    });
    pane.addEventListener("pointercancel", () => {
      from = null;
      this.drag.hidden = true;
    });
    pane.addEventListener("pointerleave", () => {
      this.place = null;
      this.on.cursor();
    });
    pane.addEventListener("dblclick", () => this.on.back());
    pane.addEventListener(
      "wheel",
      (event) => {
        if (!this.shown) return;
        event.preventDefault();
        const { x, y } = at(event);
        const turn = event.deltaY || event.deltaX;
        const factor = turn > 0 ? 1.25 : 0.8;
        if (event.altKey) this.on.zoomStretch(this.axis.uAt(x, this.width), factor);
        else if (event.shiftKey) this.on.pan(Math.sign(turn) * -0.15);
        else this.on.zoomTime(timeAt(y), factor);
      },
      { passive: false },
    );
  }
}

/** Numbers of alarms as on their cards, "1 3"; of more than two, how many: "×5". */
function numbersOf(alarms) {
  if (alarms.length > 2) return `×${alarms.length}`;
  return alarms.map(({ id }) => state.numbers.value.get(id) ?? "•").join(" ");
}

/** "169.5000 MHz, 24 Nov 10:05:12". */
export const alarmTitle = (alarm) => `${mhz(alarm.center_freq_hz)} MHz, ${day(alarm.first_seen_ns / 1e6)} ${clock(alarm.first_seen_ns / 1e6)}`;
