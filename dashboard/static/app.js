/** Builds the page: state from the wire, views over the state. */

import { batch, effect } from "./vendor/signals-core.js";
import { alarms } from "./alarms.js";
import * as requests from "./requests.js";
import { leave, signedIn, whoAmI } from "./api.js";
import { bar } from "./bar.js";
import { beside, compare } from "./beside.js";
import { loadBands } from "./bands.js";
import { flags } from "./flags.js";
import { head } from "./head.js";
import { choose, lang, speak, t } from "./i18n.js";
import { help, keys } from "./keys.js";
import { meter } from "./meter.js";
import { peakTable } from "./peaktable.js";
import { pointer } from "./pointer.js";
import { take as takeReview } from "./reviews_due.js";
import { ribbon } from "./ribbon.js";
import { Scope } from "./scope.js";
import { sites } from "./sites.js";
import { chime } from "./sound.js";
import { advanceSparks, spark } from "./sparks.js";
import * as state from "./state.js";
import { loadStations } from "./stations.js";
import { strip } from "./strip.js";
import { show, views } from "./views.js";
import { Wire } from "./wire.js";

const GATHER_MS = 100; // messages of this long are shown together: a flood costs one redraw
const JUMP_WIDTHS = 10;
const JUMP_LEAST_HZ = 100e3;

const MOST_KNOWN = 10_000; // ids; a page may stand open for weeks

let offsetMs = 0; // monitor's clock minus ours
let pending = [];
let known = null; // alarm ids that were there before: only later ones sound

function gather(message) {
  pending.push(message);
  if (pending.length === 1) setTimeout(apply, GATHER_MS);
}

/** The same name means the same notice, further on: words name a thing, numbers measure it. */
const noticeName = ({ site, sensor, note, start_ns }) =>
  JSON.stringify([site, sensor, note.id, start_ns, Object.values(note.args ?? {}).filter((arg) => typeof arg === "string")]);

/** Fold the gathered messages into the state. */
function apply() {
  const messages = pending;
  pending = [];
  batch(() => {
    let siteMap = null;
    let alarmMap = null;
    for (const message of messages) {
      if (message.kind === "snapshot") {
        siteMap = new Map(message.sites.map((site) => [site.site, site]));
        alarmMap = new Map(message.alarms.map((alarm) => [alarm.id, alarm]));
        state.notices.value = message.notices ?? [];
        state.known.value = true;
        state.now.value = message.time_ns / 1e6;
        offsetMs = message.time_ns / 1e6 - Date.now();
      } else if (message.kind === "tick") {
        offsetMs = message.time_ns / 1e6 - Date.now();
      } else if (message.kind === "site") {
        siteMap ??= new Map(state.sites.value);
        siteMap.set(message.site.site, message.site);
      } else if (message.kind === "alarm") {
        alarmMap ??= new Map(state.alarms.value);
        alarmMap.set(message.alarm.id, message.alarm);
        if (message.alarm.on_air) for (const { sensor, snr_db } of message.alarm.levels) spark(sensor, snr_db);
      } else if (message.kind === "notice") {
        const others = state.notices.value.filter((notice) => noticeName(notice) !== noticeName(message.notice));
        state.notices.value = [message.notice, ...others].slice(0, 50);
      } else if (message.kind === "approval") {
        requests.set(message.approval);
      } else if (message.kind === "review") {
        takeReview(message.review);
      } else if (message.kind === "skipped") {
        state.skipped.value += message.rows;
      }
    }
    if (siteMap) state.sites.value = siteMap;
    if (alarmMap) state.alarms.value = state.withoutOldest(alarmMap);
    if (alarmMap) ring(alarmMap);
  });
}

/** One sound per new alarm, none for those that were there when the page came. */
function ring(alarmMap) {
  const fresh = [...alarmMap.values()].filter((alarm) => state.isNew(alarm) && !known?.has(alarm.id));
  if (known && fresh.length && !state.muted.value) chime();
  if (!known || known.size > MOST_KNOWN) known = new Set();
  for (const id of alarmMap.keys()) known.add(id);
}

function live() {
  const url = new URL("api/v1/live", document.baseURI);
  url.protocol = url.protocol.replace("http", "ws");
  url.search = "lines=1"; // several messages a frame
  return url;
}

