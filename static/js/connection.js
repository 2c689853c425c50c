// How fresh a page is, said by every mark on it: told as it happens, asked for every few seconds, or behind.
const state = {late: false, live: false};

export function paint() {
  for (const mark of document.querySelectorAll(".conn")) {
    mark.classList.toggle("is-late", state.late);
    mark.lastElementChild.textContent = state.late ? "Catching up" : state.live ? "Live" : "Up to date";
  }
}

export function tell(change) {
  Object.assign(state, change);
  paint();
}
