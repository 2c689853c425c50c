// Rings and running clocks, redrawn once a second from the server's deadlines.
const SPOKEN_S = [60, 30, 10];
let offsetMs = 0;

/** Set the offset between this device's clock and the server's. */
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
  return whole;
}

/** Announce the shortest time left at each of SPOKEN_S; nothing stays announced once it has ended or was extended. */
function announce(seconds) {
  const spoken = document.getElementById("ring-spoken");
  if (!spoken) return;
  const left = Math.min(...seconds), said = Number(spoken.dataset.at ?? 0);
  const ended = left === 0 || left > said;  // of no ring at all it is Infinity
  if (SPOKEN_S.includes(left) && left !== said) {
    spoken.dataset.at = String(left);
    spoken.textContent = `${left} seconds left`;
  } else if (said && ended) {
    delete spoken.dataset.at;
    spoken.textContent = "";
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
  announce([...document.querySelectorAll(".ring[data-deadline]")].map(turn));
  document.querySelectorAll("[data-since]").forEach(run);
}

export function start() {
  tick();
  setInterval(tick, 1000);
}
