// Every page: times, countdowns, the dialog, notices, busy buttons, and polls that keep clear of commands. Pages work
// without it.
import * as connection from "./connection.js";
import * as countdown from "./countdown.js";
import * as dialog from "./dialog.js";
import {localise} from "./times.js";
import * as toast from "./toast.js";

function setClock() {
  const now = document.querySelector("[data-now]");
  if (now) countdown.setClock(now.dataset.now);
}

function refresh(root) {
  setClock();
  localise(root);
  connection.paint();
}

function busy(form, on) {
  const button = form.matches("form") ? form.querySelector("button:not([type=button])") : null;
  if (!button) return;
  if (on) button.setAttribute("aria-busy", "true");
  else button.removeAttribute("aria-busy");
}

/** Keep the focus when its region is redrawn: on the same control, else on the region. */
function keepFocus(region) {
  const focused = region.contains(document.activeElement) ? document.activeElement.id : null;
  if (focused === null) return;
  queueMicrotask(() => {
    const next = document.getElementById(focused) ?? document.getElementById(region.id);
    if (!next || next === document.activeElement) return;
    if (next.tabIndex < 0) next.tabIndex = -1;
    next.focus({preventScroll: true});
  });
}

// While a command is under way no poll starts, and the answer of one that is under way is dropped. Otherwise a poll
// could replace the form whose answer is still to come.
const isPoll = element => element.id === "poll";
let commands = 0;
document.body.addEventListener("htmx:beforeRequest", event => {
  if (isPoll(event.target)) {
    if (document.hidden || commands) event.preventDefault();
    return;
  }
  commands += 1;
  busy(event.target, true);
});
document.body.addEventListener("htmx:beforeSwap", event => {
  if (isPoll(event.detail.requestConfig.elt) && commands) event.detail.shouldSwap = false;
});
document.body.addEventListener("htmx:afterRequest", event => {
  if (isPoll(event.target)) return connection.update({late: !event.detail.successful});
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
