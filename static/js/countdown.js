// Rings and running clocks. The server's deadline is the truth; this only repeats it once a second.
const SPOKEN_S = [60, 30, 10];
let offsetMs = 0;

/** Learn how far this device's clock is from the server's. */
export function setClock(serverIso) {
  offsetMs = Date.parse(serverIso) - Date.now();
}

export function span(seconds) {
  const s = Math.max(0, Math.ceil(seconds)), pad = n => String(n).padStart(2, "0");
  const h = Math.floor(s / 3600), m = Math.floor(s / 60) % 60;
  return h ? `${h}:${pad(m)}:${pad(s % 60)}` : `${m}:${pad(s % 60)}`;
}

function secondsTo(iso) {
  return (Date.parse(iso) - Date.now() - offsetMs) / 1000;
}

function turn(ring) {
  const left = secondsTo(ring.dataset.deadline), whole = Math.max(0, Math.ceil(left));
  const share = Math.min(100, Math.max(0, 100 * left / Number(ring.dataset.total)));
  ring.querySelector(".v").setAttribute("stroke-dasharray", `${share.toFixed(1)} 100`);
  ring.querySelector("b").textContent = whole ? span(whole) : "Time is up";
  ring.classList.toggle("is-last", whole <= 10);
  ring.classList.toggle("is-warn", whole > 10 && whole <= 30);
  ring.classList.toggle("is-over", whole === 0);
  const said = document.getElementById("ring-said");
  if (said && SPOKEN_S.includes(whole) && said.dataset.at !== String(whole)) {
    said.dataset.at = String(whole);
    said.textContent = `${whole} seconds left`;
  }
}

function run(clock) {                       // a performance: seconds since its start, or a session's length
  const passed = -secondsTo(clock.dataset.since), of = Number(clock.dataset.of);
  const text = clock.querySelector("[data-passed]") ?? clock;
  text.textContent = span(Math.floor(Math.max(0, passed)));
  const bar = clock.querySelector("progress");
  if (bar && of) bar.value = Math.min(of, passed);
}

function tick() {
  document.querySelectorAll(".ring[data-deadline]").forEach(turn);
  document.querySelectorAll("[data-since]").forEach(run);
}

export function start() {
  tick();
  setInterval(tick, 1000);
}
