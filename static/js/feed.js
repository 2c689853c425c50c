// What a page does with live messages. A message is only a hint: it makes the page read the current state.
import {localise} from "./times.js";
import {refresh} from "./refresh.js";
import {follow} from "./stream.js";
import {toast} from "./toast.js";

const CROWD_MS = 1000, POLLS_PER_READ = 3;
const PARTS = {"menu.changed": ["menu-poll"], "queue.changed": ["poll", "menu-poll"]};

/** Whether the event `a` came after `b`; ids are xid-id. */
function after(a, b) {
  const [x, i] = a.split("-").map(Number), [y, j] = b.split("-").map(Number);
  return x > y || (x === y && i > j);
}

/** Read again what an event of this key has changed in a room. */
function happened(key) {
  for (const id of PARTS[key] ?? ["poll"]) refresh(id, CROWD_MS);
}

function refreshAll() {
  for (const id of ["poll", "menu-poll"]) refresh(id, CROWD_MS);
}

/** A room's feed, newest first: each event once, from the stream or a read, in the stream's order. */
function room(panel) {
  const list = panel.querySelector(".feed ol"), {read: address, folded, limit} = panel.dataset;
  const templates = new Map();
  for (const each of panel.querySelectorAll("template[data-message]")) {
    templates.set(each.dataset.message, each.content.firstElementChild);
  }
  let etag = "";

  /** Insert a message at its place, and return whether it was not there. */
  function add({id, key, text, at}) {
    const older = [...list.children].find(row => !after(row.dataset.id, id));
    if (older?.dataset.id === id || !templates.has(key)) return false;
    const row = templates.get(key).cloneNode(true), time = row.querySelector("time");
    row.dataset.id = id;
    row.querySelector("span").textContent = text;
    time.dateTime = at;
    row.classList.add("is-new");
    list.insertBefore(row, older ?? null);
    fold(row);
    while (list.childElementCount > Number(limit)) list.lastElementChild.remove();
    return true;
  }

  function fold(row) {
    const {previousElementSibling: newer, nextElementSibling: older} = row;
    if (row.dataset.key !== folded) return;
    if (older?.dataset.key === folded) older.remove();
    if (newer?.dataset.key === folded) row.remove();
  }

  async function read({anew = false} = {}) {
    if (document.hidden) return;
    try {
      const answer = await fetch(address, {cache: "no-store", headers: etag && !anew ? {"If-None-Match": etag} : {}});
      if (answer.status !== 200) return;
      etag = answer.headers.get("ETag") ?? "";
      const {items} = await answer.json();
      if (anew) list.replaceChildren();
      for (const item of items.reverse()) if (add(item)) happened(item.key);
      localise(list);
    } catch { /* the page's own poll shows that nothing answers */ }
  }

  follow(panel.dataset.stream, [...templates.keys()], {
    receive(event) {
      const message = JSON.parse(event.data);
      add({...message, id: event.lastEventId});
      localise(list);
      happened(message.key);
    },
    opened(again) {                         // what the first read finds in addition is all that the page does not show
      read();
      if (again) refreshAll();
    },
    reset() {
      read({anew: true});
      refreshAll();
    },
    poll(count) {
      refresh("poll");
      if (count % POLLS_PER_READ === 0) read();
    },
  });
}

/** The studio, and a buyer's requests: each event refreshes the page, and all but the quiet ones show a notice if any
    do. One person reads it, so nothing is spread. */
function ownPage(poll) {
  const {stream, keys, quiet} = poll.dataset;
  follow(stream, keys.split(" "), {
    receive(event) {
      const {key, text} = JSON.parse(event.data);
      if (quiet && key !== quiet) toast(text);
      refresh("poll");
    },
    opened: () => refresh("poll"),
    reset: () => refresh("poll"),
    poll: () => refresh("poll"),
  });
}

export function start() {
  const panel = document.getElementById("feed"), poll = document.querySelector("#poll[data-stream]");
  if (panel) room(panel);
  if (poll) ownPage(poll);
}
