// Reels for the slot machine. Called only with a server answer: nothing moves before the outcome is known.
// Stop times, strip order and speed are the same for every outcome: no near miss, no "anticipation", no skipping.
// Web Animations and CSSOM only, so it runs under a CSP without unsafe-inline.
export const MOTION = {
  stop: [1000, 1350, 1700],
  stagger: 60,
  rampUp: 220,
  rampDown: 320,
  bounce: 140,
  overshoot: 0.07,
  cells: [11, 15, 19],
  fade: 180,
  ready: 2500,
};
const ORDER = ["cherry", "lemon", "orange", "plum", "bell", "star", "seven", "diamond"];  // paytable order, always
const SVG = "http://www.w3.org/2000/svg";

export const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

export function symbol(sprite, name, classes = "sym") {
  const svg = document.createElementNS(SVG, "svg"), use = document.createElementNS(SVG, "use");
  svg.setAttribute("viewBox", "0 0 64 64");
  svg.setAttribute("class", classes);
  svg.setAttribute("aria-hidden", "true");
  use.setAttribute("href", `${sprite}#s-${name}`);
  svg.append(use);
  return svg;
}

function strip(sprite, from, to, cells) {    // top to bottom: drawn symbol, then the fixed order, then what was showing
  const list = document.createElement("div");
  list.className = "strip";
  const run = Array.from({length: cells - 1}, (_, i) => ORDER[i % ORDER.length]);
  for (const name of [to, ...run, from]) {
    const cell = document.createElement("div");
    cell.className = "cell";
    cell.append(symbol(sprite, name));
    list.append(cell);
  }
  return list;
}

function roll(drum, sprite, from, to, i, m = MOTION) {
  const h = drum.clientHeight, n = m.cells[i], total = m.stop[i], start = m.stagger * i;
  const cruise = total - start - m.rampUp - m.rampDown - m.bounce;
  const speed = (n + m.overshoot) / (m.rampUp / 2 + cruise + m.rampDown / 2);  // cells per ms, velocity-matched ramps
  const at = cells => `translateY(${((cells - n) * h).toFixed(2)}px)`, off = t => (t - start) / (total - start);
  const a = speed * m.rampUp / 2, b = a + speed * cruise;
  drum.replaceChildren(strip(sprite, from, to, n));
  return drum.firstChild.animate([
    {offset: 0, transform: at(0), easing: "cubic-bezier(.33,0,.67,.33)"},
    {offset: off(start + m.rampUp), transform: at(a), easing: "linear"},
    {offset: off(start + m.rampUp + cruise), transform: at(b), easing: "cubic-bezier(.33,.67,.67,1)"},
    {offset: off(total - m.bounce), transform: at(n + m.overshoot), easing: "cubic-bezier(.3,0,.3,1)"},
    {offset: 1, transform: at(n)},
  ], {duration: total - start, delay: start, fill: "both"});
}

function settle(drum, sprite, to) {          // at rest a window holds exactly one symbol
  drum.replaceChildren(symbol(sprite, to));
  drum.dataset.symbol = to;
}

/** Spin the three windows of `bezel` to `drawn`; resolves when the last reel is still. `onStop(i)` plays the thud. */
export async function spin(bezel, drawn, onStop = () => {}) {
  const drums = [...bezel.querySelectorAll(".drum")], sprite = bezel.dataset.sprite;
  if (calm() || document.hidden) {
    drums.forEach((drum, i) => {
      settle(drum, sprite, drawn[i]);
      drum.firstChild.animate([{opacity: 0.2}, {opacity: 1}], {duration: MOTION.fade});
    });
    return;
  }
  const runs = drums.map((drum, i) => roll(drum, sprite, drum.dataset.symbol, drawn[i], i));
  const jump = () => { if (document.hidden) runs.forEach(run => run.finish()); };
  document.addEventListener("visibilitychange", jump);
  await Promise.all(runs.map((run, i) => run.finished.then(() => { settle(drums[i], sprite, drawn[i]); onStop(i); })));
  document.removeEventListener("visibilitychange", jump);
}
