/** Requests to the monitor that change something; a failure comes back as words. */

import { t } from "./i18n.js";

/** GET `path` under `api/v1/`: `{value}`, or `{failure}` in words. */
export async function ask(path, signal = AbortSignal.timeout(20_000)) {
  try {
    const answer = await fetch(`api/v1/${path}`, { headers: { "Accept-Language": document.documentElement.lang }, signal });
    const value = await answer.json();
    return answer.ok ? { value } : { failure: value.text };
  } catch (error) {
    return { failure: t("api.no_answer"), aborted: error.name === "AbortError" };
  }
}

/** Change something under `api/v1/`: `{value}`, or `{failure}` in words. */
export async function tell(method, path, body) {
  try {
    const answer = await fetch(`api/v1/${path}`, {
      method,
      headers: { "Accept-Language": document.documentElement.lang, ...(body ? { "Content-Type": "application/json" } : {}) },
      body: body && JSON.stringify(body),
      signal: AbortSignal.timeout(20_000),
    });
    const value = await answer.json();
    return answer.ok ? { value } : { failure: t("api.refused", { why: value.text }) };
  } catch {
    return { failure: t("api.unreachable") };
  }
}

/** Who is signed in: `{name, role, permissions}`, or null. */
export async function whoAmI() {
  try {
    const answer = await fetch("api/v1/me");
    return answer.ok ? await answer.json() : null;
  } catch {
    return null;
  }
}

/** End the session. */
export const leave = () => fetch("api/v1/session", { method: "DELETE" });

/** Whether the monitor still knows us: after a restart it asks to sign in again. */
export async function signedIn() {
  try {
    return (await fetch("./", { method: "HEAD" })).status !== 401;
  } catch {
    return true; // not reachable: nothing is known
  }
}
