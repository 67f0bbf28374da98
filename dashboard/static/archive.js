/**
 * History: weeks of one sensor's spectra.  Two strips of time, the picture of what is chosen in them.
 *
 * What is shown is a value (`archive_window.js`) that the address holds: a copied link shows the same.
 */

import { computed, effect, signal } from "./vendor/signals-core.js";
import { html, render } from "./vendor/lit-html.js";
import { bar, reading } from "./archive_bar.js";
import { fetchMarks } from "./archive_marks.js";
import { Pane } from "./archive_pane.js";
import { fetchPicture, floorOf, rangeOf, rowsFor, saysEnough, usualOf } from "./archive_picture.js";
import { fetchReferences, floorsOf, referenceWords } from "./archive_reference.js";
import { TimeStrip, stripLabel } from "./archive_strip.js";
import { midnight } from "./archive_time.js";
import { inTime, LEAST_S, minuteOf, windowOf, wordsOf } from "./archive_window.js";
import { Axis } from "./axis.js";
import { lang, t } from "./i18n.js";
import { show, to } from "./views.js";
import * as state from "./state.js";

const DAY_S = 86_400;
const WEEKS_S = 14 * DAY_S;
const USUAL_ROWS = 480; // of the day that a shorter picture is compared with
const ENOUGH_ROWS = 20; // an hour
const SETTLE_MS = 90; // turning the wheel asks once
const LEAST_FOLLOW_S = 5;
const DAY_AGAIN_S = 60;

export function view(root, words) {
  const page = new Archive(root, words);
  return () => page.end();
}

class Archive {
  constructor(root, words) {
    this.view = signal(windowOf(words));
    this.status = signal({ busy: false, failure: "" });
    this.read = signal(null);
    this.reference = signal(""); // what the picture is over, in words
    this.based = signal(false); // whether some of it is over a baseline
    this.earlier = [];
    this.usual = { key: "", floor: null };
    this.asked_ms = 0;
    this.day_ms = 0;
    render(html`<div class="archive"><div class="archive-bar"></div>
      <canvas class="strip-weeks" tabindex="-1" role="img" aria-label=${t("tab.history")}></canvas><canvas class="strip-day" tabindex="-1" role="img" aria-label=${t("tab.history")}></canvas>
      <div class="archive-plot"><div class="lane"></div><div class="field-pane"><canvas class="field"></canvas><div class="overlay"></div><div class="drag" hidden></div></div>
        <div class="scale"></div><div class="under"></div></div>
      <output class="archive-read"></output></div>`, root);
    const part = (name) => root.querySelector(name);
    this.pane = new Pane(part(".archive-plot"), {
      zoom: (stretch, time) => this.go({ ...(time ? inTime(this.view.peek(), ...time, this.now_s) : this.view.peek()), ...(stretch ? this.stretch(this.axis.show(...stretch.sort((a, b) => a - b))) : {}) }),
      back: () => this.back(),
      zoomTime: (s, factor) => this.zoomTime(s, factor),
      zoomStretch: (u, factor) => this.go({ ...this.view.peek(), ...this.stretch(this.axis.zoom(u, factor)) }),
      pan: (by) => this.pan(by),
      cursor: () => (this.read.value = this.pane.reading()),
      alarm: (alarm) => this.go({ ...minuteOf(alarm, this.view.peek().sensor), excess: this.view.peek().excess }),
    });
    const pick = (start_s, stop_s) => {
      const { span_s } = this.view.peek();
      const half = start_s === stop_s ? Math.min(span_s, 3600) / 2 : 0;
      this.go(inTime(this.view.peek(), start_s - half, stop_s + half, this.now_s));
    };
    this.weeks = new TimeStrip(part(".strip-weeks"), (a, b) => (a === b ? this.go(inTime(this.view.peek(), midnight(a), midnight(a) + DAY_S, this.now_s)) : pick(a, b)));
    this.day = new TimeStrip(part(".strip-day"), pick);
    this.observer = new ResizeObserver(() => this.pane.fits || this.settle());
    this.observer.observe(part(".archive-plot"));
    this.keys = (event) => this.press(event);
    addEventListener("keydown", this.keys, true);
    this.timer = setInterval(() => this.follow(), 1000);
    // As a text: heartbeats, which say the same bands again, ask for nothing.
    const bands = computed(() => JSON.stringify(this.found(this.view.value.sensor)?.sensor.bands.map(({ start_hz, stop_hz }) => [start_hz, stop_hz])));
    this.ends = [
      effect(() => {
        // The first sensor is chosen by itself; it may come later than the page.
        const [first] = state.sensors.value;
        const name = state.chosen.peek() ?? first?.sensor.sensor;
        if (!this.view.peek().sensor && name) this.view.value = { ...this.view.peek(), sensor: name };
      }),
      effect(() => {
        this.view.value;
        bands.value;
        this.settle();
      }),
      effect(() => render(bar(this), part(".archive-bar"))),
      effect(() => render(reading(this), part(".archive-read"))),
      effect(() => {
        state.theme.value;
        lang.value;
        this.pane.write();
        for (const strip of [this.weeks, this.day]) strip.draw();
      }),
    ];
  }

