// The parts of a page that are read again when something happened (`data-part`). However many events come, a part is
// read at most twice a second, and never while a command is under way: its answer could replace the command's form.
import * as connection from "./connection.js";

const INTERVAL_MS = 500, RETRY_MS = 2000;
const timers = new Map(), readAt = new Map(), postponed = new Set();
let commands = 0;

export const isPart = element => element.matches("[data-part]");

/** Read a part again: soon, at a random moment of the next `spreadMs`, so that a crowd does not ask all at once. */
export function refresh(id, spreadMs = 0) {
  const part = document.getElementById(id);
  if (!part || timers.has(id)) return;
  const free = (readAt.get(id) ?? -INTERVAL_MS) + INTERVAL_MS - performance.now();
  timers.set(id, setTimeout(() => {
    timers.delete(id);
    readAt.set(id, performance.now());
    window.htmx.trigger(part, "moved");
  }, Math.max(0, free) + Math.random() * spreadMs));
}

function beforeRequest(event) {
  if (!isPart(event.target)) {
    commands += 1;
  } else if (document.hidden || commands) {  // a page that is shown again reads everything
    event.preventDefault();
    if (commands) postponed.add(event.target.id);
  }
}

function beforeSwap(event) {
  const {elt} = event.detail.requestConfig;
  if (!isPart(elt) || !commands) return;
  event.detail.shouldSwap = false;
  postponed.add(elt.id);
}

function afterRequest({target, detail}) {
  if (isPart(target)) {
    connection.update({late: !detail.successful});
    if (!detail.successful) setTimeout(refresh, RETRY_MS, target.id, RETRY_MS);
    return;
  }
  commands = Math.max(0, commands - 1);
  if (commands) return;
  for (const id of postponed) refresh(id);
  postponed.clear();
}

export function start() {
  document.body.addEventListener("htmx:beforeRequest", beforeRequest);
  document.body.addEventListener("htmx:beforeSwap", beforeSwap);
  document.body.addEventListener("htmx:afterRequest", afterRequest);
}
