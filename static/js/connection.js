// How fresh a page is, shown by every `.conn` mark: live by the stream, up to date by polling, or late.
const state = {late: false, live: false};

export function paint() {
  for (const mark of document.querySelectorAll(".conn")) {
    mark.classList.toggle("is-late", state.late);
    mark.lastElementChild.textContent = state.late ? "Catching up" : state.live ? "Live" : "Up to date";
  }
}

export function update(change) {
  Object.assign(state, change);
  paint();
}