  end() {
    for (const end of this.ends) end();
    clearInterval(this.timer);
    clearTimeout(this.settling);
    this.observer.disconnect();
    this.asking?.abort();
    this.askingDay?.abort();
    removeEventListener("keydown", this.keys, true);
  }

  get now_s() {
    return state.now.peek() / 1000;
  }

  get times() {
    const { end_s, span_s } = this.view.peek();
    const stop_s = Math.ceil(end_s ?? this.now_s);
    return { start_s: stop_s - span_s, stop_s };
  }

  found(name) {
    return state.sensors.value.find(({ sensor }) => sensor.sensor === name);
  }

  /** Low and high of an axis' view; none for all of it. */
  stretch(axis) {
    if (axis.whole) return { low_hz: 0, high_hz: 0 };
    return { low_hz: axis.hzOf(axis.view.u0 + 1e-9), high_hz: axis.hzOf(axis.view.u1) };
  }

  go(view) {
    this.earlier.push(this.view.peek());
    if (this.earlier.length > 50) this.earlier.shift();
    this.view.value = view;
  }

  back() {
    const before = this.earlier.pop();
    if (before) this.view.value = before;
  }

  zoomTime(s, factor) {
    const { start_s, stop_s } = this.times;
    const span = Math.max(LEAST_S, (stop_s - start_s) * factor);
    const part = (s - start_s) / (stop_s - start_s);
    this.view.value = inTime(this.view.peek(), s - part * span, s + (1 - part) * span, this.now_s);
  }

  /** Earlier (negative) or later by a part of what is shown. */
  pan(by) {
    const { start_s, stop_s } = this.times;
    const shift = by * (stop_s - start_s);
    this.view.value = inTime(this.view.peek(), start_s + shift, stop_s + shift, this.now_s);
  }

  press(event) {
    if (event.ctrlKey || event.altKey || event.metaKey || event.target.closest?.("input,select,textarea,dialog,#alarms")) return;
    const middle = (this.times.start_s + this.times.stop_s) / 2;
    const view = this.view.peek();
    const moveStretch = (by) => this.axis && (this.view.value = { ...view, ...this.stretch(this.axis.pan(by)) });
    const done = {
      ArrowUp: () => this.pan(0.25),
      ArrowDown: () => this.pan(-0.25),
      PageUp: () => this.pan(0.9),
      PageDown: () => this.pan(-0.9),
      ArrowLeft: () => moveStretch(-0.1),
      ArrowRight: () => moveStretch(0.1),
      "+": () => this.zoomTime(middle, 0.5),
      "=": () => this.zoomTime(middle, 0.5),
      "-": () => this.zoomTime(middle, 2),
      0: () => this.go({ ...view, low_hz: 0, high_hz: 0 }),
      Backspace: () => this.back(),
      e: () => (this.view.value = { ...view, excess: !view.excess }),
      m: () => (this.view.value = { ...view, value: view.value === "max" ? "mean" : "max" }),
      n: () => this.go({ ...view, end_s: null }),
    }[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!done) return;
    event.preventDefault();
    event.stopPropagation();
    done();
  }

  /** Ask for the picture once the window stands still. */
  settle() {
    clearTimeout(this.settling);
    this.settling = setTimeout(() => this.load(), SETTLE_MS);
  }

  /** Up to now means that the picture goes on with the clock. */
  follow() {
    const { end_s, span_s } = this.view.peek();
    const since_s = (Date.now() - this.asked_ms) / 1000;
    if (end_s === null && since_s > Math.max(LEAST_FOLLOW_S, span_s / 600) && !this.status.peek().busy) this.load();
  }

