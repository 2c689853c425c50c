// The page that links a membership: the code is copied, its time runs down, and a new one takes its place when it ends
// while somebody looks at it.
import {span} from "./countdown.js";

const part = () => document.querySelector("[data-linking]");
let endsAt = 0, seen = null;

/** Count by this device's clock from when the code came, so that a wrong clock shows the right time left. */
function take() {
  const until = part()?.querySelector("[data-until]");
  if (until && until !== seen) endsAt = performance.now() + 1000 * Number(until.dataset.left);
  const copy = part()?.querySelector("[data-copy]");
  if (copy) copy.hidden = !navigator.clipboard;
  seen = until ?? null;
  tick();
}

function tick() {
  if (!seen) return;
  const left = Math.max(0, Math.ceil((endsAt - performance.now()) / 1000));
  seen.querySelector("[data-countdown]").textContent = left ? `${span(left)} left` : "Run out";
  if (left) return;
  const renew = part().querySelector("[data-renew]");
  seen = null;
  renew.hidden = false;
  say("The code has run out.");
  if (!document.hidden) window.htmx.trigger(renew, "submit");
}

function say(text) {
  const said = part()?.querySelector("[data-said]");
  if (said) said.textContent = text;
}

async function copy() {
  await navigator.clipboard.writeText(part().querySelector("[data-code]").textContent.trim());
  say("Copied");
}

export function start() {
  take();
  setInterval(tick, 1000);
  document.body.addEventListener("htmx:afterSettle", take);
  document.body.addEventListener("click", event => { if (event.target.closest("[data-copy]")) copy(); });
}