const theme = () => {
  const next = document.documentElement.dataset.theme === "light" ? "dark" : "light";
  localStorage.setItem("rfproctor.theme", next);
  dress(next);
};

function dress(name) {
  const shown = name === "light" ? "light" : "dark";
  document.documentElement.dataset.theme = shown;
  scope?.recolor();
  state.theme.value = shown;
}

let scope = null;

async function start() {
  dress(new URLSearchParams(location.search).get("theme") ?? localStorage.getItem("rfproctor.theme"));
  const on = {
    state: (name) => {
      const before = state.link.peek();
      const since = name === "live" || before.name === "live" ? Date.now() : before.since;
      state.link.value = { name: name === "connecting" && before.name === "lost" ? "lost" : name, since };
      if (name === "lost") signedIn().then((known) => known || location.reload());
    },
    message: gather,
    row: (row) => scope?.take(row),
    reference: (header, baseline, threshold) => scope?.refer(header, baseline, threshold),
  };
  const wire = new Wire(live(), on);
  await Promise.all([speak(lang.value), loadBands()]);
  scope = new Scope(document, wire);
  scope.recolor();
  const pointing = pointer(document, scope);

  /** Centre the pictures on an alarm, ten times as wide as it; on a sensor that hears it. */
  const open = (alarm) => {
    show("watch");
    state.selected.value = alarm.id;
    if (!alarm.sensors.includes(state.chosen.value) && alarm.sensors.length) state.chosen.value = alarm.sensors[0];
    const half = Math.max(JUMP_LEAST_HZ, JUMP_WIDTHS * alarm.bandwidth_hz) / 2;
    pointing.go(state.axis.peek().showHz(alarm.center_freq_hz - half, alarm.center_freq_hz + half));
    document.querySelector(`[data-alarm="${CSS.escape(alarm.id)}"]`)?.scrollIntoView({ block: "nearest" });
  };
  const actions = {
    open,
    theme,
    go: pointing.go,
    back: pointing.back,
    page: pointing.page,
    compare,
    help: () => help(document.querySelector("#help")),
    language: () => choose(lang.value === "zh" ? "en" : "zh"),
    pause: () => (state.paused.value = state.paused.value === null ? scope.end_s : null),
    mute: () => {
      state.muted.value = !state.muted.value;
      localStorage.setItem("rfproctor.muted", state.muted.value ? "yes" : "no");
    },
    leave: () => leave().finally(() => location.reload()),
    sites: () => document.body.classList.toggle("unfolded"),
    filter: () => {
      const own = document.querySelector("#view:not([hidden]) input[type=search]");
      if (own) return own.focus();
      document.body.classList.add("unfolded");
      document.querySelector("#filter").focus();
    },
  };
  whoAmI().then((me) => (state.me.value = me));
  head(document.querySelector("#head"), document.querySelector("#lost"), actions);
  sites(document.querySelector("#sites"));
  bar(document.querySelector("#bar"), actions);
  beside(document, scope);
  peakTable(document.querySelector("#peaks"), scope, pointing.go);
  ribbon(document, scope);
  loadStations();
  flags(document, scope, open);
  alarms(document.querySelector("#alarms"), open);
  meter(document.querySelector("#meter"), scope);
  keys(document.querySelector("#help"), actions);
  views(document.querySelector("#view"), actions);

  effect(() => {
    // The first picture is chosen by itself: who hears the first alarm, else who hears best.
    const all = state.sensors.value;
    if (state.chosen.value || !all.length) return;
    const ears = [...all].reverse().map(({ sensor }) => sensor.sensor);
    state.chosen.value = state.openAlarms.value[0]?.sensors.find((id) => ears.includes(id)) ?? ears[0];
  });
  effect(() => {
    const fresh = state.openAlarms.value.filter(state.isNew).length;
    document.title = `${fresh ? `(${fresh}) ` : ""}rfproctor · ${t("page.title")}`;
  });
  setInterval(() => {
    state.now.value = Date.now() + offsetMs;
    advanceSparks();
  }, 1000);
  await strip(document.querySelector("#strip"), scope);
}

start();
