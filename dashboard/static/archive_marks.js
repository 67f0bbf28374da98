/** What stands beside recorded spectra on the time axis: alarms that a sensor heard, exams' phases. */

import { ask } from "./api.js";

/** Phases of an exam: `[{phase, start_s, stop_s}]`; the survey before it has no beginning of its own. */
export function phasesOf({ start_ns, stop_ns, drill_s, armed_s, closing_s }) {
  const [start_s, stop_s] = [start_ns / 1e9, stop_ns / 1e9];
  return [
    { phase: "drill", start_s: start_s - drill_s, stop_s: start_s - armed_s },
    { phase: "armed", start_s: start_s - armed_s, stop_s: start_s },
    { phase: "open", start_s, stop_s },
    { phase: "closing", start_s: stop_s, stop_s: stop_s + closing_s },
  ].filter((one) => one.stop_s > one.start_s);
}

/** Alarms of a site and its exams that touch a stretch of time: `{alarms, exams}`; of one sensor where it is given. */
export async function fetchMarks({ site, sensor = null, start_s, stop_s }, signal) {
  const asked = new URLSearchParams({ site, since_ns: ns(start_s), until_ns: ns(stop_s), limit: 2000 });
  const [alarms, sessions] = await Promise.all([ask(`alarms?${asked}`, signal), ask("sessions", signal)]);
  return {
    alarms: (alarms.value ?? []).filter((alarm) => !sensor || alarm.sensors.includes(sensor)).sort((a, b) => a.first_seen_ns - b.first_seen_ns),
    exams: (sessions.value ?? [])
      .filter((exam) => !exam.ended_ns && (exam.site === "*" || exam.site === site))
      .map((exam) => ({ ...exam, phases: phasesOf(exam) }))
      .filter(({ phases }) => phases[0].start_s < stop_s && phases.at(-1).stop_s > start_s),
    failure: alarms.failure ?? sessions.failure,
  };
}

const ns = (s) => `${Math.max(0, Math.round(s))}000000000`;
