/** Texts of the page in the chosen language; `lang` is a signal, so that a switch redraws all. */

import { signal } from "./vendor/signals-core.js";

export const LANGS = ["en", "zh"];

const asked = new URLSearchParams(location.search).get("lang");
const stored = localStorage.getItem("rfproctor.lang");
const native = navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en";

export const lang = signal([asked, stored, native].find((name) => LANGS.includes(name)));

const UNIT = /(\d) (MHz|kHz|dB|dBFS|s|min|h|%)(?![\w])/g; // a number never parts from its unit
const TURNS = /[\u202a-\u202e\u2066-\u2069]/g; // somebody else's text never turns ours around
const tables = {};

/** Fetch a language's catalogue (the monitor adds the texts of messages to it), then show it. */
export async function speak(name) {
  if (!tables[name]) {
    const answer = await fetch(new URL(`locale/${name}.json`, import.meta.url));
    tables[name] = await answer.json();
  }
  document.documentElement.lang = name === "zh" ? "zh-CN" : "en";
  lang.value = name;
}

/** The user's choice: kept for the next visit. */
export async function choose(name) {
  localStorage.setItem("rfproctor.lang", name);
  await speak(name);
}

/** Ids come from sites too: "constructor" is none of ours. */
const template = (id) => (Object.hasOwn(tables[lang.value] ?? {}, id) ? tables[lang.value][id] : undefined);

export const knows = (id) => template(id) !== undefined;

/** Text of a message with its named arguments; an unknown id shows itself rather than nothing. */
export function t(id, args = {}) {
  if (!knows(id)) {
    const rest = Object.entries(args).map(([name, value]) => `${name} ${value}`);
    return [id, ...rest].join(" · ").replace(TURNS, "");
  }
  const text = template(id).replace(/\{(\w+)\}/g, (whole, name) => args[name] ?? whole);
  return text.replace(UNIT, "$1\u00a0$2").replace(TURNS, "");
}
