/**
 * The pages beside the watch page, by the address behind `#`: `#/board`, `#/alarm/ID`.
 *
 * A page is a module of its own, fetched when it is first opened, with one function
 * `view(root, words, actions)`: it draws into `root` until the function that it returns is called.
 * `words` are the decoded steps of the address behind the page's name.
 */

import { effect, signal } from "./vendor/signals-core.js";
import { html, render } from "./vendor/lit-html.js";
import { t } from "./i18n.js";
import { badge, follow } from "./reviews_due.js";
import * as state from "./state.js";

/** name -> {load, permission, tab, badge}: who may see it, whether the header has a tab for it, and what stands on that. */
export const PAGES = {
  board: { load: () => import("./board.js"), permission: "view", tab: true },
  alarms: { load: () => import("./alarm_list.js"), permission: "view", tab: true },
  alarm: { load: () => import("./alarm.js"), permission: "view", tab: false },
  plan: { load: () => import("./plan.js"), permission: "view", tab: false },
  history: { load: () => import("./archive.js"), permission: "view", tab: true },
  replay: { load: () => import("./replay.js"), permission: "view", tab: false },
  sessions: { load: () => import("./sessions.js"), permission: "view", tab: true },
  reviews: { load: () => import("./reviews.js"), permission: "view", tab: true, badge },
  fleet: { load: () => import("./fleet.js"), permission: "view", tab: true },
  orders: { load: () => import("./orders.js"), permission: "view", tab: false },
  known: { load: () => import("./known.js"), permission: "view", tab: true },
  deliveries: { load: () => import("./deliveries.js"), permission: "view", tab: true },
  audit: { load: () => import("./audit.js"), permission: "audit", tab: true },
  people: { load: () => import("./people.js"), permission: "view", tab: true },
};

/** The address as it stands: `{name, words}`, the name "watch" for the page with the spectrum. */
export const place = signal(read());

function read() {
  const [name, ...words] = location.hash.replace(/^#\/?/, "").split("/").map(decodeURIComponent);
  return Object.hasOwn(PAGES, name) ? { name, words } : { name: "watch", words: [] };
}

/** Address of a page, for a link. */
export const to = (name, ...words) => (name === "watch" ? "#/" : `#/${[name, ...words].map(encodeURIComponent).join("/")}`);

/** Go to a page; the browser's own "back" comes back. */
export const show = (name, ...words) => (location.hash = to(name, ...words));

const may = ({ permission }) => state.me.value?.permissions.includes(permission);

/** The tabs of the header. */
export function tabs() {
  const here = place.value.name;
  const names = ["watch", ...Object.keys(PAGES).filter((name) => PAGES[name].tab && may(PAGES[name]))];
  return html`<nav class="tabs" aria-label=${t("tabs.title")}>
    ${names.map((name) => html`<a href=${to(name)} aria-current=${here === name ? "page" : "false"}>${t(`tab.${name}`)}${PAGES[name]?.badge?.()}</a>`)}
  </nav>`;
}

/** Show the page of the address in `root`, in place of the spectrum and the list of sensors. */
export function views(root, actions) {
  addEventListener("hashchange", () => (place.value = read()));
  follow();
  let end = null;
  effect(() => {
    const { name, words } = place.value;
    end?.();
    end = null;
    document.body.classList.toggle("paged", name !== "watch");
    root.hidden = name === "watch";
    render("", root);
    if (name === "watch") return;
    root.setAttribute("aria-label", t(`tab.${name}`));
    const asked = place.peek();
    const here = () => asked === place.peek();
    PAGES[name].load().then(
      (module) => here() && (end = module.view(root, words, actions)),
      () => here() && render(html`<p class="lost-page">${t("page.not_loaded")} <button @click=${() => location.reload()}>${t("page.again")}</button></p>`, root),
    );
  });
}
