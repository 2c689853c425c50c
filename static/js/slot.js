// The slot machine, on its page or in a room: the spin's request, the reels, the result. Without this the form is a
// plain POST.
import {MOTION, calm, spin} from "./reel.js";
import {award, holds} from "./proof.js";
import * as sound from "./sound.js";
import * as texts from "./slot-texts.js";

const machine = document.querySelector("[data-machine]");
const form = machine.querySelector("form"), button = form.querySelector("button");
const bezel = machine.querySelector(".bezel"), result = machine.querySelector(".result");
const refused = machine.querySelector("[data-refused]"), reality = machine.querySelector("[data-reality]");
const idle = [...button.childNodes], beat = ms => new Promise(done => setTimeout(done, ms));
const facts = () => document.getElementById("sealed").dataset;
const TRIES = 4;
let state = "ready", readyAt = 0, rules = null;

function label(text) {
  button.replaceChildren(...(text ? [document.createTextNode(text)] : idle));
}

/** Say why there was no spin, with a link to the next step where the code has one. */
function refuse(text, code = "") {
  refused.hidden = !text;
  refused.querySelector("p").textContent = text;
  for (const link of refused.querySelectorAll("[data-step]")) link.hidden = link.dataset.step !== code;
}

function freshHex(length) {
  return Array.from(crypto.getRandomValues(new Uint8Array(length)), b => b.toString(16).padStart(2, "0")).join("");
}

/** Post the spin. A lost answer is requested again with the same idempotency key, so the spin counts once. */
async function postSpin() {
  const body = JSON.stringify({
    betAmount: Number(form.dataset.bet),
    commitment: facts().commitment,
    paytableDigest: facts().digest,
    clientNonce: freshHex(16),
    ...(form.dataset.performer ? {performerId: form.dataset.performer} : {}),
  });
  const headers = {
    "Content-Type": "application/json",
    "Idempotency-Key": freshHex(16),
    "X-CSRFToken": form.csrfmiddlewaretoken.value,
  };
  const slow = [
    setTimeout(() => label("Placing your spin"), 400),
    setTimeout(() => label("Still asking; your spin counts once"), 5000),
  ];
  try {
    for (let attempt = 1; ; attempt++) {
      try {
        const response = await fetch(form.dataset.api, {method: "POST", headers, body});
        const retryAfterS = Number(response.headers.get("Retry-After")) || null;
        return {ok: response.ok, body: await response.json(), retryAfterS};
      } catch (lost) {
        if (attempt === TRIES) throw lost;
        await beat(1000 * attempt);
      }
    }
  } finally {
    slow.forEach(clearTimeout);
  }
}

function countUp(node, amount) {
  if (calm()) { node.data = texts.signed(amount); return; }
  const from = performance.now();
  const step = now => {
    const share = Math.min(1, (now - from) / 600);
    node.data = texts.signed(Math.round(amount * share));
    if (share < 1) requestAnimationFrame(step);
  };
  requestAnimationFrame(step);
}

function show(answer) {
  const {symbols, payout} = answer.result, win = payout > answer.betAmount;
  const view = document.getElementById(win ? "win" : "no-win").content.cloneNode(true);
  bezel.setAttribute("aria-label", texts.reels(symbols));
  for (const node of [bezel, machine]) node.classList.toggle("is-win", win);
  const text = win ? texts.won(symbols, payout, awardOf(answer)) : texts.lost(symbols);
  view.querySelector("[data-text]").textContent = text;
  if (win) {
    const amount = document.createTextNode("");
    view.querySelector("[data-amount]").append(amount);
    countUp(amount, payout);
    sound.chime();
  }
  result.replaceChildren(view);
}

/** Load the paytable in force, unless it is the one of this digest that is here already. */
async function loadRules(digest) {
  if (rules?.paytableDigest !== digest) rules = await (await fetch(form.dataset.config)).json();
}

/** The award of a spin by the paytable that it was played with; null while that is not loaded. */
const awardOf = ({fairness, result: {symbols}}) =>
  rules?.paytableDigest === fairness.paytableDigest ? award(rules.paytable, symbols) : null;

