// Live messages: a stream of server-sent events, or polling every few seconds where no stream opens. A message is only
// a hint: each makes the page's own poll read the current state at once.
import * as connection from "./connection.js";
import {localise} from "./times.js";
import {toast} from "./toast.js";

const POLL_MS = 5000, OPEN_TIMEOUT_MS = 10000, REOPEN_MS = 60000, MAX_FAILURES = 3;

function refresh() {
  const poll = document.getElementById("poll");
  if (poll) window.htmx.trigger(poll, "moved");
}

/** Follow the events of these keys in a stream. `receive(event)` takes each; `read(reset)` brings the page up to date:
    after every opening, for what happened before it, and every POLL_MS while there is no stream. A hidden page has no
    stream. */
function follow(address, keys, receive, read) {
  let source = null, failures = 0, openTimeout = 0, polling = 0, reopening = 0;

  function close() {
    source?.close();
    source = null;
    for (const timer of [openTimeout, reopening]) clearTimeout(timer);
    clearInterval(polling);
    polling = 0;
    connection.update({live: false});
  }

  function poll() {
    close();
    polling = setInterval(read, POLL_MS);
    reopening = setTimeout(open, REOPEN_MS);
    read();
  }

  function opened() {
    clearTimeout(openTimeout);
    clearInterval(polling);
    polling = failures = 0;
    connection.update({live: true});
    read();
  }

  function failed() {                       // the browser reconnects by itself, unless the answer was an error
    failures += 1;
    connection.update({live: false});
    if (failures >= MAX_FAILURES || source.readyState === EventSource.CLOSED) poll();
  }

  function open() {
    if (!("EventSource" in window)) return poll();
    source?.close();
    source = new EventSource(address);
    source.addEventListener("open", opened);
    source.addEventListener("error", failed);
    source.addEventListener("live.reset", () => read(true));
    for (const key of keys) source.addEventListener(key, receive);
    openTimeout = setTimeout(poll, OPEN_TIMEOUT_MS);
  }

  function restart() {
    close();
    failures = 0;
    if (!document.hidden) open();
  }

  document.addEventListener("visibilitychange", restart);
  window.addEventListener("online", restart);  // a stream over the lost network may report no error
  restart();
}

/** Whether the event `a` came after `b`; ids are xid-id. */
function after(a, b) {
  const [x, i] = a.split("-").map(Number), [y, j] = b.split("-").map(Number);
  return x > y || (x === y && i > j);
}

/** A room's feed, newest first: each event once, from the stream or a read, in the stream's order. */
function room(panel) {
  const list = panel.querySelector(".feed ol"), {read: address, folded, limit} = panel.dataset;
  const templates = new Map();
  for (const each of panel.querySelectorAll("template[data-message]")) {
    templates.set(each.dataset.message, each.content.firstElementChild);
  }
  let etag = "";

  function add({id, key, text, at}) {
    const older = [...list.children].find(row => !after(row.dataset.id, id));
    if (older?.dataset.id === id || !templates.has(key)) return;
    const row = templates.get(key).cloneNode(true), time = row.querySelector("time");
    row.dataset.id = id;
    row.querySelector("span").textContent = text;
    time.dateTime = at;
    row.classList.add("is-new");
    list.insertBefore(row, older ?? null);
    fold(row);
    while (list.childElementCount > Number(limit)) list.lastElementChild.remove();
  }

  function fold(row) {
    const {previousElementSibling: newer, nextElementSibling: older} = row;
    if (row.dataset.key !== folded) return;
    if (older?.dataset.key === folded) older.remove();
    if (newer?.dataset.key === folded) row.remove();
  }

  async function read(reset) {
    if (document.hidden) return;
    try {
      const answer = await fetch(address, {cache: "no-store", headers: etag && !reset ? {"If-None-Match": etag} : {}});
      if (answer.status !== 200) return;
      etag = answer.headers.get("ETag") ?? "";
      const {items} = await answer.json();
      if (reset) list.replaceChildren();
      items.reverse().forEach(add);
      localise(list);
      refresh();
    } catch { /* the page's own poll shows that nothing answers */ }
  }

  function receive(event) {
    add({...JSON.parse(event.data), id: event.lastEventId});
    localise(list);
    refresh();
  }

  follow(panel.dataset.stream, [...templates.keys()], receive, reset => read(reset === true));
}

/** The reader's own requests: each event but the quiet ones shows a notice; all refresh the page. */
function ownRequests(poll) {
  const {stream, keys, quiet} = poll.dataset;
  follow(stream, keys.split(" "), event => {
    const {key, text} = JSON.parse(event.data);
    if (key !== quiet) toast(text);
    refresh();
  }, refresh);
}

export function start() {
  const panel = document.getElementById("feed"), poll = document.querySelector("#poll[data-stream]");
  if (panel) room(panel);
  if (poll) ownRequests(poll);
}
