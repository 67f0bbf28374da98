/** An alarm in words: the sentence its card begins with, made at display time in the user's language. */

import { age, mhz, width } from "./format.js";
import { t } from "./i18n.js";
import * as state from "./state.js";

const SAME_HZ = 5e3; // what differs by less is called the same emitter at another site

/** "Short bursts of about 3 s, 7 so far, at 169.000 MHz, only at this school". */
export function sentence(alarm) {
  const place = siteName(alarm.site);
  const elsewhere = othersWith(alarm);
  return t("alarm.sentence", {
    what: what(alarm),
    mhz: mhz(alarm.center_freq_hz, 3),
    where: elsewhere ? t("alarm.where_more", { site: place, n: elsewhere }) : t("alarm.where_only", { site: place }),
  });
}

export const siteName = (id) => state.sites.value.get(id)?.site_name || id;

/** What kind of emission, from the reasons that the sensor measured. */
function what(alarm) {
  const reasons = new Map(alarm.reasons.map((reason) => [reason.id, reason.args ?? {}]));
  const label = alarm.label ? t(`label.${alarm.label}`) : "";
  if (label && !label.startsWith("label.")) return label;
  const bursts = reasons.get("reason.bursts");
  const rhythm = reasons.get("reason.rhythm");
  const voice = reasons.get("reason.voice");
  if (rhythm) return t("alarm.what_rhythm", { period: age(rhythm.period_s * 1000) });
  if (bursts) return t("alarm.what_bursts", { on_s: bursts.on_s, count: bursts.count });
  if (voice) return t("alarm.what_voice", { on: age(voice.on_s * 1000) });
  if (reasons.has("reason.wide")) return t("alarm.what_wide", { width: width(alarm.bandwidth_hz) });
  if (reasons.has("reason.brief")) return t("alarm.what_brief");
  return t("alarm.what_new", { width: width(alarm.bandwidth_hz) });
}

/** Other sites with an open alarm at the same frequency. */
function othersWith(alarm) {
  const near = Math.max(SAME_HZ, alarm.bandwidth_hz / 2);
  const found = new Set();
  for (const other of state.openAlarms.value) {
    if (other.site !== alarm.site && Math.abs(other.center_freq_hz - alarm.center_freq_hz) <= near) found.add(other.site);
  }
  return found.size;
}

/** "3 of 4": sensors of the site that heard it. */
export function heardBy(alarm) {
  const all = state.sites.value.get(alarm.site)?.sensors.length ?? alarm.sensors.length;
  return { n: alarm.sensors.length, m: Math.max(all, alarm.sensors.length) };
}
