// What just happened: a stream of server-sent events; where none comes, asking every few seconds. Both only bring hints:
// every hint lets the page's own poll ask for the truth at once.
import * as connection from "./connection.js";
import {localise} from "./times.js";
import {toast} from "./toast.js";

const ASK_MS = 5000, PATIENCE_MS = 10000, AGAIN_MS = 60000, FAILURES = 3;

function move() {
  const poll = document.getElementById("poll");
  if (poll) window.htmx.trigger(poll, "moved");
}

/** Follow a stream of these keys. `hear(event)` takes each; `read(anew)` brings the page up to date: after every opening,
    for what happened before it, and again and again while there is no stream. A page that nobody sees holds none. */
function follow(address, keys, hear, read) {
  let source = null, failures = 0, patience = 0, asking = 0, again = 0;

  function close() {
    source?.close();
    source = null;
    for (const timer of [patience, again]) clearTimeout(timer);
    clearInterval(asking);
    asking = 0;
    connection.tell({live: false});
  }

  function ask() {
    close();
    asking = setInterval(read, ASK_MS);
    again = setTimeout(open, AGAIN_MS);
    read();
  }

  function opened() {
    clearTimeout(patience);
    clearInterval(asking);
    asking = failures = 0;
    connection.tell({live: true});
    read();
  }

  function failed() {                       // the browser comes back by itself, unless the answer was a refusal
    failures += 1;
    connection.tell({live: false});
    if (failures >= FAILURES || source.readyState === EventSource.CLOSED) ask();
  }

  function open() {
    if (!("EventSource" in window)) return ask();
    source?.close();
    source = new EventSource(address);
    source.addEventListener("open", opened);
    source.addEventListener("error", failed);
    source.addEventListener("live.reset", () => read(true));
    for (const key of keys) source.addEventListener(key, hear);
    patience = setTimeout(ask, PATIENCE_MS);
  }

  function anew() {
    close();
    failures = 0;
    if (!document.hidden) open();
  }

  document.addEventListener("visibilitychange", anew);
  window.addEventListener("online", anew);  // a stream that died with the network may not have noticed
  anew();
}

/** Whether the event `a` came after `b`; ids are xid-id. */
function after(a, b) {
  const [x, i] = a.split("-").map(Number), [y, j] = b.split("-").map(Number);
  return x > y || (x === y && i > j);
}

/** A room's feed, newest first: each event once, wherever it came from, in the stream's order. */
function room(panel) {
  const list = panel.querySelector(".feed ol"), {read: address, folded, most} = panel.dataset;
  const lines = new Map([...panel.querySelectorAll("template[data-line]")].map(each => [each.dataset.line, each.content.firstElementChild]));
  let etag = "";

  function add({id, key, text, at}) {
    const older = [...list.children].find(line => !after(line.dataset.id, id));
    if (older?.dataset.id === id || !lines.has(key)) return;
    const line = lines.get(key).cloneNode(true), time = line.querySelector("time");
    line.dataset.id = id;
    line.querySelector("span").textContent = text;
    time.dateTime = at;
    line.classList.add("is-new");
    list.insertBefore(line, older ?? null);
    fold(line);
    while (list.childElementCount > Number(most)) list.lastElementChild.remove();
  }

  function fold(line) {
    const {previousElementSibling: newer, nextElementSibling: older} = line;
    if (line.dataset.key !== folded) return;
    if (older?.dataset.key === folded) older.remove();
    if (newer?.dataset.key === folded) line.remove();
  }

  async function read(anew) {
    if (document.hidden) return;
    try {
      const answer = await fetch(address, {cache: "no-store", headers: etag && !anew ? {"If-None-Match": etag} : {}});
      if (answer.status !== 200) return;
      etag = answer.headers.get("ETag") ?? "";
      const {items} = await answer.json();
      if (anew) list.replaceChildren();
      items.reverse().forEach(add);
      localise(list);
      move();
    } catch { /* the page's own poll says that nothing answers */ }
  }

  function hear(event) {
    add({...JSON.parse(event.data), id: event.lastEventId});
    localise(list);
    move();
  }

  follow(panel.dataset.stream, [...lines.keys()], hear, anew => read(anew === true));
}

/** What happens to one's own requests: a notice, and the page asks for how they stand. */
function mine(poll) {
  const {stream, keys, quiet} = poll.dataset;
  follow(stream, keys.split(" "), event => {
    const {key, text} = JSON.parse(event.data);
    if (key !== quiet) toast(text);
    move();
  }, move);
}

export function start() {
  const panel = document.getElementById("feed"), poll = document.querySelector("#poll[data-stream]");
  if (panel) room(panel);
  if (poll) mine(poll);
}
