/** Numbers as people of this trade write them: MHz with 4 decimals, levels with 1, ages in words. */

import { lang, t } from "./i18n.js";

const minus = (text) => text.replace("-", "−");

export const mhz = (hz, decimals = 4) => (hz / 1e6).toFixed(decimals);
export const db = (value) => minus(value.toFixed(1));
export const signedDb = (value) => (value >= 0 ? "+" : "") + db(value);

/** A width: "12.5 kHz", "1.9 MHz". */
export function width(hz) {
  if (hz >= 1e6) return `${(hz / 1e6).toFixed(hz < 1e7 ? 2 : 1)} MHz`;
  return `${(hz / 1e3).toFixed(hz < 1e5 ? 1 : 0)} kHz`;
}

/** A number of many: "812", "23.1 k", "4.2 M". */
export function count(n) {
  if (n < 10_000) return String(n);
  return n < 1e6 ? `${(n / 1e3).toFixed(1)} k` : `${(n / 1e6).toFixed(1)} M`;
}

/** A chance: "99.8 %", never rounded up to certainty. */
export function percent(part) {
  if (part >= 1) return "100 %";
  const value = Math.floor(part * 1000) / 10;
  return `${value.toFixed(1)} %`;
}

const formats = new Map(); // making one takes longer than using it a hundred times

function formatted(ms, options) {
  const name = lang.value === "zh" ? "zh-CN" : "en-GB";
  const key = name + Object.keys(options);
  if (!formats.has(key)) formats.set(key, new Intl.DateTimeFormat(name, options));
  return formats.get(key).format(ms);
}

/** Local time of day: "10:05:12", without seconds "10:05". */
export function clock(ms, seconds = true) {
  const options = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
  return formatted(ms, seconds ? { ...options, second: "2-digit" } : options);
}

/** Local date: "24 Nov", with the year where it is not this one. */
export function day(ms) {
  const options = { day: "numeric", month: "short" };
  const past = new Date(ms).getFullYear() !== new Date().getFullYear();
  return formatted(ms, past ? { ...options, year: "numeric" } : options);
}

/** What is left, hours and minutes: "01:12", below a minute in seconds: "0:42". */
export function left(ms) {
  const s = Math.max(0, Math.floor(ms / 1000));
  if (s < 60) return `0:${String(s).padStart(2, "0")}`;
  return `${String(Math.floor(s / 3600)).padStart(2, "0")}:${String(Math.floor((s % 3600) / 60)).padStart(2, "0")}`;
}

/** A clock's offset: "+12 ms", "0 ms". */
export function offsetText(ns) {
  const ms = Math.round(ns / 1e6);
  return `${ms > 0 ? "+" : ""}${minus(String(ms + 0))} ms`;
}

/** Name of the local zone: "UTC+8". */
export function zone(ms) {
  const minutes = -new Date(ms).getTimezoneOffset();
  if (minutes === 0) return "UTC";
  const hours = Math.trunc(minutes / 60);
  const rest = Math.abs(minutes % 60);
  return `UTC${hours < 0 ? "−" : "+"}${Math.abs(hours)}${rest ? `:${String(rest).padStart(2, "0")}` : ""}`;
}

/** "now", "12 s", "3 min", "36 h", "3 d". */
export function age(ms) {
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < 2) return t("age.now");
  if (s < 60) return t("age.s", { n: s });
  if (s < 3600) return t("age.min", { n: Math.floor(s / 60) });
  if (s < 2 * 86_400) return t("age.h", { n: Math.floor(s / 3600) });
  return t("archive.days", { n: Math.floor(s / 86_400) });
}
