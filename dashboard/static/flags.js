/** Numbered flags of the open alarms at their frequencies, with a line down through the pictures. */

import { effect } from "./vendor/signals-core.js";
import { html, render } from "./vendor/lit-html.js";
import { mhz } from "./format.js";
import { t } from "./i18n.js";
import * as state from "./state.js";

const FLAG_PX = 26; // flags nearer than this become one with a count

export function flags(root, scope, open) {
  const strip = root.querySelector("#flags");
  const draw = () => {
    const axis = state.axis.value;
    const found = [];
    for (const alarm of state.openAlarms.value) {
      const x = axis.xOf(alarm.center_freq_hz, scope.width || 1);
      if (x === null) continue;
      const near = found.find((flag) => Math.abs(flag.x - x) < FLAG_PX);
      if (near) near.more++;
      else found.push({ x, alarm, more: 0 });
    }
    render(
      found.map(({ x, alarm, more }) => {
        const kind = `${state.isNew(alarm) ? "new" : "seen"}${alarm.id === state.selected.value ? " selected" : ""}`;
        return html`<button class="flag ${kind}" .style=${`left:${x.toFixed(1)}px`} @click=${() => open(alarm)}
            aria-label=${t("flag.label", { n: state.numbers.value.get(alarm.id), mhz: mhz(alarm.center_freq_hz) })}
            >${state.numbers.value.get(alarm.id)}${more ? html`<small>+${more}</small>` : ""}</button
          ><i class="pole ${kind}" .style=${`left:${x.toFixed(1)}px`}></i>`;
      }),
      strip,
    );
  };
  effect(draw);
  scope.onChange(draw);
}