async function prove(answer, commitmentShown) {
  await loadRules(answer.fairness.paytableDigest);
  const good = await holds(rules.paytable, answer, commitmentShown);
  result.append(document.getElementById(good ? "proven" : "unproven").content.cloneNode(true));
}

/** Disable the button until the machine may spin again: a bar fills, or a number counts down. */
async function rest(untilMs) {
  state = "resting";
  readyAt = performance.now() + untilMs;
  button.setAttribute("aria-disabled", "true");
  const bar = document.getElementById("cool").content.firstElementChild.cloneNode(true);
  const filling = [{transform: "scaleX(0)"}, {transform: "scaleX(1)"}];
  if (!calm()) bar.firstElementChild.animate(filling, {duration: untilMs, fill: "both"});
  for (let left = untilMs; left > 0; left = readyAt - performance.now()) {
    label(`Ready in ${secondsToReady()} s`);
    if (!calm()) button.append(bar);
    await beat(Math.min(left, 250));
  }
  ready();
}

/** Whole seconds until the machine may spin again: at least 1, for a press in the last moment of the rest too. */
const secondsToReady = () => Math.max(1, Math.ceil((readyAt - performance.now()) / 1000));

function ready() {
  state = "ready";
  label("");
  button.removeAttribute("aria-busy");
  button.removeAttribute("aria-disabled");
}

async function press() {
  if (state === "resting") {
    return refuse(`Ready in ${secondsToReady()} s. This press did not spin.`);
  }
  if (state === "busy") return undefined;
  if ("rests" in button.dataset) return refuse(texts.AWAY, "LOYALTY_UNAVAILABLE");
  state = "busy";
  refuse("");
  button.setAttribute("aria-busy", "true");
  const shown = facts().commitment;
  loadRules(facts().digest).catch(() => {}); // the proof asks again; until then a win is named by its symbols
  let answer = null;
  try {
    answer = await postSpin();
  } catch {
    refuse("No answer came. If the spin was made, it is in your history and counted once.");
    return ready();
  }
  if (!answer.ok) {
    const {error} = answer.body;
    refuse(texts.refusal(error, answer.retryAfterS), error.code);
    if (error.code === "REALITY_CHECK_DUE") reality.click();
    document.body.dispatchEvent(new Event("spun"));
    return error.code === "SPIN_TOO_FAST" ? rest(1000 * (answer.retryAfterS ?? 1)) : ready();
  }
  return play(answer.body, shown);
}

async function play(answer, shown) {
  const from = performance.now();
  for (const node of [bezel, machine]) node.classList.remove("is-win");
  result.replaceChildren();
  label("Spinning");
  await spin(bezel, answer.result.symbols, sound.thud);
  show(answer);
  document.body.dispatchEvent(new Event("spun"));
  prove(answer, shown);
  button.removeAttribute("aria-busy");
  await rest(Math.max(MOTION.ready, Number(form.dataset.intervalMs)) - (performance.now() - from));
}

export function start() {
  machine.dataset.ready = ""; // from now on a press spins here
  form.addEventListener("submit", event => { event.preventDefault(); press(); });
  if ("space" in machine.dataset) listenForSpace();
  document.body.addEventListener("dialog:close", () => refuse(""));
  const speaker = machine.querySelector("[data-sound]");
  if (speaker) offerSound(speaker);
}

function listenForSpace() {
  document.addEventListener("keydown", event => {
    if (event.code !== "Space" || event.repeat || event.target.closest("a,button,input,dialog,summary")) return;
    event.preventDefault();
    press();
  });
}

function offerSound(speaker) {
  const paint = () => {
    speaker.setAttribute("aria-pressed", String(sound.isOn()));
    speaker.setAttribute("aria-label", sound.isOn() ? "Sound is on. Turn sound off" : "Sound is off. Turn sound on");
    speaker.querySelectorAll("svg").forEach((svg, i) => { svg.classList.toggle("sr", (i === 1) !== sound.isOn()); });
  };
  speaker.hidden = false;
  speaker.addEventListener("click", () => { sound.toggle(); paint(); });
  paint();
}
