/** Every action from the keyboard, and the card that lists them. */

import { html, render } from "./vendor/lit-html.js";
import { t } from "./i18n.js";
import { say } from "./alarms.js";
import * as state from "./state.js";
import { place, show } from "./views.js";

export const SLOTS = [0.1, 0.2, 0.5, 1, 2];

const DESK = [
  ["J K", "key.next"], ["A", "key.acknowledge"], ["Enter", "key.open"],
];
const WATCH = [
  ["Space", "key.pause"], ["↑ ↓", "key.page"], ["← →", "key.pan"], ["+ −", "key.zoom"], ["0", "key.whole"],
  ["E", "key.excess"], ["M", "key.hold"], ["B", "key.baseline"], ["[ ]", "key.slot"],
  ["P", "key.peaks"], ["C", "key.beside"],
];
const EVERYWHERE = [
  ["/", "key.filter"], ["L", "key.lang"], ["T", "key.theme"], ["S", "key.sound"], ["?", "key.help"],
];
const TIME = [["E", "key.excess"], ["0", "key.whole"]];
/** Keys of pages beside the watch page. */
const OWN = {
  board: [["← → ↑ ↓", "key.tiles"]],
  history: [["↑ ↓", "key.time"], ["← →", "key.pan"], ["+ −", "key.zoom_time"], ["N", "key.now"], ["M", "key.max_mean"], ["⌫", "key.back"], ...TIME],
  replay: [["Space", "key.play"], ["← →", "key.seek"], ["+ −", "key.speed"], ["N", "key.next_alarm"], ...TIME],
};
const MOUSE = ["mouse.drag", "mouse.double", "mouse.wheel", "mouse.shift", "mouse.alt", "mouse.beside"];

/** What moves or changes the spectrum: on the other pages these keys scroll as everywhere. */
const PICTURE = new Set([" ", "ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight", "PageUp", "PageDown", "Home", "+", "=", "-", "0", "[", "]"]);

/** `actions`: open(alarm), pause(), back(), theme(), mute(), language(). */
export function keys(dialog, actions) {
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || dialog.open) return;
    const typing = event.target.closest?.("input,select,textarea");
    if (typing) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    const onButton = event.target.closest?.("button,summary,a");
    if (onButton && (event.key === "Enter" || event.key === " ")) return;
    if (PICTURE.has(event.key) && place.peek().name !== "watch") return;
    const did = press(event.key, dialog, actions);
    if (did) event.preventDefault();
  });
}

function press(key, dialog, actions) {
  const axis = state.axis.peek();
  const list = state.openAlarms.peek();
  const alarm = list.find(({ id }) => id === state.selected.peek());
  const step = (by) => {
    if (!list.length) return;
    const at = list.indexOf(alarm);
    const next = list[at < 0 ? 0 : Math.min(list.length - 1, Math.max(0, at + by))];
    if (place.peek().name === "alarm") show("alarm", next.id);
    else actions.open(next);
  };
  const slot = (by) => {
    const at = SLOTS.indexOf(state.slotS.peek()) + by;
    if (SLOTS[at]) state.slotS.value = SLOTS[at];
  };
  const middle = (axis.view.u0 + axis.view.u1) / 2;
  const done = {
    j: () => step(1),
    k: () => step(-1),
    a: () => alarm && state.isNew(alarm) && say(alarm, "acknowledge"),
    Enter: () => alarm && show("alarm", alarm.id),
    " ": actions.pause,
    ArrowUp: () => actions.page(0.25),
    ArrowDown: () => actions.page(-0.25),
    PageUp: () => actions.page(0.9),
    PageDown: () => actions.page(-0.9),
    p: () => (state.showPeaks.value = !state.showPeaks.peek()),
    c: actions.compare,
    ArrowLeft: () => (state.axis.value = axis.pan(-0.1)),
    ArrowRight: () => (state.axis.value = axis.pan(0.1)),
    "+": () => (state.axis.value = axis.zoom(middle, 0.67)),
    "=": () => (state.axis.value = axis.zoom(middle, 0.67)),
    "-": () => (state.axis.value = axis.zoom(middle, 1.5)),
    0: () => (state.axis.value = axis.show(0, 1)),
    Home: () => (state.axis.value = axis.show(0, 1)),
    e: () => (state.excessView.value = !state.excessView.peek()),
    m: () => (state.showHold.value = !state.showHold.peek()),
    b: () => (state.showBaseline.value = !state.showBaseline.peek()),
    "[": () => slot(-1),
    "]": () => slot(1),
    "/": () => actions.filter(),
    l: actions.language,
    t: actions.theme,
    s: actions.mute,
    "?": () => help(dialog),
  }[key.length === 1 ? key.toLowerCase() : key];
  if (!done) return false;
  done();
  return true;
}

export function help(dialog) {
  const here = place.peek().name;
  render(
    html`<h2>${t("help.title")}</h2>
      <dl>${[...DESK, ...(here === "watch" ? WATCH : (OWN[here] ?? [])), ...EVERYWHERE].map(([key, id]) => html`<dt>${key.split(" ").map((name) => html`<kbd>${name}</kbd>`)}</dt><dd>${t(id)}</dd>`)}</dl>
      <ul>${here === "watch" ? MOUSE.map((id) => html`<li>${t(id)}</li>`) : ""}</ul>
      <form method="dialog"><button class="primary" autofocus>${t("help.close")}</button></form>`,
    dialog,
  );
  dialog.showModal();
}
