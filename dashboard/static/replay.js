/**
 * An exam once more: its recorded spectra and its alarms as they came, at ×1 to ×600.
 *
 * Marked all over as a replay: the alarm rail beside it goes on being live.
 */

import { batch, computed, effect, signal } from "./vendor/signals-core.js";
import { html, nothing, render } from "./vendor/lit-html.js";
import { ask } from "./api.js";
import { moment, sensorSelect } from "./archive_bar.js";
import { fetchMarks } from "./archive_marks.js";
import { Pane } from "./archive_pane.js";
import { rangeOf } from "./archive_picture.js";
import { referenceWords } from "./archive_reference.js";
import { TimeStrip, stripLabel } from "./archive_strip.js";
import { minuteOf, windowOf, wordsOf } from "./archive_window.js";
import { Axis } from "./axis.js";
import { clock, day } from "./format.js";
import { t } from "./i18n.js";
import { ReplayFloors } from "./replay_floors.js";
import { Reel } from "./replay_reel.js";
import { feed, fetchFeed } from "./replay_feed.js";
import { show, to } from "./views.js";
import { siteName } from "./words.js";
import * as state from "./state.js";

export const SPEEDS = [1, 2, 5, 10, 30, 60, 120, 300, 600];
const TICK_MS = 100;
const MOST_TICK_MS = 500; // a page in the background goes on where it stood
const LINES_PER_S = 10; // no faster: a line is a second, or more of them where time runs
const LINE_PX = 2;
const LEAD_S = 300; // before and after an exam
const BEFORE_ALARM_S = 10;

export function view(root, words) {
  const page = new Replay(root, words);
  return () => page.end();
}

/** Length of a line at a speed. */
export const slotOf = (speed) => Math.max(1, speed / LINES_PER_S);

class Replay {
  constructor(root, [sensor, what, speed, at]) {
    this.sensor = signal(sensor || null);
    this.title = signal("");
    this.time = signal(null); // seconds since 1970
    this.speed = signal(SPEEDS.includes(Number(speed)) ? Number(speed) : 60);
    this.playing = signal(false);
    this.excess = signal(true);
    this.waits = signal(false);
    this.failure = signal("");
    this.reference = signal("");
    this.floors = new ReplayFloors(() => this.draw(true));
    this.entries = signal([]);
    this.marks = { alarms: [], exams: [] };
    this.what = what;
    this.asking = new AbortController();
    this.reel = new Reel(() => this.draw(true));
    document.body.classList.add("replaying");
    render(html`<div class="archive replay"><div class="archive-bar"></div><canvas class="strip-seek" tabindex="-1" role="img" aria-label=${t("replay.strip")}></canvas>
      <div class="archive-plot"><div class="lane"></div><div class="field-pane"><canvas class="field"></canvas><div class="overlay"></div><div class="drag" hidden></div><div class="stamp"></div></div>
        <div class="scale"></div><div class="under"></div></div><div class="feed"></div></div>`, root);
    const part = (name) => root.querySelector(name);
    this.pane = new Pane(part(".archive-plot"), {
      zoom: (stretch) => stretch && this.stretch(this.axis.show(...stretch.sort((a, b) => a - b))),
      back: () => this.stretch(this.axis.show(0, 1)),
      zoomTime: () => nothing,
      zoomStretch: (u, factor) => this.stretch(this.axis.zoom(u, factor)),
      pan: (by) => this.stretch(this.axis.pan(by)),
      cursor: () => nothing,
      alarm: (alarm) => this.showAlarm(alarm),
    });
    this.strip = new TimeStrip(part(".strip-seek"), (from_s) => this.seek(from_s));
    this.keys = (event) => this.press(event);
    addEventListener("keydown", this.keys, true);
    this.observer = new ResizeObserver(() => this.pane.fits || this.draw(true));
    this.observer.observe(part(".archive-plot"));
    this.ticked = performance.now();
    this.timer = setInterval(() => this.tick(), TICK_MS);
    let begun = false;
    // A number: the feed is written anew when it changes, not ten times a second.
    const came = computed(() => this.entries.value.findLastIndex(({ time_s }) => time_s <= (this.time.value ?? 0)) + 1);
    this.ends = [
      effect(() => {
        const first = state.sensors.value[0]?.sensor.sensor;
        if (!first || begun) return;
        begun = true;
        if (!this.sensor.peek()) this.sensor.value = first;
        this.begin(at);
      }),
      effect(() => render(this.bar(), part(".archive-bar"))),
      effect(() => render(feed(this.entries.value.slice(0, came.value), (alarm) => this.showAlarm(alarm)), part(".feed"))),
      effect(() => render(this.time.value === null ? nothing : html`<b>${t("replay.mark")}</b> ${day(this.time.value * 1000)} ${clock(this.time.value * 1000)} <b>×${this.speed.value}</b>`, part(".stamp"))),
      effect(() => {
        state.theme.value;
        this.excess.value;
        this.draw(true);
      }),
    ];
  }

