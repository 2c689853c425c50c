// The page of one spin: computes it again from what was revealed, and says whether it fits. Where no seal of before the
// spin is known, that alone is no proof, and the verdict says so.
import {draws, holds} from "./proof.js";

export async function start() {
  const {table, sealedBefore, answer} = JSON.parse(document.getElementById("proof").textContent);
  const good = await (sealedBefore ? holds(table, answer, sealedBefore) : draws(table, answer));
  const name = good ? sealedBefore ? "proven" : "half-proven" : "unproven";
  const verdict = document.getElementById(name).content.firstElementChild.cloneNode(true);
  const place = document.querySelector("[data-proof-result]");
  place.className = verdict.className;
  place.replaceChildren(...verdict.childNodes);
}
