/** Further sensors under the chosen one, over the same frequency axis: who hears it best? */

import { effect, untracked } from "./vendor/signals-core.js";
import { html, nothing, render } from "./vendor/lit-html.js";
import { binsFor, Channel } from "./channel.js";
import { signedDb } from "./format.js";
import { t } from "./i18n.js";
import { shape } from "./shapes.js";
import { placeName, siteName } from "./words.js";
import * as state from "./state.js";

export const MOST_BESIDE = 3;
const FRAME_MS = 200; // beside pictures are drawn half as often as the chosen one
const SETTLE_MS = 150;

/** Put the panes of `state.beside` under the waterfall and keep them in step with the scope. */
export function beside(root, scope) {
  const place = root.querySelector("#beside");
  const panes = new Map(); // sensor id -> {channel, element, label}
  let asking = 0;
  let watched = [];

  const follower = {
    take(row) {
      const pane = panes.get(row.sensor);
      if (!pane?.channel.lines || row.sensor === scope.sensor) return;
      pane.channel.take(row);
      pane.frame ??= setTimeout(() => {
        pane.frame = null;
        pane.channel.scroll();
      }, FRAME_MS);
    },
    refer(header, baseline, threshold) {
      const channel = panes.get(header.sensor)?.channel;
      if (channel?.references.add(header, baseline, threshold) && channel.lines) channel.relay(scope.pieces, scope.spectrum.width);
    },
  };
  scope.also(follower);

  /** Rows of what the scope shows, of every sensor beside it. */
  const ask = () => {
    const pieces = state.axis.peek().pieces(scope.width || 1);
    const names = [];
    [...panes.keys()].forEach((sensor, pane) =>
      pieces.forEach(({ start_hz, stop_hz }, index) => {
        names.push(`beside${pane}.${index}`);
        scope.wire.watch(names.at(-1), { sensor, start_hz, stop_hz, bins: binsFor(start_hz, stop_hz) });
      }),
    );
    for (const name of watched) if (!names.includes(name)) scope.wire.unwatch(name);
    watched = names;
    for (const { channel } of panes.values()) {
      channel.page(scope.pieces).then((came) => came && channel.relay(scope.pieces, scope.spectrum.width));
    }
  };

  const relay = () => {
    if (!scope.pieces) return;
    for (const { channel, element } of panes.values()) {
      channel.resize(scope.spectrum.width, Math.round(element.clientHeight * scope.ratio), scope.ratio);
      channel.waterfall.rawRange = scope.waterfall.rawRange;
      channel.relay(scope.pieces, scope.spectrum.width);
    }
    clearTimeout(asking);
    asking = setTimeout(ask, SETTLE_MS);
  };

  const open = (sensor) => {
    const element = document.createElement("div");
    const canvas = document.createElement("canvas");
    const label = document.createElement("div");
    element.className = "pane";
    label.className = "label";
    element.append(canvas, label);
    place.append(element);
    const channel = new Channel(canvas);
    channel.forget(sensor);
    panes.set(sensor, { channel, element, label });
  };

  effect(() => {
    const wanted = state.beside.value.filter((sensor) => sensor !== state.chosen.value);
    untracked(() => {
      for (const [sensor, { element }] of panes) {
        if (wanted.includes(sensor)) continue;
        element.remove();
        panes.delete(sensor);
      }
      const fresh = wanted.filter((sensor) => !panes.has(sensor));
      fresh.forEach(open);
      scope.plot.dataset.beside = panes.size;
      place.hidden = !panes.size;
      relay();
      for (const sensor of fresh) {
        const { channel } = panes.get(sensor);
        channel.recall(state.axis.peek().pieces(1000)).then((came) => came && relay());
      }
    });
  });
  scope.onChange(relay);
  effect(() => {
    state.excessView.value;
    for (const { channel } of panes.values()) if (channel.lines) channel.waterfall.paint(channel.lines, state.excessView.value);
  });
  effect(() => {
    state.beside.value;
    state.now.value;
    for (const [sensor, { channel, label }] of panes) render(words(sensor, level(channel, scope)), label);
  });
  setInterval(() => {
    for (const { channel } of panes.values()) if (channel.pulse()) channel.scroll();
  }, 500);
}

/** dB over the baseline under the cursor, null where there is none. */
function level(channel, scope) {
  const x = state.cursorX.value;
  if (x === null) return null;
  return channel.under(Math.min(scope.spectrum.width - 1, Math.round(x * scope.ratio)), null)?.excess ?? null;
}

function words(id, excess) {
  const found = state.sensors.value.find(({ sensor }) => sensor.sensor === id);
  if (!found) return nothing;
  const { site, sensor } = found;
  return html`${shape(sensor.state)} <b>${siteName(site.site)} › ${placeName(sensor.position) || sensor.sensor}</b>
    ${excess === null ? nothing : html`<span class="num">${signedDb(excess)} dB</span>`}
    <button @click=${() => without(id)} aria-label=${t("beside.close")} title=${t("beside.close")}>×</button>`;
}

const without = (id) => (state.beside.value = state.beside.value.filter((other) => other !== id));

/** Put a sensor beside the chosen one, or take it away. */
export function toggleBeside(id) {
  if (state.beside.value.includes(id)) without(id);
  else if (id !== state.chosen.value) state.beside.value = [...state.beside.value, id].slice(-MOST_BESIDE);
}

/** All beside each other, or the chosen one alone: who hears the selected alarm best comes first, then the same site. */
export function compare() {
  if (state.beside.value.length) return void (state.beside.value = []);
  const here = state.current.value;
  if (!here) return;
  const levels = new Map((state.alarms.value.get(state.selected.value)?.levels ?? []).map(({ sensor, snr_db }) => [sensor, snr_db]));
  const others = state.sensors.value
    .filter(({ site, sensor }) => sensor.sensor !== state.chosen.value && (site === here.site || levels.has(sensor.sensor)))
    .map(({ sensor }) => sensor.sensor)
    .sort((a, b) => (levels.get(b) ?? -Infinity) - (levels.get(a) ?? -Infinity) || a.localeCompare(b));
  state.beside.value = others.slice(0, MOST_BESIDE);
}