  end() {
    for (const end of this.ends) end();
    clearInterval(this.timer);
    this.observer.disconnect();
    this.reel.end();
    this.asking.abort();
    removeEventListener("keydown", this.keys, true);
    document.body.classList.remove("replaying");
  }

  get found() {
    return state.sensors.peek().find(({ sensor }) => sensor.sensor === this.sensor.peek());
  }

  /** Find out which time it is about, then show its first moment. */
  async begin(at) {
    this.asking.abort();
    const { signal: stop } = (this.asking = new AbortController());
    const found = this.found;
    if (!found) return (this.failure.value = t("replay.unknown"));
    const span = await this.#span(stop);
    if (!span) return (this.failure.value = t("replay.unknown"));
    const [start_s, stop_s] = (this.span = span);
    const { site } = found.site;
    const marks = await fetchMarks({ site, start_s, stop_s }, stop);
    this.marks = { ...marks, alarms: marks.alarms.filter(({ opened_ns }) => opened_ns / 1e9 <= stop_s) };
    this.strip.marks = this.marks;
    this.axis = new Axis(found.sensor.bands);
    const asked_s = windowOf(["", at]).end_s;
    batch(() => {
      this.failure.value = marks.failure ?? "";
      this.time.value = asked_s && asked_s >= start_s && asked_s <= stop_s ? asked_s : start_s;
      this.playing.value = true;
    });
    this.loadStrip(stop);
    this.draw(true);
    this.entries.value = await fetchFeed({ site, start_s, stop_s, alarms: this.marks.alarms }, stop);
  }

