// Every page: times, countdowns, the dialog, notices, busy buttons, and parts that are read again. Pages work without it.
import * as connection from "./connection.js";
import * as countdown from "./countdown.js";
import * as dialog from "./dialog.js";
import {localise} from "./times.js";
import * as parts from "./refresh.js";
import * as toast from "./toast.js";

function setClock() {
  const now = document.querySelector("[data-now]");
  if (now) countdown.setClock(now.dataset.now);
}

function repaint(root) {
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

/** Start the slot machine where there is one: it comes with the page, or is opened in a room later. */
async function machine() {
  if (machine.started || !document.querySelector("[data-machine]")) return;
  machine.started = true;
  (await import("./slot.js")).start();
}

for (const [name, on] of [["htmx:beforeRequest", true], ["htmx:afterRequest", false]]) {
  document.body.addEventListener(name, event => {
    if (!parts.isPart(event.target)) busy(event.target, on);
  });
}
document.body.addEventListener("htmx:oobBeforeSwap", event => keepFocus(event.detail.target));
document.body.addEventListener("htmx:oobAfterSwap", () => repaint(document));
document.body.addEventListener("htmx:afterSwap", () => repaint(document));

repaint(document);
countdown.start();
parts.start();
dialog.start();
toast.start();
document.body.addEventListener("htmx:afterSettle", machine);
await machine();
if (document.querySelector("[data-stream]")) (await import("./feed.js")).start();
if (document.querySelector("[data-least]")) (await import("./password.js")).start();
if (document.querySelector("form[data-limit]")) (await import("./limits.js")).start();
if (document.querySelector("[data-proof-result]")) (await import("./spin-proof.js")).start();
if (document.querySelector("[data-linking]")) (await import("./linking.js")).start();
