// Every page: times, countdowns, the dialog, notices, busy buttons, polling manners. Pages work without it.
import * as connection from "./connection.js";
import * as countdown from "./countdown.js";
import * as dialog from "./dialog.js";
import {localise} from "./times.js";
import * as toast from "./toast.js";

function learnClock() {
  const now = document.querySelector("[data-now]");
  if (now) countdown.setClock(now.dataset.now);
}

function refresh(root) {
  learnClock();
  localise(root);
  connection.paint();
}

function busy(form, on) {
  const button = form.matches("form") ? form.querySelector("button:not([type=button])") : null;
  if (!button) return;
  if (on) button.setAttribute("aria-busy", "true");
  else button.removeAttribute("aria-busy");
}

/** A region that is redrawn under the reader's focus gives it to the same control, else to itself. */
function keepFocus(region) {
  const held = region.contains(document.activeElement) ? document.activeElement.id : null;
  if (held === null) return;
  queueMicrotask(() => {
    const next = document.getElementById(held) ?? document.getElementById(region.id);
    if (!next || next === document.activeElement) return;
    if (next.tabIndex < 0) next.tabIndex = -1;
    next.focus({preventScroll: true});
  });
}

// A poll and a command never redraw the page across each other: while a command is under way no poll starts, and what a
// poll brings meanwhile is dropped. Else a region could be replaced under the form whose answer is still to come.
const polls = element => element.id === "poll";
let commands = 0;
document.body.addEventListener("htmx:beforeRequest", event => {
  if (polls(event.target)) {
    if (document.hidden || commands) event.preventDefault();
    return;
  }
  commands += 1;
  busy(event.target, true);
});
document.body.addEventListener("htmx:beforeSwap", event => {
  if (polls(event.detail.requestConfig.elt) && commands) event.detail.shouldSwap = false;
});
document.body.addEventListener("htmx:afterRequest", event => {
  if (polls(event.target)) return connection.tell({late: !event.detail.successful});
  commands = Math.max(0, commands - 1);
  busy(event.target, false);
});
document.body.addEventListener("htmx:oobBeforeSwap", event => keepFocus(event.detail.target));
document.body.addEventListener("htmx:oobAfterSwap", () => refresh(document));
document.body.addEventListener("htmx:afterSwap", () => refresh(document));

refresh(document);
countdown.start();
dialog.start();
toast.start();
if (document.querySelector("[data-machine]")) (await import("./slot.js")).start();
if (document.querySelector("[data-stream]")) (await import("./feed.js")).start();
