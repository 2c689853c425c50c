// Clock times in the reader's own zone. The server writes UTC, which stays readable without a script.
const FORMS = {
  hm: {hour: "2-digit", minute: "2-digit", hourCycle: "h23"},
  hms: {hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23"},
  day: {hour: "2-digit", minute: "2-digit", hourCycle: "h23"},
  when: {hour: "2-digit", minute: "2-digit", hourCycle: "h23"},
};
const DAYS = {
  day: {day: "numeric", month: "short", year: "numeric"},
  when: {weekday: "short", day: "numeric", month: "short"},
  date: {day: "numeric", month: "short", year: "numeric"},
};

export function clockTime(iso, form = "hm") {
  return new Date(iso).toLocaleTimeString([], FORMS[form]);
}

/** Rewrite every `<time data-clock>` below `root`; a moment of another day gets its date. */
export function localise(root) {
  const today = new Date().toDateString();
  for (const time of root.querySelectorAll("time[data-clock]")) {
    const moment = new Date(time.dateTime);
    const isToday = moment.toDateString() === today;
    const form = DAYS[time.dataset.clock] ?? {day: "numeric", month: "short"};
    if (time.dataset.clock === "date") {
      time.textContent = moment.toLocaleDateString([], form);
      continue;
    }
    const day = isToday ? "" : `${moment.toLocaleDateString([], form)}, `;
    time.textContent = day + clockTime(time.dateTime, time.dataset.clock);
  }
}
