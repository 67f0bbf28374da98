/** A state is always a shape, a word and a colour: three ways to read it. */

import { html, svg } from "./vendor/lit-html.js";
import { t } from "./i18n.js";

const SHAPES = {
  go: svg`<circle cx="8" cy="8" r="5.5"/>`,
  degraded: svg`<path d="M8 1.8 15 14H1Z"/>`,
  blind: svg`<path d="M5 1.5h6L14.5 5v6L11 14.5H5L1.5 11V5Z"/><path class="cut" d="M4.5 8h7"/>`,
  silent: svg`<path class="line" d="m3 3 10 10M13 3 3 13"/>`,
  drill: svg`<path d="M8 1 15 8 8 15 1 8Z"/>`,
  survey: svg`<circle class="line" cx="8" cy="8" r="5.5"/>`,
};

export const shape = (state) => html`<svg class="shape ${state}" viewBox="0 0 16 16" aria-hidden="true">${SHAPES[state] ?? SHAPES.survey}</svg>`;

export const word = (state) => html`<span class="state ${state}">${t(`state.${state}`)}</span>`;
