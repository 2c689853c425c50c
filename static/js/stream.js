// Server-sent events, and polling while there are none.
import * as connection from "./connection.js";

const GRACE_MS = 2000, POLL_MS = 2000, REOPEN_MS = 15000, MAX_FAILURES = 3, REMEMBERED = 2000;

/** Between one and two times as long: a crowd that lost its stream at once does not come back at once. */
const spread = ms => ms * (1 + Math.random());

/** Follow the events of these keys in a stream: `receive(event)` takes each once, `opened(again)` brings the page up to
    date with what happened before, `reset()` does when events may be missing. Without a stream for longer than a few
    seconds `poll(n)` is called every POLL_MS until there is one. A hidden page has no stream and does not poll. */
export function follow(address, keys, {receive, opened, reset, poll}) {
  const seen = new Set();
  let source = null, failures = 0, wasOpen = false, grace = 0, polling = 0, reopening = 0;

  function once(event) {                    // a stream that reopens begins some events before it broke off
    if (seen.has(event.lastEventId)) return;
    seen.add(event.lastEventId);
    if (seen.size > REMEMBERED) seen.delete(seen.values().next().value);
    receive(event);
  }

  function stopPolling() {
    clearTimeout(grace);
    clearInterval(polling);
    grace = polling = 0;
  }

  function startPolling() {
    let count = 0;
    stopPolling();
    polling = setInterval(() => poll(count++), POLL_MS);
    poll(count++);
  }

  function close() {
    source?.close();
    source = null;
    clearTimeout(reopening);
    stopPolling();
    connection.update({live: false});
  }

  function onOpen() {
    stopPolling();
    failures = 0;
    connection.update({live: true});
    opened(wasOpen);
    wasOpen = true;
  }

  function onError() {                      // the browser reconnects by itself, unless the answer was an error
    failures += 1;
    connection.update({live: false});
    if (!grace && !polling) grace = setTimeout(startPolling, spread(GRACE_MS));
    if (failures < MAX_FAILURES && source.readyState !== EventSource.CLOSED) return;
    source.close();
    clearTimeout(reopening);
    reopening = setTimeout(open, spread(REOPEN_MS));
  }

  function open() {
    if (!("EventSource" in window)) return startPolling();
    source?.close();
    source = new EventSource(address);
    source.addEventListener("open", onOpen);
    source.addEventListener("error", onError);
    source.addEventListener("live.reset", reset);
    for (const key of keys) source.addEventListener(key, once);
    if (!grace && !polling) grace = setTimeout(startPolling, spread(GRACE_MS));
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
