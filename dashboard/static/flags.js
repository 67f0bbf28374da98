/** Numbered flags of the open alarms at their frequencies, with a pole down to the waterfall. */

import { effect } from "./vendor/signals-core.js";
import { html, render } from "./vendor/lit-html.js";
import { mhz } from "./format.js";
import { t } from "./i18n.js";
import * as state from "./state.js";

const FLAG_PX = 27; // flags nearer than this become one with a count
const CROWD_PX = 72; // room for "680+59"
const CROWD = 40;

export function flags(root, scope, open) {
  const strip = root.querySelector("#flags");
  const poles = root.querySelector("#poles");
  const draw = () => {
    const axis = state.axis.value;
    const found = [];
    const room = state.openAlarms.value.length > CROWD ? CROWD_PX : FLAG_PX;
    for (const alarm of state.openAlarms.value) {
      const x = axis.xOf(alarm.center_freq_hz, scope.width || 1);
      if (x === null) continue;
      const near = found.find((flag) => Math.abs(flag.x - x) < room);
      if (near) near.more++;
      else found.push({ x, alarm, more: 0 });
    }
    const kind = (alarm) =>
      `${state.isNew(alarm) ? "new" : "seen"}${alarm.id === state.selected.value ? " selected" : ""}`;
    const left = (x) => `left:${x.toFixed(1)}px`;
    render(
      found.map(
        ({ x, alarm, more }) => html`<button class="flag ${kind(alarm)}" .style=${left(x)} @click=${() => open(alarm)}
          aria-label=${t("flag.label", { n: state.numbers.value.get(alarm.id), mhz: mhz(alarm.center_freq_hz) })}
          >${state.numbers.value.get(alarm.id)}${more ? html`<small>+${more}</small>` : ""}</button>`,
      ),
      strip,
    );
    render(found.map(({ x, alarm }) => html`<i class="pole ${kind(alarm)}" .style=${left(x)}></i>`), poles);
  };
  effect(draw);
  scope.onChange(draw);
}