  async #span(stop) {
    const exam = /^exam-(\d+)$/.exec(this.what ?? "");
    if (!exam) {
      const [end, span] = (this.what ?? "").split("-");
      const { end_s, span_s } = windowOf(["", end, span]);
      return end_s === null ? null : [end_s - span_s, end_s];
    }
    const { value } = await ask("sessions", stop);
    const session = value?.find(({ id }) => id === Number(exam[1]));
    if (!session) return null;
    this.title.value = session.name;
    return [session.start_ns / 1e9 - LEAD_S, Math.min(state.now.peek() / 1000, session.stop_ns / 1e9 + LEAD_S)];
  }

  loadStrip(stop) {
    const [start_s, stop_s] = this.span;
    this.strip.canvas.setAttribute("aria-label", stripLabel(start_s, stop_s));
    this.strip.load({ sensor: this.sensor.peek(), bands: this.found.sensor.bands, start_s, stop_s }, stop).catch(() => nothing);
  }

  tick() {
    const passed_ms = Math.min(MOST_TICK_MS, performance.now() - this.ticked);
    this.ticked = performance.now();
    if (!this.playing.peek() || this.time.peek() === null || !this.reel.asked) return;
    // Time stands still while its lines have not come: nothing is left out unseen.
    const waits = !this.reel.ready(this.time.peek(), 1);
    this.waits.value = waits;
    if (waits) return;
    const [, stop_s] = this.span;
    const next_s = Math.min(stop_s, this.time.peek() + (this.speed.peek() * passed_ms) / 1000);
    if (next_s === stop_s) this.playing.value = false;
    this.time.value = next_s;
    this.draw(false);
  }

  /** Draw what was there at this time; `afresh` also when no new line is due. */
  draw(afresh) {
    const t_s = this.time.peek();
    if (t_s === null || !this.axis || !this.pane.width) return;
    const slot_s = slotOf(this.speed.peek());
    const line = Math.floor(t_s / slot_s);
    this.strip.stand(t_s);
    if (!afresh && line === this.line) return;
    this.line = line;
    const pieces = this.pane.pieces(this.axis);
    const asked = { sensor: this.sensor.peek(), pieces, width: this.pane.width, value: "max" };
    this.reel.show({ ...asked, slot_s });
    this.failure.value = this.reel.failure;
    const picture = this.reel.compose(t_s, Math.max(1, Math.floor(this.pane.height / LINE_PX)));
    this.floors.show(asked, this.span, this.asking.signal);
    const alarms = this.marks.alarms
      .filter(({ opened_ns, sensors }) => opened_ns / 1e9 <= t_s && sensors.includes(asked.sensor))
      .map((alarm) => ({ ...alarm, last_seen_ns: Math.min(alarm.last_seen_ns, t_s * 1e9) }));
    const floors = this.floors.of(picture, afresh);
    this.reference.value = this.excess.peek() ? referenceWords(floors, this.floors.references) : "";
    this.pane.show({ picture, floors, range: rangeOf(picture, floors, this.excess.peek()) }, this.axis, { ...this.marks, alarms }, this.excess.peek());
  }

  stretch(axis) {
    this.axis = axis;
    this.draw(true);
  }

  seek(s) {
    if (!this.span) return;
    this.time.value = Math.min(this.span[1], Math.max(this.span[0], s));
    this.draw(true);
    this.keep();
  }

  setSpeed(speed) {
    this.speed.value = speed;
    this.line = null;
    this.draw(true);
    this.keep();
  }

  play() {
    if (this.time.peek() !== null && this.time.peek() >= this.span[1]) this.time.value = this.span[0];
    this.playing.value = !this.playing.peek();
    this.keep();
  }

  /** The address holds where we stand, so that it can be handed on. */
  keep() {
    if (this.time.peek() === null) return;
    const [, stamp] = wordsOf({ ...windowOf([]), end_s: this.time.peek() });
    history.replaceState(null, "", to("replay", this.sensor.peek(), this.what, String(this.speed.peek()), stamp));
  }

  /** To shortly before the next alarm comes. */
  next() {
    const after = this.entries.peek().find(({ kind, time_s }) => kind === "alarm" && time_s > this.time.peek() + BEFORE_ALARM_S + 1);
    if (after) this.seek(after.time_s - BEFORE_ALARM_S);
  }

  showAlarm(alarm) {
    const { low_hz, high_hz } = minuteOf(alarm);
    this.stretch(this.axis.showHz(low_hz, high_hz));
  }

  press(event) {
    if (event.ctrlKey || event.altKey || event.metaKey || event.target.closest?.("input,select,textarea,dialog,#alarms") || !this.span) return;
    const at = SPEEDS.indexOf(this.speed.peek());
    const jump = 10 * this.speed.peek();
    const done = {
      " ": () => this.play(),
      ArrowLeft: () => this.seek(this.time.peek() - jump),
      ArrowRight: () => this.seek(this.time.peek() + jump),
      "+": () => this.setSpeed(SPEEDS[Math.min(SPEEDS.length - 1, at + 1)]),
      "=": () => this.setSpeed(SPEEDS[Math.min(SPEEDS.length - 1, at + 1)]),
      "-": () => this.setSpeed(SPEEDS[Math.max(0, at - 1)]),
      0: () => this.stretch(this.axis.show(0, 1)),
      n: () => this.next(),
      e: () => (this.excess.value = !this.excess.peek()),
    }[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!done || (event.key === " " && event.target.closest?.("button"))) return;
    event.preventDefault();
    event.stopPropagation();
    done();
  }

  bar() {
    const playing = this.playing.value;
    const site = this.found?.site.site;
    const change = (sensor) => {
      this.sensor.value = sensor;
      this.keep();
      const [, stamp] = wordsOf({ ...windowOf([]), end_s: this.time.peek() });
      this.begin(stamp);
    };
    return html`<h1 class="mark">${t("replay.mark")}</h1><b>${this.title.value || (site ? siteName(site) : "")}</b>
      ${sensorSelect(this.sensor.value, change)}
      <button class="primary" @click=${() => this.play()} title="${t(playing ? "bar.pause" : "replay.play")} (Space)">${playing ? "❚❚" : "▶"} ${t(playing ? "bar.pause" : "replay.play")}</button>
      <select aria-label=${t("replay.speed")} title="${t("replay.speed")} (+ −)" @change=${(event) => this.setSpeed(Number(event.target.value))}>${SPEEDS.map((speed) => html`<option value=${speed} ?selected=${speed === this.speed.value}>×${speed}</option>`)}</select>
      <button @click=${() => this.next()} title="${t("replay.next")} (N)">${t("replay.next")}</button>
      <span class="pair"><button aria-pressed=${this.excess.value} @click=${() => (this.excess.value = true)}>${t("archive.excess")}</button
        ><button aria-pressed=${!this.excess.value} @click=${() => (this.excess.value = false)}>${t("bar.raw")}</button></span>
      <button @click=${() => show("history", ...wordsOf({ ...windowOf([this.sensor.peek()]), end_s: this.time.peek() }))} ?disabled=${this.time.value === null}>${t("tab.history")}</button>
      <span class="archive-status" role="status">${this.failure.value ? html`<b class="failure">${this.failure.value}</b>` : this.time.value === null || this.waits.value ? t("archive.loading") : html`${t("replay.not_live")} ${moment(this.time.value)}`}</span>
      ${this.reference.value ? html`<span class="who">${this.reference.value}</span>` : nothing}`;
  }
}
