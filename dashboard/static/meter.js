/** The walk-up meter of a phone: how strong the chosen alarm is here and now, in digits and a bar. */

import { effect } from "./vendor/signals-core.js";
import { html, nothing, render } from "./vendor/lit-html.js";
import { mhz, signedDb } from "./format.js";
import { t } from "./i18n.js";
import { EXCESS_RANGE } from "./colormap.js";
import { UNSEEN } from "./levels.js";
import * as state from "./state.js";
import { placeName } from "./words.js";

const narrow = matchMedia("(max-width: 700px)");
const FALL_DB_PER_S = 3; // of the peak mark

/** Follows the selected alarm on the sensor whose picture is shown. */
export function meter(root, scope) {
  let peak = -Infinity;
  let timer = null;
  const alarm = () => state.alarms.peek().get(state.selected.peek());
  const draw = () => {
    const found = alarm();
    root.hidden = !found || !narrow.matches;
    if (root.hidden) return;
    const excess = level(found, scope);
    peak = Math.max(peak - FALL_DB_PER_S / 5, excess ?? -Infinity);
    const [low, high] = [0, EXCESS_RANGE[1] + 30];
    const part = (db) => `${Math.min(100, Math.max(0, ((db - low) / (high - low)) * 100)).toFixed(1)}%`;
    render(
      html`<p>${mhz(found.center_freq_hz)} MHz · ${placeName(state.current.peek()?.sensor.position ?? "")}</p>
        <b>${excess === null ? t("read.unseen") : html`${signedDb(excess)}<small> ${t(scope.spectrum.hasBaseline ? "scale.baseline" : "scale.median")}</small>`}</b>
        <div class="gauge"><i .style=${`width:${excess === null ? "0" : part(excess)}`}></i>${peak > -Infinity ? html`<em .style=${`left:${part(peak)}`}></em>` : nothing}</div>`,
      root,
    );
  };
  effect(() => {
    state.selected.value;
    peak = -Infinity;
    clearInterval(timer);
    timer = state.selected.value && narrow.matches ? setInterval(draw, 200) : null;
    draw();
  });
  narrow.addEventListener("change", draw);
}

/** Largest excess within the alarm's bandwidth, null where nothing is received. */
function level({ center_freq_hz, bandwidth_hz }, scope) {
  const axis = state.axis.peek();
  const x = axis.xOf(center_freq_hz, scope.width);
  if (x === null || !scope.lines) return null;
  const piece = scope.pieces.find((p) => center_freq_hz >= p.start_hz && center_freq_hz <= p.stop_hz);
  const half = Math.max(1, ((bandwidth_hz / 2) * (piece.x1 - piece.x0)) / (piece.stop_hz - piece.start_hz));
  let most = UNSEEN;
  for (let i = Math.floor(x * scope.ratio - half); i <= x * scope.ratio + half; i++) {
    if (scope.lines.live[i] !== UNSEEN && scope.lines.liveExcess[i] > most) most = scope.lines.liveExcess[i];
  }
  return most === UNSEEN ? null : most;
}
