// The form of a limit: says what a new one means before it is sent. Lowering is the lit button; a higher one waits.
import {grouped} from "./slot-texts.js";

/** What a typed limit would do: the words, the button, and whether the button is the lit one. */
export function consequence(typed, {own, cap, used, window}) {
  if (!/^[0-9]*$/.test(typed)) return {text: "A limit is a whole number.", button: "Save the limit", lit: false};
  const wanted = typed === "" ? null : Number(typed), name = wanted === null ? "no limit" : grouped(wanted);
  if (wanted !== null && cap !== null && wanted > cap) {
    return {text: `The house’s limit is ${grouped(cap)}. Choose up to that.`, button: "Save the limit", lit: false};
  }
  if (wanted === own) {
    return {text: own === null ? "You have set none." : `${name} holds now.`, button: "Save the limit", lit: false};
  }
  if (wanted === null || (own !== null && wanted > own)) {
    const why = wanted === null ? "Without a limit" : `${name} is higher than ${grouped(own)}`;
    return {text: `${why}, so it waits 24 hours, and then you confirm it.`, button: `Ask for ${name}`, lit: false};
  }
  const held = own === null ? `${name} holds at once.` : `${name} is lower than ${grouped(own)}, so it holds at once.`;
  const over = used >= wanted
    ? ` You have used ${grouped(used)} already: nothing more can be spent until enough of it is ${window} old.` : "";
  return {text: held + over, button: own === null ? `Limit to ${name}` : `Lower to ${name}`, lit: true};
}

const number = text => (text === "" ? null : Number(text));

function follow(form) {
  const input = form.elements.limit, save = form.querySelector("[data-save]");
  const note = form.querySelector("[data-consequence]"), pills = [...form.querySelectorAll("[name=choice]")];
  const {used, own, cap, window} = form.dataset;
  const facts = {own: number(own), cap: number(cap), used: Number(used), window};
  const paint = () => {
    const {text, button, lit} = consequence(input.value.trim(), facts);
    note.querySelector("span").textContent = text;
    note.hidden = false;
    save.textContent = button;
    save.classList.toggle("btn-primary", lit);
    for (const pill of pills) pill.setAttribute("aria-pressed", String(pill.value === input.value.trim()));
  };
  for (const pill of pills) {
    pill.type = "button";
    pill.addEventListener("click", () => { input.value = pill.value; paint(); });
  }
  const keep = form.querySelector("[data-keep]");
  keep.hidden = false;
  keep.addEventListener("click", () => {
    const details = form.closest("details");
    form.reset();
    paint();
    details.open = false;
    details.querySelector("summary").focus();
  });
  input.addEventListener("input", paint);
  paint();
}

export function start() {
  document.querySelectorAll("form[data-limit]").forEach(follow);
}
