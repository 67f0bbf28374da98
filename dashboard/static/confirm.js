/** A button that asks once more before it does what cannot be undone. */

import { signal } from "./vendor/signals-core.js";
import { html } from "./vendor/lit-html.js";
import { t } from "./i18n.js";

const asking = signal(null); // name of the button that asks

/** `name` tells it from the others of a page. */
export function confirmButton(name, label, onYes) {
  if (asking.value !== name) return html`<button type="button" @click=${() => (asking.value = name)}>${label}</button>`;
  const yes = () => {
    asking.value = null;
    onYes();
  };
  return html`<span class="confirm" role="group" aria-label=${label}><button type="button" class="primary" @click=${yes}>${label}: ${t("confirm.yes")}</button>
    <button type="button" @click=${() => (asking.value = null)}>${t("confirm.no")}</button></span>`;
}