  async load() {
    const view = this.view.peek();
    const found = this.found(view.sensor);
    if (!found && state.known.peek()) this.status.value = { busy: false, failure: t("replay.unknown") };
    if (!found?.sensor.bands.length || !this.pane.width) return;
    history.replaceState(null, "", to("history", ...wordsOf(view)));
    const { bands } = found.sensor;
    const { start_s, stop_s } = this.times;
    this.axis = new Axis(bands);
    if (view.high_hz) this.axis = this.axis.showHz(view.low_hz, view.high_hz);
    const pieces = this.pane.pieces(this.axis);
    this.asking?.abort();
    const { signal: stop } = (this.asking = new AbortController());
    this.asked_ms = Date.now();
    this.status.value = { busy: true, failure: "" };
    const asked = { sensor: view.sensor, pieces, width: this.pane.width, value: view.value };
    try {
      this.loadStrips(found, bands);
      const [picture, marks, references] = await Promise.all([
        fetchPicture({ ...asked, start_s, stop_s, height: rowsFor(stop_s - start_s, this.pane.height) }, stop),
        fetchMarks({ site: found.site.site, sensor: view.sensor, start_s: Math.min(start_s, this.weeks.start_s), stop_s: Math.max(stop_s, this.weeks.stop_s) }, stop),
        fetchReferences({ ...asked, start_s, stop_s }, stop),
      ]);
      const floors = floorsOf(picture, floorOf(picture, await this.usualFor(asked, picture, stop)), references);
      this.weeks.marks = this.day.marks = marks;
      this.weeks.window = this.day.window = [start_s, stop_s];
      this.pane.show({ picture, floors, range: rangeOf(picture, floors, view.excess) }, this.axis, marks, view.excess);
      for (const strip of [this.weeks, this.day]) strip.draw();
      this.read.value = this.pane.reading();
      this.reference.value = referenceWords(floors, references);
      this.based.value = floors.based.includes(true);
      this.status.value = { busy: false, failure: marks.failure ?? "", empty: !picture.codes.some((code) => code) };
    } catch (error) {
      if (error.name !== "AbortError") this.status.value = { busy: false, failure: error instanceof TypeError ? t("api.no_answer") : error.message };
    }
  }

  /** The usual level of each column: of the picture itself, or of the day around a shorter one. */
  async usualFor(asked, picture, stop) {
    const { start_s, stop_s } = picture;
    if (stop_s - start_s >= DAY_S) return usualOf(picture);
    const from_s = Math.round((start_s + stop_s - DAY_S) / 2 / 3600) * 3600;
    const key = JSON.stringify([asked, from_s]);
    if (this.usual.key !== key) {
      const around = await fetchPicture({ ...asked, start_s: from_s, stop_s: from_s + DAY_S, height: USUAL_ROWS }, stop);
      this.usual = { key, floor: saysEnough(around, ENOUGH_ROWS) ? usualOf(around) : null };
    }
    return this.usual.floor ?? usualOf(picture);
  }

  /** The strips: two weeks that hold the window, and the day of its middle. */
  loadStrips({ sensor: { sensor } }, bands) {
    const { start_s, stop_s } = this.times;
    const day_s = midnight((start_s + stop_s) / 2);
    const weeks_s = Math.max(stop_s, Math.min(this.now_s, start_s + WEEKS_S));
    const last_s = midnight(weeks_s) + DAY_S;
    const again = Date.now() - this.day_ms > DAY_AGAIN_S * 1000;
    const key = JSON.stringify([sensor, day_s, last_s]);
    if (key === this.strips && !again) return;
    this.strips = key;
    this.day_ms = Date.now();
    this.askingDay?.abort();
    const { signal: stop } = (this.askingDay = new AbortController());
    for (const [strip, from_s, to_s] of [[this.weeks, last_s - WEEKS_S, last_s], [this.day, day_s, day_s + DAY_S]]) {
      strip.canvas.setAttribute("aria-label", stripLabel(from_s, to_s));
      strip.load({ sensor, bands, start_s: from_s, stop_s: to_s }, stop).catch(() => (this.strips = ""));
    }
  }

  /** Another length around the middle; what follows the clock goes on following it. */
  span(span_s) {
    const view = this.view.peek();
    const { start_s, stop_s } = this.times;
    const middle = (start_s + stop_s) / 2;
    this.go(view.end_s === null ? { ...view, span_s } : inTime(view, middle - span_s / 2, middle + span_s / 2, this.now_s));
  }
}

/** To the minute in which an alarm began. */
export const showMinute = (alarm) => show("history", ...wordsOf(minuteOf(alarm)));
