/** Requests to the monitor that change something; a failure comes back as words. */

import { t } from "./i18n.js";

/** Do `action` to an alarm; null when it was saved, else what went wrong and what to do. */
export async function act(id, action, fields) {
  try {
    const answer = await fetch(`api/v1/alarms/${encodeURIComponent(id)}/actions`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ action, ...fields }),
      signal: AbortSignal.timeout(8000),
    });
    if (answer.ok) return null;
    if (answer.status === 401 || answer.status === 403) return t("api.forbidden");
    return t("api.refused", { status: answer.status });
  } catch {
    return t("api.unreachable");
  }
}
