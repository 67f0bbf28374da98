/** What is known about one alarm, fetched when its page opens and again when it changes. */

import { effect, signal } from "./vendor/signals-core.js";
import { ask } from "./api.js";
import { changed } from "./requests.js";
import * as state from "./state.js";

const AGAIN_MS = 2000; // an alarm on the air changes with every sighting

export class Dossier {
  alarm = signal(null);
  failure = signal(null);
  parts = signal([]);
  sightings = signal(null); // {sightings, beat, since_ns}
  clips = signal([]);
  actions = signal([]);
  requests = signal([]); // for a second person, the newest first
  audit = signal([]); // empty for who may not read it

  constructor(id) {
    this.id = id;
    this.path = `alarms/${encodeURIComponent(id)}`;
    this.ended = false;
    this.timer = null;
    this.seen = 0;
    this.stopAsking = effect(() => {
      // Who we are decides what may be asked; a request for a second person changes what is shown.
      if (state.me.value && (!changed.value || changed.value.subject === id)) this.timer ??= setTimeout(() => this.#fetch(), 0);
    });
    this.stop = effect(() => {
      const live = state.alarms.value.get(id);
      if (!live || live.changed_ns === this.seen) return;
      this.seen = live.changed_ns;
      this.alarm.value = live;
      this.timer ??= setTimeout(() => this.#fetch(), AGAIN_MS);
    });
  }

  end() {
    this.ended = true;
    clearTimeout(this.timer);
    this.stop();
    this.stopAsking();
  }

  /** Fetch everything anew. */
  async #fetch() {
    this.timer = null;
    const may = state.me.peek()?.permissions ?? [];
    const [alarm, parts, sightings, clips, actions, requests, audit] = await Promise.all([
      ask(this.path),
      ask(`${this.path}/parts`),
      ask(`${this.path}/sightings`),
      ask(`${this.path}/evidence`),
      ask(`${this.path}/actions`),
      ask(`approvals?subject=${encodeURIComponent(this.id)}`),
      may.includes("audit") ? ask(`audit?limit=200&newest=true&subject=${encodeURIComponent(this.id)}`) : { value: [] },
    ]);
    if (this.ended) return;
    this.failure.value = alarm.failure ?? null;
    if (alarm.value) {
      this.alarm.value = alarm.value;
      this.seen = alarm.value.changed_ns;
    }
    for (const [name, answer] of Object.entries({ parts, sightings, clips, actions, requests, audit })) {
      if (answer.value) this[name].value = answer.value;
    }
  }

  /** After something was done here. */
  again() {
    clearTimeout(this.timer);
    return this.#fetch();
  }
}
